import { get32 } from "../bytes.js";
import { expectLength, expectParts } from "../check.js";
import { natives } from "../natives.js";
import { forgetSha2Constants, sha2Constants } from "./constants.js";
import { createDigest, type Hash } from "./digest.js";

/** Interpreted SHA-512, in a function of its own so that its parts take no memory before they are needed. */
export function createSha512(): Hash {
  /** The high word of `high`, `low` rotated right by `count`, which is not 32; with both words swapped, the low one. */
  function rotated(high: number, low: number, count: number): number {
    return count > 31 ? rotated(low, high, count - 32) : (high >>> count) | (low << (32 - count));
  }

  /**
   * The high word of the sum, without carry, of three rotations; with both words swapped, the low one, not negative. `filler` comes in from the
   * left in the third: the low word, or 0 to make that a shift.
   */
  function sigma(high: number, low: number, filler: number, a: number, b: number, c: number): number {
    return (rotated(high, low, a) ^ rotated(high, low, b) ^ rotated(high, filler, c)) >>> 0;
  }

  /** What a sum of low words adds to the high word. */
  function carried(low: number): number {
    return Math.floor(low / 4294967296);
  }

  /**
   * 10 rounds of a block (FIPS 180-4, 6.4.2), interpreted, from `i` on, which counts two for each. 64-bit words are pairs, high word first; sums of halves are exact in doubles. The schedule, used
   * round and round, is in `w` from 0 to 31, a to h are behind it: in each round a is two words before where it was, so that none moves.
   */
  function compress(words: Uint32Array, block: Uint8Array, w: Uint32Array, i: number): number {
    const end = i + 20;
    const v = w.subarray(32);
    const k = sha2Constants(end);
    let x = 0;
    let y = 0;
    let high = 0;
    let low = 0;
    let j = 0;
    let p = 0;
    if (!i) {
      v.set(words);
      for (j = 0; j < 32; j++) w[j] = get32(block, 4 * j);
    }
    for (; i < end; i += 2) {
      j = i & 31;
      if (i > 31) {
        x = w[(i + 2) & 31];
        y = w[(i + 3) & 31];
        high = w[j] + w[(i + 18) & 31] + sigma(x, y, 0, 1, 8, 7);
        low = w[j + 1] + w[(i + 19) & 31] + sigma(y, x, x, 1, 8, 7);
        x = w[(i + 28) & 31];
        y = w[(i + 29) & 31];
        low += sigma(y, x, x, 19, 61, 6);
        w[j] = high + sigma(x, y, 0, 19, 61, 6) + carried(low);
        w[j + 1] = low;
      }
      // a is at p, e at p + 8, the rest two words apart.
      p = 160 - i;
      x = v[(p + 8) & 15];
      y = v[(p + 9) & 15];
      high = v[(p + 12) & 15];
      low = v[(p + 13) & 15];
      high = (high ^ (x & (v[(p + 10) & 15] ^ high))) + sigma(x, y, y, 14, 18, 41) + v[(p + 14) & 15] + k[i] + w[j];
      low = ((low ^ (y & (v[(p + 11) & 15] ^ low))) >>> 0) + sigma(y, x, x, 14, 18, 41) + v[(p + 15) & 15] + (k[i + 1] >>> 0) + w[j + 1];
      high += carried(low);
      low = low >>> 0;
      y = v[(p + 7) & 15] + low;
      v[(p + 6) & 15] += high + carried(y);
      v[(p + 7) & 15] = y;
      x = v[p & 15];
      y = v[(p + 1) & 15];
      low += (((y & v[(p + 3) & 15]) | (v[(p + 5) & 15] & (y | v[(p + 3) & 15]))) >>> 0) + sigma(y, x, x, 28, 34, 39);
      high += ((x & v[(p + 2) & 15]) | (v[(p + 4) & 15] & (x | v[(p + 2) & 15]))) + sigma(x, y, y, 28, 34, 39);
      v[(p + 14) & 15] = high + carried(low);
      v[(p + 15) & 15] = low;
    }
    if (i < 160) return i;
    for (j = 14; j >= 0; j -= 2) {
      low = words[j + 1] + v[j + 1];
      words[j] += v[j] + carried(low);
      words[j + 1] = low;
    }
    return 0;
  }

  return createDigest<Uint32Array>(new Uint32Array(16), new Uint32Array(48), compress);
}

/** Made when an interpreted hash begins, and gone at its end. */
let own: Hash | null = null;

/**
 * Goes on by one slice with SHA-512 (FIPS 180-4) of the concatenation of `parts`: all of it where it is native, 10 rounds where it is interpreted. The first call with
 * another array begins anew; the parts must not change before the end.
 *
 * @param out - 64 bytes; may be one of the parts
 * @returns true when `out` is written
 */
export function sha512Step(out: Uint8Array, parts: Uint8Array[]): boolean {
  let answer = out;
  if (natives.sha512) {
    answer = new Uint8Array(natives.sha512(parts));
    out.set(answer);
    answer.fill(0);
    return true;
  }
  if (!own) own = createSha512();
  if (!own(out, parts)) return false;
  // A verification goes on with hundreds of products, which need the memory.
  own = null;
  forgetSha2Constants();
  return true;
}

/**
 * SHA-512 of the concatenation of `parts` (FIPS 180-4); here only for Ed25519.
 *
 * @param out - 64 bytes; may be one of the parts
 */
export function sha512(out: Uint8Array, parts: Uint8Array[]): void {
  expectLength("out", out, 64);
  expectParts("parts", parts);
  while (!sha512Step(out, parts));
}
