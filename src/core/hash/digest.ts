import { put32 } from "../bytes.js";
import { sha2Constants } from "./constants.js";

/**
 * Goes on by one slice with the digest of the concatenation of `parts`, and answers true once it is written to `out`, which may be one of them. Another
 * array of parts begins another message, and abandons one under way; parts must not change before the end.
 */
export type Hash = (out: Uint8Array, parts: Uint8Array[]) => boolean;

/**
 * What SHA-256 and SHA-512 have in common: chaining, and the padding of the last block (FIPS 180-4, 5.1). Holds nothing between two messages.
 *
 * @param words - what is chained: 8 words, or 8 pairs of words, high word first
 * @param work - memory of `compress`, wiped at the end
 * @param compress - takes a slice of one block, of 8 bytes for each of `words`, into `words`, from `round` on; answers where to go on, 0 at the end
 */
export function createDigest<Words extends Int32Array | Uint32Array>(
  words: Words,
  work: Words,
  compress: (words: Words, block: Uint8Array, work: Words, round: number) => number,
): Hash {
  const length = 8 * words.length;
  const block = new Uint8Array(length);
  let message: Uint8Array[] | null = null;
  let part = 0;
  let from = 0;
  let total = 0;
  let round = 0;
  /** 1 when all of the message is in, 2 when its length is as well. */
  let ended = 0;
  return function (out, parts) {
    const constants = sha2Constants(16);
    let used = 0;
    let take = 0;
    let i = 0;
    if (message !== parts) {
      message = parts;
      part = from = total = round = ended = 0;
      for (i = 0; i < words.length; i++) words[i] = constants[160 + (16 / words.length) * i];
    }
    if (!round) {
      while (used < length && part < parts.length) {
        take = Math.min(length - used, parts[part].length - from);
        block.set(parts[part].subarray(from, from + take), used);
        used += take;
        total += take;
        from += take;
        if (from === parts[part].length) {
          part++;
          from = 0;
        }
      }
      if (used < length) {
        block.fill(0, used);
        if (!ended) block[used] = 128;
        ended = 1;
        // An eighth of a block holds the message's length in bits, of which 53 can differ from zero.
        if (8 * used < 7 * length) {
          put32(block, length - 8, total / 536870912);
          put32(block, length - 4, 8 * total);
          ended = 2;
        }
      }
    }
    round = compress(words, block, work, round);
    if (round || ended < 2) return false;
    for (i = 0; i < words.length; i++) put32(out, 4 * i, words[i]);
    message = null;
    words.fill(0);
    block.fill(0);
    work.fill(0);
    return true;
  };
}
