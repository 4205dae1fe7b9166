/** Hostile and noisy frames at every wire of the built devices; `npm run campaign:devices` sends ten million to each. */
import * as assert from "uvu/assert";
import { SW_OK } from "../../src/core/link/apdu.js";
import { mutant } from "../attack/support/mutant.js";
import { suite } from "../suite.js";
import { TARGETS, underFire } from "../hostile/devices.js";

const test = suite("devices under fire");
const SEED = 20_261_126;
const FRAMES = 6000;

for (const [index, target] of TARGETS.entries())
  test(`[F7] ${String(FRAMES)} frames at the ${target}: no hang, no crash, no secret out, and what it held still works`, async () => {
    const { frames, said, statuses } = await underFire(target, FRAMES, SEED + index);
    assert.is(frames, FRAMES);
    assert.ok(said > 1000, `it said ${String(said)} bytes`);
    // In its slots a device asks; at its other wire it must have been brought to accept and to refuse, in many ways.
    if (target.includes("slot")) return;
    assert.ok((statuses.get(SW_OK) ?? 0) > 10, "commands were carried out");
    assert.ok(statuses.size > 6, `${String(statuses.size)} kinds of answer`);
  });

const BROKEN = {
  "says a piece of its private key": ["  return 28 + name.length;", "  out.set(memory.identity.subarray(15, 25), 28);\n  return 38;"],
  "throws at a class that it does not know": [
    "  let size = command.length;",
    "  let size = command.length;\n  if (buffer[0] > 0xf0) throw new Error('class');",
  ],
  "is silent for ever after a long command": [
    "  let size = command.length;",
    "  let size = command.length;\n  if (size > 500) device.turn = NaN;",
  ],
} as const;
for (const [what, [from, to]] of Object.entries(BROKEN))
  test(`a card that ${what} does not come through`, async () => {
    const card = await mutant("card", [{ file: "src/core/device/device.ts", from, to }]);
    let failure: unknown;
    await underFire("card", FRAMES, SEED, { card }).catch((error: unknown) => (failure = error));
    assert.instance(failure, Error);
  });

test.run();
