import fc from "../generate.js";
import { suite } from "../suite.js";
import * as assert from "uvu/assert";
import { get32, put32 } from "../../src/core/bytes.js";
import { natives } from "../../src/core/natives.js";
import {
  SCHEME_COMPLETE_SUBTREE,
  SCHEME_SUBSET_DIFFERENCE,
  TREE_COUNT,
  TREE_EPOCH,
  TREE_HEAD,
  TREE_MALFORMED,
  TREE_NOT_COVERED,
  TREE_NOT_READY,
  TREE_OK,
  TREE_OLD,
  TREE_OTHER,
  TREE_REVOKED,
  TREE_SEAL,
  TREE_SIGNATURE,
  TREE_SLICE_MAX,
  TREE_UNREADABLE,
  raiseEpoch,
  treeCovers,
  treeOpenFinish,
  treeOpenStart,
  treeOpenStep,
  treeSlice,
} from "../../src/core/tree/tree.js";
import { blockSlice, enablingBlock, readBlock } from "../../src/center/tree/block.js";
import { treeCover } from "../../src/center/tree/cover.js";
import type { TreeScheme } from "../../src/center/tree/cover.js";
import { clientKeys, mediaKey } from "../../src/center/tree/keys.js";
import type { KeyTree } from "../../src/center/tree/keys.js";
import { openSlice, readerOf, signerOf } from "./tools.js";

const test = suite("enabling blocks");
const SCHEMES: TreeScheme[] = [SCHEME_COMPLETE_SUBTREE, SCHEME_SUBSET_DIFFERENCE];
const signer = signerOf(new Uint8Array(32).fill(7));
const content = new Uint8Array(16).fill(0xc0);

function treeOf(scheme: TreeScheme, depth: number): KeyTree {
  return { id: Uint8Array.from([9, 8, 7, 6, 5, 4, 3, depth]), scheme, depth, master: new Uint8Array(32).fill(0xa5) };
}

async function blockOf(tree: KeyTree, revoked: Iterable<number>, epoch = 5): Promise<Uint8Array> {
  return enablingBlock(tree, { epoch, content, mediaKey: mediaKey(tree, epoch, content), revoked }, signer);
}

function sliceOf(block: Uint8Array, leaf: number): Uint8Array {
  const slice = blockSlice(block, leaf);
  if (slice === null) throw new Error(`leaf ${leaf} has no entry`);
  return slice;
}

/** `revoked` different leaves, spread by a fixed rule. */
function spread(depth: number, revoked: number): Set<number> {
  const leaves = new Set<number>();
  for (let i = 0; leaves.size < revoked; i++) leaves.add((i * 7919 * 131 + 17) % 2 ** depth);
  return leaves;
}

test("8 leaves, every revoked set: all others open, the revoked find no entry and cannot use another's", async () => {
  for (const scheme of SCHEMES) {
    const tree = treeOf(scheme, 3);
    const keys = Array.from({ length: 8 }, (_, leaf) => clientKeys(tree, leaf));
    const expected = mediaKey(tree, 5, content);
    for (let mask = 0; mask < 256; mask++) {
      const revoked = keys.map((_, leaf) => leaf).filter((leaf) => (mask >> leaf) & 1);
      const block = await blockOf(tree, revoked);
      const others = keys.map((_, leaf) => leaf).filter((leaf) => !revoked.includes(leaf));
      for (const leaf of others) assert.equal(openSlice(sliceOf(block, leaf), keys[leaf], signer.publicKey), expected);
      for (const leaf of revoked) {
        assert.is(blockSlice(block, leaf), null);
        for (const other of others) assert.is(openSlice(sliceOf(block, other), keys[leaf], signer.publicKey), TREE_NOT_COVERED);
      }
    }
  }
});

