import { aesCbc } from "../hash/aes.js";
import { hmacPrepare } from "../hash/hmac.js";
import { natives } from "../natives.js";
import { sha256 } from "../hash/sha256.js";
import type { Stream, Suite } from "./stream.js";

/** Bits of associated data as 64 bits: 41 bytes. */
const associatedBits = new Uint8Array([0, 0, 0, 0, 0, 0, 1, 72]);
const zero = new Uint8Array(16);
const iv = new Uint8Array(16);
const digest = new Uint8Array(32);
const mac = new Uint8Array(32);
const macWords = new Int32Array(mac.buffer);

/** In `stream.keys`: the MAC key (bytes 0 to 15), the encryption key, the key of the iv, and from 64 on the pads of the MAC key. */
function prepare(stream: Stream): void {
  hmacPrepare(stream.keys.subarray(64), stream.keys.subarray(0, 16));
  stream.inner[2] = iv;
  stream.inner[4] = associatedBits;
  stream.outer[1] = digest;
}

/** Computes the MAC of place, iv and data. */
function authenticate(stream: Stream, data: Uint8Array): void {
  stream.inner[3] = data;
  sha256(digest, stream.inner);
  sha256(mac, stream.outer);
}

/** AEAD_AES_128_CBC_HMAC_SHA_256 (RFC 7518, 5.2.3): ciphertext, then tag; associated data = header hash, u64 index, last flag. */
export const suite2: Suite = {
  id: 2,
  sealedChunk: function (length) {
    return (length & -16) + 32;
  },
  prepare: prepare,
  seal: function (stream, plain, out) {
    const length = plain.length;
    const padded = (length & -16) + 16;
    const data = padded === stream.padded.length ? stream.padded : stream.buffer.subarray(0, padded);
    data.set(plain);
    data.fill(padded - length, length);
    aesCbc(iv, stream.ivKey, zero, stream.index, false);
    aesCbc(data, stream.key, iv, data, false);
    authenticate(stream, data);
    out.set(data);
    out.set(mac.subarray(0, 16), padded);
  },
  open: function (stream, sealed, out) {
    let clear = stream.padded;
    let length = sealed.length - 16;
    const words = macWords;
    const code = mac;
    const hash = natives.sha256;
    const encrypt = natives.aesCbcEncrypt;
    const decrypt = natives.aesCbcDecrypt;
    const data = sealed.subarray(0, length);
    if (length < 16 || length & 15) return -1;
    // The iv is the encryption, under a key of its own, of index, flag and zeros: nobody without the key can foretell it. Where all is
    // native, calling through two more layers would take longer than the work itself.
    if (hash && encrypt) {
      stream.inner[3] = data;
      iv.set(encrypt(stream.ivKey, zero, stream.index));
      digest.set(hash(stream.inner));
      code.set(hash(stream.outer));
    } else {
      aesCbc(iv, stream.ivKey, zero, stream.index, false);
      authenticate(stream, data);
    }
    code.set(sealed.subarray(length), 16);
    if ((words[0] ^ words[4]) | (words[1] ^ words[5]) | (words[2] ^ words[6]) | (words[3] ^ words[7])) return -1;
    if (decrypt) clear = decrypt(stream.key, iv, data);
    else aesCbc(clear, stream.key, iv, data, true);
    // Genuine padding, since its MAC is; only its length is read.
    length -= clear[length - 1];
    if (length > sealed.length - 33 && length < sealed.length - 16) out.set(clear.subarray(0, length));
    else length = -1;
    // Wiped with what the work buffer holds, since that takes a quarter of the time of filling.
    clear.set(data.length < stream.padded.length ? stream.padded.subarray(0, data.length) : stream.padded);
    return length;
  },
};
