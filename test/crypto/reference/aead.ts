import { hmac } from "./sha2.js";

/** AES-128 (FIPS 197) in the field of 2^8 without tables, CBC, and AEAD_AES_128_CBC_HMAC_SHA_256 (RFC 7518, 5.2); slow. */

function multiply(a: number, b: number): number {
  let product = 0;
  for (let x = a, y = b; y; y >>= 1, x = (x << 1) ^ (x & 0x80 ? 0x11b : 0)) if (y & 1) product ^= x;
  return product;
}

function substitute(byte: number): number {
  let inverse = 0;
  for (let candidate = 1; candidate < 256; candidate++) if (multiply(byte, candidate) === 1) inverse = candidate;
  let out = 0x63;
  for (let i = 0; i < 5; i++) out ^= (inverse << i) | (inverse >> (8 - i));
  return out & 255;
}

const BOX = Array.from({ length: 256 }, (_, i) => substitute(i));

function expandKey(key: Uint8Array): number[][] {
  const words = Array.from({ length: 4 }, (_, i) => [...key.subarray(4 * i, 4 * i + 4)]);
  for (let i = 4, constant = 1; i < 44; i++) {
    let word = words[i - 1];
    if (i % 4 === 0) {
      word = [word[1], word[2], word[3], word[0]].map((byte) => BOX[byte]);
      word[0] ^= constant;
      constant = multiply(constant, 2);
    }
    words.push(word.map((byte, j) => byte ^ words[i - 4][j]));
  }
  return words;
}

/** Encrypts a block, or decrypts it with each step undone in reverse order. */
function block(key: Uint8Array, input: Uint8Array, decrypt: boolean): Uint8Array {
  const words = expandKey(key);
  let s = [...input];
  const addKey = (round: number) => (s = s.map((byte, i) => byte ^ words[4 * round + (i >> 2)][i & 3]));
  const sub = () => (s = s.map((byte) => (decrypt ? BOX.indexOf(byte) : BOX[byte])));
  const shift = () => (s = s.map((_, i) => s[(i + (decrypt ? -4 : 4) * (i & 3) + 64) % 16]));
  const mix = () =>
    (s = s.map((_, i) => {
      const [a, b, c, d] = decrypt ? [14, 11, 13, 9] : [2, 3, 1, 1];
      const column = (j: number) => s[(i & 12) + ((i + j) & 3)];
      return multiply(column(0), a) ^ multiply(column(1), b) ^ multiply(column(2), c) ^ multiply(column(3), d);
    }));
  if (decrypt) {
    addKey(10);
    for (let round = 9; round >= 0; round--) {
      shift();
      sub();
      addKey(round);
      if (round) mix();
    }
  } else {
    addKey(0);
    for (let round = 1; round <= 10; round++) {
      sub();
      shift();
      if (round < 10) mix();
      addKey(round);
    }
  }
  return Uint8Array.from(s);
}

export function cbc(key: Uint8Array, iv: Uint8Array, data: Uint8Array, decrypt: boolean): Uint8Array {
  const out: number[] = [];
  let chain = iv;
  for (let at = 0; at < data.length; at += 16) {
    const input = data.subarray(at, at + 16);
    const result = decrypt
      ? block(key, input, true).map((byte, i) => byte ^ chain[i])
      : block(
          key,
          input.map((byte, i) => byte ^ chain[i]),
          false,
        );
    chain = decrypt ? input : result;
    out.push(...result);
  }
  return Uint8Array.from(out);
}

/** RFC 7518, 5.2.2.1: ciphertext, then tag. `key` is MAC key, then encryption key. */
export function seal(key: Uint8Array, iv: Uint8Array, associated: Uint8Array, plain: Uint8Array): Uint8Array {
  const padding = 16 - (plain.length % 16);
  const ciphertext = cbc(key.subarray(16), iv, Uint8Array.from([...plain, ...Array<number>(padding).fill(padding)]), false);
  const bits = new Uint8Array(8);
  new DataView(bits.buffer).setBigUint64(0, BigInt(associated.length) * 8n);
  const tag = hmac(key.subarray(0, 16), Uint8Array.from([...associated, ...iv, ...ciphertext, ...bits])).subarray(0, 16);
  return Uint8Array.from([...ciphertext, ...tag]);
}
