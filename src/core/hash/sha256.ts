import { expectLength } from "../check.js";
import { natives } from "../natives.js";
import { fillConstants, initialValues, roundConstants } from "./constants.js";

/** A running SHA-256, for input that is not in memory at once. Made once by `sha256State`; flat, without references to input. */
export interface Sha256State {
  readonly words: Int32Array;
  readonly block: Uint8Array;
  /** Bytes waiting in `block`. */
  used: number;
  /** Bytes hashed so far. */
  total: number;
}

const schedule = new Int32Array(64);

/** One block (FIPS 180-4, 6.2.2), interpreted. */
function compress(words: Int32Array, block: Uint8Array, offset: number): void {
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
  const w = schedule;
  const k = roundConstants;
  for (i = 0; i < 64; i++) {
    if (i < 16) {
      x = (block[offset] << 24) | (block[offset + 1] << 16) | (block[offset + 2] << 8) | block[offset + 3];
      offset += 4;
    } else {
      x = w[i - 15];
      y = w[i - 2];
      x =
        (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) +
        (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)) +
        w[i - 16] +
        w[i - 7];
    }
    w[i] = x;
    x = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + (g ^ (e & (f ^ g))) + k[2 * i] + w[i]) | 0;
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
}

/** A state of 96 bytes and three numbers; call `sha256Init` before each message. */
export function sha256State(): Sha256State {
  return { words: new Int32Array(8), block: new Uint8Array(64), used: 0, total: 0 };
}

export function sha256Init(state: Sha256State): void {
  let i = 0;
  fillConstants();
  for (i = 0; i < 8; i++) state.words[i] = initialValues[2 * i];
  state.used = state.total = 0;
}

export function sha256Update(state: Sha256State, bytes: Uint8Array): void {
  let from = 0;
  let take = 0;
  state.total += bytes.length;
  while (from < bytes.length) {
    if (state.used === 0 && bytes.length - from >= 64) {
      compress(state.words, bytes, from);
      from += 64;
    } else {
      take = Math.min(64 - state.used, bytes.length - from);
      state.block.set(bytes.subarray(from, from + take), state.used);
      from += take;
      state.used += take;
      if (state.used === 64) {
        compress(state.words, state.block, 0);
        state.used = 0;
      }
    }
  }
}

/** Writes the 32-byte digest and wipes `state`. */
export function sha256Final(state: Sha256State, out: Uint8Array): void {
  let i = 0;
  const block = state.block;
  block[state.used] = 128;
  block.fill(0, state.used + 1);
  if (state.used > 55) {
    compress(state.words, block, 0);
    block.fill(0);
  }
  for (i = 0; i < 4; i++) {
    block[63 - i] = (state.total << 3) >>> (8 * i);
    block[59 - i] = Math.floor(state.total / 536870912) >>> (8 * i);
  }
  compress(state.words, block, 0);
  for (i = 0; i < 32; i++) out[i] = state.words[i >> 2] >>> (24 - 8 * (i & 3));
  state.words.fill(0);
  block.fill(0);
  schedule.fill(0);
}

let shared: Sha256State | undefined = undefined;

/**
 * SHA-256 of the concatenation of `parts` (FIPS 180-4).
 *
 * @param out - 32 bytes; may be one of the parts
 */
export function sha256(out: Uint8Array, parts: Uint8Array[]): void {
  const native = natives.sha256;
  let digest = out;
  let i = 0;
  if (out.length !== 32) expectLength("out", out, 32);
  if (native) {
    digest = new Uint8Array(native(parts));
    out.set(digest);
    digest.fill(0);
    return;
  }
  if (!shared) shared = sha256State();
  sha256Init(shared);
  for (i = 0; i < parts.length; i++) sha256Update(shared, parts[i]);
  sha256Final(shared, out);
}
