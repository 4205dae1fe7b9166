import { randomBytes } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { HEADER_LENGTH, headerEncode } from "../core/stream/header.js";
import { createStream, sealedLength, streamSealChunk, streamStart, streamWipe, type Suite } from "../core/stream/stream.js";
import { suite1 } from "../core/stream/suite1.js";
import { suite2 } from "../core/stream/suite2.js";

/** Plaintext in a chunk: sealed in either suite it fits one frame of the wire. */
export const CHUNK_SIZE = 480;

export const SUITES: Suite[] = [suite1, suite2];

export interface ProducedContent {
  contentId: Uint8Array;
  titleKey: Uint8Array;
  /** Stream header, 48 bytes. */
  header: Uint8Array;
  /** Bytes of the sealed chunks, header left out. */
  sealedLength: number;
  plainLength: number;
  /** Samples a second of an 8-bit mono WAV, else 0. */
  rate: number;
}

/** Sample rate of an 8-bit mono PCM WAV by its header; 0 for anything else, which plays as plain bytes. */
export function sampleRate(start: Uint8Array): number {
  const view = new DataView(start.buffer, start.byteOffset, start.length);
  const wave =
    start.length >= 44 &&
    Buffer.from(start.subarray(0, 4)).toString() === "RIFF" &&
    Buffer.from(start.subarray(8, 12)).toString() === "WAVE";
  if (!wave || view.getUint16(20, true) !== 1 || view.getUint16(22, true) !== 1 || view.getUint16(34, true) !== 8) return 0;
  return view.getUint32(24, true);
}

/**
 * Packages a file: seals it chunk by chunk under a new title key, with constant memory.
 *
 * @param source - path of any file
 * @param target - path that receives the sealed chunks, without the header
 * @param random - source of ids and keys
 * @param progress - told of the bytes done
 * @throws Error of the file system; `target` is then incomplete
 */
export function produce(
  source: string,
  target: string,
  suiteId: number,
  random: (length: number) => Uint8Array = (length) => new Uint8Array(randomBytes(length)),
  progress: (done: number, total: number) => void = () => undefined,
): ProducedContent {
  const suite = SUITES.find((candidate) => candidate.id === suiteId);
  if (!suite) throw new Error(`The suite must be 1 or 2, not ${String(suiteId)}.`);
  const input = openSync(source, "r");
  const output = openSync(target, "w");
  const stream = createStream(SUITES, CHUNK_SIZE);
  const plain = new Uint8Array(CHUNK_SIZE);
  const sealed = new Uint8Array(CHUNK_SIZE + 32);
  try {
    const plainLength = fstatSync(input).size;
    const contentId = random(16);
    const titleKey = random(32);
    const header = new Uint8Array(HEADER_LENGTH);
    headerEncode(header, { suite: suiteId, chunkSize: CHUNK_SIZE, contentId, titleKeyVersion: 1, salt: random(16) });
    if (!streamStart(stream, header, titleKey)) throw new Error("The stream header is not one that this version writes.");
    const count = Math.max(1, Math.ceil(plainLength / CHUNK_SIZE));
    const start = new Uint8Array(44);
    readSync(input, start, 0, 44, 0);
    for (let index = 0; index < count; index++) {
      const wanted = Math.min(CHUNK_SIZE, plainLength - index * CHUNK_SIZE);
      let length = 0;
      while (length < wanted) {
        const read = readSync(input, plain, length, wanted - length, index * CHUNK_SIZE + length);
        if (read === 0) throw new Error(`${source} became shorter while it was read; package it again.`);
        length += read;
      }
      writeSync(output, sealed, 0, streamSealChunk(stream, index, index === count - 1, plain.subarray(0, length), sealed));
      progress(index * CHUNK_SIZE + length, plainLength);
    }
    return {
      contentId,
      titleKey,
      header,
      sealedLength: sealedLength(plainLength, CHUNK_SIZE, suite),
      plainLength,
      rate: sampleRate(start.subarray(0, Math.min(44, plainLength))),
    };
  } finally {
    streamWipe(stream);
    plain.fill(0);
    closeSync(input);
    closeSync(output);
  }
}
