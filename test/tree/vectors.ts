import { blockSlice, enablingBlock } from "../../src/center/tree/block.js";
import { treeCover } from "../../src/center/tree/cover.js";
import { clientKeys, mediaKey } from "../../src/center/tree/keys.js";
import type { KeyTree } from "../../src/center/tree/keys.js";
import { hex, signerOf } from "./tools.js";

export interface TreeVectors {
  about: string;
  signerSeed: string;
  signerPublicKey: string;
  trees: TreeVector[];
  refusals: RefusalVector[];
}

export interface TreeVector {
  id: string;
  scheme: number;
  depth: number;
  master: string;
  keys: { leaf: number; material: string }[];
  blocks: {
    epoch: number;
    content: string;
    mediaKey: string;
    revoked: number[];
    /** Node and excepted node of each entry. */
    subsets: [number, number][];
    block: string;
    /** null where the leaf is revoked. */
    slices: { leaf: number; slice: string | null }[];
  }[];
}

/** A slice that a client with this key material and this newest epoch must refuse. */
export interface RefusalVector {
  why: string;
  slice: string;
  keys: string;
  floor: number;
  /** Outcome of src/core/tree/tree.ts; other implementations may refuse for another reason, but must refuse. */
  status: number;
}

const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
const signer = signerOf(seed);
const master = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
const content = Uint8Array.from({ length: 16 }, (_, i) => 0xc0 + i);

const SMALL = [[], [0], [15], [3, 4], [0, 2, 4, 6, 8, 10, 12, 14], [1, 2, 3, 5, 8, 13], Array.from({ length: 16 }, (_, i) => i)];
const LARGE = [[], [123456], [0, 1, 524287, 524288, 700001, 1048575]];

async function treeVector(tree: KeyTree, revokedSets: number[][], leaves: number[], keyLeaves: number[]): Promise<TreeVector> {
  const blocks: TreeVector["blocks"] = [];
  for (const [i, revoked] of revokedSets.entries()) {
    const epoch = 1 + i;
    const used = i % 2 === 0 ? new Uint8Array(16) : content;
    const key = mediaKey(tree, epoch, used);
    const block = await enablingBlock(tree, { epoch, content: used, mediaKey: key, revoked }, signer);
    blocks.push({
      epoch,
      content: hex(used),
      mediaKey: hex(key),
      revoked,
      subsets: treeCover(tree.scheme, tree.depth, revoked).map(({ node, except }) => [node, except]),
      block: hex(block),
      slices: leaves.map((leaf) => {
        const slice = blockSlice(block, leaf);
        return { leaf, slice: slice === null ? null : hex(slice) };
      }),
    });
  }
  return {
    id: hex(tree.id),
    scheme: tree.scheme,
    depth: tree.depth,
    master: hex(tree.master),
    keys: keyLeaves.map((leaf) => ({ leaf, material: hex(clientKeys(tree, leaf)) })),
    blocks,
  };
}

async function refusalVectors(tree: KeyTree): Promise<RefusalVector[]> {
  const keys = clientKeys(tree, 9);
  const block = await enablingBlock(tree, { epoch: 7, content, mediaKey: mediaKey(tree, 7, content), revoked: [2, 5, 12] }, signer);
  const slice = blockSlice(block, 9);
  if (slice === null) throw new Error("leaf 9 is not revoked, and has no slice");
  const flipped = (at: number): string => hex(slice.map((byte, i) => (i === at ? byte ^ 1 : byte)));
  const of = (why: string, status: number, changes: Partial<RefusalVector> = {}): RefusalVector => ({
    why,
    slice: hex(slice),
    keys: hex(keys),
    floor: 0,
    status,
    ...changes,
  });
  return [
    of("older than the newest epoch seen", -3, { floor: 8 }),
    of("epoch altered upwards", -6, { slice: flipped(18), floor: 8 }),
    of("content id altered", -6, { slice: flipped(24) }),
    of("signature altered", -6, { slice: flipped(48) }),
    of("sealed media key altered", -6, { slice: flipped(slice.length - 1) }),
    of("cut by one byte", -1, { slice: hex(slice.subarray(0, -1)) }),
    of("one byte more", -1, { slice: `${hex(slice)}00` }),
    of("a revoked client with the slice of another", -5, { keys: hex(clientKeys(tree, 5)) }),
    of("another tree", -2, { keys: hex(clientKeys({ ...tree, id: new Uint8Array(8) }, 9)) }),
    of("another master", -7, { keys: hex(clientKeys({ ...tree, master: new Uint8Array(32) }, 9)) }),
  ];
}

/** Everything in docs/vectors/key-tree.json. */
export async function makeVectors(): Promise<TreeVectors> {
  const trees: TreeVector[] = [];
  const refusals: RefusalVector[] = [];
  const all = Array.from({ length: 16 }, (_, leaf) => leaf);
  for (const scheme of [1, 2] as const) {
    const small: KeyTree = { id: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, scheme), scheme, depth: 4, master };
    const large: KeyTree = { ...small, depth: 20, id: Uint8Array.of(0xa1, 2, 3, 4, 5, 6, 7, scheme) };
    trees.push(await treeVector(small, SMALL, all, all));
    trees.push(await treeVector(large, LARGE, [0, 2, 524289, 1048574], [524289]));
    refusals.push(...(await refusalVectors(small)));
  }
  return {
    about: "Vectors of docs/key-tree.md. Bytes are hexadecimal. Schemes: 1 complete subtree, 2 subset difference.",
    signerSeed: hex(seed),
    signerPublicKey: hex(signer.publicKey),
    trees,
    refusals,
  };
}

/** Text of the file, one value a line. */
export function vectorsText(vectors: TreeVectors): string {
  return `${JSON.stringify(vectors, null, 1)}\n`;
}

export const VECTORS_FILE = new URL("../../docs/vectors/key-tree.json", import.meta.url);
