/** The engine's own cryptography, one function each, so that a bundle holds only what its board has. E.convolve is given as it is. */
import type { EngineCrypto, EngineE } from "./engine.js";

declare const E: EngineE;
declare function require(name: "crypto"): EngineCrypto;

export function sha256(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(require("crypto").SHA256(parts));
}

export function sha512(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(require("crypto").SHA512(parts));
}

export function aesCbcEncrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(require("crypto").AES.encrypt(data, key, { iv: iv, mode: "CBC" }));
}

export function aesCbcDecrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(require("crypto").AES.decrypt(data, key, { iv: iv, mode: "CBC" }));
}

export function crc32(bytes: Uint8Array): number {
  return E.CRC32(bytes);
}
