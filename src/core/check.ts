/**
 * Guards against a caller's mistake (never against hostile data, which answers false): names the argument, what was expected and what
 * came.
 */
export function expectLength(name: string, bytes: { length: number }, length: number): void {
  if (bytes.length !== length) throw new Error(name + ": expected " + length + " bytes, got " + bytes.length);
}

/** Throws unless `a` and `b` share no byte. */
export function expectApart(name: string, a: Uint8Array, b: Uint8Array): void {
  if (a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length)
    throw new Error(name + ": expected buffers that do not overlap, got one inside the other");
}
