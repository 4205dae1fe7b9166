import { equal, put32, scratch } from "./bytes.js";
import { expectApart, expectBytes, expectDisjoint, expectLength } from "./check.js";
import { hmacPrepare, hmacPrepared, turnPads } from "./hash/hmac.js";

/** Bytes that sealing adds. */
export const SEAL_OVERHEAD = 16;

/** 1, then the length of the associated data; or 2, the tag, the number of the keystream block. */
const macPrefix = scratch(5);
const streamInput = scratch(21);
const mask = scratch(32);
const maskWords = new Uint32Array(mask.buffer);
const work = scratch(32);
const workWords = new Uint32Array(work.buffer);

/** Xors the keystream of the tag in `streamInput` over `from` into `to`, which may be the same bytes. */
function applyKeystream(to: Uint8Array, from: Uint8Array): void {
  let offset = 0;
  let count = 0;
  let i = 0;
  for (offset = 0; offset < from.length; offset += 32) {
    put32(streamInput, 17, offset >>> 5);
    hmacPrepared(mask, turnPads, [streamInput]);
    count = Math.min(32, from.length - offset);
    work.set(from.subarray(offset, offset + count));
    for (i = (count + 3) >> 2; i--;) workWords[i] ^= maskWords[i];
    to.set(work.subarray(0, count), offset);
  }
}

/** Writes the 32-byte code of associated data and plaintext to `mask`. */
function authenticate(ad: Uint8Array, plain: Uint8Array): void {
  macPrefix[0] = 1;
  put32(macPrefix, 1, ad.length);
  hmacPrepared(mask, turnPads, [macPrefix, ad, plain]);
}

function wipe(): void {
  turnPads.fill(0);
  mask.fill(0);
  work.fill(0);
}

/**
 * Deterministic authenticated encryption: the SIV composition (Rogaway and Shrimpton 2006) over HMAC-SHA-256. The same key, associated
 * data and plaintext give the same bytes; nothing else is lost when randomness is bad.
 *
 * @param out - `plain.length` + 16 bytes: 16 of tag, then ciphertext. `plain` may be `out.subarray(16)`
 * @param key - 32 bytes, secret
 * @param ad - associated data, authenticated and not written
 */
export function seal(out: Uint8Array, key: Uint8Array, ad: Uint8Array, plain: Uint8Array): void {
  expectBytes("plain", plain);
  expectBytes("ad", ad);
  expectLength("out", out, plain.length + SEAL_OVERHEAD);
  expectLength("key", key, 32);
  expectApart("out from byte 16 on", out.subarray(SEAL_OVERHEAD), "plain", plain);
  hmacPrepare(turnPads, key);
  authenticate(ad, plain);
  streamInput[0] = 2;
  streamInput.set(mask.subarray(0, 16), 1);
  applyKeystream(out.subarray(16), plain);
  out.set(streamInput.subarray(1, 17));
  wipe();
}

/**
 * Opens what `seal` wrote.
 *
 * @param out - `sealed.length` - 16 bytes; may be `sealed.subarray(16)`. Wiped when the answer is false
 * @returns false when key, associated data or a byte of `sealed` differ, or `sealed` is shorter than a tag
 */
export function open(out: Uint8Array, key: Uint8Array, ad: Uint8Array, sealed: Uint8Array): boolean {
  let genuine = false;
  expectBytes("ad", ad);
  expectBytes("sealed", sealed);
  if (sealed.length < SEAL_OVERHEAD) return false;
  expectLength("out", out, sealed.length - SEAL_OVERHEAD);
  expectLength("key", key, 32);
  expectDisjoint("out", out, "ad", ad);
  expectApart("out", out, "sealed from byte 16 on", sealed.subarray(SEAL_OVERHEAD));
  hmacPrepare(turnPads, key);
  streamInput[0] = 2;
  streamInput.set(sealed.subarray(0, 16), 1);
  applyKeystream(out, sealed.subarray(16));
  authenticate(ad, out);
  genuine = equal(mask.subarray(0, 16), streamInput.subarray(1, 17));
  if (!genuine) out.fill(0);
  wipe();
  return genuine;
}
