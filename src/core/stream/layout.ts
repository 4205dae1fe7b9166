import { HEADER_LENGTH } from "./header.js";
import type { Suite } from "./stream.js";

/** Chunks of a content of `length` bytes; an empty content is one empty chunk. */
export function chunkCount(length: number, chunkSize: number): number {
  return Math.max(1, Math.ceil(length / chunkSize));
}

/** Bytes of header and sealed chunks of a content of `length` bytes. */
export function sealedLength(length: number, chunkSize: number, suite: Suite): number {
  const before = chunkCount(length, chunkSize) - 1;
  return HEADER_LENGTH + before * suite.sealedChunk(chunkSize) + suite.sealedChunk(length - before * chunkSize);
}

/** Where sealed chunk `index` begins, header included. */
export function chunkOffset(index: number, chunkSize: number, suite: Suite): number {
  return HEADER_LENGTH + index * suite.sealedChunk(chunkSize);
}

/** Chunks in `length` sealed bytes, header included; 0 when no content has that length. What it says is trusted once the last chunk opened. */
export function sealedChunkCount(length: number, chunkSize: number, suite: Suite): number {
  const whole = suite.sealedChunk(chunkSize);
  const count = Math.ceil((length - HEADER_LENGTH) / whole);
  return count < 1 || length - HEADER_LENGTH - (count - 1) * whole < suite.sealedChunk(count > 1 ? 1 : 0) ? 0 : count;
}
