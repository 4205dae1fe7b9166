/** After an erase nothing of the key is in any device's memory, dropped buffers and strings of the engine included. */
import * as assert from "uvu/assert";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { HOUR, SECOND, Stage } from "./support/stage.js";

const test = suite("what an erase leaves in memory");

/** Bytes in a row that count as a piece of a key: chance does not make them. */
const PIECE = 8;

/** How often any piece of `key` stands in the memory of any device. */
function pieces(stage: Stage, key: Uint8Array): number {
  let count = 0;
  for (const board of [stage.card, stage.cartridge, stage.reader])
    for (let at = 0; at + PIECE <= key.length; at++) count += board.searchMemory(key.subarray(at, at + PIECE));
  return count;
}

function heldKey(stage: Stage): Uint8Array {
  return stage.cartridge.arenas.keyMemory?.slice(0, 32) ?? new Uint8Array(0);
}

for (const engine of ["espruino", "jerryscript"] as const)
  for (const [name, custody] of [
    ["cartridge", CUSTODY_CARTRIDGE],
    ["split", CUSTODY_SPLIT],
    ["card", CUSTODY_CARD],
  ] as const)
    test(`[F8] ${engine} bundles, custody ${name}: no 8 bytes of loan key, share or title key, after the play and after the deadline`, async () => {
      await Stage.play({ seed: 21, engine, keepDropped: true }, async (stage) => {
        const title = stage.sample(2500);
        await stage.rent(title, { custody, duration: 4 * 3600 });
        const key = heldKey(stage);
        if (custody !== CUSTODY_CARD) assert.ok(pieces(stage, key) > 0, "the search finds the key while it is held");
        assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
        assert.is(pieces(stage, title.produced.titleKey), 0, "a piece of the title key is left after the play");
        await stage.world.sleep(5 * HOUR);
        assert.not.ok(stage.cartridge.keyValid);
        await stage.toKiosk();
        await stage.world.sleep(10 * SECOND);
        for (const secret of custody === CUSTODY_CARD ? [title.produced.titleKey] : [key, title.produced.titleKey])
          assert.is(pieces(stage, secret), 0, "a piece of a key is left after the erase");
      });
    });

test.run();
