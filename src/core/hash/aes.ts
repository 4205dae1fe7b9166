import { get32, put32 } from "../bytes.js";
import { expectApart, expectBlocks, expectLength, expectRoom } from "../check.js";
import { natives } from "../natives.js";

/**
 * AES-128-CBC for boards without a native one. Its boxes are indexed by secret bytes, so that on hardware with a data cache the time
 * taken tells something about the key; the microcontrollers it is meant for have none.
 */

/** Interpreted AES, in a function of its own so that its parts take no memory before they are needed. */
export function createAes(): Cbc {
  const box = new Uint8Array(256);
  const inverseBox = new Uint8Array(256);
  const memory = new Int32Array(60);
  const keys = memory.subarray(0, 44);
  const state = memory.subarray(44, 48);
  const next = memory.subarray(48, 52);
  const held = memory.subarray(52, 56);
  const chain = memory.subarray(56);

  /** Each of four bytes times x in GF(2^8). */
  function times2(word: number): number {
    return ((word << 1) & -16843010) ^ (((word >>> 7) & 16843009) * 27);
  }

  function rotated(word: number, count: number): number {
    return (word << count) | (word >>> (32 - count));
  }

  /** SubBytes and its inverse as tables (FIPS 197, 5.1.1). */
  function fillBoxes(): void {
    let x = 1;
    let y = 1;
    let s = 0;
    let i = 0;
    box[0] = 99;
    for (i = 0; i < 255; i++) {
      // x runs through the powers of 3, y through their inverses.
      s = y ^ (y << 1) ^ (y << 2) ^ (y << 3) ^ (y << 4);
      s = (s >> 8) ^ (s & 255) ^ 99;
      box[x] = s;
      inverseBox[s] = x;
      y ^= y << 1;
      y ^= y << 2;
      y ^= y << 4;
      y = (y ^ (y & 128 ? 9 : 0)) & 255;
      x ^= times2(x);
    }
  }

  function substitute(bytes: Uint8Array, word: number): number {
    return (bytes[word >>> 24] << 24) | (bytes[(word >> 16) & 255] << 16) | (bytes[(word >> 8) & 255] << 8) | bytes[word & 255];
  }

  /** MixColumns of one column, or its inverse (5.1.3, 5.3.3). */
  function mix(column: number, inverse: boolean): number {
    let turned = 0;
    if (inverse) column ^= times2(times2(column ^ rotated(column, 16)));
    turned = rotated(column, 8);
    return times2(column ^ turned) ^ turned ^ rotated(column, 16) ^ rotated(column, 24);
  }

  /** Round keys (5.2). */
  function expandKey(key: Uint8Array): void {
    let i = 0;
    let word = 0;
    let constant = 1;
    for (i = 0; i < 44; i++) {
      if (i < 4) word = get32(key, 4 * i);
      else {
        if (!(i & 3)) {
          word = substitute(box, rotated(word, 8)) ^ (constant << 24);
          constant = times2(constant);
        }
        word ^= keys[i - 4];
      }
      keys[i] = word;
    }
  }

  /** Encrypts or decrypts `state` (5.1, 5.3). */
  function cipher(decrypt: boolean): void {
    const bytes = decrypt ? inverseBox : box;
    const shift = decrypt ? 3 : 1;
    let round = 0;
    let i = 0;
    let word = 0;
    for (round = 0; round < 11; round++) {
      for (i = 0; i < 4; i++) {
        word = state[i];
        if (round) {
          word = (word & -16777216) | (state[(i + shift) & 3] & 16711680) | (state[(i + 2) & 3] & 65280) | (state[(i - shift) & 3] & 255);
          word = substitute(bytes, word);
          if (!decrypt && round < 10) word = mix(word, false);
        }
        word ^= keys[4 * (decrypt ? 10 - round : round) + i];
        next[i] = decrypt && round % 10 ? mix(word, true) : word;
      }
      state.set(next);
    }
  }

  fillBoxes();
  return function (out, key, iv, data, decrypt) {
    let offset = 0;
    let i = 0;
    expandKey(key);
    for (i = 0; i < 4; i++) chain[i] = get32(iv, 4 * i);
    for (offset = 0; offset < data.length; offset += 16) {
      for (i = 0; i < 4; i++) {
        held[i] = get32(data, offset + 4 * i);
        state[i] = decrypt ? held[i] : held[i] ^ chain[i];
      }
      cipher(decrypt);
      for (i = 0; i < 4; i++) {
        if (decrypt) state[i] ^= chain[i];
        chain[i] = decrypt ? held[i] : state[i];
        put32(out, offset + 4 * i, state[i]);
      }
    }
    memory.fill(0);
  };
}

/** See `aesCbc`. */
export type Cbc = (out: Uint8Array, key: Uint8Array, iv: Uint8Array, data: Uint8Array, decrypt: boolean) => void;

/** Made when the first interpreted AES runs. */
let own: Cbc | null = null;

/**
 * AES-128-CBC without padding (FIPS 197, SP 800-38A 6.2).
 *
 * @param out - at least as long as `data`; may be `data` itself
 * @param key - 16 bytes
 * @param iv - 16 bytes
 * @param data - a multiple of 16 bytes
 */
export function aesCbc(out: Uint8Array, key: Uint8Array, iv: Uint8Array, data: Uint8Array, decrypt: boolean): void {
  let result = out;
  expectLength("key", key, 16);
  expectLength("iv", iv, 16);
  expectBlocks("data", data, 16);
  expectRoom("out", out, data.length);
  expectApart("out", out, "data", data);
  if (natives.aesCbcEncrypt && natives.aesCbcDecrypt) {
    result = new Uint8Array((decrypt ? natives.aesCbcDecrypt : natives.aesCbcEncrypt)(data, key, { iv: iv }));
    out.set(result);
    // Setting is four times as fast as filling on an interpreter; what it leaves is public.
    if (decrypt) result.set(data);
    return;
  }
  if (!own) own = createAes();
  own(out, key, iv, data, decrypt);
}
