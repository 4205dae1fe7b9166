import { createHash, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { seal } from "../../src/core/seal.js";
import { openContent, sealContent } from "../../src/core/stream/flow.js";
import { suite1 } from "../../src/core/stream/suite1.js";
import { suite2 } from "../../src/core/stream/suite2.js";
import { suite } from "../suite.js";
import { hex, inModes, text, unhex } from "./support.js";

const test = suite("Vectors in docs/format.md");
const document = readFileSync("docs/format.md", "utf8");
const titleKey = Uint8Array.from({ length: 32 }, (_, i) => i);
const plain = text("The Leyden jar was the first capacitor.");

for (const one of [suite1, suite2]) {
  test(`suite ${String(one.id)} is as written`, () => {
    const value = (what: string) => new RegExp(`\\| ${String(one.id)} \\| ${what} \\| \`([0-9a-f]+)\``).exec(document)?.[1] ?? "";
    const header = unhex(value("header"));
    const hash = createHash("sha256").update(header).digest();
    assert.is(hex(hash), value("header hash"));
    const keys = new Uint8Array(hkdfSync("sha256", titleKey, hash, `leyden stream suite ${String(one.id)}`, one === suite1 ? 47 : 48));
    assert.is(hex(keys), value("keys"));
    inModes(() => {
      for (const [what, bytes] of [
        ["content", plain],
        ["empty", new Uint8Array(0)],
      ] as const) {
        const content = sealContent(one, header, titleKey, bytes);
        assert.is(hex(content.subarray(48)), value(what));
        assert.is(hex(openContent([one], titleKey, content) ?? titleKey), hex(bytes));
      }
    });
  });
}

test("the sealed message is as written", () => {
  const out = new Uint8Array(plain.length + 16);
  seal(out, titleKey, text("associated"), plain);
  assert.ok(document.includes(`\`${hex(out)}\``));
});

test.run();
