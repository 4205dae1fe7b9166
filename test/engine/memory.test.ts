import * as assert from "uvu/assert";
import { NEEDED } from "../../boards/profiles/memory.js";
import { espruinoDevice } from "../../sim/engine/espruino.js";
import { LoanWorld } from "../../sim/loan-world.js";
import { ROLE_CARD } from "../../src/core/protocol/constants.js";
import { DeviceSession } from "../../src/host/session.js";
import { Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";
import { answerCommands } from "./commands.js";
import { ESPRUINO, ESPRUINO_SMALL, bundle, temporary, until, wait } from "./support.js";

const test = suite("variables while a device works");

/** Tells the bench every 300 ms how many variables are held, garbage collected before. */
const PROBE = `setInterval(function(){var m=process.memory();Serial6.write("M"+m.usage+","+m.blocksize+";");},300);`;
/** What the engine and the bench hold themselves when the bundle is none, with the probe. */
const BENCH = 370;

test.when(ESPRUINO_SMALL !== "", "ESPRUINO_SMALL is not set")(
  "a card that is personalized and authenticates by certificates stays below what the boards' table says, and comes back to its level",
  async () => {
    const device = await espruinoDevice({ program: ESPRUINO_SMALL, bundle: bundle("card"), probe: PROBE, folder: temporary(), wires: 1 });
    const held: number[] = [];
    device.bench.onReceive((bytes) => {
      for (const [, usage] of Buffer.from(bytes)
        .toString("latin1")
        .matchAll(/M(\d+),13;/g))
        held.push(Number(usage) - BENCH);
    });
    const world = new LoanWorld({ days: 7, seed: 5 });
    const [wire] = device.wires;
    assert.ok(wire);
    if (!wire) return;
    const transport = new Transport(wire);
    try {
      await device.powerOn();
      await until(() => held.length > 3, "the device to start");
      await wait(1000);
      await world.enrollDevice("card", ROLE_CARD, new DeviceSession(transport));
      await wait(1500);
      const resting = Math.min(...held.slice(-3));
      await new DeviceSession(transport, world.kiosk).authenticate(ROLE_CARD);
      await until(() => (held.at(-1) ?? 0) <= resting + 8, "memory to come back to its level", 60_000);
      const deepest = Math.max(...held);
      console.log(`card: ${String(resting)} variables at rest, ${String(deepest)} between two steps of an authentication`);
      assert.ok(resting <= (NEEDED.card?.resting ?? 0) + 40, `${String(resting)} at rest`);
      assert.ok(deepest <= (NEEDED.card?.deepest ?? 0), `${String(deepest)} at most`);
    } finally {
      await device.dispose();
    }
  },
);

test.when(ESPRUINO !== "", "ESPRUINO is not set")("a card ends two thousand commands with the variables that it began with", async () => {
  const { before, after } = await answerCommands(ESPRUINO, 2000);
  assert.ok(before > 0);
  assert.is(after, before);
});

test.run();
