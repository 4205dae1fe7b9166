import * as assert from "uvu/assert";
import { rmSync } from "node:fs";
import { RemoteContext, espruino } from "../../sim/engine/remote.js";
import { LoanWorld } from "../../sim/loan-world.js";
import { ROLE_CARD } from "../../src/core/protocol/constants.js";
import { suite } from "../suite.js";
import { ESPRUINO_SMALL, temporary } from "./support.js";

const test = suite("devices that run out of memory");

/** Leaves a device what its commands need, and too little for arithmetic. */
const HOG = `var $hog=new Uint8Array(13*(process.memory().free-500));`;

test.when(ESPRUINO_SMALL !== "", "ESPRUINO_SMALL is not set")(
  "a card that runs out of memory in an authentication starts anew, so that the kiosk is told, and then authenticates",
  async () => {
    const folder = temporary();
    const contexts: RemoteContext[] = [];
    const engine = espruino(ESPRUINO_SMALL);
    let more = "";
    let starts = 0;
    const start = (): RemoteContext => {
      for (const old of contexts.splice(0)) old.end();
      const taken = more;
      more = "";
      starts++;
      const context = new RemoteContext({ ...engine, load: (at, bundle) => engine.load(at, bundle + taken) }, folder);
      contexts.push(context);
      return context;
    };
    const stage = new LoanWorld({ seed: 5, days: 1, engines: { card: start } });
    const { world, card, kioskCard } = stage;
    const errors: string[] = [];
    try {
      await world.run(async () => {
        world.dock(card, kioskCard);
        await world.sleep(1000);
        await stage.enrollDevice("card", ROLE_CARD);
        world.undock(card);
        await world.sleep(1000);
        more = HOG;
        world.dock(card, kioskCard);
        await world.sleep(1000);
        const before = starts;
        const authenticated = (): Promise<unknown> => stage.session("card").authenticate(ROLE_CARD);
        await authenticated().catch((error: unknown) => errors.push(String(error)));
        await world.sleep(5000);
        assert.is(starts, before + 1);
        await authenticated();
      });
    } finally {
      for (const context of contexts) context.end();
      rmSync(folder, { recursive: true, force: true });
    }
    assert.equal(errors, ["Error: kiosk card port: The exchange was lost on the wire; try again."]);
  },
);

test.run();
