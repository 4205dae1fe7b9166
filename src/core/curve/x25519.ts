import { equal, isZero } from "../bytes.js";
import { expectLength } from "../check.js";
import { natives } from "../natives.js";
import type { Field } from "./field.js";
import { add, carry, convolveProducts, extend, multiply, pack, powerStart, powerStep, select, subtract, unpack } from "./field.js";

function newField(): Field {
  return new Float64Array(12);
}

const x1 = newField();
const x2 = newField();
const z2 = newField();
const x3 = newField();
const z3 = newField();
const t = newField();
const u = newField();
const v = newField();
const clamped = new Uint8Array(32);
const canonical = new Uint8Array(32);
let bit = -1;
/** 0 idle, 1 ladder, 2 inversion. */
let phase = 0;
let result: Uint8Array = clamped;
let swapped = 0;

function wipe(): void {
  clamped.fill(0);
  x1.fill(0);
  x2.fill(0);
  z2.fill(0);
  x3.fill(0);
  z3.fill(0);
  t.fill(0);
  u.fill(0);
  v.fill(0);
  left.fill(0);
  right.fill(0);
  phase = swapped = 0;
  result = clamped;
}

function swap(a: Field, b: Field, choice: number): void {
  t.set(a);
  select(a, t, b, choice);
  select(b, b, t, choice);
}

/**
 * The ladder where the engine has an inner product. The point to be doubled is x : z, the other one X : Z. Its formulas have only sums of
 * products, which that inner product takes as they are:
 *
 *   added:   (x X - z Z)^2 : x1 (x Z - z X)^2
 *   doubled: (x^2 - z^2)^2 : 4 x z (x^2 + 486662 x z + z^2)
 *
 * Both results are made twice, times `keep` and times `change` (0 and 1 in either order), so that their sums are next step's points without
 * a branch. Left operands are 13 slots of 24 numbers: x, -z, x, z, 4 x z kept and changed, (x Z - z X)^2 changed and kept, x^2 - z^2 kept,
 * x X - z Z changed, both the other way round, and x Z - z X. Right operands are 12 extended elements.
 */
let left = x1;
let right = x1;
let leftU = x1;
let leftV = x1;
let leftN = x1;
let leftDoubledX = x1;
let leftOtherX = x1;
let leftDoubledZ = x1;
let leftOtherZ = x1;
let rightPoint = x1;
let rightOther = x1;
let rightN = x1;
let rightX = x1;
let rightZ = x1;

function leftSlots(first: number, count: number): Field {
  return left.subarray(24 * first, 24 * (first + count) - 12);
}

function rightSlots(first: number, count: number): Field {
  return right.subarray(24 * first, 24 * (first + count));
}

/** Makes the slots, for the point (x1 : 1) to be doubled and (1 : 0) the other one. */
function convolveStart(): void {
  if (right === x1) {
    left = new Float64Array(312);
    right = new Float64Array(288);
    leftU = leftSlots(0, 2);
    leftV = leftSlots(1, 2);
    leftN = leftSlots(2, 4);
    leftDoubledX = leftSlots(8, 2);
    leftOtherX = leftSlots(10, 2);
    leftDoubledZ = leftSlots(4, 3);
    leftOtherZ = leftSlots(5, 3);
    rightPoint = rightSlots(0, 2);
    rightN = rightSlots(0, 4);
    rightOther = rightSlots(4, 2);
    rightX = rightSlots(6, 2);
    rightZ = rightSlots(8, 3);
  }
  left.set(x1);
  left.set(x1, 48);
  left[24] = -1;
  left[72] = 1;
  extend(right, x1);
  extend(rightSlots(10, 1), x1);
  right[35] = right[107] = 1;
  right[59] = right[83] = 121665.5;
}

