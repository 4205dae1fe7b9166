import { equal, isZero } from "../bytes.js";
import { expectBytes, expectLength, expectParts, expectPartsApart } from "../check.js";
import { sha512, sha512Step } from "../hash/sha512.js";
import type { Field } from "./field.js";
import { add, encode, multiply, newField, powerStart, powerStep, select, subtract, unpack } from "./field.js";
import { isReduced, reduceScalar } from "./scalar.js";

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
const wide = new Uint8Array(64);
const publicKey = new Uint8Array(32);
const expectedR = new Uint8Array(32);
const scalarS = new Uint8Array(32);
const scalarK = new Uint8Array(32);
let message: Uint8Array[] = [];
/** 0 to 8: the slice that comes next; 9 finished. */
let phase = 9;
let bit = 0;
let verdict = 0;

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

/** Writes the encoding of `sum`, whose inverse Z is in `sum[2]`, to `encoded`. */
function encodeSum(): void {
  let parity = 0;
  multiply(a, sum[0], sum[2]);
  multiply(b, sum[1], sum[2]);
  encode(encoded, a);
  parity = encoded[0] & 1;
  encode(encoded, b);
  encoded[31] |= parity << 7;
}

/** Goes on by one slice with scalar = SHA-512(message) modulo the order; true when finished. */
function hashStep(scalar: Uint8Array): boolean {
  if (!sha512Step(wide, message)) return false;
  message = [];
  // Made here, since between two steps nothing of it is needed, and variables are scarce then.
  reduceScalar(scalar, new Float64Array(wide));
  return true;
}

/** scalar = SHA-512(first, parts) modulo the order. */
function hashScalar(scalar: Uint8Array, first: Uint8Array[], parts: Uint8Array[]): void {
  message = first.concat(parts);
  while (!hashStep(scalar));
}

/** What is left of a secret. */
function wipe(): void {
  const used = (sum as (Field | Uint8Array)[]).concat(point, [a, b, c, e, encoded, wide]);
  let i = used.length;
  while (i--) used[i].fill(0);
}

/** Prepares the square root: point = (?, y, u v^3, v), sum[0] = u v^7, sum[1] = u of the public key's x^2 = u / v (RFC 8032, 5.1.3). */
function decodeStart(): void {
  unpack(point[1], publicKey, 256);
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

/** Goes on from the finished power to minus the point in `point` and `sum`; false when the public key is no canonical point. */
function decodeEnd(): boolean {
  const sign = publicKey[31] >> 7;
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
  if (!equal(encoded, publicKey)) return false;
  point[2].set(one);
  multiply(point[3], point[0], point[1]);
  copyPoint(sum, point);
  return true;
}

/**
 * Begins to verify an Ed25519 signature (RFC 8032, 5.1.7, without cofactor); go on with `ed25519VerifyStep`. Refused besides wrong ones: S
 * not below the order, a public key or R that is not canonical, and either of small order. Signature and key are copied; the message is hashed in
 * the first slices and must not change before the verdict. One verification at a time; starting another abandons this one.
 *
 * @param signature - 64 bytes; any other length is invalid
 * @param parts - the message, in parts
 * @param key - the public key, 32 bytes
 */
export function ed25519VerifyStart(signature: Uint8Array, parts: Uint8Array[], key: Uint8Array): void {
  expectBytes("signature", signature);
  expectParts("parts", parts);
  expectBytes("key", key);
  verdict = 2;
  phase = 9;
  if (signature.length !== 64 || key.length !== 32) return;
  expectedR.set(signature.subarray(0, 32));
  scalarS.set(signature.subarray(32));
  publicKey.set(key);
  if (!isReduced(scalarS)) return;
  message = ([expectedR, publicKey] as Uint8Array[]).concat(parts);
  phase = 0;
}

/** Goes on by one slice, of at most 24 products of elements or 10 rounds of SHA-512. 0 while running, 1 valid, 2 invalid. */
export function ed25519VerifyStep(): number {
  let index = 0;
  if (!phase) {
    if (hashStep(scalarK)) phase = 1;
  } else if (phase === 1) {
    fillTable();
    decodeStart();
    phase = 2;
  } else if (phase === 2) {
    if (powerStep(sum[0], 8)) phase = 3;
  } else if (phase === 3) phase = decodeEnd() ? 4 : 9;
  else if (phase === 4) phase = isSmallOrder() ? 9 : 5;
  else if (phase === 5) {
    prepare(table[1], point);
    copyPoint(sum, point);
    addPoint(table[0]);
    prepare(table[2], sum);
    setNeutral();
    bit = 252;
    phase = 6;
  } else if (phase === 6) {
    double();
    index = ((scalarS[bit >> 3] >> (bit & 7)) & 1) | (((scalarK[bit >> 3] >> (bit & 7)) & 1) << 1);
    if (index) addPoint(table[index - 1]);
    if (--bit < 0) {
      copyPoint(point, sum);
      phase = 7;
    }
  } else if (phase === 7) {
    phase = isSmallOrder() ? 9 : 8;
    copyPoint(sum, point);
    powerStart(sum[2], true);
  } else if (phase === 8 && powerStep(sum[2], 8)) {
    encodeSum();
    verdict = equal(encoded, expectedR) ? 1 : 2;
    phase = 9;
  }
  return phase < 9 ? 0 : verdict;
}

/** Verifies in one go; see `ed25519VerifyStart`. */
export function ed25519Verify(signature: Uint8Array, parts: Uint8Array[], key: Uint8Array): boolean {
  let status = 0;
  ed25519VerifyStart(signature, parts, key);
  while (!status) status = ed25519VerifyStep();
  return status === 1;
}

/** encoded = scalar times the base point, without a branch or an index that depends on the scalar. */
function multiplyBase(scalar: Uint8Array): void {
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
  encodeSum();
}

/** wide = SHA-512 of the seed, its first half clamped (RFC 8032, 5.1.5). */
function expandSeed(seed: Uint8Array): void {
  expectLength("seed", seed, 32);
  sha512(wide, [seed]);
  wide[0] &= 248;
  wide[31] = (wide[31] & 127) | 64;
}

/** Writes the 32-byte public key of a 32-byte seed. */
export function ed25519PublicKey(out: Uint8Array, seed: Uint8Array): void {
  expectLength("out", out, 32);
  expandSeed(seed);
  multiplyBase(wide.subarray(0, 32));
  out.set(encoded);
  wipe();
}

/**
 * Ed25519 signature (RFC 8032, 5.1.6).
 *
 * @param out - 64 bytes; may not overlap a part
 * @param seed - 32 bytes, secret
 * @param parts - the message, in parts
 */
export function ed25519Sign(out: Uint8Array, seed: Uint8Array, parts: Uint8Array[]): void {
  const secret = new Uint8Array(64);
  const nonce = new Uint8Array(32);
  const digits = new Float64Array(64);
  let i = 0;
  let j = 0;
  expectLength("out", out, 64);
  expectPartsApart("out", out, "parts", parts);
  ed25519PublicKey(publicKey, seed);
  expandSeed(seed);
  secret.set(wide);
  hashScalar(nonce, [secret.subarray(32)], parts);
  multiplyBase(nonce);
  out.set(encoded);
  hashScalar(scalarK, [out.subarray(0, 32), publicKey], parts);
  digits.set(nonce);
  for (i = 0; i < 32; i++) for (j = 0; j < 32; j++) digits[i + j] += scalarK[i] * secret[j];
  reduceScalar(out.subarray(32), digits);
  secret.fill(0);
  nonce.fill(0);
  wipe();
}
