import * as assert from "uvu/assert";
import { RemoteContext, espruino } from "../../sim/engine/remote.js";
import type { EngineContext } from "../../sim/espruino/context.js";
import { suite } from "../suite.js";
import { ROLES, lend, reference, same } from "./support/engine-loan.js";

const ESPRUINO = process.env.ESPRUINO ?? "";
const test = suite("a loan on Espruino");
const withEspruino = test.when(ESPRUINO !== "", "ESPRUINO is not set");

const onEspruino = (folder: string): EngineContext => new RemoteContext(espruino(ESPRUINO), folder);

withEspruino(
  "[F8] card, cartridge and reader each in a real Espruino: the loan's files are those of the sandbox, and no piece of a key is left in a process",
  async () => {
    const expected = await reference("espruino");
    const keys = [expected.key, expected.titleKey];
    const found = await lend({ engine: "espruino", make: onEspruino, real: ROLES, keys });
    same(found, expected);
    assert.ok(found.held > 0, "the search finds the key while it is held");
    assert.is(found.left, 0, "a piece of a key is in an interpreter's memory after the erase");
  },
);

withEspruino("a real Espruino as card lends with a cartridge and a reader in the sandbox", async () => {
  same(await lend({ engine: "espruino", make: onEspruino, real: ["card"] }), await reference("espruino"));
});

test.run();
