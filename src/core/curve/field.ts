import { STEP, carry, newRing, pack } from "../limbs.js";
import { natives, type Limbs } from "../natives.js";

/**
 * The field of 2^255 - 19, in 12 limbs of 32 bits. Operands of a product may be sums of several elements. No branch and no index depends on a value.
 */

/** An element: 12 limbs, least first. */
export type Field = Int32Array;

export function newField(): Field {
  return new Int32Array(12);
}

const ring = newRing(12, 255, 19);
const product = new Float64Array(12);
const extended = new Float64Array(24);

/** out = a + factor b, for a factor below 2^26. */
export function addMultiple(out: Field, a: Field, b: Field, factor: number): void {
  let i = 0;
  for (i = 0; i < 12; i++) product[i] = a[i] + factor * b[i];
  carry(ring, out, product);
}

/** Writes the one little-endian encoding below 2^255 - 19. */
export function encode(out: Uint8Array, a: Field): void {
  pack(ring, out, a);
}

/**
 * What a window of 12 slides over in a product: limbs from the last to the first, then, for what wraps round, limbs 11 to 1 reduced. 24
 * numbers, the last one 0.
 */
export function extend(out: Limbs, a: Field): void {
  const w = ring.wrap;
  out.set([a[11], a[10], a[9], a[8], a[7], a[6], a[5], a[4], a[3], a[2], a[1], a[0]]);
  out.set([a[11] * w, a[10] * w, a[9] * w, a[8] * w, a[7] * w, a[6] * w, a[5] * w, a[4] * w, a[3] * w, a[2] * w, a[1] * w], 12);
}

/** What `convolveProducts` rounds with. */
export const rounder = ring.rounders[0];
/** What a carry is multiplied by for the next limb. */
export const lowered = 1 / STEP;

/**
 * The sum of products by the engine's own inner product. `a` holds elements 23 apart, zeros between; `b` as many extended ones. The result
 * goes, times `n`, to `f` and, times `m`, to `g`, and extended to `l`, where these are given. Written out because every token costs time
 * in an interpreter, and a loop around it twice; names used most come first among the parameters because that is where it looks first:
 * `c` is the inner product, `q` the rounder of limbs 0 to 3, which doubles for each four limbs, `k` is `lowered`, and `t` and `h` are 0.
 */
export function convolveProducts(
  t: number,
  h: number,
  q: number,
  k: number,
  c: (a: Limbs, b: Limbs, shift: number) => number,
  a: Limbs,
  b: Limbs,
  l: Limbs | null,
  f: Limbs | null,
  n: number,
  g: Limbs | null,
  m: number,
): void {
  let v0 = t;
  let v1 = t;
  let v2 = t;
  let v3 = t;
  let v4 = t;
  let v5 = t;
  let v6 = t;
  let v7 = t;
  let v8 = t;
  let v9 = t;
  let v10 = t;
  let v11 = t;
  const w = ring.wrap;
  v0 = (t = c(a, b, 11)) - (h = t + q - q);
  v1 = (t = c(a, b, 10) + h * k) - (h = t + q - q);
  v2 = (t = c(a, b, 9) + h * k) - (h = t + q - q);
  v3 = (t = c(a, b, 8) + h * k) - (h = t + q - q);
  q += q;
  v4 = (t = c(a, b, 7) + h * k) - (h = t + q - q);
  v5 = (t = c(a, b, 6) + h * k) - (h = t + q - q);
  v6 = (t = c(a, b, 5) + h * k) - (h = t + q - q);
  v7 = (t = c(a, b, 4) + h * k) - (h = t + q - q);
  q += q;
  v8 = (t = c(a, b, 3) + h * k) - (h = t + q - q);
  v9 = (t = c(a, b, 2) + h * k) - (h = t + q - q);
  v10 = (t = c(a, b, 1) + h * k) - (h = t + q - q);
  v11 = (t = c(a, b, 0) + h * k) - (h = t + q - q);
  v0 = (t = v0 + h * k * w) - (h = t + q / 4 - q / 4);
  v1 += h * k;
  if (f) f.set([v0 * n, v1 * n, v2 * n, v3 * n, v4 * n, v5 * n, v6 * n, v7 * n, v8 * n, v9 * n, v10 * n, v11 * n]);
  if (g) g.set([v0 * m, v1 * m, v2 * m, v3 * m, v4 * m, v5 * m, v6 * m, v7 * m, v8 * m, v9 * m, v10 * m, v11 * m]);
  if (l)
    l.set([
      v11,
      v10,
      v9,
      v8,
      v7,
      v6,
      v5,
      v4,
      v3,
      v2,
      v1,
      v0,
      v11 * w,
      v10 * w,
      v9 * w,
      v8 * w,
      v7 * w,
      v6 * w,
      v5 * w,
      v4 * w,
      v3 * w,
      v2 * w,
      v1 * w,
    ]);
}

