import { get32, put32 } from "../../core/bytes.js";
import { sha256 } from "../../core/hash/sha256.js";
import { seal } from "../../core/seal.js";
import {
  SCHEME_COMPLETE_SUBTREE,
  TREE_CONTENT,
  TREE_CONTEXT,
  TREE_COUNT,
  TREE_EPOCH,
  TREE_HASH_NODE,
  TREE_HASH_PAGE,
  TREE_HEAD,
  TREE_HEADER,
  TREE_PAGE,
  TREE_REVOKED,
  TREE_SIGNER,
  TREE_SLICE_MAX,
  isTreeBlock,
  treeEntryLength,
  treeSlice,
} from "../../core/tree/tree.js";
import { treeCover } from "./cover.js";
import type { Subset, TreeScheme } from "./cover.js";
import { checkTree, subsetKey } from "./keys.js";
import type { KeyTree } from "./keys.js";

/** Holder of an Ed25519 key; `sign` may ask a key provider. */
export interface BlockSigner {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** 64 bytes of Ed25519 signature over `message` (RFC 8032, no prehash). */
  sign(message: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

export interface BlockParameters {
  /** 0 to 2^32 - 1. Raise it whenever the revoked leaves change: a client that could open one block of an epoch knows that epoch's key. */
  epoch: number;
  /** 16 bytes; zeros for a block that is good for the whole epoch. */
  content: Uint8Array;
  /** 32 bytes, what every client that is not revoked gets out. */
  mediaKey: Uint8Array;
  revoked: Iterable<number>;
}

/** What a block says in clear. */
export interface BlockSummary {
  id: Uint8Array;
  scheme: TreeScheme;
  depth: number;
  epoch: number;
  content: Uint8Array;
  /** First 8 bytes of SHA-256(signer's public key). */
  signer: Uint8Array;
  subsets: Subset[];
}

/** Levels of the hash tree over the entries, pages first; the last level is the root alone. A node without a neighbor moves up as it is. */
function hashLevels(block: Uint8Array, count: number, stride: number): Uint8Array[][] {
  let level: Uint8Array[] = [];
  for (let first = 0; first < Math.max(count, 1); first += TREE_PAGE) {
    const hash = new Uint8Array(32);
    const end = TREE_HEAD + stride * Math.min(count, first + TREE_PAGE);
    sha256(hash, [Uint8Array.of(TREE_HASH_PAGE), block.subarray(TREE_HEAD + stride * first, end)]);
    level.push(hash);
  }
  const levels = [level];
  while (level.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < level.length; i += 2) {
      if (i + 1 === level.length) above.push(level[i]);
      else {
        const hash = new Uint8Array(32);
        sha256(hash, [Uint8Array.of(TREE_HASH_NODE), level[i], level[i + 1]]);
        above.push(hash);
      }
    }
    levels.push(above);
    level = above;
  }
  return levels;
}

/** What the signer signs: context, then SHA-256(header || root of the hash tree). */
function signedMessage(block: Uint8Array, root: Uint8Array): Uint8Array {
  const message = new Uint8Array(TREE_CONTEXT.length + 32);
  message.set(TREE_CONTEXT);
  sha256(message.subarray(TREE_CONTEXT.length), [block.subarray(0, TREE_HEADER), root]);
  return message;
}

/** Throws a RangeError unless `bytes` has `length` bytes. */
function checkLength(name: string, bytes: Uint8Array, length: number): void {
  if (bytes.length !== length) throw new RangeError(`${name}: expected ${length} bytes, got ${bytes.length}`);
}

/**
 * The enabling block: the media key sealed for every leaf that is not revoked, and signed. The same input gives the same bytes.
 *
 * @throws RangeError for anything out of range
 */
export async function enablingBlock(tree: KeyTree, parameters: BlockParameters, signer: BlockSigner): Promise<Uint8Array> {
  const { epoch, content, mediaKey } = parameters;
  checkTree(tree);
  checkLength("content id", content, 16);
  checkLength("media key", mediaKey, 32);
  checkLength("signer's public key", signer.publicKey, 32);
  if (!Number.isInteger(epoch) || epoch < 0 || epoch > 0xffffffff)
    throw new RangeError(`epoch: expected a whole number from 0 to 4294967295, got ${epoch}`);
  const subsets = treeCover(tree.scheme, tree.depth, parameters.revoked);
  const stride = treeEntryLength(tree.scheme);
  const entries = new Uint8Array(TREE_HEAD + stride * subsets.length);
  const digest = new Uint8Array(32);
  entries.set([0x4c, 0x54, 0x52, 0x42, 1, tree.scheme, tree.depth, 0]);
  entries.set(tree.id, 8);
  put32(entries, TREE_EPOCH, epoch);
  put32(entries, TREE_COUNT, subsets.length);
  entries.set(content, TREE_CONTENT);
  sha256(digest, [signer.publicKey]);
  entries.set(digest.subarray(0, 8), TREE_SIGNER);
  const ad = new Uint8Array(TREE_HEADER + 8);
  ad.set(entries.subarray(0, TREE_HEADER));
  subsets.forEach((subset, index) => {
    const at = TREE_HEAD + stride * index;
    const key = subsetKey(tree, subset);
    put32(ad, TREE_HEADER, subset.node);
    put32(ad, TREE_HEADER + 4, subset.except);
    entries.set(ad.subarray(TREE_HEADER, TREE_HEADER + stride - 48), at);
    seal(entries.subarray(at + stride - 48, at + stride), key, ad, mediaKey);
    key.fill(0);
  });
  const levels = hashLevels(entries, subsets.length, stride);
  const root = levels[levels.length - 1][0];
  const signature = await signer.sign(signedMessage(entries, root));
  checkLength("signature of the signer", signature, 64);
  entries.set(signature, TREE_HEADER);
  const hashes = levels.slice(0, -1).flat();
  const block = new Uint8Array(entries.length + 32 * hashes.length);
  block.set(entries);
  hashes.forEach((hash, index) => block.set(hash, entries.length + 32 * index));
  return block;
}

/**
 * Reads a whole block: lengths, order of the entries and every hash are checked; for the signature see `blockMessage`.
 *
 * @throws Error that says what does not fit
 */
export function readBlock(block: Uint8Array): BlockSummary {
  if (block.length < TREE_HEAD || !isTreeBlock(block))
    throw new Error("enabling block: expected one of version 1, got other bytes; make it anew");
  const scheme = block[5] as TreeScheme;
  const depth = block[6];
  const count = get32(block, TREE_COUNT);
  const stride = treeEntryLength(scheme);
  const end = TREE_HEAD + stride * count;
  if (block.length < end) throw new Error(`enabling block: expected ${count} entries, got only ${block.length} bytes; fetch it again`);
  const hashes = hashLevels(block, count, stride).slice(0, -1).flat();
  if (block.length !== end + 32 * hashes.length)
    throw new Error(`enabling block: expected ${end + 32 * hashes.length} bytes, got ${block.length}; fetch it again`);
  hashes.forEach((hash, index) => {
    if (!hash.every((byte, i) => byte === block[end + 32 * index + i]))
      throw new Error(`enabling block: hash ${index} does not match the entries; fetch it again`);
  });
  const subsets: Subset[] = [];
  for (let at = TREE_HEAD; at < end; at += stride)
    subsets.push({ node: get32(block, at), except: scheme === SCHEME_COMPLETE_SUBTREE ? 0 : get32(block, at + 4) });
  if (subsets.some((subset, i) => i > 0 && subset.node <= subsets[i - 1].node))
    throw new Error("enabling block: expected entries ascending by node; fetch it again");
  return {
    id: block.slice(8, 16),
    scheme,
    depth,
    epoch: get32(block, TREE_EPOCH),
    content: block.slice(TREE_CONTENT, TREE_CONTENT + 16),
    signer: block.slice(TREE_SIGNER, TREE_SIGNER + 8),
    subsets,
  };
}

/** The message and the signature of a block, for whoever verifies it whole. */
export function blockMessage(block: Uint8Array): { message: Uint8Array; signature: Uint8Array } {
  const levels = hashLevels(block, get32(block, TREE_COUNT), treeEntryLength(block[5]));
  return { message: signedMessage(block, levels[levels.length - 1][0]), signature: block.slice(TREE_HEADER, TREE_HEAD) };
}

/**
 * The part of a block that one client needs, at most 1,204 bytes, so that a board fetches no more; null where the leaf is revoked.
 *
 * @throws Error for bytes that are no block or a leaf outside its tree
 */
export function blockSlice(block: Uint8Array, leaf: number): Uint8Array | null {
  const out = new Uint8Array(TREE_SLICE_MAX);
  const read = (offset: number, into: Uint8Array): boolean => {
    if (offset + into.length > block.length) return false;
    into.set(block.subarray(offset, offset + into.length));
    return true;
  };
  const length = treeSlice(out, read, leaf);
  if (length > 0) return out.slice(0, length);
  if (length === TREE_REVOKED) return null;
  throw new Error("enabling block: expected a whole block and a leaf of its tree; fetch the block again");
}
