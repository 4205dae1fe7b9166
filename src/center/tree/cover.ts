import { SCHEME_COMPLETE_SUBTREE, SCHEME_SUBSET_DIFFERENCE, TREE_DEPTH_MAX } from "../../core/tree/tree.js";

export type TreeScheme = typeof SCHEME_COMPLETE_SUBTREE | typeof SCHEME_SUBSET_DIFFERENCE;

/**
 * The leaves below `node`, without those below `except` (0: without none). Nodes are numbered from the root, 1; children of n are 2n and
 * 2n+1.
 */
export interface Subset {
  node: number;
  except: number;
}

/** Checks depth and leaves, and answers the leaves ascending, each once. Throws a RangeError that names what is wrong. */
export function sortedLeaves(depth: number, leaves: Iterable<number>): number[] {
  if (!Number.isInteger(depth) || depth < 1 || depth > TREE_DEPTH_MAX)
    throw new RangeError(`tree depth: expected a whole number from 1 to ${TREE_DEPTH_MAX}, got ${depth}`);
  const sorted = [...new Set(leaves)].sort((a, b) => a - b);
  for (const leaf of sorted) checkLeaf(depth, leaf);
  return sorted;
}

/** Throws a RangeError unless `leaf` is one of the tree's. */
export function checkLeaf(depth: number, leaf: number): void {
  if (!Number.isInteger(leaf) || leaf < 0 || leaf >= 2 ** depth)
    throw new RangeError(`leaf: expected a whole number from 0 to ${2 ** depth - 1} in a tree of depth ${depth}, got ${leaf}`);
}

/** Index of the first element of `sorted` that is at least `value`, between `from` and `to`. */
function lowerBound(sorted: number[], value: number, from: number, to: number): number {
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (sorted[middle] < value) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** Maximal subtrees without a revoked leaf: at most r log2(N/r) of them (Naor, Naor, Lotspiech 2001, section 3.1). */
function completeSubtree(depth: number, revoked: number[]): Subset[] {
  const cover: Subset[] = [];
  const visit = (node: number, level: number, from: number, to: number): void => {
    if (from === to) {
      cover.push({ node, except: 0 });
    } else if (level < depth) {
      const middle = lowerBound(revoked, (2 * node + 1) * 2 ** (depth - level - 1) - 2 ** depth, from, to);
      visit(2 * node, level + 1, from, middle);
      visit(2 * node + 1, level + 1, middle, to);
    }
  };
  visit(1, 0, 0, revoked.length);
  return cover;
}

/** Subset difference: at most 2r - 1 sets (same paper, section 3.2). */
function subsetDifference(depth: number, revoked: number[]): Subset[] {
  if (revoked.length === 0) return [{ node: 1, except: 0 }];
  const cover: Subset[] = [];
  // Answers the node below which everything has been dealt with; the leaves of `node` outside it are left to the caller.
  const visit = (node: number, level: number, from: number, to: number): number => {
    if (level === depth) return node;
    const middle = lowerBound(revoked, (2 * node + 1) * 2 ** (depth - level - 1) - 2 ** depth, from, to);
    if (middle === from) return visit(2 * node + 1, level + 1, from, to);
    if (middle === to) return visit(2 * node, level + 1, from, to);
    const left = visit(2 * node, level + 1, from, middle);
    const right = visit(2 * node + 1, level + 1, middle, to);
    if (left !== 2 * node) cover.push({ node: 2 * node, except: left });
    if (right !== 2 * node + 1) cover.push({ node: 2 * node + 1, except: right });
    return node;
  };
  const rest = visit(1, 0, 0, revoked.length);
  if (rest !== 1) cover.push({ node: 1, except: rest });
  return cover;
}

/**
 * Disjoint subsets whose union is all leaves but the revoked ones, ascending by node; no node comes twice.
 *
 * @param revoked - leaves, any order, repeats allowed
 * @throws RangeError for a depth or leaf out of range
 */
export function treeCover(scheme: TreeScheme, depth: number, revoked: Iterable<number>): Subset[] {
  const sorted = sortedLeaves(depth, revoked);
  const cover = scheme === SCHEME_COMPLETE_SUBTREE ? completeSubtree(depth, sorted) : subsetDifference(depth, sorted);
  return cover.sort((a, b) => a.node - b.node);
}

/** First and last leaf below `node`. */
export function leavesBelow(depth: number, node: number): [number, number] {
  const height = depth - Math.floor(Math.log2(node));
  const first = node * 2 ** height - 2 ** depth;
  return [first, first + 2 ** height - 1];
}
