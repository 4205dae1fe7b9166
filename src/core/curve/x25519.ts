import { equal, isZero } from "../bytes.js";
import { expectLength } from "../check.js";
import { natives } from "../natives.js";
import type { Field } from "./field.js";
import type { Ladder } from "./ladder.js";
import { newLadder } from "./ladder.js";
import { add, addMultiple, encode, multiply, newField, powerStart, powerStep, select, subtract, unpack } from "./field.js";

const x1 = newField();
const x2 = newField();
const z2 = newField();
const x3 = newField();
const z3 = newField();
const t = newField();
const u = newField();
const clamped = new Uint8Array(32);
const canonical = new Uint8Array(32);
let bit = -1;
/** 0 idle, 1 ladder, 2 inversion. */
let phase = 0;
let result: Uint8Array = clamped;
let swapped = 0;
let ladder: Ladder | null = null;

/** Bit of the scalar; -1 below the lowest. */
function clampedBit(index: number): number {
  return index < 0 ? -1 : (clamped[index >> 3] >> (index & 7)) & 1;
}

function wipe(): void {
  clamped.fill(0);
  x1.fill(0);
  x2.fill(0);
  z2.fill(0);
  if (!natives.convolve) {
    x3.fill(0);
    z3.fill(0);
    t.fill(0);
    u.fill(0);
  }
  ladder = null;
  phase = swapped = 0;
  result = clamped;
}

function swap(a: Field, b: Field, choice: number): void {
  t.set(a);
  select(a, t, b, choice);
  select(b, b, t, choice);
}

/** One bit of the Montgomery ladder (RFC 7748, section 5). */
function ladderStep(): void {
  const now = clampedBit(bit);
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
  addMultiple(t, t, u, 121665);
  multiply(z2, u, t);
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
  unpack(x1, point, 256);
  encode(canonical, x1);
  // The ladder makes zero of zero, as it does of points of small order.
  if (!equal(canonical, point)) x1.fill(0);
  if (natives.convolve) ladder = newLadder(x1, natives.convolve);
  else {
    ladder = null;
    x3.set(x1);
    x2.fill(0);
    z2.fill(0);
    z3.fill(0);
    x2[0] = z3[0] = 1;
  }
  bit = 254;
  phase = 1;
  swapped = 0;
  result = out;
}

/** Goes on by one slice: one bit of the ladder, or eight squarings. True when finished and `out` is written. */
export function x25519Step(): boolean {
  if (phase === 1) {
    if (natives.convolve && ladder) ladder(clampedBit(bit), clampedBit(bit - 1), x2, z2);
    else if (!natives.convolve) ladderStep();
    if (--bit < 0) {
      if (!natives.convolve) {
        swap(x2, x3, swapped);
        swap(z2, z3, swapped);
      }
      powerStart(z2, true);
      phase = 2;
    }
  } else if (phase === 2 && powerStep(z2, 8)) {
    multiply(x2, x2, z2);
    encode(result, x2);
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
  expectLength("out", out, 32);
  expectLength("scalar", scalar, 32);
  point[0] = 9;
  x25519(out, scalar, point);
}
