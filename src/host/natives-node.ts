import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { AesOptions, Natives } from "../core/natives.js";

/** The memory of a result, which may be part of a pool. */
function memory(bytes: Buffer): ArrayBuffer {
  const { buffer, byteOffset, length } = bytes;
  return (length === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + length)) as ArrayBuffer;
}

function view(bytes: Uint8Array | ArrayBuffer): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
}

function hash(name: string, parts: (Uint8Array | ArrayBuffer)[]): ArrayBuffer {
  const state = createHash(name);
  for (const part of parts) state.update(view(part));
  return memory(state.digest());
}

function aes(make: typeof createCipheriv | typeof createDecipheriv, data: Uint8Array, key: Uint8Array, options: AesOptions): ArrayBuffer {
  const cipher = make("aes-128-cbc", key, view(options.iv));
  cipher.setAutoPadding(false);
  return memory(cipher.update(data));
}

/** Core's native primitives over Node's own cryptography, for the host's side of the work. Hand them to `adoptNatives`. */
export const nodeNatives: Natives = {
  sha256: (parts) => hash("sha256", parts),
  sha512: (parts) => hash("sha512", parts),
  aesCbcEncrypt: (data, key, options) => aes(createCipheriv, data, key, options),
  aesCbcDecrypt: (data, key, options) => aes(createDecipheriv, data, key, options),
  crc32: typeof crc32 === "function" ? (bytes) => crc32(bytes) : undefined,
};
