/** docs/protocol.md and docs/format.md suffice to write a reader: one that was made from them alone plays from the built bundles of card and cartridge. */
import * as assert from "uvu/assert";
import {
  CUSTODY_CARD,
  CUSTODY_CARTRIDGE,
  CUSTODY_SPLIT,
  INS_GENERAL_AUTHENTICATE,
  INS_GET_DATA,
  INS_PUT_DATA,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_READER,
  TAG_CLICKS,
  TAG_MAILBOX,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import { identityOf, readerParty } from "../scenario/support/parties.js";
import { SECOND, Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { playOutside, takeTickets } from "./outside/reader.js";
import type { Identity } from "./outside/session.js";
import { OutsideWire } from "./outside/wire.js";

const test = suite("a reader made from the documents alone");

/** A certified reader that is no board of ours, and its two slots. */
function outsideReader(stage: Stage, party = readerParty(stage)): { me: Identity; slots: { card: OutsideWire; cartridge: OutsideWire } } {
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
    me: identityOf(stage, party),
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

test("it shows the adverts that came with the content, none that somebody has changed, and hands a click to the cartridge", async () => {
  await Stage.play({ seed: 420 }, async (stage) => {
    const [first, second] = [stage.draw(700), stage.draw(1300)];
    const ids = [stage.draw(8), stage.draw(8)];
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const address = "https://adverts.example.com/a/one";
    const area = { left: 1, top: 2, right: 3, bottom: 4, address };
    stage.center.advertise({ id: hex(ids[0]), mediaType: "image/png", areas: [area] }, first);
    stage.center.advertise({ id: hex(ids[1]), mediaType: "image/webp", areas: [] }, second);
    const title = stage.sample(2000);
    await stage.rent(title, { custody: CUSTODY_SPLIT });
    const { me, slots } = outsideReader(stage);
    await stage.world.sleep(2 * SECOND);
    const met = {};
    const icons = [{ advert: ids[0], bounds: [1, 2, 3, 4], address }];
    const pictures = [
      { advert: ids[0], type: 1, bytes: first },
      { advert: ids[1], type: 3, bytes: second },
    ];
    for (let play = 1; play <= 2; play++) {
      const shown = { icons: [], pictures: [] };
      assert.equal(await playOutside(me, slots, met, shown), title.plain);
      assert.equal(shown, { icons, pictures });
    }
    // One byte of the second picture, then one of the directory.
    const section = Math.ceil(title.sealed.length / 512) * 512;
    for (const [at, left] of [
      [section + 512 + 700 + 9, { icons, pictures: [pictures[0]] }],
      [section + 30, { icons: [], pictures: [] }],
    ] as const) {
      for (const name of stage.cartridge.card?.names() ?? []) stage.cartridge.card?.damage(name, at, 1);
      const shown = { icons: [], pictures: [] };
      assert.equal(await playOutside(me, slots, met, shown), title.plain);
      assert.equal(shown, left);
    }
    stage.takeOut();
    await stage.toKiosk();
    const kiosk = stage.session("cartridge");
    await kiosk.authenticate(ROLE_CARTRIDGE);
    const { data } = await kiosk.transfer(0x00, INS_GET_DATA, TAG_CLICKS, new Uint8Array(0));
    assert.equal(data, Uint8Array.from([...ids[0], 0, 0, 0, 3]), "a click after each play with an icon");
  });
});

test("it takes the introductions that the center made for it from the cartridge, and authenticates by them", async () => {
  await Stage.play({ seed: 410 }, async (stage) => {
    const title = stage.sample(1000);
    await stage.rent(title, { custody: CUSTODY_SPLIT });
    const party = readerParty(stage);
    await stage.toKiosk();
    const mail: Uint8Array[] = [];
    for (const [name, role] of [
      ["card", ROLE_CARD],
      ["cartridge", ROLE_CARTRIDGE],
    ] as const) {
      const certificate = stage.certificates.get(name) ?? new Uint8Array(0);
      const devices = [party, { role, id: certificate.slice(4, 12) }].map(({ role: which, id }) => ({ role: which, id, generation: 1 }));
      const certificates = [party.chain.slice(0, 128), certificate];
      const { tickets } = stage.authority.introduce(
        [devices[0], devices[1]],
        [certificates[0], certificates[1]],
        [1, 1],
        stage.time() + 86_400,
        1,
      );
      mail.push(tickets[0]);
      assert.is((await stage.session(name, null).transfer(0x00, INS_PUT_DATA, TAG_TICKET, tickets[1])).sw, 0x9000);
    }
    const kiosk = stage.session("cartridge");
    await kiosk.authenticate(ROLE_CARTRIDGE);
    assert.is((await kiosk.transfer(0x00, INS_PUT_DATA, TAG_MAILBOX, new Uint8Array(Buffer.concat(mail)))).sw, 0x9000);
    stage.takeOut();
    const { me, slots } = outsideReader(stage, party);
    await stage.world.sleep(2 * SECOND);
    const met = await takeTickets(me, stage.keys.deviceKey(ROLE_READER, me.id, 1), slots.cartridge);
    const from = stage.world.trace.events.length;
    const pairs = { card: met.get(ROLE_CARD), cartridge: met.get(ROLE_CARTRIDGE) };
    assert.ok(pairs.card && pairs.cartridge);
    assert.equal(await playOutside(me, slots, pairs), title.plain);
    const messages = stage.world.trace.events
      .slice(from)
      .filter((event) => event.kind === "apdu" && event.ins === INS_GENERAL_AUTHENTICATE);
    assert.is(messages.length, 4, "two to each, and none of a stranger");
  });
});

test.run();
