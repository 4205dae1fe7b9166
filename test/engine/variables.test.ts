import * as assert from "uvu/assert";
import { readFileSync } from "node:fs";
import { profiles } from "../../boards/profiles/index.js";
import { ENGINE, NEEDED, SPARE, fits } from "../../boards/profiles/memory.js";
import { STRICT } from "../../scripts/build/report.mjs";
import { variablesAfterBoot } from "../../sim/engine/variables.js";
import { suite } from "../suite.js";
import { heldBy } from "./held.js";
import { ESPRUINO_SMALL, WIRES, bundle, temporary } from "./support.js";

const test = suite("variables after boot");

/** Half of what the default board has. */
const BUDGET = { card: 1315, cartridge: 2550, reader: 2550, client: 4095 };

for (const role of ["card", "cartridge", "reader", "client"] as const) {
  const why = ESPRUINO_SMALL === "" ? "ESPRUINO_SMALL is not set" : "budgets do not bind";
  test.when(ESPRUINO_SMALL !== "" && STRICT, why)(`${role} holds at most ${String(BUDGET[role])} variables of 13 bytes`, async () => {
    const found = await variablesAfterBoot(ESPRUINO_SMALL, bundle(role), temporary(), WIRES[role]);
    assert.ok(found, "the bundle does not start on this engine: it has too few variables");
    if (!found) return;
    assert.is(found.bytes, 13, "ESPRUINO_SMALL is not a 32-bit build with 2,048 to 8,191 variables");
    console.log(`${role}: ${String(found.used)} variables after boot`);
    assert.ok(found.used <= BUDGET[role], `${role} holds ${String(found.used)} variables`);
  });
}

for (const [role, does] of [
  ["card", "that is enrolled, authenticated and given a license, and hands it out and back, while it makes keys ahead,"],
  ["cartridge", "that is rented, played and given back, while it keeps a key,"],
] as const)
  test.when(ESPRUINO_SMALL !== "", "ESPRUINO_SMALL is not set")(`a ${role} ${does} holds at most what the boards' table says`, async () => {
    const held = await heldBy(role, ESPRUINO_SMALL);
    const { resting, deepest, inside } = NEEDED[role];
    console.log(`${role}: ${JSON.stringify(held)}`);
    assert.ok(held.resting <= resting + 40, `${String(held.resting)} at rest`);
    assert.ok(held.deepest <= deepest + 40, `${String(held.deepest)} between events`);
    assert.ok(held.inside <= inside + 40, `${String(held.inside)} inside events`);
  });

test("every board that is offered for a role has the variables to spare that its deepest point wants", () => {
  for (const { title, variableBytes, variables, roles } of profiles)
    for (const { role } of roles) {
      if (variableBytes === null) continue;
      const left = variables.value - ENGINE - NEEDED[role].inside;
      assert.ok(left >= SPARE, `${title} as ${role}: ${String(left)} left`);
    }
});

test("the boards on which each role is built have the variables that it needs, or the boards' page says which lack them", () => {
  const page = readFileSync("docs/boards.md", "utf8");
  for (const profile of profiles)
    for (const { role } of profile.roles)
      if (!fits(profile, role))
        assert.match(page, new RegExp(`\\| ${profile.title} \\| ${role} \\| .* \\| no \\|`), `${profile.title} as ${role}`);
});

test.run();
