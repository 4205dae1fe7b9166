import { expectLength } from "../check.js";
import { natives } from "../natives.js";
import { fillConstants, initialValues, roundConstants } from "./constants.js";

/** Made when the first interpreted hash runs: schedule (16 pairs, used round), state (8 pairs) and one block. */
let schedule = new Int32Array(0);
let words = schedule;
let block = new Uint8Array(0);

/**
 * One block (FIPS 180-4, 6.4.2), interpreted. 64-bit words are pairs high, low; carries come from sums of unsigned halves in doubles,
 * which are exact.
 */
function compress(): void {
  let i = 0;
  let j = 0;
  let p = 0;
  let high = 0;
  let low = 0;
  let x = 0;
  let y = 0;
  let sumHigh = 0;
  let sumLow = 0;
  const w = schedule;
  const v = words;
  // Working variables a..h are pairs in a ring of 16 words after the state, so that a round moves the ring and not its members.
  for (i = 0; i < 16; i++) {
    v[16 + i] = v[i];
    w[2 * i] = (block[8 * i] << 24) | (block[8 * i + 1] << 16) | (block[8 * i + 2] << 8) | block[8 * i + 3];
    w[2 * i + 1] = (block[8 * i + 4] << 24) | (block[8 * i + 5] << 16) | (block[8 * i + 6] << 8) | block[8 * i + 7];
  }
  for (i = 0; i < 80; i++) {
    j = 2 * (i & 15);
    if (i > 15) {
      p = (j + 2) & 31;
      x = w[p];
      y = w[p + 1];
      sumHigh = ((x >>> 1) | (y << 31)) ^ ((x >>> 8) | (y << 24)) ^ (x >>> 7);
      sumLow = (((y >>> 1) | (x << 31)) ^ ((y >>> 8) | (x << 24)) ^ ((y >>> 7) | (x << 25))) >>> 0;
      p = (j + 28) & 31;
      x = w[p];
      y = w[p + 1];
      sumHigh += ((x >>> 19) | (y << 13)) ^ ((y >>> 29) | (x << 3)) ^ (x >>> 6);
      sumLow += (((y >>> 19) | (x << 13)) ^ ((x >>> 29) | (y << 3)) ^ ((y >>> 6) | (x << 26))) >>> 0;
      p = (j + 18) & 31;
      sumLow += (w[p + 1] >>> 0) + (w[j + 1] >>> 0);
      w[j] = sumHigh + w[p] + w[j] + Math.floor(sumLow / 4294967296);
      w[j + 1] = sumLow | 0;
    }
    // a is at p, e at p + 8, the rest two words apart.
    p = 16 - j;
    x = v[16 + ((p + 8) & 15)];
    y = v[17 + ((p + 8) & 15)];
    sumHigh = ((x >>> 14) | (y << 18)) ^ ((x >>> 18) | (y << 14)) ^ ((y >>> 9) | (x << 23));
    sumLow = (((y >>> 14) | (x << 18)) ^ ((y >>> 18) | (x << 14)) ^ ((x >>> 9) | (y << 23))) >>> 0;
    high = v[16 + ((p + 12) & 15)];
    low = v[17 + ((p + 12) & 15)];
    sumHigh += high ^ (x & (v[16 + ((p + 10) & 15)] ^ high));
    sumLow += (low ^ (y & (v[17 + ((p + 10) & 15)] ^ low))) >>> 0;
    sumHigh += v[16 + ((p + 14) & 15)] + roundConstants[2 * i] + w[j];
    sumLow += (v[17 + ((p + 14) & 15)] >>> 0) + (roundConstants[2 * i + 1] >>> 0) + (w[j + 1] >>> 0);
    sumHigh = (sumHigh + Math.floor(sumLow / 4294967296)) | 0;
    sumLow = sumLow >>> 0;
    low = (v[17 + ((p + 6) & 15)] >>> 0) + sumLow;
    v[16 + ((p + 6) & 15)] += sumHigh + (low > 4294967295 ? 1 : 0);
    v[17 + ((p + 6) & 15)] = low | 0;
    x = v[16 + (p & 15)];
    y = v[17 + (p & 15)];
    sumHigh += ((x >>> 28) | (y << 4)) ^ ((y >>> 2) | (x << 30)) ^ ((y >>> 7) | (x << 25));
    sumLow += (((y >>> 28) | (x << 4)) ^ ((x >>> 2) | (y << 30)) ^ ((x >>> 7) | (y << 25))) >>> 0;
    high = v[16 + ((p + 2) & 15)];
    low = v[16 + ((p + 4) & 15)];
    sumHigh += (x & high) | (low & (x | high));
    high = v[17 + ((p + 2) & 15)];
    low = v[17 + ((p + 4) & 15)];
    sumLow += ((y & high) | (low & (y | high))) >>> 0;
    v[16 + ((p + 14) & 15)] = sumHigh + Math.floor(sumLow / 4294967296);
    v[17 + ((p + 14) & 15)] = sumLow | 0;
  }
  for (i = 0; i < 16; i += 2) {
    sumLow = (v[i + 1] >>> 0) + (v[17 + i] >>> 0);
    v[i] += v[16 + i] + (sumLow > 4294967295 ? 1 : 0);
    v[i + 1] = sumLow | 0;
  }
}

/**
 * SHA-512 of the concatenation of `parts` (FIPS 180-4); here only for Ed25519.
 *
 * @param out - 64 bytes; may be one of the parts
 */
export function sha512(out: Uint8Array, parts: Uint8Array[]): void {
  let digest = out;
  let used = 0;
  let total = 0;
  let part = 0;
  let from = 0;
  let take = 0;
  expectLength("out", out, 64);
  if (natives.sha512) {
    digest = new Uint8Array(natives.sha512(parts));
    out.set(digest);
    digest.fill(0);
    return;
  }
  if (!schedule.length) {
    fillConstants();
    schedule = new Int32Array(32);
    words = new Int32Array(32);
    block = new Uint8Array(128);
  }
  words.set(initialValues);
  for (part = 0; part < parts.length; part++) {
    total += parts[part].length;
    for (from = 0; from < parts[part].length; from += take) {
      take = Math.min(128 - used, parts[part].length - from);
      block.set(parts[part].subarray(from, from + take), used);
      used += take;
      if (used === 128) {
        compress();
        used = 0;
      }
    }
  }
  block[used] = 128;
  block.fill(0, used + 1);
  if (used > 111) {
    compress();
    block.fill(0);
  }
  // Lengths beyond 2^32 bits do not happen here: the message is in memory.
  for (from = 0; from < 4; from++) block[127 - from] = (total << 3) >>> (8 * from);
  compress();
  for (from = 0; from < 64; from++) out[from] = words[from >> 2] >>> (24 - 8 * (from & 3));
  words.fill(0);
  schedule.fill(0);
  block.fill(0);
}
