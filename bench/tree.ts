/** The key tree at 2^20 clients of which 1,000 are revoked: what a block costs the center, and what a slice costs a client. */
import { randomBytes, randomInt } from "node:crypto";
import { signingKey } from "../src/center/keys/certificates.js";
import { blockSlice, enablingBlock } from "../src/center/tree/block.js";
import type { TreeScheme } from "../src/center/tree/cover.js";
import { clientKeys, mediaKey, type KeyTree } from "../src/center/tree/keys.js";
import { get32 } from "../src/core/bytes.js";
import { ed25519Sign } from "../src/core/curve/curve.js";
import { adoptNatives } from "../src/core/adopt.js";
import { natives } from "../src/core/natives.js";
import {
  SCHEME_COMPLETE_SUBTREE,
  SCHEME_SUBSET_DIFFERENCE,
  TREE_COUNT,
  TREE_OK,
  treeOpenFinish,
  treeOpenStart,
  treeOpenStep,
  type ReadBytes,
} from "../src/core/tree/tree.js";
import { nodeNatives } from "../src/host/natives-node.js";

const DEPTH = 20;
const REVOKED = 1000;
/** Slices opened for the figures of a client. */
const OPENED = 200;

interface Figures {
  scheme: string;
  entries: number;
  atMost: number;
  blockBytes: number;
  blockMilliseconds: number;
  keyBytes: number;
  sliceBytes: [number, number];
  steps: number;
  openMilliseconds: number;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1];

async function figures(scheme: TreeScheme, rounds: number): Promise<Figures> {
  const tree: KeyTree = { id: new Uint8Array(randomBytes(8)), scheme, depth: DEPTH, master: new Uint8Array(randomBytes(32)) };
  const content = new Uint8Array(16);
  const revoked = new Set<number>();
  while (revoked.size < REVOKED) revoked.add(randomInt(2 ** DEPTH));
  const { seed, publicKey } = signingKey(new Uint8Array(randomBytes(32)));
  const sign = (message: Uint8Array): Uint8Array => {
    const signature = new Uint8Array(64);
    ed25519Sign(signature, seed, [message]);
    return signature;
  };
  const times: number[] = [];
  let block = new Uint8Array(0);
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    block = Uint8Array.from(
      await enablingBlock(tree, { epoch: 1, content, mediaKey: mediaKey(tree, 1, content), revoked }, { publicKey, sign }),
    );
    times.push(performance.now() - started);
  }
  const sliceBytes: number[] = [];
  const opened: number[] = [];
  let steps = 0;
  let keyBytes = 0;
  while (opened.length < OPENED) {
    const leaf = randomInt(2 ** DEPTH);
    const slice = blockSlice(block, leaf);
    if (slice === null) continue;
    const keys = clientKeys(tree, leaf);
    const read: ReadBytes = (offset, out) => {
      out.set(keys.subarray(offset, offset + out.length));
      return true;
    };
    const out = new Uint8Array(32);
    const started = performance.now();
    if (treeOpenStart(slice, read, publicKey, 0) !== TREE_OK) throw new Error("a slice was refused");
    while (!treeOpenStep());
    const hashes = counted(() => {
      if (treeOpenFinish(out, read) !== TREE_OK) throw new Error("a slice did not open");
    });
    opened.push(performance.now() - started);
    // One HMAC is two hashes. One decryption of 32 bytes is two HMACs, tag and keystream; the others are steps to the key.
    steps = Math.max(steps, hashes / 2 - 2);
    sliceBytes.push(slice.length);
    keyBytes = keys.length;
  }
  const bound = scheme === SCHEME_COMPLETE_SUBTREE ? REVOKED * Math.log2(2 ** DEPTH / REVOKED) : 2 * REVOKED - 1;
  return {
    scheme: scheme === SCHEME_COMPLETE_SUBTREE ? "complete subtree" : "subset difference",
    entries: get32(block, TREE_COUNT),
    atMost: Math.floor(bound),
    blockBytes: block.length,
    blockMilliseconds: median(times),
    keyBytes,
    sliceBytes: [Math.min(...sliceBytes), Math.max(...sliceBytes)],
    steps,
    openMilliseconds: median(opened),
  };
}

/** Runs `work`; answers how often SHA-256 was called. */
function counted(work: () => void): number {
  const { sha256 } = natives;
  let calls = 0;
  if (sha256 === undefined) throw new Error("node:crypto's SHA-256 was not adopted");
  natives.sha256 = (parts) => {
    calls++;
    return sha256(parts);
  };
  work();
  natives.sha256 = sha256;
  return calls;
}

export async function benchTree(rounds: number): Promise<void> {
  adoptNatives(nodeNatives);
  const rows = [await figures(SCHEME_COMPLETE_SUBTREE, rounds), await figures(SCHEME_SUBSET_DIFFERENCE, rounds)];
  const line = (what: string, value: (row: Figures) => string): string => `| ${what} | ${rows.map(value).join(" | ")} |`;
  console.log(`| ${String(2 ** DEPTH)} clients, ${String(REVOKED)} revoked at random | ${rows.map(({ scheme }) => scheme).join(" | ")} |`);
  console.log("|---|---:|---:|");
  console.log(line("entries (at most)", ({ entries, atMost }) => `${String(entries)} (${String(atMost)})`));
  console.log(line("block, bytes", ({ blockBytes }) => String(blockBytes)));
  console.log(line("block made and signed, ms", ({ blockMilliseconds }) => blockMilliseconds.toFixed(0)));
  console.log(line("key material of a client, bytes", ({ keyBytes }) => String(keyBytes)));
  console.log(line("slice, bytes", ({ sliceBytes: [least, most] }) => `${String(least)} to ${String(most)}`));
  console.log(line("steps of HMAC to the key, at most, before the one decryption", ({ steps }) => String(steps)));
  console.log(line("slice opened, signature included, ms", ({ openMilliseconds }) => openMilliseconds.toFixed(2)));
}
