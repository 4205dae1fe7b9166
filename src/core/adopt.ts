import { equal, get32 } from "./bytes.js";
import { expectObject, expectOptional } from "./check.js";
import { createAes, type Cbc } from "./hash/aes.js";
import { createCrc32 } from "./hash/crc32.js";
import type { Hash } from "./hash/digest.js";
import { createSha256 } from "./hash/sha256.js";
import { createSha512 } from "./hash/sha512.js";
import { natives, type AesOptions, type Limbs, type Natives } from "./natives.js";

/** What `adoptNatives` has refused, as bits of its answer. */
export const REFUSED_SHA256 = 1;
export const REFUSED_SHA512 = 2;
export const REFUSED_AES = 4;
export const REFUSED_CONVOLVE = 8;
export const REFUSED_CRC32 = 16;

type Parts = (Uint8Array | ArrayBuffer)[];

/** An interpreted hash in the shape of a native one, for digests of `length` bytes. */
function nativeHash(length: number, hash: Hash): (parts: Parts) => ArrayBuffer {
  return function (parts) {
    const out = new Uint8Array(length);
    const views: Uint8Array[] = [];
    let i = 0;
    for (i = 0; i < parts.length; i++) views[i] = new Uint8Array(parts[i]);
    while (!hash(out, views));
    return out.buffer;
  };
}

/** Interpreted AES in the shape of a native one. */
function nativeAes(aes: Cbc, decrypt: boolean): (data: Uint8Array, key: Uint8Array, options: AesOptions) => ArrayBuffer {
  return function (data, key, options) {
    const out = new Uint8Array(data.length);
    aes(out, key, new Uint8Array(options.iv), data, decrypt);
    return out.buffer;
  };
}

/** An interpreted inner product. */
function innerProduct(a: Limbs, b: Limbs, shift: number): number {
  let sum = 0;
  let i = 0;
  for (i = 0; i < a.length; i++) sum += a[i] * b[(shift + i) % b.length];
  return sum;
}

/** Hashes the hash of two parts, so that one word of the second digest vouches for all of the first. */
function hashAnswers(hash: (parts: Parts) => ArrayBuffer, length: number, expected: number): boolean {
  let digest = new Uint8Array(hash([new Uint8Array([97]), new Uint8Array([98, 99])]));
  if (digest.length !== length) return false;
  digest = new Uint8Array(hash([digest.buffer]));
  return get32(digest, 0) === expected;
}

function aesAnswers(offered: Natives): boolean {
  const key = new Uint8Array(16);
  const iv = new Uint8Array(16);
  const data = new Uint8Array(32);
  let sealed = data;
  let i = 0;
  if (!offered.aesCbcEncrypt || !offered.aesCbcDecrypt) return false;
  for (i = 0; i < 32; i++) {
    key[i & 15] = i;
    iv[i & 15] = 7 * i;
    data[i] = 11 * i;
  }
  sealed = new Uint8Array(offered.aesCbcEncrypt(data, key, { iv: iv }));
  if (sealed.length !== 32 || get32(sealed, 0) !== 0xb1d6c8c2 || get32(sealed, 28) !== 0xc67fb09e) return false;
  return equal(new Uint8Array(offered.aesCbcDecrypt(sealed, key, { iv: iv.buffer })), data);
}

/** Exact up to 2^53 for integers, wrapping round, adding in order for doubles (5 + 1.5 * 2^54 - 1.5 * 2^54 is 4). */
function convolveAnswers(convolve: (a: Limbs, b: Limbs, shift: number) => number): boolean {
  const a = new Int32Array([67108863, 1]);
  const b = new Int32Array([134217727, -5, 7]);
  const order = new Float64Array([5, 27021597764222976, -27021597764222976]);
  return convolve(a, b, 0) === 9007199053414396 && convolve(a, b, 2) === 603979768 && convolve(new Float64Array([1, 1, 1]), order, 0) === 4;
}

function crcAnswers(crc32: (bytes: Uint8Array) => number): boolean {
  return crc32(new Uint8Array([49, 50, 51, 52, 53, 54, 55, 56, 57])) === 0xcbf43926;
}

/** Calls an engine function, by way of its test, that may throw on what it does not know. */
function answers<First, Second, Third>(test: (a: First, b: Second, c: Third) => boolean, a: First, b: Second, c: Third): boolean {
  try {
    return test(a, b, c);
  } catch (error) {
    return false;
  }
}

/**
 * Installs what of `offered` passes its known-answer test into `natives`, and core's own code in the place of what does not.
 *
 * @returns the sum of REFUSED_ bits of what was offered and answered wrong; `natives.refused` keeps it
 */
export function adoptNatives(offered: Natives): number {
  let refused = 0;
  expectObject("offered", offered);
  expectOptional("offered.collect", offered.collect);
  const sha256 = offered.sha256;
  const sha512 = offered.sha512;
  const aesCbcEncrypt = offered.aesCbcEncrypt;
  const aesCbcDecrypt = offered.aesCbcDecrypt;
  const convolve = offered.convolve;
  const crc32 = offered.crc32;
  natives.sha256 = sha256;
  natives.sha512 = sha512;
  natives.aesCbcEncrypt = aesCbcEncrypt;
  natives.aesCbcDecrypt = aesCbcDecrypt;
  natives.convolve = convolve;
  natives.crc32 = crc32;
  natives.collect = offered.collect;
  if (sha256 && !answers(hashAnswers, sha256, 32, 0x4f8b42c2)) {
    refused |= REFUSED_SHA256;
    if (!natives.only) natives.sha256 = nativeHash(32, createSha256());
  }
  if (sha512 && !answers(hashAnswers, sha512, 64, 0x373a9f3a)) {
    refused |= REFUSED_SHA512;
    if (!natives.only) natives.sha512 = nativeHash(64, createSha512());
  }
  if ((aesCbcEncrypt || aesCbcDecrypt) && !answers(aesAnswers, offered, 0, 0)) {
    refused |= REFUSED_AES;
    if (!natives.only) {
      natives.aesCbcEncrypt = nativeAes(createAes(), false);
      natives.aesCbcDecrypt = nativeAes(createAes(), true);
    }
  }
  if (convolve && !answers(convolveAnswers, convolve, 0, 0)) {
    refused |= REFUSED_CONVOLVE;
    if (!natives.only) natives.convolve = innerProduct;
  }
  if (crc32 && !answers(crcAnswers, crc32, 0, 0)) {
    refused |= REFUSED_CRC32;
    if (!natives.only) natives.crc32 = createCrc32();
  }
  natives.refused = refused;
  return refused;
}
