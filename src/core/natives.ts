import { get32 } from "./bytes.js";

/**
 * What an engine computes faster than interpreted code can. Every member is optional; core falls back to its own code for each one
 * that is missing or that fails its known-answer test. Their shapes are Espruino's, so that a board gives the engine's functions as they
 * are: a function around each would take longer than the work. Results are fresh buffers which the caller copies, wipes and drops.
 */
export interface Natives {
  /** SHA-256 of the concatenation of `parts`, 32 bytes. */
  sha256?(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  /** SHA-512 of the concatenation of `parts`, 64 bytes. */
  sha512?(parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer;
  /** AES-128-CBC without padding; `data` is a multiple of 16 bytes. */
  aesCbcEncrypt?(data: Uint8Array, key: Uint8Array, options: AesOptions): ArrayBuffer;
  aesCbcDecrypt?(data: Uint8Array, key: Uint8Array, options: AesOptions): ArrayBuffer;
  /** Sum over i of a[i] * b[(shift + i) modulo b.length], added up in the order of i in doubles. */
  convolve?(a: Float64Array, b: Float64Array, shift: number): number;
  /** CRC-32 (IEEE 802.3, reflected) as an unsigned number. */
  crc32?(bytes: Uint8Array): number;
}

export interface AesOptions {
  /** 16 bytes. */
  iv: Uint8Array | ArrayBuffer;
}

/** What `adoptNatives` has refused, as bits of its answer. */
export const REFUSED_SHA256 = 1;
export const REFUSED_SHA512 = 2;
export const REFUSED_AES = 4;
export const REFUSED_CONVOLVE = 8;
export const REFUSED_CRC32 = 16;

/** The primitives in use; members are absent where core's own code runs. */
export const natives: Natives = {};

/** Hashes the hash of two parts, so that one word of the second digest vouches for all of the first. */
function hashAnswers(hash: (parts: (Uint8Array | ArrayBuffer)[]) => ArrayBuffer, length: number, expected: number): boolean {
  let digest = new Uint8Array(hash([new Uint8Array([97]), new Uint8Array([98, 99])]));
  if (digest.length !== length) return false;
  digest = new Uint8Array(hash([digest.buffer]));
  return digest.length === length && get32(digest, 0) === expected;
}

function aesAnswers(offered: Natives): boolean {
  const key = new Uint8Array(16);
  const iv = new Uint8Array(16);
  const data = new Uint8Array(32);
  let sealed: Uint8Array;
  let difference = 0;
  let i = 0;
  if (!offered.aesCbcEncrypt || !offered.aesCbcDecrypt) return false;
  for (i = 0; i < 32; i++) {
    key[i & 15] = i;
    iv[i & 15] = 7 * i;
    data[i] = 11 * i;
  }
  sealed = new Uint8Array(offered.aesCbcEncrypt(data, key, { iv: iv }));
  if (sealed.length !== 32 || get32(sealed, 0) !== 0xb1d6c8c2 || get32(sealed, 28) !== 0xc67fb09e) return false;
  sealed = new Uint8Array(offered.aesCbcDecrypt(sealed, key, { iv: iv.buffer }));
  for (i = 0; i < 32; i++) difference |= sealed[i] ^ data[i];
  return difference === 0 && sealed.length === 32;
}

/** Exact up to 2^53, wrapping round, adding in order (5 + 1.5 * 2^54 - 1.5 * 2^54 is 4). */
function convolveAnswers(convolve: (a: Float64Array, b: Float64Array, shift: number) => number): boolean {
  const a = new Float64Array([67108863, 1]);
  const b = new Float64Array([134217727, -5, 7]);
  const order = new Float64Array([5, 27021597764222976, -27021597764222976]);
  return convolve(a, b, 0) === 9007199053414396 && convolve(a, b, 2) === 603979768 && convolve(new Float64Array([1, 1, 1]), order, 0) === 4;
}

/** Calls an engine function that may throw on what it does not know. */
function answers(test: () => boolean): boolean {
  try {
    return test();
  } catch (error) {
    return false;
  }
}

/**
 * Installs those of `offered` that pass their known-answer tests, and only those, into `natives`.
 *
 * @returns the sum of REFUSED_ bits of what was offered and answered wrong
 */
export function adoptNatives(offered: Natives): number {
  let refused = 0;
  const sha256 = offered.sha256;
  const sha512 = offered.sha512;
  const convolve = offered.convolve;
  const crc32 = offered.crc32;
  natives.sha256 = natives.sha512 = natives.aesCbcEncrypt = natives.aesCbcDecrypt = natives.convolve = natives.crc32 = undefined;
  if (sha256) {
    if (answers(() => hashAnswers(sha256, 32, 0x4f8b42c2))) natives.sha256 = sha256;
    else refused |= REFUSED_SHA256;
  }
  if (sha512) {
    if (answers(() => hashAnswers(sha512, 64, 0x373a9f3a))) natives.sha512 = sha512;
    else refused |= REFUSED_SHA512;
  }
  if (offered.aesCbcEncrypt || offered.aesCbcDecrypt) {
    if (answers(() => aesAnswers(offered))) {
      natives.aesCbcEncrypt = offered.aesCbcEncrypt;
      natives.aesCbcDecrypt = offered.aesCbcDecrypt;
    } else refused |= REFUSED_AES;
  }
  if (convolve) {
    if (answers(() => convolveAnswers(convolve))) natives.convolve = convolve;
    else refused |= REFUSED_CONVOLVE;
  }
  if (crc32) {
    if (answers(() => crc32(new Uint8Array([49, 50, 51, 52, 53, 54, 55, 56, 57])) === 0xcbf43926)) natives.crc32 = crc32;
    else refused |= REFUSED_CRC32;
  }
  return refused;
}
