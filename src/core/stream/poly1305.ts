import { natives } from "../natives.js";
import { carry, newRing, pack } from "../limbs.js";

/** Poly1305 (Bernstein 2005), in 6 limbs of 22, 22, 21, 22, 22 and 21 bits. */
const ring = newRing(6, 130, 5);
const sum = new Float64Array(6);
const product = new Float64Array(6);
/** What a window of 6 slides over in a product: limbs of r from the last to the first, then those that wrap round; the last one is 0. */
const factor = new Float64Array(12);
const packed = new Uint8Array(20);
const packedWords = new Int32Array(packed.buffer);

/** Adds a number of 4 words and `top` times 2^128 to `out`. */
function addWords(out: Float64Array, a: number, b: number, c: number, d: number, top: number): void {
  const u = ring.units;
  out[0] += a & 4194303;
  out[1] += (((a >>> 22) | (b << 10)) & 4194303) * u[1];
  out[2] += (((b >>> 12) | (c << 20)) & 2097151) * u[2];
  out[3] += ((c >>> 1) & 4194303) * u[3];
  out[4] += (((c >>> 23) | (d << 9)) & 4194303) * u[4];
  out[5] += ((d >>> 13) | (top << 19)) * u[5];
}

/**
 * Writes the 4 words of the tag of `blocks` blocks of 4 words from `words[from]` on. A last block that is not full must already end in a
 * byte 1 and zeros, and `full` be false.
 *
 * @param key - 8 words: r, clamped here, and s
 */
export function poly1305(tag: Int32Array, key: Int32Array, words: Int32Array, from: number, blocks: number, full: boolean): void {
  const h = sum;
  const p = product;
  const e = factor;
  let i = 0;
  let value = 0;
  addWords(h, key[0] & 0x0fffffff, key[1] & 0x0ffffffc, key[2] & 0x0ffffffc, key[3] & 0x0ffffffc, 0);
  for (i = 0; i < 6; i++) {
    e[5 - i] = h[i];
    e[11 - i] = h[i] * ring.wrap;
  }
  e[11] = 0;
  h.fill(0);
  while (blocks--) {
    addWords(h, words[from], words[from + 1], words[from + 2], words[from + 3], blocks || full ? 1 : 0);
    from += 4;
    if (natives.convolve) for (i = 0; i < 6; i++) p[i] = natives.convolve(h, e, 5 - i);
    else
      for (i = 0; i < 6; i++)
        p[i] = h[0] * e[5 - i] + h[1] * e[6 - i] + h[2] * e[7 - i] + h[3] * e[8 - i] + h[4] * e[9 - i] + h[5] * e[10 - i];
    carry(ring, h, p);
  }
  pack(ring, packed, h);
  for (i = 0; i < 4; i++) {
    value = (packedWords[i] >>> 0) + (key[4 + i] >>> 0) + (value > 4294967295 ? 1 : 0);
    tag[i] = value | 0;
  }
  h.fill(0);
  p.fill(0);
  e.fill(0);
  packed.fill(0);
}
