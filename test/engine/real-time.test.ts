/** A loan on three machines with JerryScript that keep real time: connection, copy, play and erasure, over real file descriptors. */
import * as assert from "uvu/assert";
import { join } from "node:path";
import { jerryDevice, jerryHost } from "../../sim/engine/jerry.js";
import { CUSTODY_CARTRIDGE, INS_PLAY, INS_STATUS, ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER } from "../../src/core/protocol/constants.js";
import { CAUSE_DEADLINE } from "../../src/core/protocol/loan.js";
import { DeviceSession } from "../../src/host/session.js";
import { Transport } from "../../src/host/transport.js";
import { giveBack, rent, type KioskDevice } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED, PLAYER_REFUSED, REASON_CARTRIDGE } from "../../src/reader/state.js";
import { Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { HOST_WIRE, JERRY_HOME, WIRES, answersIfs, bundle, temporary, wait } from "./support.js";

const test = suite("a loan in real time");
const ROLES = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER };
type Name = keyof typeof ROLES;
/** Seconds from the connection to the kiosk to the erasure: authentications by certificates, the copy and the play take some thirty of them. */
const DURATION = 75;

test.when(JERRY_HOME !== "", "JERRY_HOME is not set")(
  "JerryScript: connection, copy and play, and after the deadline there is no key",
  async () => {
    const folder = temporary();
    const program = await jerryHost(JERRY_HOME);
    const stage = new Stage({ seed: 67 });
    const make = (name: Name): ReturnType<typeof jerryDevice> =>
      jerryDevice({ program, bundle: bundle(`jerryscript/${name}`), folder: join(folder, name), wires: WIRES[name] });
    const devices = { card: make("card"), cartridge: make("cartridge"), reader: make("reader") };
    const wireOf = (name: Name) => devices[name].wires[HOST_WIRE[name]];
    try {
      const title = stage.sample(3000);
      for (const name of ["card", "cartridge", "reader"] as const) {
        await devices[name].powerOn();
        await answersIfs(devices[name], HOST_WIRE[name]);
        await stage.enrollDevice(name, ROLES[name], new DeviceSession(new Transport(wireOf(name))));
      }
      const host = new Transport(wireOf("reader"));
      const status = async (): Promise<Uint8Array> => (await new DeviceSession(host).transfer(0x80, INS_STATUS, 0, new Uint8Array(0))).data;
      const settled = async (state: number): Promise<Uint8Array> => {
        for (let tries = 0; tries < 120; tries++) {
          const told = await status();
          if (told[0] === state) return told;
          await wait(500);
        }
        throw new Error(`the reader says ${Buffer.from(await status()).toString("hex")}`);
      };
      const atKiosk = async (name: "card" | "cartridge"): Promise<KioskDevice> => {
        const transport = new Transport(wireOf(name));
        if (name === "cartridge") devices.cartridge.pins.contact(true);
        await transport.reset();
        return {
          session: new DeviceSession(transport, stage.kiosk),
          sendFrames: (count, frame) => transport.bulkSend(count, frame),
          carry: (apdu) => transport.transmit(apdu),
        };
      };
      /** Wires of the reader's slots; a card starts as it is put in. */
      const home = async (): Promise<void> => {
        for (const [index, name] of (["card", "cartridge"] as const).entries()) {
          const slot = devices.reader.wires[index];
          const wire = wireOf(name);
          slot.onReceive((bytes) => {
            wire.write(bytes);
          });
          wire.onReceive((bytes) => {
            slot.write(bytes);
          });
        }
        devices.cartridge.pins.contact(true);
        await devices.card.powerOff();
        await devices.card.powerOn();
      };

      const cartridge = await atKiosk("cartridge");
      const connected = Date.now();
      const rental = stage.rental(title, { custody: CUSTODY_CARTRIDGE, duration: DURATION });
      const loanId = await rent({ ...rental, cartridge, card: await atKiosk("card"), wait });
      devices.cartridge.pins.contact(false);
      await home();
      await settled(PLAYER_FINISHED);
      assert.equal(devices.reader.played(), title.plain);
      const left = connected + DURATION * 1000 - Date.now();
      assert.ok(left > 0, "the loan was over before it was played; the machine is too slow for this duration");

      await wait(left + 2000);
      await new DeviceSession(host).transfer(0x80, INS_PLAY, 0, new Uint8Array(0));
      const refused = await settled(PLAYER_REFUSED);
      assert.is(refused[1], REASON_CARTRIDGE);
      assert.equal(devices.reader.played(), title.plain);
      devices.cartridge.pins.contact(false);
      await giveBack(stage.center, loanId, await atKiosk("cartridge"), null);
      assert.is(stage.center.receiptOf(loanId)?.cause, CAUSE_DEADLINE);
      for (const device of Object.values(devices)) assert.is(device.messages(), "");
    } finally {
      for (const device of Object.values(devices)) await device.dispose();
    }
  },
);

test.run();
