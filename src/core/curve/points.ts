/** Points of edwards25519 (RFC 8032, 5.1), and what Ed25519 computes with them. */
import { equal, isZero } from "../bytes.js";
import type { Field } from "./field.js";
import { add, encode, multiply, newField, powerStart, powerStep, select, subtract, unpack } from "./field.js";

/** X, Y, Z, T with x = X/Z, y = Y/Z, x y = T/Z (extended coordinates); or Y - X, Y + X, 2 Z, 2 d T, ready to be added. */
type Point = Field[];

/** Its elements share one memory: what holds an array costs a board as much as the limbs do. */
function newPoint(): Point {
  const memory = new Int32Array(48);
  const point: Point = [];
  let at = 0;
  while (at < 48) point.push(memory.subarray(at, (at += 12)));
  return point;
}

const zero = newField();
const one = newField();
const d = newField();
const a = newField();
const b = newField();
const c = newField();
const e = newField();
const sum = newPoint();
/** To add: the base point, minus the public key, both. */
const table = [newPoint(), newPoint(), newPoint()];
/** Working memory, in the place that is filled last and no more needed at the end. */
const point = table[2];
const encoded = new Uint8Array(32);
let bit = 0;

/** An element out of 43 characters, which take less room than digits: the sum of their codes times powers of 64, modulo the prime. */
function fromText(out: Field, text: string): void {
  const codes = new Uint8Array(43);
  let i = 0;
  for (i = 0; i < 43; i++) codes[i] = text.charCodeAt(i);
  unpack(out, codes, 64);
}

/** What both formulas end in: E, F, G and H are in e, a, c and b. */
function finishSum(): void {
  multiply(sum[0], e, a);
  multiply(sum[1], b, c);
  multiply(sum[2], a, c);
  multiply(sum[3], e, b);
}

/** sum = 2 sum (Hisil, Wong, Carter, Dawson 2008, 3.3, with a = -1 and all signs the other way). */
function double(): void {
  add(e, sum[0], sum[1]);
  multiply(e, e, e);
  multiply(a, sum[0], sum[0]);
  multiply(c, sum[1], sum[1]);
  add(b, a, c);
  subtract(c, a, c);
  subtract(e, b, e);
  multiply(a, sum[2], sum[2]);
  add(a, a, a);
  add(a, a, c);
  finishSum();
}

/** sum = sum + addend (the same, 3.1); complete, so that it needs no branch for any pair of points. */
function addPoint(addend: Point): void {
  subtract(a, sum[1], sum[0]);
  add(b, sum[1], sum[0]);
  multiply(a, a, addend[0]);
  multiply(b, b, addend[1]);
  multiply(sum[2], sum[2], addend[2]);
  multiply(c, sum[3], addend[3]);
  subtract(e, b, a);
  add(b, b, a);
  subtract(a, sum[2], c);
  add(c, sum[2], c);
  finishSum();
}

/** Makes out what `addPoint` takes, from a point in extended coordinates: sums of two elements, which two more may be added to in a product. */
function prepare(out: Point, from: Point): void {
  subtract(out[0], from[1], from[0]);
  add(out[1], from[1], from[0]);
  add(out[2], from[2], from[2]);
  multiply(out[3], from[3], d);
  add(out[3], out[3], out[3]);
}

function copyPoint(out: Point, from: Point): void {
  let i = 4;
  while (i--) out[i].set(from[i]);
}

function setNeutral(): void {
  copyPoint(sum, [zero, one, one, zero]);
}

/** Constants and the base point, once. */
function fillTable(): void {
  if (one[0]) return;
  one[0] = 1;
  fromText(d, "K_VURg[R*W6*XFSOL(@[?_H99]V]?\\Kb29?[*8NZBGD");
  fromText(point[0], "BQ\\HNAUJUd+,gUQd_\\KJ(1E6V6_KaRI/>OdZLN,M(EA");
  encoded.fill(0x66);
  encoded[0] = 0x58;
  unpack(point[1], encoded, 256);
  point[2].set(one);
  multiply(point[3], point[0], point[1]);
  prepare(table[0], point);
}

function isFieldZero(value: Field): boolean {
  encode(encoded, value);
  return isZero(encoded);
}

/** True when `sum` has an order that divides 8; `sum` is used up. */
function isSmallOrder(): boolean {
  double();
  double();
  double();
  return isFieldZero(sum[0]);
}

