import { get32 } from "../bytes.js";
import { expectLength, expectParts } from "../check.js";
import { natives } from "../natives.js";
import { sha2Constants } from "./constants.js";
import { createDigest, type Hash } from "./digest.js";

/** Interpreted SHA-256, in a function of its own so that its parts take no memory before they are needed. */
export function createSha256(): Hash {
  const constants = sha2Constants(160);

  /** One block (FIPS 180-4, 6.2.2), interpreted, as one slice. */
  function compress(words: Int32Array, block: Uint8Array, w: Int32Array): number {
    let a = words[0];
    let b = words[1];
    let c = words[2];
    let d = words[3];
    let e = words[4];
    let f = words[5];
    let g = words[6];
    let h = words[7];
    let x = 0;
    let y = 0;
    let i = 0;
    let j = 0;
    const k = constants;
    for (i = 0; i < 64; i++) {
      j = i & 15;
      if (i < 16) w[i] = get32(block, 4 * i) | 0;
      else {
        x = w[(i + 1) & 15];
        y = w[(i + 14) & 15];
        w[j] +=
          (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) +
          (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)) +
          w[(i + 9) & 15];
      }
      x = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + (g ^ (e & (f ^ g))) + k[2 * i] + w[j]) | 0;
      y = (((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) | (c & (a | b)));
      h = g;
      g = f;
      f = e;
      e = (d + x) | 0;
      d = c;
      c = b;
      b = a;
      a = (x + y) | 0;
    }
    words[0] += a;
    words[1] += b;
    words[2] += c;
    words[3] += d;
    words[4] += e;
    words[5] += f;
    words[6] += g;
    words[7] += h;
    return 0;
  }

  return createDigest<Int32Array>(new Int32Array(8), new Int32Array(16), compress);
}

/** Made when the first interpreted hash runs. */
let own: Hash | null = null;

/**
 * SHA-256 of the concatenation of `parts` (FIPS 180-4).
 *
 * @param out - 32 bytes; may be one of the parts
 */
export function sha256(out: Uint8Array, parts: Uint8Array[]): void {
  const native = natives.sha256;
  let answer = out;
  expectLength("out", out, 32);
  expectParts("parts", parts);
  if (native) {
    answer = new Uint8Array(native(parts));
    out.set(answer);
    answer.fill(0);
    return;
  }
  if (!own) own = createSha256();
  while (!own(out, parts));
}