test("any tree to 2^20 leaves: a client that is not revoked opens its slice; the same input gives the same bytes", async () => {
  const cases = fc.integer({ min: 1, max: 20 }).chain((depth) =>
    fc.record({
      tree: fc.record({
        depth: fc.constant(depth),
        scheme: fc.constantFrom(...SCHEMES),
        id: fc.uint8Array({ minLength: 8, maxLength: 8 }),
        master: fc.uint8Array({ minLength: 32, maxLength: 32 }),
      }),
      revoked: fc.uniqueArray(fc.integer({ min: 0, max: 2 ** depth - 1 }), { maxLength: 60 }),
      leaf: fc.integer({ min: 0, max: 2 ** depth - 1 }),
      epoch: fc.integer({ min: 0, max: 0xffffffff }),
      key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ tree, revoked, leaf, epoch, key }) => {
      const block = await enablingBlock(tree, { epoch, content, mediaKey: key, revoked }, signer);
      assert.equal(await enablingBlock(tree, { epoch, content, mediaKey: key, revoked: [...revoked].reverse() }, signer), block);
      assert.equal(readBlock(block).subsets, treeCover(tree.scheme, tree.depth, revoked));
      const slice = blockSlice(block, leaf);
      if (slice === null) assert.ok(revoked.includes(leaf));
      else assert.equal(openSlice(slice, clientKeys(tree, leaf), signer.publicKey, epoch), key);
      assert.is(slice === null, revoked.includes(leaf));
    }),
    { numRuns: 60 },
  );
});

test("one million leaves, 1,000 revoked: opened with at most 20 hash steps to the key and one decryption, from a slice below 1.2 KiB", async () => {
  const revoked = spread(20, 1000);
  for (const scheme of SCHEMES) {
    const tree = treeOf(scheme, 20);
    const block = await blockOf(tree, revoked);
    let most = 0;
    for (let leaf = 5; leaf < 2 ** 20; leaf += 40009) {
      if (revoked.has(leaf)) continue;
      const slice = sliceOf(block, leaf);
      const keys = readerOf(clientKeys(tree, leaf));
      const out = new Uint8Array(32);
      assert.ok(slice.length < 1229, `slice of ${slice.length} bytes`);
      assert.is(treeOpenStart(slice, keys, signer.publicKey, 0), TREE_OK);
      while (!treeOpenStep());
      const computed = natives.sha256;
      let calls = 0;
      const { createHash } = await import("node:crypto");
      natives.sha256 = (parts) => {
        calls++;
        const hash = createHash("sha256");
        for (const part of parts) hash.update(new Uint8Array(part));
        return new Uint8Array(hash.digest()).buffer;
      };
      const status = treeOpenFinish(out, keys);
      natives.sha256 = computed;
      assert.is(status, TREE_OK);
      assert.equal(out, mediaKey(tree, 5, content));
      // One HMAC is two hashes; one decryption of 32 bytes is two HMACs: tag and keystream.
      most = Math.max(most, (calls - 4) / 2);
    }
    if (scheme === SCHEME_COMPLETE_SUBTREE) assert.is(most, 0);
    else assert.ok(most > 0 && most <= 20, `${most} steps`);
  }
});

test("an older epoch is refused, the same and a newer one are taken", async () => {
  const tree = treeOf(SCHEME_SUBSET_DIFFERENCE, 6);
  const keys = clientKeys(tree, 3);
  const old = sliceOf(await blockOf(tree, [9], 5), 3);
  const next = sliceOf(await blockOf(tree, [9, 10], 6), 3);
  const record = new Uint8Array(13).fill(0xff);
  record.fill(0, 4, 8);
  assert.equal(openSlice(old, keys, signer.publicKey, 0), mediaKey(tree, 5, content));
  assert.is(raiseEpoch(record, 4, 5), 1);
  assert.is(raiseEpoch(record, 4, 5), 0);
  assert.equal(openSlice(next, keys, signer.publicKey, 5), mediaKey(tree, 6, content));
  assert.is(raiseEpoch(record, 4, 6), 1);
  assert.is(raiseEpoch(record, 4, 5), -1);
  assert.equal([...record], [255, 255, 255, 255, 0, 0, 0, 6, 255, 255, 255, 255, 255]);
  assert.is(openSlice(old, keys, signer.publicKey, 6), TREE_OLD);
  const forged = old.slice();
  forged[TREE_EPOCH + 3] = 7;
  assert.is(openSlice(forged, keys, signer.publicKey, 6), TREE_SIGNATURE);
});

