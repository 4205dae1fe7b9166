import { poly1305 } from "./poly1305.js";
import { salsa20 } from "./salsa.js";
import type { Stream, Suite } from "./stream.js";

/** Keystream of one block; its first 8 words of block 0 are the Poly1305 key. */
const keystream = new Int32Array(16);
const tag = new Int32Array(4);
/** Poly1305 key of the chunk in work. */
const tagKey = new Int32Array(8);

/**
 * In `stream.keys`: the derived key (bytes 0 to 31), the nonce's prefix (32 to 46), and from 48 on the whole nonce; from 80 on the key that
 * HSalsa20 makes of key and prefix, which is the same for all chunks below 2^56.
 */
function prepare(stream: Stream): void {
  const keys = stream.keys;
  const words = stream.keyWords;
  keys.set(keys.subarray(32, 47), 48);
  keys.fill(0, 63, 72);
  salsa20(keystream, words, words[12], words[13], words[14], words[15], true);
  words.set(keystream.subarray(0, 8), 20);
}

/** Xors the keystream over the text from word 4 on, where it is sealed, and writes it from word `to` on. */
function applyKeystream(stream: Stream, length: number, to: number): void {
  const words = stream.words;
  const nonce = stream.keyWords;
  const key = nonce.subarray(20, 28);
  const count = (length + 3) >> 2;
  let block = 1;
  let from = 0;
  let i = 8;
  // Block 0 is in `keystream` already.
  for (from = 0; from < count;) {
    for (; i < 16 && from < count; i++) {
      words[to + from] = words[4 + from] ^ keystream[i];
      from++;
    }
    if (from < count) salsa20(keystream, key, nonce[16], nonce[17], block++, 0, false);
    i = 0;
  }
}

/** Makes block 0 of the keystream for this chunk. */
function begin(stream: Stream): void {
  const nonce = stream.keyWords;
  // Bytes 16 to 23 of the nonce: counter without its first byte, which ended the prefix, and the flag.
  stream.keys.set(stream.place.subarray(32, 41), 63);
  salsa20(keystream, nonce.subarray(20, 28), nonce[16], nonce[17], 0, 0, false);
  tagKey.set(keystream.subarray(0, 8));
}

/** Writes the tag of the `length` bytes from byte 16 on. */
function authenticate(stream: Stream, length: number): void {
  const end = length & 15;
  if (end) {
    stream.buffer[16 + length] = 1;
    stream.buffer.fill(0, 17 + length, 32 + length - end);
  }
  poly1305(tag, tagKey, stream.words, 4, (length + 15) >> 4, !end);
}

/** XSalsa20-Poly1305 as NaCl's secretbox: tag, then ciphertext; nonce = derived prefix (15), u64 index, last flag. */
export const suite1: Suite = {
  id: 1,
  sealedChunk: function (length) {
    return length + 16;
  },
  prepare: prepare,
  seal: function (stream, length) {
    const words = stream.words;
    stream.buffer.set(stream.buffer.subarray(0, length), 16);
    begin(stream);
    applyKeystream(stream, length, 4);
    authenticate(stream, length);
    words.set(tag);
    return length + 16;
  },
  open: function (stream, length) {
    const words = stream.words;
    if (length < 16) return -1;
    begin(stream);
    authenticate(stream, length - 16);
    if ((tag[0] ^ words[0]) | (tag[1] ^ words[1]) | (tag[2] ^ words[2]) | (tag[3] ^ words[3])) return -1;
    applyKeystream(stream, length - 16, 0);
    return length - 16;
  },
};
