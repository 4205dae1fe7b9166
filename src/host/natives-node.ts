import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Natives } from "../core/natives.js";

function hash(name: string, parts: Uint8Array[]): Uint8Array {
  const state = createHash(name);
  for (const part of parts) state.update(part);
  return state.digest();
}

/** Core's native primitives over Node's own cryptography, for the host's side of the work. Hand them to `adoptNatives`. */
export const nodeNatives: Natives = {
  sha256: (parts) => hash("sha256", parts),
  sha512: (parts) => hash("sha512", parts),
  aesCbcEncrypt(key, iv, data) {
    const cipher = createCipheriv("aes-128-cbc", key, iv);
    cipher.setAutoPadding(false);
    return cipher.update(data);
  },
  aesCbcDecrypt(key, iv, data) {
    const cipher = createDecipheriv("aes-128-cbc", key, iv);
    cipher.setAutoPadding(false);
    return cipher.update(data);
  },
  crc32: typeof crc32 === "function" ? (bytes) => crc32(bytes) : undefined,
};
