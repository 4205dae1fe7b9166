import { equal } from "../bytes.js";
import { expectBytes, expectLength, expectParts, expectPartsApart } from "../check.js";
import { sha512, sha512Step } from "../hash/sha512.js";
import { combineStep, multiplyBase, wipePoints } from "./points.js";
import { isReduced, reduceScalar } from "./scalar.js";

const wide = new Uint8Array(64);
/** What R is to be, when the hash is not needed any more. */
const foundR = wide.subarray(0, 32);
const publicKey = new Uint8Array(32);
const expectedR = new Uint8Array(32);
const scalarS = new Uint8Array(32);
const scalarK = new Uint8Array(32);
let message: Uint8Array[] = [];
/** 0 the message is hashed, 1 to 8 the step of the points that comes next, from 9 on there is a verdict. */
let phase = 9;
let verdict = 0;

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
  if (!phase) {
    if (hashStep(scalarK)) phase = 1;
  } else if (phase < 9) {
    phase = combineStep(phase, foundR, scalarS, scalarK, publicKey);
    if (phase === 9 && equal(foundR, expectedR)) verdict = 1;
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

/** What is left of a secret. */
function wipe(): void {
  wipePoints();
  wide.fill(0);
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
  multiplyBase(out, wide.subarray(0, 32));
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
  multiplyBase(out.subarray(0, 32), nonce);
  hashScalar(scalarK, [out.subarray(0, 32), publicKey], parts);
  digits.set(nonce);
  for (i = 0; i < 32; i++) for (j = 0; j < 32; j++) digits[i + j] += scalarK[i] * secret[j];
  reduceScalar(out.subarray(32), digits);
  secret.fill(0);
  nonce.fill(0);
  wipe();
}
