/** docs/protocol.md and docs/format.md suffice to write a reader: one that was made from them alone plays from the built bundles of card and cartridge. */
import * as assert from "uvu/assert";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { identityOf, readerParty } from "../scenario/support/parties.js";
import { SECOND, Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { playOutside } from "./outside/reader.js";
import type { Identity } from "./outside/session.js";
import { OutsideWire } from "./outside/wire.js";

const test = suite("a reader made from the documents alone");

/** A certified reader that is no board of ours, and its two slots. */
function outsideReader(stage: Stage): { me: Identity; slots: { card: OutsideWire; cartridge: OutsideWire } } {
  const slot = (name: "card" | "cartridge"): OutsideWire => {
    const wire = stage.world.slot({ name: `outside ${name} slot` });
    const port = stage.world.hostPort(`outside ${name} port`, wire.wire);
    stage.world.dock(stage[name], wire);
    return new OutsideWire({
      write: (bytes) => {
        port.write(bytes);
      },
      onReceive: (handler) => port.onReceive(handler),
      sleep: (milliseconds) => stage.world.sleep(milliseconds),
    });
  };
  return {
    me: identityOf(stage, readerParty(stage)),
    slots: { card: slot("card"), cartridge: slot("cartridge") },
  };
}

test("it authenticates card and cartridge, gets the key in every custody and suite, plays the content, and the play is debited", async () => {
  for (const [custody, suiteId] of [
    [CUSTODY_CARTRIDGE, 2],
    [CUSTODY_CARD, 1],
    [CUSTODY_SPLIT, 2],
  ]) {
    await Stage.play({ seed: 400 + custody }, async (stage) => {
      const title = stage.sample(2000, suiteId);
      await stage.rent(title, { custody, plays: 2 });
      const { me, slots } = outsideReader(stage);
      await stage.world.sleep(2 * SECOND);
      const met = {};
      assert.equal(await playOutside(me, slots, met), title.plain, "as a stranger");
      assert.equal(await playOutside(me, slots, met), title.plain, "as one that has met both");
      try {
        await playOutside(me, slots, met);
        assert.unreachable("a third play of two");
      } catch (error) {
        assert.match((error as Error).message, /the card gives no key: 6985/);
      }
    });
  }
});

test.run();
