import { createHash, createHmac } from "node:crypto";
import { signerOf } from "./tools.js";

/** The key tree once more, slow and plain, written from docs/key-tree.md with Node's hashes alone; shares no code with the product. */
const hash = (...parts: Uint8Array[]): Buffer => createHash("sha256").update(Buffer.concat(parts)).digest();
const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer => createHmac("sha256", key).update(Buffer.concat(parts)).digest();
const u8 = (...values: number[]): Buffer => Buffer.from(values);
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export interface ReferenceTree {
  id: Uint8Array;
  scheme: number;
  depth: number;
  master: Uint8Array;
}

/** Path of a node as text of L and R, so that nothing here depends on node arithmetic: "" is the root. */
const pathOf = (node: number): string => node.toString(2).slice(1).replaceAll("0", "L").replaceAll("1", "R");
const nodeOf = (path: string): number => parseInt(`1${path.replaceAll("L", "0").replaceAll("R", "1")}`, 2);
const leafPath = (tree: ReferenceTree, leaf: number): string => pathOf(2 ** tree.depth + leaf);
const prefixes = (path: string): string[] => Array.from({ length: path.length + 1 }, (_, i) => path.slice(0, i));
const sibling = (path: string): string => path.slice(0, -1) + (path.endsWith("L") ? "R" : "L");

export function referenceCover(tree: ReferenceTree, revoked: number[]): [number, number][] {
  const revokedPaths = [...new Set(revoked)].map((leaf) => leafPath(tree, leaf));
  const steiner = new Set(revokedPaths.flatMap(prefixes));
  const sets: [number, number][] = [];
  if (revokedPaths.length === 0) return [[1, 0]];
  if (tree.scheme === 1) {
    for (const path of steiner)
      if (path.length < tree.depth) for (const child of [path + "L", path + "R"]) if (!steiner.has(child)) sets.push([nodeOf(child), 0]);
  } else {
    // Marks: revoked leaves, and nodes with revoked leaves on both sides. Between a mark and the next mark above it hangs one set, if anything does.
    const marks = new Set(
      [...steiner].filter((path) => path.length === tree.depth || (steiner.has(path + "L") && steiner.has(path + "R"))),
    );
    for (const mark of marks) {
      const above = prefixes(mark)
        .slice(0, -1)
        .filter((path) => marks.has(path))
        .pop();
      const top = above === undefined ? "" : mark.slice(0, above.length + 1);
      if (top !== mark) sets.push([nodeOf(top), nodeOf(mark)]);
    }
  }
  return sets.sort((a, b) => a[0] - b[0]);
}

const fromMaster = (tree: ReferenceTree, purpose: number, node: number): Buffer =>
  hmac(tree.master, u8(purpose), tree.id, u8(tree.scheme), u32(node));

function label(tree: ReferenceTree, top: string, path: string): Buffer {
  let value = fromMaster(tree, 2, nodeOf(top));
  for (const step of path.slice(top.length)) value = hmac(value, u8(step === "L" ? 16 : 18));
  return value;
}

function sealingKey(tree: ReferenceTree, node: number, except: number): Buffer {
  if (except === 0) return fromMaster(tree, tree.scheme === 1 ? 1 : 3, node);
  return hmac(label(tree, pathOf(node), pathOf(except)), u8(17));
}

export function referenceKeys(tree: ReferenceTree, leaf: number): Buffer {
  const path = leafPath(tree, leaf);
  const keys: Buffer[] = [];
  if (tree.scheme === 1) for (const node of prefixes(path)) keys.push(fromMaster(tree, 1, nodeOf(node)));
  else {
    keys.push(fromMaster(tree, 3, 1));
    for (const top of prefixes(path).slice(0, -1))
      for (const below of prefixes(path)) if (below.length > top.length) keys.push(label(tree, top, sibling(below)));
  }
  return Buffer.concat([Buffer.from("LTRK"), u8(1, tree.scheme, tree.depth, 0), tree.id, u32(leaf), ...keys]);
}

export const referenceMediaKey = (tree: ReferenceTree, epoch: number, content: Uint8Array): Buffer =>
  hmac(tree.master, u8(4), tree.id, u32(epoch), content);

function sealed(key: Uint8Array, ad: Uint8Array, plain: Uint8Array): Buffer {
  const tag = hmac(key, u8(1), u32(ad.length), ad, plain).subarray(0, 16);
  const stream = hmac(key, u8(2), tag, u32(0));
  return Buffer.concat([tag, plain.map((byte, i) => byte ^ stream[i])]);
}

export interface ReferenceBlock {
  block: Buffer;
  /** Slice of one leaf; null where it is revoked. */
  slice(leaf: number): Buffer | null;
}

export function referenceBlock(
  tree: ReferenceTree,
  epoch: number,
  content: Uint8Array,
  mediaKey: Uint8Array,
  revoked: number[],
  seed: Uint8Array,
): ReferenceBlock {
  const cover = referenceCover(tree, revoked);
  const signer = signerOf(seed);
  const start = Buffer.concat([Buffer.from("LTRB"), u8(1, tree.scheme, tree.depth, 0), tree.id, u32(epoch), u32(cover.length)]);
  const header = Buffer.concat([start, content, hash(signer.publicKey).subarray(0, 8)]);
  const entries = cover.map(([node, except]) => {
    const nodes = Buffer.concat([u32(node), u32(except)]);
    return Buffer.concat([
      nodes.subarray(0, tree.scheme === 1 ? 4 : 8),
      sealed(sealingKey(tree, node, except), Buffer.concat([header, nodes]), mediaKey),
    ]);
  });
  const pages = Array.from({ length: Math.max(1, Math.ceil(entries.length / 8)) }, (_, i) =>
    Buffer.concat(entries.slice(8 * i, 8 * i + 8)),
  );
  const levels = [pages.map((page) => hash(u8(0), page))];
  for (let level = levels[0]; level.length > 1; level = levels[levels.length - 1])
    levels.push(level.flatMap((left, i) => (i % 2 === 1 ? [] : i + 1 < level.length ? [hash(u8(1), left, level[i + 1])] : [left])));
  const root = levels[levels.length - 1][0];
  const signature = signer.sign(Buffer.concat([Buffer.from("leyden tree block"), hash(header, root)])) as Uint8Array;
  const slice = (leaf: number): Buffer | null => {
    const path = leafPath(tree, leaf);
    const index = cover.findIndex(([node, except]) => path.startsWith(pathOf(node)) && (except === 0 || !path.startsWith(pathOf(except))));
    if (index < 0) return null;
    const hashes = levels.slice(0, -1).flatMap((level, height) => level[(index >> (3 + height)) ^ 1] ?? []);
    return Buffer.concat([header, signature, u32(index), pages[index >> 3], ...hashes]);
  };
  return { block: Buffer.concat([header, signature, ...entries, ...levels.slice(0, -1).flat()]), slice };
}
