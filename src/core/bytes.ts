/** Big-endian integers in byte arrays, and comparison that does not stop at the first difference. */

/** No bytes. */
export const none = new Uint8Array(0);

/**
 * Working memory of `length` bytes whose content means nothing once a command has been answered; what was secret in it has been overwritten
 * by then. A build may give it back between two commands.
 */
export function scratch(length: number): Uint8Array {
  return new Uint8Array(length);
}

/** Unsigned 16-bit integer at `offset`. */
export function get16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] << 8) | bytes[offset + 1];
}

/** Unsigned 32-bit integer at `offset`. */
export function get32(bytes: Uint8Array, offset: number): number {
  return bytes[offset] * 16777216 + ((bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) | bytes[offset + 3]);
}

export function put16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function put32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

/** True when `a` and `b` hold the same bytes; the time depends on the lengths only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ b[i];
  return difference === 0;
}

/** True when every byte is zero; the time depends on the length only. */
export function isZero(bytes: Uint8Array): boolean {
  let sum = 0;
  for (let i = 0; i < bytes.length; i++) sum |= bytes[i];
  return sum === 0;
}
