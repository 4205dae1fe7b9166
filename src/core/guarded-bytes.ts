import * as unguarded from "./bytes.js";
import { expectBytes, expectRoom, expectWhole } from "./check.js";

/** `bytes.ts` for other programs: a caller's mistake is an error here. Firmware calls those functions for every frame, and computes with what wraps round. */

function expectPlace(bytes: Uint8Array, offset: number, length: number): void {
  expectRoom("bytes", bytes, length);
  expectWhole("offset", offset, 0, bytes.length - length);
}

/** Unsigned big-endian 16-bit integer at `offset`. */
export function get16(bytes: Uint8Array, offset: number): number {
  expectPlace(bytes, offset, 2);
  return unguarded.get16(bytes, offset);
}

/** Unsigned big-endian 32-bit integer at `offset`. */
export function get32(bytes: Uint8Array, offset: number): number {
  expectPlace(bytes, offset, 4);
  return unguarded.get32(bytes, offset);
}

/** Writes `value`, 0 to 65,535, big-endian. */
export function put16(bytes: Uint8Array, offset: number, value: number): void {
  expectPlace(bytes, offset, 2);
  expectWhole("value", value, 0, 65535);
  unguarded.put16(bytes, offset, value);
}

/** Writes `value`, 0 to 4,294,967,295, big-endian. */
export function put32(bytes: Uint8Array, offset: number, value: number): void {
  expectPlace(bytes, offset, 4);
  expectWhole("value", value, 0, 4294967295);
  unguarded.put32(bytes, offset, value);
}

/** True when `a` and `b` hold the same bytes; the time depends on the lengths only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  expectBytes("a", a);
  expectBytes("b", b);
  return unguarded.equal(a, b);
}

/** True when every byte is zero; the time depends on the length only. */
export function isZero(bytes: Uint8Array): boolean {
  expectBytes("bytes", bytes);
  return unguarded.isZero(bytes);
}
