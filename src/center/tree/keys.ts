import { put32 } from "../../core/bytes.js";
import { hmac } from "../../core/hash/hmac.js";
import { SCHEME_COMPLETE_SUBTREE, TREE_DEPTH_MAX, TREE_KEYS_HEAD, TREE_LEFT, TREE_MIDDLE, TREE_RIGHT } from "../../core/tree/tree.js";
import { checkLeaf } from "./cover.js";
import type { Subset, TreeScheme } from "./cover.js";

/**
 * First input byte of what is derived from a tree master; the other bytes are tree id, scheme and node, or tree id, epoch and content id.
 */
const NODE_KEY = 1;
const NODE_LABEL = 2;
const ALL_KEY = 3;
const MEDIA_KEY = 4;

/** A key tree: what the center keeps of it. All keys come from the master; there is no key store. */
export interface KeyTree {
  /** 8 bytes. */
  id: Uint8Array;
  scheme: TreeScheme;
  /** log2 of the number of leaves, 1 to 24. */
  depth: number;
  /** 32 bytes, secret; one master can serve any number of trees. */
  master: Uint8Array;
}

/** Throws a RangeError unless the tree is one that keys can be derived for. */
export function checkTree(tree: KeyTree): void {
  if (tree.id.length !== 8) throw new RangeError(`tree id: expected 8 bytes, got ${tree.id.length}`);
  if (tree.master.length !== 32) throw new RangeError(`tree master: expected 32 bytes, got ${tree.master.length}`);
  if (!Number.isInteger(tree.depth) || tree.depth < 1 || tree.depth > TREE_DEPTH_MAX)
    throw new RangeError(`tree depth: expected a whole number from 1 to ${TREE_DEPTH_MAX}, got ${tree.depth}`);
}

/** HMAC-SHA-256(master, purpose || tree id || scheme || node): a key of one node, whatever else exists. */
function fromMaster(tree: KeyTree, purpose: number, node: number): Uint8Array {
  const input = new Uint8Array(14);
  const key = new Uint8Array(32);
  input[0] = purpose;
  input.set(tree.id, 1);
  input[9] = tree.scheme;
  put32(input, 10, node);
  hmac(key, tree.master, [input]);
  return key;
}

/** The three-way pseudorandom generator of subset difference: one third of its output, in place. */
function generate(key: Uint8Array, third: number): void {
  hmac(key, key, [Uint8Array.of(third)]);
}

/** In place: from the label of (i, from) to the label of (i, to), where `to` is `from` or below it. */
function descend(key: Uint8Array, from: number, to: number): void {
  const steps = Math.floor(Math.log2(to)) - Math.floor(Math.log2(from));
  for (let step = steps - 1; step >= 0; step--) generate(key, (to >>> step) & 1 ? TREE_RIGHT : TREE_LEFT);
}

/** Key that seals for exactly the leaves of `subset`, 32 bytes, secret. */
export function subsetKey(tree: KeyTree, subset: Subset): Uint8Array {
  if (subset.except === 0) return fromMaster(tree, tree.scheme === SCHEME_COMPLETE_SUBTREE ? NODE_KEY : ALL_KEY, subset.node);
  const key = fromMaster(tree, NODE_LABEL, subset.node);
  descend(key, subset.node, subset.except);
  generate(key, TREE_MIDDLE);
  return key;
}

/** Bytes of a client's key material: 20, then depth + 1 keys (complete subtree) or 1 + depth (depth + 1) / 2 keys (subset difference). */
export function clientKeysLength(scheme: TreeScheme, depth: number): number {
  return TREE_KEYS_HEAD + 32 * (1 + (scheme === SCHEME_COMPLETE_SUBTREE ? depth : (depth * (depth + 1)) / 2));
}

/**
 * Key material of one leaf, secret: complete subtree, the keys of its ancestors from the root down; subset difference, the key for
 * everybody, then for each ancestor i from the root down the labels of (i, j) for each j beside the way from i to the leaf, downwards.
 *
 * @throws RangeError for a leaf that the tree does not have
 */
export function clientKeys(tree: KeyTree, leaf: number): Uint8Array {
  checkTree(tree);
  checkLeaf(tree.depth, leaf);
  const out = new Uint8Array(clientKeysLength(tree.scheme, tree.depth));
  const leafNode = 2 ** tree.depth + leaf;
  const ancestor = (level: number): number => leafNode >>> (tree.depth - level);
  let at = TREE_KEYS_HEAD;
  const append = (key: Uint8Array): void => {
    out.set(key, at);
    at += 32;
    key.fill(0);
  };
  out.set([0x4c, 0x54, 0x52, 0x4b, 1, tree.scheme, tree.depth, 0]);
  out.set(tree.id, 8);
  put32(out, 16, leaf);
  if (tree.scheme === SCHEME_COMPLETE_SUBTREE) {
    for (let level = 0; level <= tree.depth; level++) append(fromMaster(tree, NODE_KEY, ancestor(level)));
    return out;
  }
  append(fromMaster(tree, ALL_KEY, 1));
  for (let top = 0; top < tree.depth; top++) {
    const along = fromMaster(tree, NODE_LABEL, ancestor(top));
    for (let level = top + 1; level <= tree.depth; level++) {
      const beside = along.slice();
      generate(beside, ancestor(level) & 1 ? TREE_LEFT : TREE_RIGHT);
      append(beside);
      generate(along, ancestor(level) & 1 ? TREE_RIGHT : TREE_LEFT);
    }
    along.fill(0);
  }
  return out;
}

/**
 * Media key of one epoch and content: HMAC-SHA-256(master, 4 || tree id || epoch || content id). Any server that holds the master makes the
 * same.
 *
 * @param content - 16 bytes; zeros for the key of the whole epoch
 */
export function mediaKey(tree: KeyTree, epoch: number, content: Uint8Array): Uint8Array {
  const input = new Uint8Array(29);
  const key = new Uint8Array(32);
  checkTree(tree);
  input[0] = MEDIA_KEY;
  input.set(tree.id, 1);
  put32(input, 9, epoch);
  input.set(content, 13);
  hmac(key, tree.master, [input]);
  return key;
}
