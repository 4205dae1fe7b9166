import fc from "../generate.js";
import { suite } from "../suite.js";
import * as assert from "uvu/assert";
import { SCHEME_COMPLETE_SUBTREE, SCHEME_SUBSET_DIFFERENCE } from "../../src/core/tree/tree.js";
import { treeCover, leavesBelow } from "../../src/center/tree/cover.js";
import type { Subset, TreeScheme } from "../../src/center/tree/cover.js";
import { clientKeys, clientKeysLength, subsetKey } from "../../src/center/tree/keys.js";
import type { KeyTree } from "../../src/center/tree/keys.js";
import { derivableKeys, hex } from "./tools.js";

const test = suite("tree covers");
const SCHEMES: TreeScheme[] = [SCHEME_COMPLETE_SUBTREE, SCHEME_SUBSET_DIFFERENCE];

function treeOf(scheme: TreeScheme, depth: number): KeyTree {
  return { id: Uint8Array.from([1, 2, 3, 4, 5, 6, 7, depth]), scheme, depth, master: new Uint8Array(32).fill(0x5a) };
}

/** How many sets of the cover each leaf is in. */
function timesCovered(depth: number, cover: Subset[]): Uint8Array {
  const times = new Uint8Array(2 ** depth);
  for (const { node, except } of cover) {
    const [first, last] = leavesBelow(depth, node);
    const [from, to] = except === 0 ? [-1, -2] : leavesBelow(depth, except);
    for (let leaf = first; leaf <= last; leaf++) if (leaf < from || leaf > to) times[leaf]++;
  }
  return times;
}

/** Upper bound of the paper for the number of sets. */
function bound(scheme: TreeScheme, depth: number, revoked: number): number {
  if (revoked === 0) return 1;
  return scheme === SCHEME_COMPLETE_SUBTREE ? Math.floor(revoked * (depth - Math.log2(revoked)) + 1e-9) : 2 * revoked - 1;
}

function checkCover(scheme: TreeScheme, depth: number, revoked: Set<number>): Subset[] {
  const cover = treeCover(scheme, depth, revoked);
  const times = timesCovered(depth, cover);
  times.forEach((n, leaf) => {
    if (n !== (revoked.has(leaf) ? 0 : 1)) assert.unreachable(`leaf ${leaf} is covered ${n} times, revoked: ${[...revoked].join(" ")}`);
  });
  assert.ok(cover.length <= bound(scheme, depth, revoked.size), `${cover.length} sets for ${revoked.size} revoked at depth ${depth}`);
  assert.ok(cover.length <= 2 ** (depth - 1));
  for (let i = 1; i < cover.length; i++) assert.ok(cover[i - 1].node < cover[i].node);
  return cover;
}

test("every subset of 16 leaves: all the others covered once, and no coalition can compute a key of the cover", () => {
  const depth = 4;
  for (const scheme of SCHEMES) {
    const tree = treeOf(scheme, depth);
    const names = new Map<string, number>();
    // Sealing keys that each leaf can compute, as bits over all sealing keys that any leaf can.
    const reach = Array.from({ length: 16 }, (_, leaf) => {
      let bits = 0n;
      for (const key of derivableKeys(clientKeys(tree, leaf)).keys()) {
        if (!names.has(key)) names.set(key, names.size);
        bits |= 1n << BigInt(names.get(key) as number);
      }
      return bits;
    });
    const bitOf = new Map<string, bigint>();
    const keyBit = (subset: Subset): bigint => {
      const name = `${subset.node}-${subset.except}`;
      const known = bitOf.get(name);
      if (known !== undefined) return known;
      const index = names.get(hex(subsetKey(tree, subset)));
      assert.ok(index !== undefined, `no leaf can compute the key of ${name}`);
      const bit = 1n << BigInt(index as number);
      bitOf.set(name, bit);
      return bit;
    };
    for (let mask = 0; mask < 65536; mask++) {
      const revoked = new Set<number>();
      let pooled = 0n;
      for (let leaf = 0; leaf < 16; leaf++)
        if ((mask >> leaf) & 1) {
          revoked.add(leaf);
          pooled |= reach[leaf];
        }
      let used = 0n;
      for (const subset of checkCover(scheme, depth, revoked)) used |= keyBit(subset);
      if ((pooled & used) !== 0n) assert.unreachable(`leaves ${[...revoked].join(" ")} together hold a key of their cover`);
      for (let leaf = 0; leaf < 16; leaf++)
        if (!revoked.has(leaf) && (reach[leaf] & used) === 0n) assert.unreachable(`leaf ${leaf} cannot compute its key`);
    }
  }
});

const trees = fc.integer({ min: 1, max: 10 }).chain((depth) =>
  fc.record({
    depth: fc.constant(depth),
    revoked: fc.uniqueArray(fc.integer({ min: 0, max: 2 ** depth - 1 }), { maxLength: Math.min(2 ** depth, 200) }),
    scheme: fc.constantFrom(...SCHEMES),
  }),
);