test("every flipped bit of a slice is refused", async () => {
  for (const scheme of SCHEMES) {
    const tree = treeOf(scheme, 6);
    const block = await blockOf(tree, [0, 9, 13, 20, 33, 41, 52, 58, 60]);
    const slice = sliceOf(block, 30);
    const keys = clientKeys(tree, 30);
    assert.equal(openSlice(slice, keys, signer.publicKey), mediaKey(tree, 5, content));
    // Every bit of head and index, and of what comes after them one bit in every byte, each time another one.
    for (let bit = 0; bit < 8 * slice.length; bit += bit < 8 * (TREE_HEAD + 4) ? 1 : 9) {
      const altered = slice.slice();
      altered[bit >> 3] ^= 1 << (bit & 7);
      const result = openSlice(altered, keys, signer.publicKey);
      if (typeof result !== "number" || result >= 0) assert.unreachable(`bit ${bit} flipped, and the slice opened`);
    }
    // An index behind the last entry would name bytes that no signature covers.
    const count = get32(block, TREE_COUNT);
    for (const index of [count, count + 7, 0x7fffffff]) {
      const beyond = sliceOf(block, 63);
      put32(beyond, TREE_HEAD, index);
      assert.is(openSlice(beyond, clientKeys(tree, 63), signer.publicKey), TREE_MALFORMED);
    }
    for (const length of [0, 1, TREE_HEAD, TREE_HEAD + 4, slice.length - 32, slice.length - 1])
      assert.is(openSlice(slice.subarray(0, length), keys, signer.publicKey), TREE_MALFORMED);
    assert.is(openSlice(Uint8Array.from([...slice, 0]), keys, signer.publicKey), TREE_MALFORMED);
  }
});

test("hostile bytes end in a status, never in an exception or a key", () => {
  const keys = clientKeys(treeOf(SCHEME_SUBSET_DIFFERENCE, 6), 30);
  const head = [0x4c, 0x54, 0x52, 0x42, 1, 2, 6, 0, 9, 8, 7, 6, 5, 4, 3, 6];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 900 }), fc.boolean(), fc.integer({ min: 0, max: 63 }), (bytes, begun, leaf) => {
      if (begun) bytes.set(head.slice(0, bytes.length));
      if (begun && bytes.length > TREE_COUNT + 4) bytes.fill(0, TREE_COUNT, TREE_COUNT + 3);
      assert.type(openSlice(bytes, keys, signer.publicKey), "number");
      const status = treeSlice(new Uint8Array(TREE_SLICE_MAX), readerOf(bytes), leaf);
      assert.ok(status > 0 ? status <= TREE_SLICE_MAX : [TREE_MALFORMED, TREE_UNREADABLE, TREE_REVOKED].includes(status));
      assert.type(openSlice(bytes, bytes, signer.publicKey), "number");
    }),
    { numRuns: 400 },
  );
});

test("each refusal has its own status, and nothing opens out of turn", async () => {
  const tree = treeOf(SCHEME_SUBSET_DIFFERENCE, 6);
  const keys = clientKeys(tree, 30);
  const block = await blockOf(tree, [3]);
  const slice = sliceOf(block, 30);
  const out = new Uint8Array(32);
  assert.is(openSlice(slice, keys, signerOf(new Uint8Array(32)).publicKey), TREE_SIGNATURE);
  assert.is(openSlice(slice, clientKeys({ ...tree, id: new Uint8Array(8) }, 30), signer.publicKey), TREE_OTHER);
  assert.is(openSlice(slice, clientKeys(treeOf(SCHEME_COMPLETE_SUBTREE, 6), 30), signer.publicKey), TREE_OTHER);
  assert.is(openSlice(slice, clientKeys({ ...tree, depth: 5 }, 30), signer.publicKey), TREE_OTHER);
  assert.is(openSlice(slice, clientKeys({ ...tree, master: new Uint8Array(32) }, 30), signer.publicKey), TREE_SEAL);
  assert.is(openSlice(slice, clientKeys(tree, 3), signer.publicKey), TREE_NOT_COVERED);
  assert.is(openSlice(slice, keys.subarray(0, 10), signer.publicKey), TREE_UNREADABLE);
  assert.is(openSlice(slice, keys.subarray(0, 40), signer.publicKey), TREE_UNREADABLE);
  assert.is(treeOpenFinish(out, readerOf(keys)), TREE_NOT_READY);
  assert.is(treeOpenStart(slice, readerOf(keys), signer.publicKey, 0), TREE_OK);
  assert.is(treeOpenFinish(out, readerOf(keys)), TREE_NOT_READY);
  assert.equal(out, new Uint8Array(32));
  assert.is(treeSlice(new Uint8Array(TREE_SLICE_MAX), readerOf(block), 64), TREE_MALFORMED);
  assert.is(treeSlice(new Uint8Array(TREE_SLICE_MAX), readerOf(block.subarray(0, 150)), 30), TREE_UNREADABLE);
});

