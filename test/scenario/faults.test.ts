/** Power cuts in the middle of a loan, and their replay. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { cutEverywhere, replay } from "../../sim/faults.js";
import { loanScenario } from "../../sim/loan-faults.js";
import { mutant } from "../attack/support/mutant.js";
import { suite } from "../suite.js";

const test = suite("faults of a loan");
const root = fileURLToPath(new URL("../..", import.meta.url));

for (const [name, custody] of [
  ["cartridge", CUSTODY_CARTRIDGE],
  ["split", CUSTODY_SPLIT],
] as const)
  test(`[C1] custody ${name}: after a cut at any moment content and key are usable together, or neither is, and the kiosk's next try makes the loan`, async () => {
    const report = await cutEverywhere(loanScenario(7, custody), {
      operations: ["flash", "serial"],
      devices: ["card", "cartridge"],
      limit: 8,
    });
    assert.is(report.runs, 8);
    assert.equal(
      report.failures.map(({ replay: text, error }) => `${text} ${error.message}`),
      [],
    );
  });

test("[F5] a failure replays from one short string: the same run, event by event", async () => {
  // A card that forgets who it is when one record of its journal is torn.
  const card = await mutant("card", [
    {
      file: "src/core/journal.ts",
      from: "    else offset += journal.unit;\n  }\n  journal.end",
      to: "    else {\n      journal.names.fill(0);\n      break;\n    }\n  }\n  journal.end",
    },
  ]);
  const scenario = loanScenario(7, CUSTODY_CARTRIDGE, { card });
  const { failures } = await cutEverywhere(scenario, { operations: ["flash"], devices: ["card"], tears: ["subset"], limit: 6 });
  assert.ok(failures.length > 0, "the planted fault is found");
  const [{ replay: text, error }] = failures;
  assert.ok(text.length < 80, text);
  const first = await replay(text, [scenario]);
  const second = await replay(text, [scenario]);
  assert.is(first.error?.message, error.message);
  assert.is(second.world.trace.toString(), first.world.trace.toString());
  assert.ok(first.world.trace.of("fault").some(({ what }) => what === "power cut"));
  // The same string on the bundles that are flashed comes through, as the command tells.
  const { status, stdout } = spawnSync(process.execPath, ["scripts/leyden.mjs", "replay", text], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(status, 0, stdout);
  assert.match(stdout, /Cut: flash operation \d+ of the card, subset\.\nNothing failed in this run\./);
});

test("a string that is none is refused in one sentence", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/leyden.mjs", "replay", "hello"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.is(status, 2);
  assert.match(stderr, /^A replay string begins with F1, got "hello"/);
});

test.run();
