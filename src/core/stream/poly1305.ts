/**
 * Poly1305 (Bernstein 2005) in doubles: six limbs, limb i a multiple of 2^(22 i), carries by rounding, so that 36 products do for a block
 * and all sums stay exact below 2^53.
 */

/** Unit of limb i; the seventh is 2^132. */
const units = new Float64Array(7);
/** Adding and subtracting one rounds limb i to a multiple of the next limb's unit. */
const rounders = new Float64Array(6);
const limbs = new Float64Array(6);
/** 20 / 2^132: what wraps round at the top. */
let wrap = 20;

function fillUnits(): void {
  let i = 0;
  let j = 0;
  let unit = 1;
  for (i = 0; i < 6; i++) {
    units[i] = unit;
    for (j = 22; j--;) {
      unit *= 2;
      wrap /= 2;
    }
    rounders[i] = unit * 6755399441055744;
  }
  units[6] = unit;
}
fillUnits();

function floorCarry(first: number): number {
  let i = 0;
  let high = first;
  for (i = 0; i < 6; i++) {
    limbs[i] += high;
    high = Math.floor(limbs[i] / 4194304);
    limbs[i] -= high * 4194304;
  }
  return high;
}

/**
 * Writes the 4 words of the tag of `blocks` blocks of 4 words from `words[from]` on. A last block that is not full must already end in a
 * byte 1 and zeros, and `full` be false.
 *
 * @param key - 8 words: r, clamped here, and s
 */
export function poly1305(tag: Int32Array, key: Int32Array, words: Int32Array, from: number, blocks: number, full: boolean): void {
  let i = 0;
  let a = key[0] & 0x0fffffff;
  let b = key[1] & 0x0ffffffc;
  let c = key[2] & 0x0ffffffc;
  let d = key[3] & 0x0ffffffc;
  const u = units;
  const u1 = u[1];
  const u2 = u[2];
  const u3 = u[3];
  const u4 = u[4];
  const u5 = u[5];
  const m0 = rounders[0];
  const m1 = rounders[1];
  const m2 = rounders[2];
  const m3 = rounders[3];
  const m4 = rounders[4];
  const m5 = rounders[5];
  const w = wrap;
  const r0 = a & 4194303;
  const r1 = (((a >>> 22) | (b << 10)) & 4194303) * u1;
  const r2 = (((b >>> 12) | (c << 20)) & 4194303) * u2;
  const r3 = ((c >>> 2) & 4194303) * u3;
  const r4 = (((c >>> 24) | (d << 8)) & 4194303) * u4;
  const r5 = (d >>> 14) * u5;
  const s1 = r1 * w;
  const s2 = r2 * w;
  const s3 = r3 * w;
  const s4 = r4 * w;
  const s5 = r5 * w;
  let h0 = 0;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;
  let h5 = 0;
  let x = 0;
  let y = 0;
  let x0 = 0;
  let x1 = 0;
  let x2 = 0;
  let x3 = 0;
  let x4 = 0;
  let top = 262144;
  while (blocks--) {
    if (!blocks && !full) top = 0;
    a = words[from];
    b = words[from + 1];
    c = words[from + 2];
    d = words[from + 3];
    from += 4;
    h0 += a & 4194303;
    h1 += (((a >>> 22) | (b << 10)) & 4194303) * u1;
    h2 += (((b >>> 12) | (c << 20)) & 4194303) * u2;
    h3 += ((c >>> 2) & 4194303) * u3;
    h4 += (((c >>> 24) | (d << 8)) & 4194303) * u4;
    h5 += ((d >>> 14) | top) * u5;
    x0 = h0 * r0 + h1 * s5 + h2 * s4 + h3 * s3 + h4 * s2 + h5 * s1;
    x1 = h0 * r1 + h1 * r0 + h2 * s5 + h3 * s4 + h4 * s3 + h5 * s2;
    x2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s5 + h4 * s4 + h5 * s3;
    x3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s5 + h5 * s4;
    x4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0 + h5 * s5;
    h5 = h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1 + h5 * r0;
    // Two chains, 0 to 4 and 3 to 5 and round to 1, that a processor can run side by side.
    x = x0 + m0 - m0;
    y = x3 + m3 - m3;
    x0 -= x;
    h3 = x3 - y;
    x1 += x;
    x4 += y;
    x = x1 + m1 - m1;
    y = x4 + m4 - m4;
    h1 = x1 - x;
    h4 = x4 - y;
    x2 += x;
    h5 += y;
    x = x2 + m2 - m2;
    y = h5 + m5 - m5;
    h2 = x2 - x;
    h5 -= y;
    h3 += x;
    h0 = x0 + y * w;
    x = h0 + m0 - m0;
    y = h3 + m3 - m3;
    h0 -= x;
    h3 -= y;
    h1 += x;
    h4 += y;
  }
  limbs[0] = h0;
  limbs[1] = h1 / u1;
  limbs[2] = h2 / u2;
  limbs[3] = h3 / u3;
  limbs[4] = h4 / u4;
  limbs[5] = h5 / u5;
  x = 0;
  for (i = 0; i < 3; i++) {
    x = 4 * floorCarry(5 * x);
    // The topmost limb has two bits above 2^130.
    y = Math.floor(limbs[5] / 1048576);
    limbs[5] -= y * 1048576;
    x += y;
  }
  // Value + 5 reaches 2^130 exactly when the value is not below the prime.
  floorCarry(5);
  y = Math.floor(limbs[5] / 1048576);
  limbs[5] -= y * 1048576;
  floorCarry(5 * y - 5);
  tag[0] = limbs[0] | (limbs[1] << 22);
  tag[1] = (limbs[1] >>> 10) | (limbs[2] << 12);
  tag[2] = (limbs[2] >>> 20) | (limbs[3] << 2) | (limbs[4] << 24);
  tag[3] = (limbs[4] >>> 8) | (limbs[5] << 14);
  x = 0;
  for (i = 0; i < 4; i++) {
    x = (tag[i] >>> 0) + (key[4 + i] >>> 0) + (x > 4294967295 ? 1 : 0);
    tag[i] = x | 0;
  }
  limbs.fill(0);
}