test("any tree to 1,024 leaves: exactly the others are covered, within the bounds, in any order of asking", () => {
  fc.assert(
    fc.property(trees, ({ depth, revoked, scheme }) => {
      const cover = checkCover(scheme, depth, new Set(revoked));
      assert.equal(treeCover(scheme, depth, [...revoked].reverse().concat(revoked)), cover);
    }),
    { numRuns: 300 },
  );
});

test("any coalition of a tree to 64 leaves, pooling everything it can derive, holds no key of the cover", () => {
  const coalitions = fc.integer({ min: 1, max: 6 }).chain((depth) =>
    fc.record({
      depth: fc.constant(depth),
      revoked: fc.uniqueArray(fc.integer({ min: 0, max: 2 ** depth - 1 }), { maxLength: 2 ** depth }),
      scheme: fc.constantFrom(...SCHEMES),
      master: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    }),
  );
  fc.assert(
    fc.property(coalitions, ({ depth, revoked, scheme, master }) => {
      const tree = { ...treeOf(scheme, depth), master };
      const pooled = new Set<string>();
      for (const leaf of revoked) for (const key of derivableKeys(clientKeys(tree, leaf)).keys()) pooled.add(key);
      for (const subset of treeCover(scheme, depth, revoked)) assert.not.ok(pooled.has(hex(subsetKey(tree, subset))));
    }),
    { numRuns: 60 },
  );
});

test("the key of a set is what exactly its members derive, under its own name", () => {
  for (const scheme of SCHEMES) {
    const tree = treeOf(scheme, 5);
    for (let leaf = 0; leaf < 32; leaf++)
      for (const [key, name] of derivableKeys(clientKeys(tree, leaf))) {
        const [node, except] = name.split("-").map(Number);
        const subset = { node, except: except ?? 0 };
        assert.is(hex(subsetKey(tree, subset)), key);
        assert.is(timesCovered(5, [subset])[leaf], 1);
      }
  }
});

test("trees that differ in id, scheme, or master share no key", () => {
  const base = treeOf(SCHEME_COMPLETE_SUBTREE, 6);
  const others = [{ ...base, id: new Uint8Array(8) }, treeOf(SCHEME_SUBSET_DIFFERENCE, 6), { ...base, master: new Uint8Array(32) }];
  const mine = new Set(derivableKeys(clientKeys(base, 9)).keys());
  for (const other of others) for (const key of derivableKeys(clientKeys(other, 9)).keys()) assert.not.ok(mine.has(key));
});

test("one million leaves, 1,000 revoked: cover sizes and key material within the bounds", () => {
  const revoked = Array.from({ length: 1000 }, (_, i) => (i * 7919 * 131 + 17) % 2 ** 20);
  assert.is(new Set(revoked).size, 1000);
  assert.ok(treeCover(SCHEME_COMPLETE_SUBTREE, 20, revoked).length <= 1000 * Math.log2(2 ** 20 / 1000));
  assert.ok(treeCover(SCHEME_SUBSET_DIFFERENCE, 20, revoked).length <= 1999);
  assert.is(clientKeysLength(SCHEME_COMPLETE_SUBTREE, 20), 20 + 21 * 32);
  assert.ok(clientKeysLength(SCHEME_COMPLETE_SUBTREE, 20) < 1024);
  assert.is(clientKeysLength(SCHEME_SUBSET_DIFFERENCE, 20), 20 + 211 * 32);
});

test("depths and leaves out of range are refused by name", () => {
  const tree = treeOf(SCHEME_COMPLETE_SUBTREE, 3);
  assert.throws(() => treeCover(SCHEME_COMPLETE_SUBTREE, 0, []), /tree depth: expected a whole number from 1 to 24, got 0/);
  assert.throws(() => treeCover(SCHEME_COMPLETE_SUBTREE, 25, []), /tree depth/);
  assert.throws(
    () => treeCover(SCHEME_SUBSET_DIFFERENCE, 3, [1, 8]),
    /leaf: expected a whole number from 0 to 7 in a tree of depth 3, got 8/,
  );
  assert.throws(() => treeCover(SCHEME_SUBSET_DIFFERENCE, 3, [-1]), /leaf/);
  assert.throws(() => clientKeys(tree, 8), /leaf/);
  assert.throws(() => clientKeys(tree, 0.5), /leaf/);
  assert.throws(() => clientKeys({ ...tree, master: new Uint8Array(16) }, 1), /tree master: expected 32 bytes, got 16/);
  assert.throws(() => clientKeys({ ...tree, id: new Uint8Array(4) }, 1), /tree id: expected 8 bytes, got 4/);
});

test.run();
