import { get16, put16 } from "../bytes.js";
import { expectLength } from "../check.js";

/** Bytes of the fixed header: magic, version, suite, chunk size, content id, title key version, salt, reserved. */
export const HEADER_LENGTH = 48;
const FORMAT_VERSION = 1;

/** Magic "LEYD" and the format version. */
const start = new Uint8Array([76, 69, 89, 68, FORMAT_VERSION]);

export interface StreamHeader {
  /** 1 or 2. */
  suite: number;
  /** Bytes of plaintext in every chunk but the last; 1 to 65,535. */
  chunkSize: number;
  /** 16 bytes. */
  contentId: Uint8Array;
  /** 0 to 65,535. */
  titleKeyVersion: number;
  /** 16 bytes, random: two streams under one title key never share their keys. */
  salt: Uint8Array;
}

/** Writes the 48 bytes. */
export function headerEncode(out: Uint8Array, header: StreamHeader): void {
  expectLength("out", out, HEADER_LENGTH);
  expectLength("contentId", header.contentId, 16);
  expectLength("salt", header.salt, 16);
  out.fill(0);
  out.set(start);
  out[5] = header.suite;
  put16(out, 6, header.chunkSize);
  out.set(header.contentId, 8);
  put16(out, 24, header.titleKeyVersion);
  out.set(header.salt, 26);
}

/** True when the bytes are a header of this version: length, magic, version, a chunk size, reserved bytes zero. */
export function headerFits(bytes: Uint8Array): boolean {
  let i = 0;
  if (bytes.length !== HEADER_LENGTH || !get16(bytes, 6)) return false;
  for (i = 0; i < 5; i++) if (bytes[i] !== start[i]) return false;
  for (i = 42; i < 48; i++) if (bytes[i]) return false;
  return true;
}

export function headerSuite(bytes: Uint8Array): number {
  return bytes[5];
}

export function headerChunkSize(bytes: Uint8Array): number {
  return get16(bytes, 6);
}

/** A view of 16 bytes. */
export function headerContentId(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(8, 24);
}

export function headerTitleKeyVersion(bytes: Uint8Array): number {
  return get16(bytes, 24);
}