function convolveStep(): void {
  const now = (clamped[bit >> 3] >> (bit & 7)) & 1;
  const next = bit ? (clamped[(bit - 1) >> 3] >> ((bit - 1) & 7)) & 1 : now;
  const change = now ^ next;
  const keep = 1 - change;
  const v = rightSlots(11, 1);
  convolveProducts(leftU, rightOther, rightSlots(7, 1), leftSlots(9, 1), change, leftSlots(11, 1), keep);
  convolveProducts(leftV, rightOther, v, leftSlots(12, 1), 1, null, 0);
  convolveProducts(leftSlots(12, 1), v, null, leftSlots(6, 1), change, leftSlots(7, 1), keep);
  convolveProducts(leftU, rightPoint, rightSlots(6, 1), leftSlots(8, 1), keep, leftSlots(10, 1), change);
  convolveProducts(leftSlots(2, 1), rightSlots(1, 1), null, leftSlots(4, 1), 4 * keep, leftSlots(5, 1), 4 * change);
  convolveProducts(leftN, rightN, rightSlots(8, 1), null, 0, null, 0);
  convolveProducts(leftDoubledX, rightX, right, left, 1, leftSlots(2, 1), 1);
  convolveProducts(leftOtherX, rightX, rightSlots(4, 1), null, 0, null, 0);
  convolveProducts(leftDoubledZ, rightZ, rightSlots(1, 1), leftSlots(3, 1), 1, leftSlots(1, 1), -1);
  convolveProducts(leftOtherZ, rightZ, rightSlots(5, 1), null, 0, null, 0);
}

/** One bit of the Montgomery ladder (RFC 7748, section 5). */
function ladderStep(): void {
  const now = (clamped[bit >> 3] >> (bit & 7)) & 1;
  let i = 0;
  swap(x2, x3, now ^ swapped);
  swap(z2, z3, now ^ swapped);
  swapped = now;
  add(t, x2, z2);
  subtract(z2, x2, z2);
  add(u, x3, z3);
  subtract(z3, x3, z3);
  multiply(z3, z3, t);
  multiply(u, u, z2);
  add(x3, z3, u);
  subtract(z3, z3, u);
  multiply(x3, x3, x3);
  multiply(z3, z3, z3);
  multiply(z3, z3, x1);
  multiply(t, t, t);
  multiply(u, z2, z2);
  multiply(x2, t, u);
  subtract(u, t, u);
  for (i = 0; i < 12; i++) v[i] = t[i] + 121665 * u[i];
  carry(v, v);
  multiply(z2, u, v);
}

/**
 * Begins X25519 (RFC 7748): go on with `x25519Step` until it answers true. One computation at a time; starting another abandons
 * this one.
 *
 * @param out - 32 bytes, written at the end; all zero when the point is refused (not canonical, or of small order)
 * @param scalar - 32 bytes, clamped here; may be `out`
 * @param point - 32 bytes; may be `out`
 */
export function x25519Start(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): void {
  expectLength("out", out, 32);
  expectLength("scalar", scalar, 32);
  expectLength("point", point, 32);
  clamped.set(scalar);
  clamped[0] &= 248;
  clamped[31] = (clamped[31] & 127) | 64;
  unpack(x1, point);
  pack(canonical, x1);
  // The ladder makes zero of zero, as it does of points of small order.
  if (!equal(canonical, point)) x1.fill(0);
  x3.set(x1);
  x2.fill(0);
  z2.fill(0);
  z3.fill(0);
  x2[0] = z3[0] = 1;
  if (natives.convolve) convolveStart();
  bit = 254;
  phase = 1;
  swapped = 0;
  result = out;
}

/** Goes on by one slice: one bit of the ladder, or eight squarings. True when finished and `out` is written. */
export function x25519Step(): boolean {
  if (phase === 1) {
    if (natives.convolve) convolveStep();
    else ladderStep();
    if (--bit < 0) {
      if (natives.convolve) {
        x2.set(left.subarray(0, 12));
        z2.set(left.subarray(72, 84));
      } else {
        swap(x2, x3, swapped);
        swap(z2, z3, swapped);
      }
      powerStart(z2, true);
      phase = 2;
    }
  } else if (phase === 2 && powerStep(z2, 8)) {
    multiply(x2, x2, z2);
    pack(result, x2);
    wipe();
  }
  return !phase;
}

/** X25519 in one go. False, and `out` all zero, when the point is refused. */
export function x25519(out: Uint8Array, scalar: Uint8Array, point: Uint8Array): boolean {
  x25519Start(out, scalar, point);
  while (!x25519Step());
  return !isZero(out);
}

/** The public key of a scalar. */
export function x25519Base(out: Uint8Array, scalar: Uint8Array): void {
  const point = new Uint8Array(32);
  point[0] = 9;
  x25519(out, scalar, point);
}
