/**
 * Keys and seals as docs/protocol.md and docs/format.md describe them, over other people's cryptography: Node's hashes and AES, noble's curve, tweetnacl's secretbox. Nothing
 * here, nor in the files beside it, comes from the project's own sources: whether the documents suffice is what it is for.
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, timingSafeEqual } from "node:crypto";
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import nacl from "tweetnacl";

export type Bytes = Uint8Array;

export function join(...parts: (Bytes | number[])[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

export function u16(value: number): number[] {
  return [(value >> 8) & 255, value & 255];
}

export function u32(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

export function read32(bytes: Bytes, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);
}

export function same(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function sha256(...parts: Bytes[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

export function hmac(key: Bytes, ...parts: (Bytes | number[])[]): Bytes {
  return new Uint8Array(
    createHmac("sha256", key)
      .update(join(...parts))
      .digest(),
  );
}

/** Notation: derive(K, n, c) = HMAC(K, byte n | c). */
export function derive(key: Bytes, label: number, context: Bytes = new Uint8Array(0)): Bytes {
  return hmac(key, [label], context);
}

function keystream(key: Bytes, tag: Bytes, length: number): Bytes {
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, block) => hmac(key, [2], tag, u32(block)));
  return join(...blocks).slice(0, length);
}

/** Format, "Seal". */
export function seal(key: Bytes, associated: Bytes, plain: Bytes): Bytes {
  const tag = hmac(key, [1], u32(associated.length), associated, plain).slice(0, 16);
  const mask = keystream(key, tag, plain.length);
  return join(
    tag,
    plain.map((byte, i) => byte ^ mask[i]),
  );
}

/** The plaintext, or null. */
export function open(key: Bytes, associated: Bytes, sealed: Bytes): Bytes | null {
  const tag = sealed.slice(0, 16);
  const mask = keystream(key, tag, sealed.length - 16);
  const plain = sealed.slice(16).map((byte, i) => byte ^ mask[i]);
  return same(hmac(key, [1], u32(associated.length), associated, plain).slice(0, 16), tag) ? plain : null;
}

export function publicKeyOf(privateKey: Bytes): Bytes {
  return x25519.getPublicKey(privateKey);
}

/** X25519; throws where the result is all zeros. */
export function agree(privateKey: Bytes, publicKey: Bytes): Bytes {
  return x25519.getSharedSecret(privateKey, publicKey);
}

export function verify(signature: Bytes, message: Bytes, publicKey: Bytes): boolean {
  return ed25519.verify(signature, message, publicKey, { zip215: false });
}

/** Format, "Stream": opens the sealed chunks of one content. */
export class OutsideStream {
  readonly #suite: number;
  readonly #chunk: number;
  readonly #keys: Bytes;
  readonly #hash: Bytes;

  constructor(header: Bytes, titleKey: Bytes) {
    this.#suite = header[5];
    this.#chunk = (header[6] << 8) | header[7];
    this.#hash = sha256(header);
    this.#keys = new Uint8Array(hkdfSync("sha256", titleKey, this.#hash, `leyden stream suite ${String(this.#suite)}`, 48));
  }

  /** Bytes of a sealed chunk, for so many of plaintext. */
  sealedLength(plain = this.#chunk): number {
    return this.#suite === 1 ? plain + 16 : 16 * (Math.floor(plain / 16) + 1) + 16;
  }

  /** The plaintext of one chunk, or null. */
  open(index: number, last: boolean, sealed: Bytes): Bytes | null {
    const place = join(u32(0), u32(index), [last ? 1 : 0]);
    const keys = this.#keys;
    if (this.#suite === 1) return nacl.secretbox.open(sealed, join(keys.slice(32, 47), place), keys.slice(0, 32));
    const [macKey, key, ivKey] = [keys.slice(0, 16), keys.slice(16, 32), keys.slice(32, 48)];
    const text = sealed.slice(0, -16);
    const associated = join(this.#hash, place);
    const iv = createCipheriv("aes-128-ecb", ivKey, null).update(join(place, new Uint8Array(7)));
    const tag = hmac(macKey, associated, iv, text, u32(0), u32(associated.length * 8)).slice(0, 16);
    if (!same(tag, sealed.slice(-16))) return null;
    const cipher = createDecipheriv("aes-128-cbc", key, iv);
    return join(cipher.update(text), cipher.final());
  }
}