/** `convolveProducts` for callers that leave out the last results: what is not given an interpreter need not read. */
export type Products = (
  t: number,
  h: number,
  q: number,
  k: number,
  c: (a: Limbs, b: Limbs, shift: number) => number,
  a: Limbs,
  b: Limbs,
  l: Limbs | null,
  f?: Limbs,
  n?: number,
  g?: Limbs,
  m?: number,
) => void;

/** out = a b; operands may be sums of elements, 15 elements in the product of both counts. */
export function multiply(out: Field, a: Field, b: Field): void {
  let i = 0;
  let k = 0;
  const c = product;
  const e = extended;
  const a0 = a[0];
  const a1 = a[1];
  const a2 = a[2];
  const a3 = a[3];
  const a4 = a[4];
  const a5 = a[5];
  const a6 = a[6];
  const a7 = a[7];
  const a8 = a[8];
  const a9 = a[9];
  const a10 = a[10];
  const a11 = a[11];
  if (natives.convolve) {
    extend(e, b);
    (convolveProducts as Products)(0, 0, rounder, lowered, natives.convolve, a, e, null, out, 1);
    return;
  }
  for (i = 0; i < 12; i++) {
    e[i + 11] = b[i];
    if (i) e[i - 1] = b[i] * ring.wrap;
  }
  for (k = 0; k < 12; k++)
    c[k] =
      a0 * e[k + 11] +
      a1 * e[k + 10] +
      a2 * e[k + 9] +
      a3 * e[k + 8] +
      a4 * e[k + 7] +
      a5 * e[k + 6] +
      a6 * e[k + 5] +
      a7 * e[k + 4] +
      a8 * e[k + 3] +
      a9 * e[k + 2] +
      a10 * e[k + 1] +
      a11 * e[k];
  carry(ring, out, c);
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

/** Little-endian digits below 128 or 256 to limbs, with a power of two as their base; the 32nd loses its top bit. */
export function unpack(out: Field, digits: Uint8Array, base: number): void {
  let i = 0;
  let limb = 0;
  let unit = 1;
  extended.fill(0);
  for (i = 0; i < digits.length; i++) {
    if (unit >= ring.units[limb + 1] * STEP) {
      limb++;
      unit /= STEP;
    }
    extended[limb] += (i === 31 ? digits[i] & 127 : digits[i]) * unit;
    unit *= base;
  }
  carry(ring, out, extended);
}

const base = newField();
const before = newField();
const kept = newField();
/**
 * Steps of a power: 8 times the squarings, plus by what to multiply then (0 the base, 1 the value before the squarings, 2 the value kept),
 * plus 4 to keep the result.
 */
const steps = new Uint16Array([8, 17, 8, 45, 81, 161, 86, 401, 801, 402, 16, 16, 8]);
let step = 0;
let lastStep = 0;
let squarings = 0;

/** out = out b, where `extended` belongs to `out` all through a power. */
function timesPower(out: Field, b: Field): void {
  if (natives.convolve) (convolveProducts as Products)(0, 0, rounder, lowered, natives.convolve, b, extended, extended, out, 1);
  else multiply(out, out, b);
}

/** Prepares out = out^(p - 2), the inverse (`full`), or out^((p - 5) / 8). */
export function powerStart(out: Field, full: boolean): void {
  base.set(out);
  before.set(out);
  if (natives.convolve) extend(extended, out);
  step = 0;
  lastStep = full ? 13 : 11;
  squarings = steps[0] >> 3;
}

/** Goes on by at most `count` squarings; true when finished. */
export function powerStep(out: Field, count: number): boolean {
  let which = 0;
  while (step < lastStep && count--) {
    timesPower(out, out);
    if (!--squarings) {
      which = steps[step] & 3;
      timesPower(out, which === 2 ? kept : which ? before : base);
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
