import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { suite } from "../suite.js";
import { VECTORS_FILE, makeVectors, vectorsText } from "./protocol-vectors.js";

const test = suite("protocol vectors");

test("the code makes the published bytes", () => {
  assert.is(vectorsText(makeVectors()), readFileSync(VECTORS_FILE, "utf8"));
});

test("every message of the vectors is described in docs/protocol.md", () => {
  const text = readFileSync(new URL("../../docs/protocol.md", import.meta.url), "utf8");
  for (const group of Object.keys(makeVectors()))
    assert.ok(text.includes(`\`${group}\``), `docs/protocol.md does not name the vectors \`${group}\``);
});

test.run();
