/**
 * Guards against a caller's mistake (never against hostile data, which answers false): each names the argument, what was expected and what
 * came. Firmware's bundles leave them out.
 */

/** What came, in a few words; never a byte of it. */
function described(value: unknown): string {
  if (value === "") return "an empty one";
  if (value === null || value === undefined || typeof value === "boolean" || typeof value === "number") return String(value);
  if (typeof value === "object") return typeof (value as { length?: unknown }).length === "number" ? "another array" : "an object";
  return "a " + typeof value;
}

function fail(name: string, expected: string, value: unknown): never {
  throw new Error(name + ": expected " + expected + ", got " + described(value));
}

/** A byte array of any length: its bytes are as many as its elements. */
export function expectBytes(name: string, value: Uint8Array): void {
  const bytes = value as { length?: unknown; byteLength?: unknown } | null | undefined;
  if (!bytes || typeof bytes !== "object" || typeof bytes.length !== "number" || bytes.byteLength !== bytes.length)
    fail(name, "a Uint8Array", value);
}

/** Exactly `length` bytes, in memory that is still there. */
export function expectLength(name: string, bytes: Uint8Array, length: number): void {
  expectBytes(name, bytes);
  if (bytes.length !== length) throw new Error(name + ": expected " + length + " bytes, got " + bytes.length);
}

export function expectBetween(name: string, bytes: Uint8Array, least: number, most: number): void {
  expectBytes(name, bytes);
  if (bytes.length < least || bytes.length > most)
    throw new Error(name + ": expected " + (least === most ? least : least + " to " + most) + " bytes, got " + bytes.length);
}

/** Whole blocks of `unit` bytes. */
export function expectBlocks(name: string, bytes: Uint8Array, unit: number): void {
  expectBytes(name, bytes);
  if (bytes.length % unit) throw new Error(name + ": expected a multiple of " + unit + " bytes, got " + bytes.length);
}

/** Room for `length` bytes. */
export function expectRoom(name: string, bytes: Uint8Array, length: number): void {
  expectBytes(name, bytes);
  if (bytes.length < length) throw new Error(name + ": expected " + length + " bytes or more, got " + bytes.length);
}

/** The parts of a message. */
export function expectParts(name: string, parts: Uint8Array[]): void {
  let i = 0;
  if (!parts || typeof parts !== "object" || typeof parts.length !== "number") fail(name, "an array of Uint8Arrays", parts);
  for (i = 0; i < parts.length; i++) expectBytes(name + "[" + i + "]", parts[i]);
}

/** A whole number. */
export function expectWhole(name: string, value: number, least: number, most: number): void {
  if (!(typeof value === "number" && value >= least && value <= most && Math.floor(value) === value))
    fail(name, "a whole number from " + least + " to " + most, value);
}

/** A whole number that is exact in a double. */
export function expectIndex(name: string, value: number): void {
  expectWhole(name, value, 0, 9007199254740991);
}

/** An object with this member, `expected` in words. */
export function expectMember(name: string, value: object, member: string, expected: string): void {
  if (!value || typeof value !== "object" || !(member in value)) fail(name, expected, value);
}

export function expectObject(name: string, value: object): void {
  if (!value || typeof value !== "object") fail(name, "an object", value);
}

export function expectFunction(name: string, value: (...all: never[]) => unknown): void {
  if (typeof value !== "function") fail(name, "a function", value);
}

export function expectText(name: string, value: string): void {
  if (typeof value !== "string" || !value) fail(name, "a text", value);
}

/** A member that may be absent. */
export function expectOptional(name: string, value: ((...all: never[]) => unknown) | undefined): void {
  if (value !== undefined) expectFunction(name, value);
}

/** A number above 0. */
export function expectPositive(name: string, value: number): void {
  if (!(typeof value === "number" && value > 0 && value < Infinity)) fail(name, "a number above 0", value);
}

/** One of a few names. */
export function expectOne(name: string, value: string, names: string[]): void {
  if (names.indexOf(value) < 0)
    throw new Error(name + ": expected one of " + names.join(", ") + ", got " + (typeof value === "string" ? value : described(value)));
}

/** Where whole words of `unit` bytes may lie. */
export function expectAligned(name: string, bytes: Uint8Array, unit: number): void {
  if (bytes.byteOffset % unit)
    throw new Error(name + ": expected memory whose byteOffset is a multiple of " + unit + ", got " + bytes.byteOffset);
}

/** Memory that has no byte in common with `other`'s. */
export function expectDisjoint(name: string, bytes: Uint8Array, otherName: string, other: Uint8Array): void {
  const distance = bytes.byteOffset - other.byteOffset;
  if (bytes.buffer === other.buffer && distance < other.length && -distance < bytes.length && bytes.length && other.length)
    throw new Error(name + ": expected memory apart from " + otherName + ", got an overlap from byte " + distance + " of it on");
}

/** Memory that has no byte in common with any of the parts of a message. */
export function expectPartsApart(name: string, bytes: Uint8Array, otherName: string, parts: Uint8Array[]): void {
  let i = 0;
  expectParts(otherName, parts);
  for (i = 0; i < parts.length; i++) expectDisjoint(name, bytes, otherName + "[" + i + "]", parts[i]);
}

/** Memory that has no byte in common with `other`'s, or begins at the same byte: what is written never overtakes what is still to be read. */
export function expectApart(name: string, bytes: Uint8Array, otherName: string, other: Uint8Array): void {
  if (bytes.byteOffset !== other.byteOffset) expectDisjoint(name, bytes, otherName, other);
}
