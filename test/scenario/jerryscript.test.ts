import * as assert from "uvu/assert";
import { CUSTODY_CARD, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { jerryHost } from "../../sim/engine/jerry.js";
import { RemoteContext, jerry } from "../../sim/engine/remote.js";
import { suite } from "../suite.js";
import { ROLES, TEXT, lend, reference, same, type Role } from "./support/engine-loan.js";

const JERRY_HOME = process.env.JERRY_HOME ?? "";
const test = suite("a loan on JerryScript");
const withJerry = test.when(JERRY_HOME !== "", "JERRY_HOME is not set");

test("dist/jerryscript: the whole loan runs on the host program's simulated hardware, erased at its deadline and refused after", async () => {
  const found = await reference("jerryscript");
  assert.is(found.played, TEXT);
  assert.ok(found.refused);
  assert.is.not(found.files["trace.jsonl"], (await reference("espruino")).files["trace.jsonl"]);
});

const SETS: readonly (readonly Role[])[] = [["card"], ["cartridge"], ["reader"], ["card", "reader"], ROLES];
for (const real of SETS)
  withJerry(
    `[F6]${real.length === 3 ? "[F8]" : ""} ${real.join(", ")} in a real JerryScript: the loan's files are those of the sandbox`,
    async () => {
      const program = await jerryHost(JERRY_HOME);
      const expected = await reference("jerryscript");
      const keys = [expected.key, expected.titleKey];
      const found = await lend({ engine: "jerryscript", make: (folder) => new RemoteContext(jerry(program), folder), real, keys });
      same(found, expected);
      assert.ok(found.held > 0);
      assert.is(found.left, 0, "a piece of a key is in an interpreter's memory after the erase");
    },
  );

for (const [name, custody] of [
  ["card", CUSTODY_CARD],
  ["split", CUSTODY_SPLIT],
] as const)
  withJerry(`[F6] all three in a real JerryScript, custody ${name}`, async () => {
    const program = await jerryHost(JERRY_HOME);
    const expected = await reference("jerryscript", custody);
    const found = await lend({
      engine: "jerryscript",
      custody,
      make: (folder) => new RemoteContext(jerry(program), folder),
      real: ROLES,
      keys: [expected.titleKey],
    });
    assert.is(found.played, TEXT);
    for (const [file, text] of Object.entries(expected.files)) assert.ok(found.files[file] === text, `${file} differs from the sandbox's`);
    assert.is(found.left, 0);
  });

test.run();
