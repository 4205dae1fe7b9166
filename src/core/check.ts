/**
 * Guards against a caller's mistake (never against hostile data, which answers false): each names the argument, what was expected and what
 * came. Firmware's bundles leave them out.
 */

/** Exactly `length` elements, in memory that is still there. */
export function expectLength(name: string, bytes: { length: number }, length: number): void {
  if (bytes.length !== length) throw new Error(name + ": expected " + length + " bytes, got " + bytes.length);
}

export function expectBetween(name: string, bytes: { length: number }, least: number, most: number): void {
  if (bytes.length < least || bytes.length > most)
    throw new Error(name + ": expected " + (least === most ? least : least + " to " + most) + " bytes, got " + bytes.length);
}

/** Whole blocks of `unit` bytes. */
export function expectBlocks(name: string, bytes: { length: number }, unit: number): void {
  if (bytes.length % unit) throw new Error(name + ": expected a multiple of " + unit + " bytes, got " + bytes.length);
}

/** Room for `length` bytes. */
export function expectRoom(name: string, bytes: { length: number }, length: number): void {
  if (bytes.length < length) throw new Error(name + ": expected " + length + " bytes or more, got " + bytes.length);
}

/** A whole number that is exact in a double. */
export function expectIndex(name: string, value: number): void {
  if (!(value >= 0 && value <= 9007199254740991 && Math.floor(value) === value))
    throw new Error(name + ": expected a whole number from 0 to 9007199254740991, got " + value);
}

/** Memory that is apart from `other`'s, or begins at the same byte: what is written never overtakes what is still to be read. */
export function expectApart(name: string, bytes: Uint8Array, otherName: string, other: Uint8Array): void {
  const distance = bytes.byteOffset - other.byteOffset;
  if (bytes.buffer !== other.buffer || !distance || !bytes.length || !other.length) return;
  if (distance < other.length && -distance < bytes.length)
    throw new Error(
      name + ": expected memory apart from " + otherName + " or from its first byte on, got an overlap of " + distance + " bytes",
    );
}