test("what is sent in while the signature is checked changes nothing", async () => {
  const tree = treeOf(SCHEME_SUBSET_DIFFERENCE, 6);
  const keys = readerOf(clientKeys(tree, 30));
  const slice = sliceOf(await blockOf(tree, [3]), 30);
  const out = new Uint8Array(32);
  assert.is(treeOpenStart(slice, keys, signer.publicKey, 0), TREE_OK);
  slice.fill(0);
  while (!treeOpenStep());
  assert.is(treeOpenFinish(out, keys), TREE_OK);
  assert.equal(out, mediaKey(tree, 5, content));
});

test("a block that was cut, extended or altered is refused when it is read whole", async () => {
  for (const scheme of SCHEMES) {
    const block = await blockOf(treeOf(scheme, 8), spread(8, 20));
    assert.throws(() => readBlock(block.subarray(0, 60)), /expected one of version 1/);
    assert.throws(() => readBlock(block.subarray(0, 200)), /entries, got only 200 bytes/);
    assert.throws(() => readBlock(block.subarray(0, block.length - 1)), /expected \d+ bytes, got/);
    for (const at of [TREE_HEAD + 3, TREE_HEAD + 30, block.length - 1]) {
      const altered = block.slice();
      altered[at] ^= 1;
      assert.throws(() => readBlock(altered), /does not match the entries/);
    }
  }
});

test("an entry is for a leaf exactly when its set says so, whatever numbers stand in it", () => {
  const below = (node: number, top: number): boolean => node > 0 && node.toString(2).startsWith(top.toString(2));
  const numbers = [...Array.from({ length: 40 }, (_, i) => i), 0x7fffffff, 0x80000001, 0xffffffff];
  for (const scheme of SCHEMES)
    for (let leaf = 16; leaf < 32; leaf++)
      for (const node of numbers)
        for (const except of numbers) {
          const whole = except === 0 && below(leaf, node) && node > 0 && (scheme === SCHEME_COMPLETE_SUBTREE || node === 1);
          const difference = except < 32 && except !== node && node > 0 && below(except, node) && below(leaf, node) && !below(leaf, except);
          const expected = whole || (scheme === SCHEME_SUBSET_DIFFERENCE && difference);
          if (treeCovers(scheme, 4, leaf, node, except) !== expected)
            assert.unreachable(`${scheme}: leaf node ${leaf}, ${node} without ${except}`);
        }
});

test("a block of a signer who breaks the rules ends in a status", async () => {
  // The cover is right, the count is not: more entries than a tree of this depth can have.
  const block = await blockOf(treeOf(SCHEME_SUBSET_DIFFERENCE, 3), [1]);
  put32(block, TREE_COUNT, 5);
  assert.is(treeSlice(new Uint8Array(TREE_SLICE_MAX), readerOf(block), 2), TREE_MALFORMED);
  const swapped = await blockOf(treeOf(SCHEME_COMPLETE_SUBTREE, 2), [1]);
  swapped.copyWithin(TREE_HEAD, TREE_HEAD + 52);
  assert.throws(() => readBlock(swapped), /expected entries ascending by node/);
});

test("with everybody revoked the block has no entry", async () => {
  for (const scheme of SCHEMES) {
    const block = await blockOf(treeOf(scheme, 2), [0, 1, 2, 3]);
    assert.is(block.length, TREE_HEAD);
    assert.equal(readBlock(block).subsets, []);
    for (let leaf = 0; leaf < 4; leaf++) assert.is(blockSlice(block, leaf), null);
  }
});

test("input out of range is refused by name", async () => {
  const tree = treeOf(SCHEME_COMPLETE_SUBTREE, 3);
  const good = { epoch: 1, content, mediaKey: new Uint8Array(32), revoked: [] };
  const refusal = async (parameters: Partial<typeof good>, used = signer): Promise<string> => {
    try {
      await enablingBlock(tree, { ...good, ...parameters }, used);
      return "made";
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.is(await refusal({}), "made");
  assert.match(await refusal({ epoch: -1 }), /^epoch: expected/);
  assert.match(await refusal({ epoch: 2 ** 32 }), /^epoch: expected/);
  assert.match(await refusal({ content: new Uint8Array(8) }), /^content id: expected 16 bytes, got 8/);
  assert.match(await refusal({ mediaKey: new Uint8Array(16) }), /^media key: expected 32 bytes, got 16/);
  assert.match(await refusal({}, { ...signer, sign: () => new Uint8Array(63) }), /^signature of the signer: expected 64 bytes, got 63/);
});

test.run();
