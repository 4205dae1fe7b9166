import * as assert from "uvu/assert";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { profiles } from "../../boards/profiles/index.js";
import { SPARE } from "../../boards/profiles/memory.js";
import { RemoteContext, espruino } from "../../sim/engine/remote.js";
import { CUSTODY_CARD, ROLE_CARD } from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { ESPRUINO_SMALL } from "./support.js";

const test = suite("a card in the variables of a Puck.js");

/** What a Puck.js has, less what is to be left at the deepest point. */
const ROOM = (profiles.find(({ name }) => name === "puckjs")?.variables.value ?? 0) - SPARE;

/** Lends on a card that finds `room` variables free; answers what it held after each authentication, and at the end. */
async function lend(room: number): Promise<number[]> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-engine-"));
  const held: number[] = [];
  let context: RemoteContext | undefined;
  const start = (): RemoteContext => {
    context?.end();
    return (context = new RemoteContext(espruino(ESPRUINO_SMALL, false, room), folder));
  };
  const rest = async (stage: Stage): Promise<void> => {
    await stage.world.sleep(60_000);
    held.push(context?.variables() ?? 0);
  };
  try {
    await Stage.play({ seed: 71, days: 1, engines: { card: start } }, async (stage) => {
      await stage.toKiosk();
      for (let i = 0; i < 3; i++) {
        const kiosk = stage.makeKiosk();
        const session = stage.session("card", kiosk);
        await session.authenticate(ROLE_CARD);
        await rest(stage);
        assert.ok(kiosk.pairWith(session.peer), "the second time they are a pair");
        await session.authenticate(ROLE_CARD);
        await rest(stage);
      }
      stage.takeOut();
      const rented = await stage.rent(stage.sample(2000), { custody: CUSTODY_CARD });
      stage.home();
      assert.is((await stage.settled()).state, PLAYER_FINISHED);
      stage.takeOut();
      await stage.giveBack(rented);
      await rest(stage);
    });
    return held;
  } finally {
    context?.end();
    rmSync(folder, { recursive: true, force: true });
  }
}

const withEngine = test.when(ESPRUINO_SMALL !== "", "ESPRUINO_SMALL is not set");

withEngine(
  `a card that finds ${String(ROOM)} variables is personalized, authenticates by certificates and as a pair, takes a license, plays, and holds no more at the end`,
  async () => {
    const held = await lend(ROOM);
    console.log(`card: ${held.join(", ")} variables held between commands, the bench's among them`);
    // The first session leaves larger numbers in members that held small ones.
    assert.ok(Math.max(...held.slice(1)) <= (held[1] ?? 0) + 2, held.join(", "));
  },
);

withEngine("a card that finds fewer than it needs is seen to end", async () => {
  let message = "";
  try {
    await lend(1700);
  } catch (error) {
    message = (error as Error).message;
  }
  assert.match(message, /ended by itself/);
});

test.run();
