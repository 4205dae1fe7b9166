import * as assert from "uvu/assert";
import { NEEDED } from "../../boards/profiles/memory.js";
import { espruinoDevice, type EspruinoDevice } from "../../sim/engine/espruino.js";
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
/** A card's bundle that does nothing: what is held then are the engine's variables and the bench's. */
const EMPTY = "E.setConsole(null,{force:true});";

/** Starts `code` as a card; `held` gets every sample. */
async function start(code: string, held: number[]): Promise<EspruinoDevice> {
  const device = await espruinoDevice({ program: ESPRUINO_SMALL, bundle: code, probe: PROBE, folder: temporary(), wires: 1 });
  device.bench.onReceive((bytes) => {
    for (const [, usage] of Buffer.from(bytes)
      .toString("latin1")
      .matchAll(/M(\d+),13;/g))
      held.push(Number(usage));
  });
  await device.powerOn();
  await until(() => held.length > 3, "the device to start");
  return device;
}

test.when(ESPRUINO_SMALL !== "", "ESPRUINO_SMALL is not set")(
  "a card that is personalized and authenticates by certificates stays below what the boards' table says, and comes back to its level",
  async () => {
    const empty: number[] = [];
    await (await start(EMPTY, empty)).dispose();
    const bench = Math.max(...empty);
    const held: number[] = [];
    const device = await start(bundle("card"), held);
    const world = new LoanWorld({ days: 7, seed: 5 });
    const [wire] = device.wires;
    assert.ok(wire);
    if (!wire) return;
    const transport = new Transport(wire);
    try {
      await wait(1000);
      await world.enrollDevice("card", ROLE_CARD, new DeviceSession(transport));
      await wait(1500);
      const resting = Math.min(...held.slice(-3));
      const authenticated = async (level: number): Promise<number> => {
        await new DeviceSession(transport, world.kiosk).authenticate(ROLE_CARD);
        await until(() => (held.at(-1) ?? 0) <= level, "memory to come back to its level", 120_000);
        await wait(1000);
        return Math.min(...held.slice(-3));
      };
      // The first session leaves larger numbers in members that held small ones; nothing is added from then on.
      const level = await authenticated(resting + 16);
      const again = await authenticated(level + 2);
      const deepest = Math.max(...held) - bench;
      console.log(`card: ${String(resting - bench)} variables at rest, ${String(deepest)} between two steps of an authentication`);
      assert.ok(again <= level + 2, `${String(level)} after one session, ${String(again)} after two`);
      assert.ok(resting - bench <= NEEDED.card.resting + 40, `${String(resting - bench)} at rest`);
      assert.ok(deepest <= NEEDED.card.deepest, `${String(deepest)} at most`);
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
