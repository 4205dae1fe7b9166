import { scratch } from "../bytes.js";
import { expectAligned, expectBytes, expectLength, expectParts } from "../check.js";
import { sha256 } from "./sha256.js";

const digest = scratch(32);
/** Pads of a key for one turn: whoever prepares them wipes them before anything calls `hmac`. One array for all, since devices have few variables. */
export const turnPads = scratch(128);

/**
 * Prepares a key for many codes: `pads` becomes the key xor ipad and the key xor opad (RFC 2104), as secret as the key itself.
 *
 * @param pads - 128 bytes, at an offset of its buffer that is a multiple of 4
 * @param key - any length; longer than 64 bytes is hashed first
 */
export function hmacPrepare(pads: Uint8Array, key: Uint8Array): void {
  expectLength("pads", pads, 128);
  expectAligned("pads", pads, 4);
  expectBytes("key", key);
  let words: Uint32Array | null = null;
  let count = (key.length + 3) >> 2;
  let i = 0;
  words = new Uint32Array(pads.buffer, pads.byteOffset, 32);
  pads.fill(0);
  if (key.length > 64) {
    count = 8;
    sha256(digest, [key]);
    pads.set(digest);
  } else pads.set(key);
  pads.fill(0x5c, 64 + 4 * count);
  for (i = 0; i < count; i++) {
    words[16 + i] = words[i] ^ 0x5c5c5c5c;
    words[i] ^= 0x36363636;
  }
  pads.fill(0x36, 4 * count, 64);
}

/** HMAC-SHA-256 of the concatenation of `parts` under a prepared key; `out` is 32 bytes and may be one of the parts. */
export function hmacPrepared(out: Uint8Array, pads: Uint8Array, parts: Uint8Array[]): void {
  expectLength("out", out, 32);
  expectLength("pads", pads, 128);
  expectParts("parts", parts);
  sha256(digest, [pads.subarray(0, 64)].concat(parts));
  sha256(out, [pads.subarray(64), digest]);
  digest.fill(0);
}

/**
 * HMAC-SHA-256 (RFC 2104) of the concatenation of `parts`.
 *
 * @param out - 32 bytes; may be the key or one of the parts
 * @param key - any length; longer than 64 bytes is hashed first
 */
export function hmac(out: Uint8Array, key: Uint8Array, parts: Uint8Array[]): void {
  expectLength("out", out, 32);
  expectParts("parts", parts);
  hmacPrepare(turnPads, key);
  hmacPrepared(out, turnPads, parts);
  turnPads.fill(0);
}
