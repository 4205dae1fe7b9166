import { randomBytes } from "node:crypto";
import { HEADER_LENGTH, headerEncode } from "../../core/stream/header.js";
import { createStream, streamSealChunk, streamStart } from "../../core/stream/stream.js";
import { suite1 } from "../../core/stream/suite1.js";
import { suite2 } from "../../core/stream/suite2.js";

/** Plaintext bytes in a chunk, so that a sealed one of either suite fits a frame of the wire. */
export const CHUNK = 480;
const SEALED_CHUNK = 512;
/** Sealed bytes handed on at a time. */
const BATCH = 128;

export interface Sealing {
  header: Uint8Array;
  /** The sealed chunks, header not included. */
  chunks: AsyncGenerator<Uint8Array>;
}

/** Seals a content while it streams through, with constant memory. `titleKey` (32 bytes) is overwritten once the keys are derived. */
export function sealContent(
  plain: AsyncIterable<Uint8Array>,
  titleKey: Uint8Array,
  contentId: Uint8Array,
  version: number,
  suite: number,
): Sealing {
  const header = new Uint8Array(HEADER_LENGTH);
  headerEncode(header, { suite, chunkSize: CHUNK, contentId, titleKeyVersion: version, salt: new Uint8Array(randomBytes(16)) });
  const stream = createStream([suite1, suite2], CHUNK);
  if (!streamStart(stream, header, titleKey)) throw new Error(`Stream suite ${String(suite)} is not one that contents are sealed with.`);
  titleKey.fill(0);
  return { header, chunks: seal(stream, plain) };
}

async function* seal(stream: ReturnType<typeof createStream>, plain: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let out = new Uint8Array(SEALED_CHUNK * BATCH);
  let used = 0;
  let index = 0;
  let waiting: Uint8Array = new Uint8Array(0);
  for await (const bytes of plain) {
    waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes]);
    let from = 0;
    // The chunk that may be the last waits until more is known.
    for (; waiting.length - from > CHUNK; from += CHUNK) {
      used += streamSealChunk(stream, index++, false, waiting.subarray(from, from + CHUNK), out.subarray(used));
      if (used + SEALED_CHUNK <= out.length) continue;
      yield out.subarray(0, used);
      out = new Uint8Array(SEALED_CHUNK * BATCH);
      used = 0;
    }
    waiting = waiting.slice(from);
  }
  used += streamSealChunk(stream, index, true, waiting, out.subarray(used));
  yield out.subarray(0, used);
}
