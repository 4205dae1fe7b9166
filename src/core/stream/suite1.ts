import { poly1305 } from "./poly1305.js";
import { keystream, salsaBlock, salsaStart, salsaWipe } from "./salsa.js";
import type { Stream, Suite } from "./stream.js";

const tag = new Int32Array(4);
/** Key of the chunk's Poly1305. */
const tagKey = new Int32Array(8);
const firstHalf = keystream.subarray(0, 8);

/**
 * `stream.keys`: derived key (bytes 0 to 31) and prefix (32 to 46); from 64 on the key that HSalsa20 makes of key and the nonce's first 16
 * bytes, which is the same for all chunks below 2^56; from 96 on the 24 bytes of nonce.
 */
function prepare(stream: Stream): void {
  const keys = stream.keys;
  const words = stream.keyWords;
  let i = 0;
  keys.set(keys.subarray(32, 47), 96);
  keys.fill(0, 111, 120);
  salsaStart(words, words[24], words[25], words[26], words[27]);
  salsaBlock(true);
  for (i = 0; i < 4; i++) {
    stream.innerKey[i] = keystream[5 * i];
    stream.innerKey[i + 4] = keystream[i + 6];
  }
  salsaWipe();
}

/** Computes block 0 of the chunk's keystream, whose first half is the key of its tag. */
function begin(stream: Stream): void {
  stream.keys.set(stream.tail, 111);
  salsaStart(stream.innerKey, stream.keyWords[28], stream.keyWords[29], 0, 0);
  salsaBlock(false);
  tagKey.set(firstHalf);
}

/** Xors the keystream, from the second half of block 0 on, over the text from word 4 on and writes it from word `to` on. */
function applyKeystream(stream: Stream, length: number, to: number): void {
  const words = stream.words;
  const k = keystream;
  const end = 4 + ((length + 3) >> 2);
  let from = 4;
  let i = 8;
  while (from < end) {
    for (; i < 16; i++) words[to++] = words[from++] ^ k[i];
    salsaBlock(false);
    i = 0;
  }
  salsaWipe();
}

/** Computes the tag of the `length` bytes from byte 16 on. */
function authenticate(stream: Stream, length: number): void {
  const end = length & 15;
  if (end) {
    stream.buffer[16 + length] = 1;
    stream.buffer.fill(0, 17 + length, 32 + length - end);
  }
  poly1305(tag, tagKey, stream.words, 4, (length + 15) >> 4, !end);
  tagKey.fill(0);
}

/** XSalsa20-Poly1305 as NaCl's secretbox: tag, then ciphertext; nonce = derived prefix (15), u64 index, last flag. */
export const suite1: Suite = {
  id: 1,
  least: 16,
  partial: 0,
  sealedChunk: function (length) {
    return length + 16;
  },
  prepare: prepare,
  seal: function (stream, plain, out) {
    const length = plain.length;
    stream.buffer.set(plain, 16);
    begin(stream);
    applyKeystream(stream, length, 4);
    authenticate(stream, length);
    stream.words.set(tag);
    out.set(length + 16 === stream.padded.length ? stream.padded : stream.buffer.subarray(0, length + 16));
  },
  open: function (stream, sealed, out) {
    const words = stream.words;
    const length = sealed.length - 16;
    stream.buffer.set(sealed);
    begin(stream);
    authenticate(stream, length);
    if ((tag[0] ^ words[0]) | (tag[1] ^ words[1]) | (tag[2] ^ words[2]) | (tag[3] ^ words[3])) {
      salsaWipe();
      return -1;
    }
    applyKeystream(stream, length, 0);
    out.set(length === stream.chunkSize ? stream.plain : stream.buffer.subarray(0, length));
    stream.buffer.fill(0, 0, length);
    return length;
  },
};
