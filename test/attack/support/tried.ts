import * as assert from "uvu/assert";
import type { LoanWorldOptions } from "../../../sim/loan-world.js";
import { Stage } from "../../scenario/support/stage.js";
import { mutant, type Edit, type Firmware } from "./mutant.js";

/** Answers true when the attacker has what he wanted. */
export type Attack = (stage: Stage) => Promise<boolean>;

let seed = 100;

/**
 * Tries an attack on the bundles as they are built, where it must fail, and on a copy from which its defense was taken, where it must succeed: else the test would
 * prove nothing.
 */
export async function tried(attack: Attack, firmware: Firmware, edits: Edit[], options: Partial<LoanWorldOptions> = {}): Promise<void> {
  await triedWithout(attack, [{ [firmware]: edits }], options);
}

/** The same with several copies, each of which lacks something else, in one or several devices: the attack must succeed with each. */
export async function triedWithout(
  attack: Attack,
  copies: Partial<Record<Firmware, Edit[]>>[],
  options: Partial<LoanWorldOptions> = {},
): Promise<void> {
  seed++;
  assert.not.ok(await outcome(attack, { ...options, seed }), "the attack comes through");
  for (const copy of copies) {
    const bundles: Partial<Record<Firmware, string>> = {};
    for (const [firmware, edits] of Object.entries(copy) as [Firmware, Edit[]][]) bundles[firmware] = await mutant(firmware, edits);
    const what = `the attack fails even without its defense, ${JSON.stringify(copy)}: it shows nothing`;
    assert.ok(await outcome(attack, { ...options, seed, bundles }), what);
  }
}

async function outcome(attack: Attack, options: Partial<LoanWorldOptions>): Promise<boolean> {
  let through = false;
  await Stage.play(options, async (stage) => {
    through = await attack(stage);
  });
  return through;
}
