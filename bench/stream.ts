import { suite1 } from "../src/core/stream/suite1.js";
import { suite2 } from "../src/core/stream/suite2.js";
import { adoptNatives } from "../src/core/adopt.js";
import { headerEncode } from "../src/core/stream/header.js";
import { createStream, streamOpenChunk, streamSealChunk, streamStart } from "../src/core/stream/stream.js";
import { nodeNatives } from "../src/host/natives-node.js";

const CHUNK = 4096;

/** Seals and opens `bytes` bytes chunk by chunk in both suites and prints what the heap does meanwhile. */
export function streamReport(bytes: number, print: (line: string) => void): void {
  const collect = (globalThis as { gc?: () => void }).gc;
  const plain = Uint8Array.from({ length: CHUNK }, (_, i) => i & 255);
  const clear = new Uint8Array(CHUNK);
  print("suite  chunks   MB/s  heap used, KiB (start, quarters)              per chunk, bytes  resident, MiB (start, end)");
  for (const suite of [suite1, suite2]) {
    adoptNatives(suite === suite2 ? nodeNatives : {});
    const header = new Uint8Array(48);
    headerEncode(header, {
      suite: suite.id,
      chunkSize: CHUNK,
      contentId: plain.subarray(0, 16),
      titleKeyVersion: 1,
      salt: plain.subarray(0, 16),
    });
    const stream = createStream([suite], CHUNK);
    const sealed = new Uint8Array(suite.sealedChunk(CHUNK));
    streamStart(stream, header, plain.subarray(0, 32));
    const chunks = Math.ceil(bytes / CHUNK);
    const pass = (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        streamSealChunk(stream, i, false, plain, sealed);
        if (streamOpenChunk(stream, i, false, sealed, clear) !== CHUNK) throw new Error(`chunk ${String(i)} did not open`);
      }
    };
    pass(0, 5000);
    const heap: number[] = [];
    const look = () => {
      collect?.();
      heap.push(process.memoryUsage().heapUsed);
    };
    look();
    const resident = process.memoryUsage().rss;
    const start = process.hrtime.bigint();
    for (let quarter = 0; quarter < 4; quarter++) {
      pass(Math.floor((quarter * chunks) / 4), Math.floor(((quarter + 1) * chunks) / 4));
      look();
    }
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    // Without a collection in between, the heap grows by what a chunk allocates.
    collect?.();
    const before = process.memoryUsage().heapUsed;
    pass(0, 200);
    const perChunk = Math.max(0, process.memoryUsage().heapUsed - before) / 200;
    print(
      [
        String(suite.id).padEnd(6),
        String(chunks).padStart(6),
        ((2 * bytes) / 1e6 / seconds).toFixed(0).padStart(6),
        ` ${heap.map((value) => (value / 1024).toFixed(0)).join(" ")}`.padEnd(46),
        perChunk.toFixed(0).padStart(17),
        `  ${(resident / 2 ** 20).toFixed(0)} ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)}`,
      ].join(" "),
    );
    adoptNatives({});
  }
  print("Suite 2 allocates what node:crypto answers, and a view for each chunk.");
}
