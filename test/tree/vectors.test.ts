import { readFileSync } from "node:fs";
import fc from "../generate.js";
import * as assert from "uvu/assert";
import { blockSlice, enablingBlock } from "../../src/center/tree/block.js";
import { treeCover } from "../../src/center/tree/cover.js";
import type { TreeScheme } from "../../src/center/tree/cover.js";
import { suite } from "../suite.js";
import { referenceBlock, referenceCover, referenceKeys, referenceMediaKey } from "./reference.js";
import { hex, openSlice, signerOf, unhex } from "./tools.js";
import { VECTORS_FILE, makeVectors, vectorsText } from "./vectors.js";
import type { TreeVectors } from "./vectors.js";

const test = suite("key tree vectors");
const text = readFileSync(VECTORS_FILE, "utf8");
const vectors = JSON.parse(text) as TreeVectors;
const seed = unhex(vectors.signerSeed);
const publicKey = unhex(vectors.signerPublicKey);

test("the published file is what this code makes", async () => {
  assert.is(vectorsText(await makeVectors()), text);
});

test("an implementation from the description alone makes the same keys, covers, blocks and slices", () => {
  assert.is(hex(signerOf(seed).publicKey), vectors.signerPublicKey);
  for (const { keys, blocks, ...given } of vectors.trees) {
    const tree = { ...given, id: unhex(given.id), master: unhex(given.master) };
    for (const { leaf, material } of keys) assert.is(hex(referenceKeys(tree, leaf)), material);
    for (const { epoch, content, mediaKey, revoked, subsets, block, slices } of blocks) {
      assert.is(hex(referenceMediaKey(tree, epoch, unhex(content))), mediaKey);
      assert.equal(referenceCover(tree, revoked), subsets);
      const reference = referenceBlock(tree, epoch, unhex(content), unhex(mediaKey), revoked, seed);
      assert.is(hex(reference.block), block);
      for (const { leaf, slice } of slices) {
        const made = reference.slice(leaf);
        assert.is(made === null ? null : hex(made), slice);
      }
    }
  }
});

test("every slice opens with the keys of its leaf, and with those of no other leaf outside its set", () => {
  let opened = 0;
  for (const { keys, blocks } of vectors.trees)
    for (const { mediaKey, epoch, slices } of blocks)
      for (const { leaf, slice } of slices) {
        const material = keys.find((key) => key.leaf === leaf)?.material;
        if (slice === null || material === undefined) continue;
        const result = openSlice(unhex(slice), unhex(material), publicKey, epoch);
        assert.is(typeof result === "number" ? result : hex(result), mediaKey);
        opened++;
      }
  assert.is(opened, 2 * (16 + 15 + 15 + 14 + 8 + 10 + 0 + 3));
});

test("every refusal is refused, for its reason", () => {
  for (const { why, slice, keys, floor, status } of vectors.refusals)
    assert.is(openSlice(unhex(slice), unhex(keys), publicKey, floor), status, why);
});

test("reference and product agree on any tree", async () => {
  const cases = fc.integer({ min: 1, max: 12 }).chain((depth) =>
    fc.record({
      depth: fc.constant(depth),
      scheme: fc.constantFrom<TreeScheme>(1, 2),
      revoked: fc.uniqueArray(fc.integer({ min: 0, max: 2 ** depth - 1 }), { maxLength: 40 }),
      leaf: fc.integer({ min: 0, max: 2 ** depth - 1 }),
      bytes: fc.uint8Array({ minLength: 88, maxLength: 88 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ depth, scheme, revoked, leaf, bytes }) => {
      const tree = { id: bytes.slice(0, 8), scheme, depth, master: bytes.slice(8, 40) };
      const content = bytes.slice(40, 56);
      const mediaKey = bytes.slice(56, 88);
      const block = await enablingBlock(tree, { epoch: depth, content, mediaKey, revoked }, signerOf(seed));
      const reference = referenceBlock(tree, depth, content, mediaKey, revoked, seed);
      assert.equal(
        treeCover(scheme, depth, revoked).map(({ node, except }) => [node, except]),
        referenceCover(tree, revoked),
      );
      assert.is(hex(block), hex(reference.block));
      const slice = blockSlice(block, leaf);
      const expected = reference.slice(leaf);
      assert.is(slice === null ? null : hex(slice), expected === null ? null : hex(expected));
    }),
    { numRuns: 80 },
  );
});

test.run();