/** Writes the encoding of `sum`, whose inverse Z is in `sum[2]`. */
function encodeSum(out: Uint8Array): void {
  multiply(a, sum[0], sum[2]);
  multiply(b, sum[1], sum[2]);
  encode(encoded, a);
  encode(out, b);
  out[31] |= encoded[0] << 7;
}

/** Prepares the square root: point = (?, y, u v^3, v), sum[0] = u v^7, sum[1] = u of the x^2 that belongs to `key` = u / v (RFC 8032, 5.1.3). */
function decodeStart(key: Uint8Array): void {
  unpack(point[1], key, 256);
  multiply(a, point[1], point[1]);
  subtract(sum[1], a, one);
  multiply(b, a, d);
  add(point[3], b, one);
  multiply(a, point[3], point[3]);
  multiply(point[2], a, point[3]);
  multiply(point[2], point[2], sum[1]);
  multiply(a, a, a);
  multiply(sum[0], point[2], a);
  powerStart(sum[0], false);
}

/** Goes on from the finished power to minus the point in `point` and `sum`; false when `key` is no canonical point. */
function decodeEnd(key: Uint8Array): boolean {
  const sign = key[31] >> 7;
  multiply(point[0], point[2], sum[0]);
  multiply(a, point[0], point[0]);
  multiply(a, a, point[3]);
  add(b, a, sum[1]);
  if (isFieldZero(b)) {
    // the square root of -1
    fromText(b, "X?)CI\\1F-SK]c>R*F_0P.\\95;7Se?34JJ;]/O@GHB-B");
    multiply(point[0], point[0], b);
  } else {
    subtract(b, a, sum[1]);
    if (!isFieldZero(b)) return false;
  }
  encode(encoded, point[0]);
  if (isZero(encoded)) return false;
  if ((encoded[0] & 1) === sign) {
    subtract(point[0], zero, point[0]);
  }
  encode(encoded, point[1]);
  encoded[31] |= sign << 7;
  if (!equal(encoded, key)) return false;
  point[2].set(one);
  multiply(point[3], point[0], point[1]);
  copyPoint(sum, point);
  return true;
}

/**
 * One slice, of at most 24 products of elements, of the encoding of s B - k A, where A is the point that `key` encodes. The arguments stay those of the first
 * slice, but for `step`.
 *
 * @param step - 1 for the first slice, then what the one before has answered
 * @param out - 32 bytes
 * @returns the step that comes next; 9 when `out` is written, 10 when `key` is not canonical, or the order of A or of the result is small
 */
export function combineStep(step: number, out: Uint8Array, s: Uint8Array, k: Uint8Array, key: Uint8Array): number {
  let index = 0;
  if (step === 1) {
    fillTable();
    decodeStart(key);
  } else if (step === 2) {
    if (!powerStep(sum[0], 8)) return step;
  } else if (step === 3) {
    if (!decodeEnd(key)) return 10;
  } else if (step === 4) {
    if (isSmallOrder()) return 10;
  } else if (step === 5) {
    prepare(table[1], point);
    copyPoint(sum, point);
    addPoint(table[0]);
    prepare(table[2], sum);
    setNeutral();
    bit = 252;
  } else if (step === 6) {
    double();
    index = ((s[bit >> 3] >> (bit & 7)) & 1) | (((k[bit >> 3] >> (bit & 7)) & 1) << 1);
    if (index) addPoint(table[index - 1]);
    if (bit--) return step;
    copyPoint(point, sum);
  } else if (step === 7) {
    if (isSmallOrder()) return 10;
    copyPoint(sum, point);
    powerStart(sum[2], true);
  } else {
    if (!powerStep(sum[2], 8)) return step;
    encodeSum(out);
  }
  return step + 1;
}

/** out = the encoding of scalar times the base point, without a branch or an index that depends on the scalar. */
export function multiplyBase(out: Uint8Array, scalar: Uint8Array): void {
  let i = 0;
  let j = 0;
  let now = 0;
  const neutral = [one, one, newField(), zero];
  fillTable();
  add(neutral[2], one, one);
  setNeutral();
  for (i = 256; i--;) {
    double();
    now = (scalar[i >> 3] >> (i & 7)) & 1;
    for (j = 4; j--;) select(point[j], neutral[j], table[0][j], now);
    addPoint(point);
  }
  powerStart(sum[2], true);
  while (!powerStep(sum[2], 255));
  encodeSum(out);
}

/** Overwrites what a secret scalar has left. */
export function wipePoints(): void {
  const used = (sum as (Field | Uint8Array)[]).concat(point, [a, b, c, e, encoded]);
  let i = used.length;
  while (i--) used[i].fill(0);
}
