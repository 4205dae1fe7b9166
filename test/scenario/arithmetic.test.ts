/** What the first authentication of two parties costs, and what every later one does, for each pair of parties that authenticate each other, on both sides. */
import * as assert from "uvu/assert";
import { Contact } from "../../src/center/contact.js";
import { INS_PUT_DATA, TAG_TICKET } from "../../src/core/protocol/constants.js";
import { DeviceSession, type ApduTransport } from "../../src/host/session.js";
import { takeTicket } from "../../src/host/ticket.js";
import { altered } from "../attack/support/attempts.js";
import { COUNTED, mutant } from "../attack/support/mutant.js";
import { suite } from "../suite.js";
import { Introductions, ROLES, kioskKey } from "./support/introductions.js";
import { centerParty } from "./support/parties.js";
import { SECOND, Stage } from "./support/stage.js";
import { HostWork, IDLE, NOTHING, ONE_KEY, boardsWork, messages, type Side, type Work } from "./support/work.js";

const test = suite("arithmetic of authentication");

/** Three multiplications and the peer's certificate; the issuer's, where it is met for the first time, is counted apart. */
const strangers = (issuers: number): Work => ({ multiplications: 3, verifications: 1, issuers });

interface Meeting {
  messages: number;
  host: Side;
  device: Side;
}

/** A host authenticates a device in the kiosk's slot. */
async function meet(
  stage: Stage,
  name: "card" | "cartridge",
  host: HostWork,
  authenticate: (transport: ApduTransport) => Promise<unknown>,
): Promise<Meeting> {
  await stage.world.sleep(5 * SECOND);
  const from = stage.world.trace.events.length;
  const transport = stage.transport(name);
  host.take();
  await authenticate({
    transmit: (apdu) => {
      host.sees(apdu);
      return transport.transmit(apdu);
    },
  });
  await stage.world.sleep(5 * SECOND);
  return { messages: messages(stage, from, name), host: host.take(), device: boardsWork(stage, from, name) };
}

/** Kiosk and cartridge, kiosk and card, and the center and the card through the kiosk; each twice, and the kiosk's once more after an introduction. */
async function atTheCounter(stage: Stage): Promise<Record<string, Meeting>> {
  const all: Record<string, Meeting> = {};
  const introductions = new Introductions(stage);
  const kiosk = new HostWork(altered(stage.kiosk, stage, {}));
  const center = new HostWork(centerParty(stage));
  const byKiosk = (name: "card" | "cartridge") => (transport: ApduTransport) =>
    new DeviceSession(transport, kiosk.party).authenticate(ROLES[name]);
  const byCenter = (transport: ApduTransport): Promise<unknown> =>
    new Contact(center.party, [stage.issuer.publicKey]).card(transport, stage.draw(16));
  await stage.toKiosk();
  for (const time of ["first", "again"]) {
    all[`kiosk and cartridge, ${time}`] = await meet(stage, "cartridge", kiosk, byKiosk("cartridge"));
    all[`kiosk and card, ${time}`] = await meet(stage, "card", kiosk, byKiosk("card"));
    all[`center and card, ${time}`] = await meet(stage, "card", center, byCenter);
  }
  for (const name of ["card", "cartridge"] as const) {
    const [own, its] = introductions.tickets("kiosk", name);
    kiosk.party.forget(introductions.reference(name).id);
    takeTicket(kiosk.party, kioskKey(stage), own);
    assert.is((await stage.session(name, null).transfer(0x00, INS_PUT_DATA, TAG_TICKET, its)).sw, 0x9000);
    all[`kiosk and ${name}, introduced`] = await meet(stage, name, kiosk, byKiosk(name));
  }
  stage.takeOut();
  return all;
}

/** What reader and cartridge, and reader and card, have computed when both were put into its slots. */
async function atHome(stage: Stage): Promise<Record<string, Meeting>> {
  await stage.world.sleep(60 * SECOND);
  const from = stage.world.trace.events.length;
  stage.home();
  await stage.world.sleep(20 * SECOND);
  assert.is((await stage.status()).sessions, 3);
  const of = (name: "card" | "cartridge"): Meeting => ({
    messages: messages(stage, from, name),
    host: boardsWork(stage, from, "reader", name),
    device: boardsWork(stage, from, name),
  });
  const both = { cartridge: of("cartridge"), card: of("card") };
  stage.takeOut();
  return both;
}

/** What anyone on the wires could tell of authentications: who was asked what, and how it answered. */
function told(stage: Stage): string[] {
  return stage.world.trace.of("apdu").map(({ device, cla, ins, p1, p2, sw, length }) => [device, cla, ins, p1, p2, sw, length].join(" "));
}

test("[A11][A14][F9] a first authentication takes three messages each way, three multiplications and one signature check a side; a later or introduced one none", async () => {
  const bundles = {
    card: await mutant("card", COUNTED),
    cartridge: await mutant("cartridge", COUNTED),
    reader: await mutant("reader", COUNTED),
  };
  const counting = await Stage.play({ seed: 26, bundles }, async (stage) => {
    const { "kiosk and card, first": card, "kiosk and cartridge, first": cartridge, ...rest } = await atTheCounter(stage);
    const { "center and card, first": center, ...later } = rest;
    for (const [name, { messages: count, host, device }] of Object.entries({ card, cartridge, center })) {
      assert.is(count, 3, name);
      // The card has met the issuer by the kiosk's certificate when it meets the center.
      const issuers = name === "center" ? 0 : 1;
      assert.equal(device, { ephemeral: ONE_KEY, waiting: strangers(issuers) }, `${name}: the device`);
      // The kiosk meets the issuer with the cartridge.
      assert.equal(host, { ephemeral: ONE_KEY, waiting: strangers(name === "card" ? 0 : 1) }, `${name}: the host`);
    }
    assert.is(Object.keys(later).length, 5);
    for (const [name, meeting] of Object.entries(later)) assert.equal(meeting, { messages: 2, host: IDLE, device: IDLE }, name);

    const first = await atHome(stage);
    for (const name of ["cartridge", "card"] as const) {
      assert.is(first[name].messages, 3, name);
      assert.equal(first[name].device.waiting, strangers(0), `${name} at home: both know the issuer`);
    }
    assert.equal(first.cartridge.host.waiting, strangers(1), "the reader with the cartridge");
    assert.equal(first.card.host.waiting, strangers(0), "the reader with the card");
    const again = await atHome(stage);
    for (const name of ["cartridge", "card"] as const) {
      assert.is(again[name].messages, 2, name);
      assert.equal([again[name].host.waiting, again[name].device.waiting], [NOTHING, NOTHING], name);
    }
  });
  // What counts says and hears, byte for byte in number, what is flashed does.
  const built = await Stage.play({ seed: 26 }, async (stage) => {
    await atTheCounter(stage);
    await atHome(stage);
    await atHome(stage);
  });
  assert.equal(told(built), told(counting));
});

test.run();
