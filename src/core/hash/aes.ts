import { natives } from "../natives.js";

/**
 * AES-128-CBC for boards without a native one. Its tables are indexed by secret bytes, so that on hardware with a data cache the time
 * taken tells something about the key; the microcontrollers it is meant for have none.
 */

/** Made when the first interpreted AES runs: boxes, and one column of (Inv)SubBytes with (Inv)MixColumns for each direction. */
let box = new Uint8Array(0);
let inverseBox = box;
let column = new Int32Array(0);
let inverseColumn = column;
const keys = new Int32Array(44);
const state = new Int32Array(4);
const next = new Int32Array(4);
const held = new Int32Array(4);
const chain = new Int32Array(4);

function times2(x: number): number {
  return (x << 1) ^ ((x >> 7) * 283);
}

function fillTables(): void {
  let x = 1;
  let y = 1;
  let s = 0;
  let s2 = 0;
  let s4 = 0;
  let i = 0;
  box = new Uint8Array(256);
  inverseBox = new Uint8Array(256);
  column = new Int32Array(256);
  inverseColumn = new Int32Array(256);
  for (i = 0; i < 256; i++) {
    // x runs through the powers of 3, y through their inverses; zero comes last.
    s = i < 255 ? y : 0;
    s = s ^ (s << 1) ^ (s << 2) ^ (s << 3) ^ (s << 4);
    s = (s >> 8) ^ (s & 255) ^ 99;
    if (i === 255) x = 0;
    box[x] = s;
    inverseBox[s] = x;
    column[x] = (times2(s) << 24) | (s << 16) | (s << 8) | (s ^ times2(s));
    s2 = times2(x);
    s4 = times2(s2);
    y ^= y << 1;
    y ^= y << 2;
    y ^= y << 4;
    y = (y ^ (y & 128 ? 9 : 0)) & 255;
    // 14, 9, 13 and 11 times x.
    inverseColumn[s] = ((times2(s4) ^ s4 ^ s2) << 24) | ((times2(s4) ^ x) << 16) | ((times2(s4) ^ s4 ^ x) << 8) | (times2(s4) ^ s2 ^ x);
    x ^= s2;
  }
}

/** Round keys (FIPS 197, 5.2), for decryption reversed and mixed (5.3.5). */
function expandKey(key: Uint8Array, decrypt: boolean): void {
  let i = 0;
  let j = 0;
  let word = 0;
  let constant = 1;
  for (i = 0; i < 44; i++) {
    if (i < 4) word = (key[4 * i] << 24) | (key[4 * i + 1] << 16) | (key[4 * i + 2] << 8) | key[4 * i + 3];
    else {
      if (!(i & 3)) {
        word = (box[(word >> 16) & 255] << 24) | (box[(word >> 8) & 255] << 16) | (box[word & 255] << 8) | box[word >>> 24];
        word ^= constant << 24;
        constant = times2(constant);
      }
      word ^= keys[i - 4];
    }
    keys[i] = word;
  }
  if (!decrypt) return;
  for (i = 0; i < 20; i++) {
    j = 40 - (i & 60) + (i & 3);
    word = keys[i];
    keys[i] = keys[j];
    keys[j] = word;
  }
  for (i = 4; i < 40; i++) {
    word = keys[i];
    keys[i] = 0;
    for (j = 24; j >= 0; j -= 8) {
      constant = inverseColumn[box[(word >>> j) & 255]];
      keys[i] ^= (constant >>> (24 - j)) | (constant << (8 + j));
    }
  }
}

/** Encrypts or decrypts `state`; the directions differ in tables and in which way rows shift. */
function cipher(columns: Int32Array, bytes: Uint8Array, shift: number): void {
  let round = 0;
  let i = 0;
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  for (i = 0; i < 4; i++) state[i] ^= keys[i];
  for (round = 4; round < 44; round += 4) {
    for (i = 0; i < 4; i++) {
      a = state[i] >>> 24;
      b = (state[(i + shift) & 3] >>> 16) & 255;
      c = (state[(i + 2) & 3] >>> 8) & 255;
      d = state[(i - shift) & 3] & 255;
      if (round === 40) next[i] = (bytes[a] << 24) | (bytes[b] << 16) | (bytes[c] << 8) | bytes[d];
      else {
        b = columns[b];
        c = columns[c];
        d = columns[d];
        next[i] = columns[a] ^ ((b >>> 8) | (b << 24)) ^ ((c >>> 16) | (c << 16)) ^ ((d >>> 24) | (d << 8));
      }
    }
    for (i = 0; i < 4; i++) state[i] = next[i] ^ keys[round + i];
  }
}

/**
 * AES-128-CBC without padding (FIPS 197, SP 800-38A 6.2).
 *
 * @param out - at least as long as `data`; may be `data` itself when encrypting
 * @param data - a multiple of 16 bytes
 */
export function aesCbc(out: Uint8Array, key: Uint8Array, iv: Uint8Array, data: Uint8Array, decrypt: boolean): void {
  let result = out;
  let offset = 0;
  let i = 0;
  let word = 0;
  if (natives.aesCbcEncrypt && natives.aesCbcDecrypt) {
    result = new Uint8Array((decrypt ? natives.aesCbcDecrypt : natives.aesCbcEncrypt)(data, key, { iv: iv }));
    out.set(result);
    // Setting is four times as fast as filling on an interpreter; what it leaves is public.
    if (decrypt) result.set(data);
    return;
  }
  if (!box.length) fillTables();
  expandKey(key, decrypt);
  for (i = 0; i < 16; i++) chain[i >> 2] = (chain[i >> 2] << 8) | iv[i];
  for (offset = 0; offset < data.length; offset += 16) {
    for (i = 0; i < 4; i++) {
      word = offset + 4 * i;
      word = (data[word] << 24) | (data[word + 1] << 16) | (data[word + 2] << 8) | data[word + 3];
      state[i] = decrypt ? word : word ^ chain[i];
    }
    held.set(state);
    if (decrypt) {
      cipher(inverseColumn, inverseBox, 3);
      for (i = 0; i < 4; i++) state[i] ^= chain[i];
      chain.set(held);
    } else {
      cipher(column, box, 1);
      chain.set(state);
    }
    for (i = 0; i < 16; i++) out[offset + i] = state[i >> 2] >>> (24 - 8 * (i & 3));
  }
  keys.fill(0);
  state.fill(0);
  next.fill(0);
  held.fill(0);
  chain.fill(0);
}
