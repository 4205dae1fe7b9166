import { createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { TREE_OK, treeOpenFinish, treeOpenStart, treeOpenStep } from "../../src/core/tree/tree.js";
import type { ReadBytes } from "../../src/core/tree/tree.js";
import type { BlockSigner } from "../../src/center/tree/block.js";

/** Ed25519 by Node, from a seed of 32 bytes. */
export function signerOf(seed: Uint8Array): BlockSigner {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const privateKey = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(privateKey).export({ format: "der", type: "spki" }).subarray(12);
  return { publicKey: new Uint8Array(publicKey), sign: (message) => new Uint8Array(sign(null, message, privateKey)) };
}

export function readerOf(bytes: Uint8Array): ReadBytes {
  return (offset, out) => {
    if (offset + out.length > bytes.length) return false;
    out.set(bytes.subarray(offset, offset + out.length));
    return true;
  };
}

/** Opens a slice as firmware does; the media key, or the status that refuses it. */
export function openSlice(slice: Uint8Array, keys: Uint8Array, publicKey: Uint8Array, floor = 0): Uint8Array | number {
  const mediaKey = new Uint8Array(32).fill(0xee);
  const started = treeOpenStart(slice, readerOf(keys), publicKey, floor);
  if (started !== TREE_OK) return started;
  while (!treeOpenStep());
  const status = treeOpenFinish(mediaKey, readerOf(keys));
  if (status === TREE_OK) return mediaKey;
  if (mediaKey.some((byte) => byte !== 0)) throw new Error(`status ${status} left bytes in the media key`);
  return status;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

const hmac = (key: Uint8Array, byte: number): Buffer => createHmac("sha256", key).update(Uint8Array.of(byte)).digest();

/**
 * Every sealing key that the holder of this key material can compute, by name of the subset that the key is for ("node" or "node-except").
 * Written from the format's description alone, with Node's HMAC.
 */
export function derivableKeys(keys: Uint8Array): Map<string, string> {
  const found = new Map<string, string>();
  const depth = keys[6];
  const leafNode = 2 ** depth + Buffer.from(keys).readUInt32BE(16);
  const key = (index: number): Uint8Array => keys.subarray(20 + 32 * index, 52 + 32 * index);
  if (keys[5] === 1) {
    for (let level = 0; level <= depth; level++) found.set(hex(key(level)), `${leafNode >>> (depth - level)}`);
    return found;
  }
  const spread = (top: number, node: number, label: Uint8Array): void => {
    found.set(hex(hmac(label, 17)), `${top}-${node}`);
    if (node < 2 ** depth) {
      spread(top, 2 * node, hmac(label, 16));
      spread(top, 2 * node + 1, hmac(label, 18));
    }
  };
  let index = 0;
  found.set(hex(key(index++)), "1");
  for (let top = 0; top < depth; top++)
    for (let level = top + 1; level <= depth; level++) spread(leafNode >>> (depth - top), (leafNode >>> (depth - level)) ^ 1, key(index++));
  return found;
}
