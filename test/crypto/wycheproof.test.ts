import * as assert from "uvu/assert";
import { hkdf } from "../../src/core/hash/hkdf.js";
import { suite } from "../suite.js";
import { runCase } from "./run-case.js";
import { cases, hex, inModes, unhex } from "./support.js";

const test = suite("Published cases (Wycheproof)");
const counts = { x25519: 518, ed25519: 151, hmac_sha256: 174, hkdf_sha256: 86 } as const;

for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
  const all = cases(name);
  test.when(all !== undefined, "the folder of vectors is not there")(`${name}: all ${String(counts[name])} in every mode`, () => {
    assert.is(all?.length, counts[name]);
    inModes((mode) => {
      for (const one of all ?? []) assert.is(hex(runCase(one.work, one.inputs.map(unhex), one.length)), one.expected, `${one.id} ${mode}`);
    });
  });
}

test("HKDF: an output that is too long is the caller's mistake", () => {
  const none = new Uint8Array(0);
  assert.throws(() => hkdf(new Uint8Array(8161), none, none, none), /out: expected 0 to 8160 bytes, got 8161/);
});

test.run();
