import { equal, get32, put32 } from "../bytes.js";
import { ed25519VerifyStart, ed25519VerifyStep } from "../curve/curve.js";
import { hmac } from "../hash/hmac.js";
import { sha256 } from "../hash/sha256.js";
import { open } from "../seal.js";

/**
 * Opening side of the key tree (Naor, Naor, Lotspiech 2001, "Revocation and tracing schemes for stateless receivers"). Formats: docs/key-
 * tree.md.
 *
 * Clients are the 2^depth leaves of a binary tree. Node 1 is the root, nodes 2n and 2n+1 are the children of n, leaf k is node 2^depth + k.
 * An enabling block seals one media key for disjoint sets of leaves that together are all leaves not revoked. A client takes its slice out
 * of the block (`treeSlice`, or a server does it: a slice needs no trust) and opens it: `treeOpenStart`, `treeOpenStep` until true,
 * `treeOpenFinish`.
 */
export const SCHEME_COMPLETE_SUBTREE = 1;
export const SCHEME_SUBSET_DIFFERENCE = 2;
export const TREE_DEPTH_MAX = 24;

/** Bytes of a block before its entries: 48 of header, 64 of signature. */
export const TREE_HEADER = 48;
export const TREE_HEAD = 112;
export const TREE_EPOCH = 16;
export const TREE_COUNT = 20;
export const TREE_CONTENT = 24;
export const TREE_SIGNER = 40;
/** Entries that one hash covers. */
export const TREE_PAGE = 8;
/** Longest slice, of a block with 2^23 entries: head, index, one page and its path. */
export const TREE_SLICE_MAX = TREE_HEAD + 4 + TREE_PAGE * 56 + 20 * 32;
/** Bytes of a client's key material before its keys. */
export const TREE_KEYS_HEAD = 20;

/** First input byte of each hash and key derivation. */
export const TREE_HASH_PAGE = 0;
export const TREE_HASH_NODE = 1;
export const TREE_LEFT = 16;
export const TREE_MIDDLE = 17;
export const TREE_RIGHT = 18;

/** What is signed begins with these ASCII bytes: "leyden tree block". */
export const TREE_CONTEXT = new Uint8Array([108, 101, 121, 100, 101, 110, 32, 116, 114, 101, 101, 32, 98, 108, 111, 99, 107]);

/** Outcomes; everything below zero leaves no media key and no secret behind. */
export const TREE_OK = 0;
/** Not a block, slice or key material of this version, or lengths that do not fit. */
export const TREE_MALFORMED = -1;
/** Another tree, scheme or depth than the client's. */
export const TREE_OTHER = -2;
/** Older than the newest epoch seen. */
export const TREE_OLD = -3;
/** No entry for this client: it is revoked. */
export const TREE_REVOKED = -4;
/** The entry in the slice is not one for this client. */
export const TREE_NOT_COVERED = -5;
/** Signed by another key than the one given, or altered. */
export const TREE_SIGNATURE = -6;
/** The entry does not open: the key material is not of this tree. */
export const TREE_SEAL = -7;
/** The medium that holds block or key material failed. */
export const TREE_UNREADABLE = -8;
/** `treeOpenFinish` without a verification that has ended. */
export const TREE_NOT_READY = -9;

/** Fills `out` from byte `offset` of a block or of key material; false when the medium failed. */
export type ReadBytes = (offset: number, out: Uint8Array) => boolean;

/** Opening under way: associated data (header 48, entry's nodes 8), sealed media key 48, then a hash or a key 32. */
const work = new Uint8Array(136);
const label = new Uint8Array(1);
/** 0 idle, 1 verifying, 2 verified, 3 refused. */
let stage = 0;

function isHead(bytes: Uint8Array, last: number): boolean {
  return (
    get32(bytes, 0) === 0x4c545200 + last &&
    bytes[4] === 1 &&
    (bytes[5] === SCHEME_COMPLETE_SUBTREE || bytes[5] === SCHEME_SUBSET_DIFFERENCE) &&
    bytes[6] > 0 &&
    bytes[6] <= TREE_DEPTH_MAX &&
    bytes[7] === 0
  );
}

/** True when `bytes` begin like an enabling block; a cover never has more sets than half the leaves. */
export function isTreeBlock(bytes: Uint8Array): boolean {
  return isHead(bytes, 66) && get32(bytes, TREE_COUNT) <= 1 << (bytes[6] - 1);
}

/** True when `bytes` begin like a client's key material. */
export function isTreeKeys(bytes: Uint8Array): boolean {
  return isHead(bytes, 75) && get32(bytes, 16) < 1 << bytes[6];
}

/** Bytes of one entry: its node, or its two nodes, and the sealed media key. */
export function treeEntryLength(scheme: number): number {
  return scheme === SCHEME_COMPLETE_SUBTREE ? 52 : 56;
}

/** True when node `n` is `ancestor` or below it. */
export function treeIsUnder(n: number, ancestor: number): boolean {
  while (n > ancestor) n >>>= 1;
  return n === ancestor;
}

