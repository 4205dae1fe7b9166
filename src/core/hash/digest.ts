import { put32 } from "../bytes.js";
import { fillConstants, initialValues } from "./constants.js";

/** Takes one block into `words`; `work` is its memory: the schedule of 16 words, for SHA-512 pairs, and what else it needs. */
export type Compress<Words> = (words: Words, block: Uint8Array, work: Words) => void;

/** What SHA-256 and SHA-512 have in common: chaining, and the padding of the last block (FIPS 180-4, 5.1). Flat; holds nothing between two messages. */
export interface Digest<Words extends Int32Array | Uint32Array> {
  /** 8 words for SHA-256, 8 pairs of words, high word first, for SHA-512. */
  readonly words: Words;
  readonly block: Uint8Array;
  readonly work: Words;
  readonly compress: Compress<Words>;
}

/** @param words - 8 or 16; `work` is three times as long */
export function createDigest<Words extends Int32Array | Uint32Array>(words: Words, work: Words, compress: Compress<Words>): Digest<Words> {
  fillConstants();
  return { words: words, block: new Uint8Array(8 * words.length), work: work, compress: compress };
}

/** Writes the digest of the concatenation of `parts`, 4 bytes a word, to `out`, which may be one of them. */
export function digestParts<Words extends Int32Array | Uint32Array>(out: Uint8Array, digest: Digest<Words>, parts: Uint8Array[]): void {
  const words = digest.words;
  const block = digest.block;
  const length = block.length;
  let used = 0;
  let total = 0;
  let from = 0;
  let take = 0;
  let i = 0;
  for (i = 0; i < words.length; i++) words[i] = initialValues[(16 / words.length) * i];
  for (i = 0; i < parts.length; i++) {
    total += parts[i].length;
    for (from = 0; from < parts[i].length; from += take) {
      take = Math.min(length - used, parts[i].length - from);
      block.set(parts[i].subarray(from, from + take), used);
      used += take;
      if (used === length) {
        digest.compress(words, block, digest.work);
        used = 0;
      }
    }
  }
  block[used] = 128;
  block.fill(0, used + 1);
  // An eighth of a block holds the message's length in bits, of which 53 can differ from zero.
  if (8 * used >= 7 * length) {
    digest.compress(words, block, digest.work);
    block.fill(0);
  }
  put32(block, length - 8, total / 536870912);
  put32(block, length - 4, 8 * total);
  digest.compress(words, block, digest.work);
  for (i = 0; i < words.length; i++) put32(out, 4 * i, words[i]);
  words.fill(0);
  block.fill(0);
  digest.work.fill(0);
}
