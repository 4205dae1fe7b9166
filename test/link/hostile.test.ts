import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import { attack } from "./hostile.js";

const test = suite("hostile frames");
const SEED = 20_261_121;

for (const [role, name] of ["host end", "card", "cartridge"].entries())
  test(`100,000 at the ${name}: no hang, no crash, and an honest peer gets through`, () => {
    const { frames, messages, transfers } = attack(role, 100_000, SEED + role);
    assert.is(frames, 100_000);
    assert.ok(messages > 400 && transfers > 100, `${messages} messages and ${transfers} transfers, so that the attack got deep`);
  });

test.run();
