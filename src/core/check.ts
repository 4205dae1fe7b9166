/**
 * Guards against a caller's mistake (never against hostile data, which answers false): names the argument, what was expected and what
 * came.
 */
export function expectLength(name: string, bytes: { length: number }, length: number): void {
  if (bytes.length !== length) throw new Error(name + ": expected " + length + " bytes, got " + bytes.length);
}