/**
 * True when the entry for `node` without `except` (0: without none) is one that `leafNode` can open, in a tree of this scheme and depth.
 */
export function treeCovers(scheme: number, depth: number, leafNode: number, node: number, except: number): boolean {
  if (node < 1 || !treeIsUnder(leafNode, node)) return false;
  if (except === 0) return scheme === SCHEME_COMPLETE_SUBTREE || node === 1;
  return scheme === SCHEME_SUBSET_DIFFERENCE && except < 2 << depth && treeIsUnder(except, node) && !treeIsUnder(leafNode, except);
}

/**
 * Takes the slice for `leaf` out of a block: head, index of the leaf's entry, the page of entries that it is in, and the hashes that lead
 * from that page to the signed root. Reads a few bytes at a time; nothing is checked that only the signature can vouch for.
 *
 * @param slice - TREE_SLICE_MAX bytes
 * @param leaf - 0 to 2^depth - 1
 * @returns length of the slice, or TREE_MALFORMED, TREE_UNREADABLE, or TREE_REVOKED where the block has no entry for the leaf
 */
export function treeSlice(slice: Uint8Array, read: ReadBytes, leaf: number): number {
  const nodes = slice.subarray(TREE_HEAD, TREE_HEAD + 8);
  const first = nodes.subarray(0, 4);
  let count = 0;
  let stride = 0;
  let node = 0;
  let low = 0;
  let high = 0;
  let middle = 0;
  let found = -1;
  let at = 0;
  let base = 0;
  let length = 0;
  if (!read(0, slice.subarray(0, TREE_HEAD))) return TREE_UNREADABLE;
  if (!isTreeBlock(slice) || leaf >= 1 << slice[6]) return TREE_MALFORMED;
  count = get32(slice, TREE_COUNT);
  stride = treeEntryLength(slice[5]);
  high = count;
  // Entries ascend by node, and so do the ancestors of a leaf from the root down: from the leaf up, each search ends where the next begins.
  for (node = (1 << slice[6]) + leaf; node > 0 && found < 0; node >>>= 1) {
    low = 0;
    while (low < high) {
      middle = (low + high) >>> 1;
      if (!read(TREE_HEAD + middle * stride, first)) return TREE_UNREADABLE;
      if (get32(nodes, 0) > node) high = middle;
      else low = middle + 1;
    }
    if (low > 0) {
      if (!read(TREE_HEAD + (low - 1) * stride, nodes)) return TREE_UNREADABLE;
      middle = stride === 56 ? get32(nodes, 4) : 0;
      if (get32(nodes, 0) === node && treeCovers(slice[5], slice[6], (1 << slice[6]) + leaf, node, middle)) found = low - 1;
    }
  }
  if (found < 0) return TREE_REVOKED;
  at = found >>> 3;
  low = at << 3;
  high = count - low < TREE_PAGE ? count - low : TREE_PAGE;
  length = TREE_HEAD + 4 + high * stride;
  if (!read(TREE_HEAD + low * stride, slice.subarray(TREE_HEAD + 4, length))) return TREE_UNREADABLE;
  put32(slice, TREE_HEAD, found);
  base = TREE_HEAD + count * stride;
  for (count = (count + 7) >>> 3; count > 1; count = (count + 1) >>> 1) {
    if ((at ^ 1) < count) {
      if (!read(base + 32 * (at ^ 1), slice.subarray(length, length + 32))) return TREE_UNREADABLE;
      length += 32;
    }
    base += 32 * count;
    at >>>= 1;
  }
  return length;
}

/** Bytes of the hashes that lead from page `at` of `count` to the root. */
function pathLength(at: number, count: number): number {
  let length = 0;
  for (; count > 1; count = (count + 1) >>> 1) {
    if ((at ^ 1) < count) length += 32;
    at >>>= 1;
  }
  return length;
}

/**
 * Begins to open a slice: checks everything but the signature, and starts that. The slice may be overwritten when this returns.
 *
 * @param keys - reads the client's key material
 * @param publicKey - Ed25519 key of the expected signer, 32 bytes
 * @param floor - newest epoch that this client has seen
 * @returns TREE_OK, and `treeOpenStep` is next; or the reason why not, and nothing is under way
 */
