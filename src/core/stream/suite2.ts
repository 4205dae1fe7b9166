import { equal } from "../bytes.js";
import { aesCbc } from "../hash/aes.js";
import { hmacPrepare, hmacPrepared } from "../hash/hmac.js";
import type { Stream, Suite } from "./stream.js";

/** Bits of associated data as 64 bits: 41 bytes. */
const associatedBits = new Uint8Array([0, 0, 0, 0, 0, 0, 1, 72]);
const zero = new Uint8Array(16);
const iv = new Uint8Array(16);
const mac = new Uint8Array(32);

/** In `stream.keys`: the encryption key (16 to 31), the key of the iv (32 to 47), and from 64 on the pads of the MAC key (0 to 15). */
function prepare(stream: Stream): void {
  hmacPrepare(stream.keys.subarray(64), stream.keys.subarray(0, 16));
}

/** The iv is the encryption, under a key of its own, of index, flag and zeros: nobody without the key can foretell it. */
function makeIv(stream: Stream): void {
  iv.fill(0);
  iv.set(stream.index);
  aesCbc(iv, stream.keys.subarray(32, 48), zero, iv, false);
}

function authenticate(stream: Stream, data: Uint8Array): void {
  hmacPrepared(mac, stream.keys.subarray(64), [stream.place, iv, data, associatedBits]);
}

/** AEAD_AES_128_CBC_HMAC_SHA_256 (RFC 7518, 5.2.3): ciphertext, then tag; associated data = header hash, u64 index, last flag. */
export const suite2: Suite = {
  id: 2,
  sealedChunk: function (length) {
    return (length & -16) + 32;
  },
  prepare: prepare,
  seal: function (stream, length) {
    const padded = (length & -16) + 16;
    const data = padded === stream.padded.length ? stream.padded : stream.buffer.subarray(0, padded);
    stream.buffer.fill(padded - length, length, padded);
    makeIv(stream);
    aesCbc(data, stream.keys.subarray(16, 32), iv, data, false);
    authenticate(stream, data);
    stream.buffer.set(mac.subarray(0, 16), padded);
    return padded + 16;
  },
  open: function (stream, length) {
    const padded = length - 16;
    const data = padded === stream.padded.length ? stream.padded : stream.buffer.subarray(0, padded);
    let padding = 0;
    let wrong = 0;
    let i = 0;
    if (padded < 16 || padded & 15) return -1;
    makeIv(stream);
    authenticate(stream, data);
    if (!equal(mac.subarray(0, 16), stream.buffer.subarray(padded, length))) return -1;
    aesCbc(data, stream.keys.subarray(16, 32), iv, data, true);
    // Only a holder of the key can have made a wrong padding.
    padding = data[padded - 1];
    for (i = 1; i <= padding && i < 17; i++) wrong |= data[padded - i] ^ padding;
    return wrong || !padding || padding > 16 ? -1 : padded - padding;
  },
};
