import { put32 } from "../bytes.js";
import { sha2Constants } from "./constants.js";

/** Writes the digest of the concatenation of `parts` to `out`, which may be one of them. */
export type Hash = (out: Uint8Array, parts: Uint8Array[]) => void;

/**
 * What SHA-256 and SHA-512 have in common: chaining, and the padding of the last block (FIPS 180-4, 5.1). Holds nothing between two messages.
 *
 * @param words - what is chained: 8 words, or 8 pairs of words, high word first
 * @param work - memory of `compress`, wiped at the end
 * @param compress - takes one block, of 8 bytes for each of `words`, into `words`
 */
export function createDigest<Words extends Int32Array | Uint32Array>(
  words: Words,
  work: Words,
  compress: (words: Words, block: Uint8Array, work: Words) => void,
): Hash {
  const length = 8 * words.length;
  const block = new Uint8Array(length);
  return function (out, parts) {
    const constants = sha2Constants();
    let used = 0;
    let total = 0;
    let from = 0;
    let take = 0;
    let i = 0;
    for (i = 0; i < words.length; i++) words[i] = constants[160 + (16 / words.length) * i];
    for (i = 0; i < parts.length; i++) {
      total += parts[i].length;
      for (from = 0; from < parts[i].length; from += take) {
        take = Math.min(length - used, parts[i].length - from);
        block.set(parts[i].subarray(from, from + take), used);
        used += take;
        if (used === length) {
          compress(words, block, work);
          used = 0;
        }
      }
    }
    block[used] = 128;
    block.fill(0, used + 1);
    // An eighth of a block holds the message's length in bits, of which 53 can differ from zero.
    if (8 * used >= 7 * length) {
      compress(words, block, work);
      block.fill(0);
    }
    put32(block, length - 8, total / 536870912);
    put32(block, length - 4, 8 * total);
    compress(words, block, work);
    for (i = 0; i < words.length; i++) put32(out, 4 * i, words[i]);
    words.fill(0);
    block.fill(0);
    work.fill(0);
  };
}
