import { aesCbc } from "../hash/aes.js";
import { hmacPrepare } from "../hash/hmac.js";
import { natives, type AesOptions } from "../natives.js";
import { sha256 } from "../hash/sha256.js";
import type { Stream, Suite } from "./stream.js";

/** Bits of associated data as 64 bits: 41 bytes. */
const associatedBits = new Uint8Array([0, 0, 0, 0, 0, 0, 1, 72]);

/** In a function of its own: an interpreter finds names in a small scope faster than among all of a script's. */
function createSuite2(): Suite {
  const zeroIv: AesOptions = { iv: new Uint8Array(16) };
  const iv = new Uint8Array(16);
  const options: AesOptions = { iv: iv };
  const sent = new Uint8Array(16);
  const sentWords = new Int32Array(sent.buffer);
  const digest = new Uint8Array(32);
  const mac = new Uint8Array(32);

  /** Computes the iv: the encryption, under a key of its own, of index, flag and zeros, which nobody without the key can foretell. */
  function makeIv(stream: Stream): void {
    stream.inner[2] = options.iv = iv;
    aesCbc(iv, stream.ivKey, zeroIv.iv as Uint8Array, stream.index, false);
  }

  /** Computes the MAC of place, iv and data. */
  function authenticate(stream: Stream): void {
    stream.outer[1] = digest;
    sha256(digest, stream.inner as Uint8Array[]);
    sha256(mac, stream.outer as Uint8Array[]);
  }

  return {
    id: 2,
    least: 32,
    partial: 15,
    sealedChunk: function (length) {
      return (length & -16) + 32;
    },
    /** In `stream.keys`: the MAC key (bytes 0 to 15), the encryption key, the key of the iv, and from 64 on the pads of the MAC key. */
    prepare: function (stream) {
      hmacPrepare(stream.keys.subarray(64), stream.keys.subarray(0, 16));
      stream.inner[4] = associatedBits;
    },
    seal: function (stream, plain, out) {
      const length = plain.length;
      const padded = (length & -16) + 16;
      const data = padded === stream.padded.length ? stream.padded : stream.buffer.subarray(0, padded);
      data.set(plain);
      data.fill(padded - length, length);
      makeIv(stream);
      aesCbc(data, stream.key, iv, data, false);
      stream.inner[3] = data;
      authenticate(stream);
      out.set(data);
      out.set(mac.subarray(0, 16), padded);
    },
    open: function (stream, sealed, out) {
      const inner = stream.inner;
      const outer = stream.outer;
      const tag = sentWords;
      let length = sealed.length - 16;
      let words: Int32Array = tag;
      let target: Int32Array | null = null;
      inner[3] = sealed.subarray(0, length);
      // Where all is native, results stay where the engine puts them, since calling and copying would take longer than the work itself;
      // neither iv nor the inner hash is a secret.
      if (natives.sha256 && natives.aesCbcEncrypt) {
        inner[2] = options.iv = natives.aesCbcEncrypt(stream.index, stream.ivKey, zeroIv);
        outer[1] = natives.sha256(inner);
        words = new Int32Array(natives.sha256(outer));
      } else {
        makeIv(stream);
        authenticate(stream);
        words = new Int32Array(mac.buffer);
      }
      sent.set(sealed.subarray(length));
      if ((words[0] ^ tag[0]) | (words[1] ^ tag[1]) | (words[2] ^ tag[2]) | (words[3] ^ tag[3])) return -1;
      if (!natives.aesCbcDecrypt) {
        aesCbc(stream.padded, stream.key, iv, inner[3] as Uint8Array, true);
        words = stream.words;
      } else {
        // A whole chunk is copied as words, and its length is known.
        if (!(stream.index[8] | ((stream.chunkSize | out.byteOffset) & 3))) {
          target = new Int32Array(out.buffer, out.byteOffset, stream.chunkSize >> 2);
          words = new Int32Array(natives.aesCbcDecrypt(inner[3] as Uint8Array, stream.key, options), 0, target.length);
          target.set(words);
          words.set(stream.plainWords);
          return stream.chunkSize;
        }
        words = new Int32Array(natives.aesCbcDecrypt(inner[3] as Uint8Array, stream.key, options));
      }
      // Genuine padding, since its MAC is; only its length is read.
      length -= words[(length >> 2) - 1] >>> 24;
      if (length < sealed.length - 32 || length > sealed.length - 17) length = -1;
      else out.set(new Uint8Array(words.buffer, 0, length));
      // The engine's memory is wiped with what the work buffer holds, zeros or ciphertext: filling takes an interpreter five times as long.
      if (natives.aesCbcDecrypt) words.set(stream.words.subarray(0, words.length));
      else stream.padded.fill(0);
      return length;
    },
  };
}

/** AEAD_AES_128_CBC_HMAC_SHA_256 (RFC 7518, 5.2.3): ciphertext, then tag; associated data = header hash, u64 index, last flag. */
export const suite2: Suite = /* @__PURE__ */ createSuite2();