export function treeOpenStart(slice: Uint8Array, keys: ReadBytes, publicKey: Uint8Array, floor: number): number {
  const ad = work.subarray(0, 56);
  const hash = work.subarray(104, 136);
  let leafNode = 0;
  let stride = 0;
  let count = 0;
  let index = 0;
  let at = 0;
  let end = 0;
  stage = 0;
  if (slice.length < TREE_HEAD + 4 || !isTreeBlock(slice)) return TREE_MALFORMED;
  if (!keys(0, work.subarray(0, TREE_KEYS_HEAD))) return TREE_UNREADABLE;
  if (!isTreeKeys(work)) return TREE_MALFORMED;
  if (!equal(slice.subarray(5, TREE_EPOCH), work.subarray(5, TREE_EPOCH))) return TREE_OTHER;
  if (get32(slice, TREE_EPOCH) < floor) return TREE_OLD;
  leafNode = (1 << work[6]) + get32(work, 16);
  stride = treeEntryLength(slice[5]);
  count = get32(slice, TREE_COUNT);
  index = get32(slice, TREE_HEAD);
  if (index >= count) return TREE_MALFORMED;
  at = index >>> 3;
  end = count - 8 * at;
  end = TREE_HEAD + 4 + stride * (end < TREE_PAGE ? end : TREE_PAGE);
  if (slice.length !== end + pathLength(at, (count + 7) >>> 3)) return TREE_MALFORMED;
  ad.set(slice.subarray(0, TREE_HEADER));
  label[0] = TREE_HASH_PAGE;
  sha256(hash, [label, slice.subarray(TREE_HEAD + 4, end)]);
  label[0] = TREE_HASH_NODE;
  for (count = (count + 7) >>> 3; count > 1; count = (count + 1) >>> 1) {
    if ((at ^ 1) < count) {
      sha256(hash, at & 1 ? [label, slice.subarray(end, end + 32), hash] : [label, hash, slice.subarray(end, end + 32)]);
      end += 32;
    }
    at >>>= 1;
  }
  end = TREE_HEAD + 4 + stride * (index & 7);
  put32(ad, 48, get32(slice, end));
  put32(ad, 52, stride === 56 ? get32(slice, end + 4) : 0);
  if (!treeCovers(slice[5], slice[6], leafNode, get32(ad, 48), get32(ad, 52))) return TREE_NOT_COVERED;
  work.set(slice.subarray(end + stride - 48, end + stride), 56);
  sha256(hash, [work.subarray(0, TREE_HEADER), hash]);
  ed25519VerifyStart(slice.subarray(TREE_HEADER, TREE_HEAD), [TREE_CONTEXT, hash], publicKey);
  stage = 1;
  return TREE_OK;
}

/** One slice of the signature check; true when it is over (or none is under way). */
export function treeOpenStep(): boolean {
  let result = 0;
  if (stage !== 1) return true;
  result = ed25519VerifyStep();
  if (result !== 0) stage = result === 1 ? 2 : 3;
  return result !== 0;
}

/**
 * Ends an opening. At most `depth` steps of HMAC-SHA-256 and one decryption.
 *
 * @param mediaKey - 32 bytes; zeros unless TREE_OK is answered. The caller raises its epoch durably (`raiseEpoch`) before it uses this key.
 * @param keys - reads the client's key material, the same as at the start
 */
export function treeOpenFinish(mediaKey: Uint8Array, keys: ReadBytes): number {
  const key = work.subarray(104, 136);
  const depth = work[6];
  const node = get32(work, 48);
  const except = get32(work, 52);
  let status = stage === 2 ? TREE_OK : stage === 3 ? TREE_SIGNATURE : TREE_NOT_READY;
  let index = 0;
  let top = 0;
  let level = 0;
  let bottom = 0;
  mediaKey.fill(0);
  stage = 0;
  if (status === TREE_OK && !keys(16, key.subarray(0, 4))) status = TREE_UNREADABLE;
  if (status === TREE_OK) {
    while (node >>> (top + 1) > 0) top++;
    if (except === 0) index = work[5] === SCHEME_COMPLETE_SUBTREE ? top : 0;
    else {
      while (except >>> (bottom + 1) > 0) bottom++;
      // The first level at which the ways to `except` and to the own leaf part: the client holds the label of the node on the other way.
      level = top + 1;
      while (except >>> (bottom - level) === ((1 << depth) + get32(key, 0)) >>> (depth - level)) level++;
      index = top * depth - ((top * (top - 1)) >>> 1) + level - top;
    }
    if (!keys(TREE_KEYS_HEAD + 32 * index, key)) status = TREE_UNREADABLE;
  }
  if (status === TREE_OK) {
    if (except !== 0) {
      for (; level < bottom; level++) {
        label[0] = (except >>> (bottom - level - 1)) & 1 ? TREE_RIGHT : TREE_LEFT;
        hmac(key, key, [label]);
      }
      label[0] = TREE_MIDDLE;
      hmac(key, key, [label]);
    }
    if (!open(mediaKey, key, work.subarray(0, 56), work.subarray(56, 104))) status = TREE_SEAL;
  }
  work.fill(0);
  return status;
}

/**
 * Guard against old blocks. Raises the newest epoch seen, 4 bytes at `offset` of a journal record in memory; only for an epoch whose
 * signature has been verified.
 *
 * @returns -1 when `epoch` is older and must be refused, 0 when it is the one known, 1 when the record has changed: write it durably before
 *   using anything of that epoch
 */
export function raiseEpoch(record: Uint8Array, offset: number, epoch: number): number {
  const known = get32(record, offset);
  if (epoch < known) return -1;
  if (epoch === known) return 0;
  put32(record, offset, epoch);
  return 1;
}
