/**
 * The field of 2^255 - 19 in doubles, after Bernstein's floating-point representation (Curve25519, 2006, section 4): limb i is a multiple of
 * 2^ceil(21.25 i), kept within about half of the next limb's unit by rounding carries, so that sums of twelve products stay exact below
 * 2^53 even for operands that are sums of several elements. No branch and no index depends on a value.
 */

/** An element: 12 limbs, least first. */
export type Field = Float64Array;

/** Adding and subtracting 3 * 2^51 units rounds a limb to a multiple of the next limb's unit. */
const rounders = new Float64Array(12);
/** Unit of limb i; the thirteenth is 2^255. */
const units = new Float64Array(13);
const product = new Float64Array(12);
const extended = new Float64Array(23);
const digits = new Float64Array(12);
/** 19 / 2^255: what wraps round at the top. */
let wrap = 19;

/** Limb sizes follow ceil(21.25 i): 22, 21, 21, 21 and again. */
function fillUnits(): void {
  let i = 0;
  let j = 0;
  let unit = 1;
  for (i = 0; i < 12; i++) {
    units[i] = unit;
    for (j = i & 3 ? 21 : 22; j--;) {
      unit *= 2;
      wrap /= 2;
    }
    rounders[i] = unit * 6755399441055744;
  }
  units[12] = unit;
}
fillUnits();

/** Rounds limbs 0 to 11 and then 0 again; `a` may hold sums of products below 2^53 units. */
export function carry(out: Field, a: Field): void {
  let i = 0;
  let high = 0;
  let value = 0;
  for (i = 0; i < 12; i++) {
    value = a[i] + high;
    high = value + rounders[i] - rounders[i];
    out[i] = value - high;
  }
  value = out[0] + high * wrap;
  high = value + rounders[0] - rounders[0];
  out[0] = value - high;
  out[1] += high;
}

/** out = a b; operands may be sums of elements, 15 elements in the product of both counts. */
export function multiply(out: Field, a: Field, b: Field): void {
  let i = 0;
  let k = 0;
  let sum = 0;
  const c = product;
  const e = extended;
  for (i = 0; i < 12; i++) {
    e[i + 11] = b[i];
    if (i) e[i - 1] = b[i] * wrap;
  }
  for (k = 0; k < 12; k++) {
    sum = 0;
    for (i = 0; i < 12; i++) sum += a[i] * e[k - i + 11];
    c[k] = sum;
  }
  carry(out, c);
}

export function add(out: Field, a: Field, b: Field): void {
  let i = 0;
  for (i = 0; i < 12; i++) out[i] = a[i] + b[i];
}

export function subtract(out: Field, a: Field, b: Field): void {
  let i = 0;
  for (i = 0; i < 12; i++) out[i] = a[i] - b[i];
}

/** out = a + (b - a) choice, for `choice` 0 or 1 of any secrecy. */
export function select(out: Field, a: Field, b: Field, choice: number): void {
  let i = 0;
  for (i = 0; i < 12; i++) out[i] = a[i] * (1 - choice) + b[i] * choice;
}

/** Little-endian bytes to limbs; the top bit is left out. */
export function unpack(out: Field, bytes: Uint8Array): void {
  let i = 0;
  let limb = 0;
  let unit = 1;
  out.fill(0);
  for (i = 0; i < 32; i++) {
    if (unit >= units[limb + 1]) limb++;
    out[limb] += (i === 31 ? bytes[i] & 127 : bytes[i]) * unit;
    unit *= 256;
  }
  carry(out, out);
}

/** Carries integer digits upward, each left in [0, size); answers what leaves the top. */
function floorCarry(value: Float64Array, first: number): number {
  let i = 0;
  let high = first;
  let size = 0;
  for (i = 0; i < 12; i++) {
    size = i & 3 ? 2097152 : 4194304;
    value[i] += high;
    high = Math.floor(value[i] / size);
    value[i] -= high * size;
  }
  return high;
}

/** Writes the one little-endian encoding below 2^255 - 19. */
export function pack(out: Uint8Array, a: Field): void {
  let i = 0;
  let position = 0;
  let bits = 0;
  let held = 0;
  let high = 0;
  carry(digits, a);
  for (i = 0; i < 12; i++) digits[i] /= units[i];
  for (i = 0; i < 3; i++) high = floorCarry(digits, 19 * high);
  // Now 0 <= value < 2^255. Value + 19 reaches 2^255 exactly when the value is not below the prime.
  high = floorCarry(digits, 19);
  floorCarry(digits, 19 * high - 19);
  for (i = 0; i < 12; i++) {
    held += digits[i] * (1 << bits);
    bits += i & 3 ? 21 : 22;
    while (bits >= 8) {
      out[position++] = held & 255;
      held = Math.floor(held / 256);
      bits -= 8;
    }
  }
  out[position] = held;
  digits.fill(0);
}

const base = new Float64Array(12);
const before = new Float64Array(12);
const kept = new Float64Array(12);
/**
 * Steps of a power: 8 times the squarings, plus by what to multiply then (0 the base, 1 the value before the squarings, 2 the value kept),
 * plus 4 to keep the result.
 */
const steps = new Uint16Array([8, 17, 8, 45, 81, 161, 86, 401, 801, 402, 16, 16, 8]);
let step = 0;
let lastStep = 0;
let squarings = 0;

/** Prepares out = out^(p - 2), the inverse (`full`), or out^((p - 5) / 8). */
export function powerStart(out: Field, full: boolean): void {
  base.set(out);
  before.set(out);
  step = 0;
  lastStep = full ? 13 : 11;
  squarings = steps[0] >> 3;
}

/** Goes on by at most `count` squarings; true when finished. */
export function powerStep(out: Field, count: number): boolean {
  let which = 0;
  while (step < lastStep && count--) {
    multiply(out, out, out);
    if (!--squarings) {
      which = steps[step] & 3;
      multiply(out, out, which === 2 ? kept : which ? before : base);
      before.set(out);
      if (steps[step] & 4) kept.set(out);
      squarings = steps[++step] >> 3;
    }
  }
  if (step < lastStep) return false;
  base.fill(0);
  before.fill(0);
  kept.fill(0);
  return true;
}
