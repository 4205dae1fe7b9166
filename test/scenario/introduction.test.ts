import * as assert from "uvu/assert";
import { INS_PUT_DATA, ROLE_CARD, ROLE_CARTRIDGE, TAG_MAILBOX, TAG_REVOKED, TAG_TICKET } from "../../src/core/protocol/constants.js";
import { takeTicket } from "../../src/host/ticket.js";
import { DeviceError } from "../../src/host/session.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { COUNTED, mutant } from "../attack/support/mutant.js";
import { Introductions, ROLES, kioskKey, type Name } from "./support/introductions.js";
import { SECOND, Stage } from "./support/stage.js";
import { IDLE, NOTHING, ONE_KEY, boardsWork, messages } from "./support/work.js";

const test = suite("introduction");
const counted = {
  card: await mutant("card", COUNTED),
  cartridge: await mutant("cartridge", COUNTED),
  reader: await mutant("reader", COUNTED),
};

function give(stage: Stage, name: Name, tag: number, data: Uint8Array): Promise<{ sw: number; data: Uint8Array }> {
  return stage.session(name, null).transfer(0x00, INS_PUT_DATA, tag, data);
}

test("[F9] at the counter: card and kiosk, cartridge and kiosk authenticate by hashes alone", async () => {
  await Stage.play({ seed: 21, bundles: counted }, async (stage) => {
    const center = new Introductions(stage);
    await stage.toKiosk();
    await stage.world.sleep(5 * SECOND);
    const from = stage.world.trace.events.length;
    for (const name of ["card", "cartridge"] as const) {
      const [own, its] = center.tickets("kiosk", name);
      takeTicket(stage.kiosk, kioskKey(stage), own);
      assert.is((await give(stage, name, TAG_TICKET, its)).sw, 0x9000);
      await stage.session(name).authenticate(ROLES[name]);
      assert.is(messages(stage, from, name), 2);
      assert.equal(boardsWork(stage, from, name), IDLE);
    }
  });
});

test("[F9] at home: the reader takes its half from the cartridge by itself, and authenticates both by hashes alone", async () => {
  await Stage.play({ seed: 22, bundles: counted }, async (stage) => {
    const center = new Introductions(stage);
    const title = stage.sample(2000);
    await stage.rent(title);
    await stage.toKiosk();
    const [cards, first] = center.tickets("card", "reader");
    const [cartridges, second] = center.tickets("cartridge", "reader");
    assert.is((await give(stage, "card", TAG_TICKET, cards)).sw, 0x9000);
    assert.is((await give(stage, "cartridge", TAG_TICKET, cartridges)).sw, 0x9000);
    const kiosk = stage.session("cartridge");
    await kiosk.authenticate(ROLE_CARTRIDGE);
    assert.is((await kiosk.transfer(0x00, INS_PUT_DATA, TAG_MAILBOX, Uint8Array.from([...first, ...second]))).sw, 0x9000);
    stage.takeOut();
    await stage.world.sleep(60 * SECOND);
    const from = stage.world.trace.events.length;
    stage.home();
    assert.is((await stage.settled()).state, PLAYER_FINISHED);
    await stage.world.sleep(5 * SECOND);
    assert.equal(stage.heard(), title.plain);
    for (const name of ["card", "cartridge"]) {
      assert.is(messages(stage, from, name), 2);
      assert.equal(boardsWork(stage, from, "reader", name), IDLE);
    }
    assert.equal(boardsWork(stage, from, "cartridge"), IDLE);
    // The card was without power: the ephemeral key that it makes ahead is the only multiplication, and nobody waits for it.
    assert.equal(boardsWork(stage, from, "card"), { ephemeral: ONE_KEY, waiting: NOTHING });
  });
});

test("[F9] an introduction is refused after it was used, after expiry, of an old epoch, by a third device, and from a kiosk", async () => {
  await Stage.play({ seed: 24 }, async (stage) => {
    const center = new Introductions(stage);
    await stage.toKiosk();
    const [, ticket] = center.tickets("kiosk", "card");
    const [, next] = center.tickets("kiosk", "card");
    assert.is((await give(stage, "cartridge", TAG_TICKET, ticket)).sw, 0x6a80, "made for the card");
    for (let at = 0; at < ticket.length; at += 13) {
      const changed = ticket.slice();
      changed[at] ^= 1;
      assert.is((await give(stage, "card", TAG_TICKET, changed)).sw, 0x6a80, `byte ${String(at)} changed`);
    }
    assert.is((await give(stage, "card", TAG_TICKET, ticket.subarray(1))).sw, 0x6700);
    assert.is((await give(stage, "card", TAG_TICKET, next)).sw, 0x9000);
    assert.is((await give(stage, "card", TAG_TICKET, next)).sw, 0x6985, "used");
    assert.is((await give(stage, "card", TAG_TICKET, ticket)).sw, 0x6985, "below the last serial");
    center.expiry = stage.time() - 2 * 86_400;
    assert.is((await give(stage, "card", TAG_TICKET, center.tickets("kiosk", "card")[1])).sw, 0x6985, "expired");
    center.expiry = stage.time() + 86_400;
    center.epoch = 0;
    assert.is((await give(stage, "card", TAG_TICKET, center.tickets("kiosk", "card")[1])).sw, 0x6985, "of an epoch that is over");
    assert.throws(() => {
      takeTicket(stage.kiosk, kioskKey(stage), center.tickets("kiosk", "card")[1]);
    }, /not the center's/);
    // A kiosk has its own key and no other, so what it makes opens nowhere.
    const other = new Stage({ seed: 99 });
    const forged = other.authority.introduce(
      [center.reference("kiosk"), center.reference("card")],
      [center.certificate("kiosk"), center.certificate("card")],
      [90, 90],
      stage.time() + 86_400,
      9,
    ).tickets[1];
    assert.is((await give(stage, "card", TAG_TICKET, forged)).sw, 0x6a80);
  });
});

test("[F9] a pair that was introduced is refused, on either side, once the center has revoked one of the two", async () => {
  await Stage.play({ seed: 25 }, async (stage) => {
    const center = new Introductions(stage);
    await stage.toKiosk();
    const [own, its] = center.tickets("kiosk", "card");
    takeTicket(stage.kiosk, kioskKey(stage), own);
    assert.is((await give(stage, "card", TAG_TICKET, its)).sw, 0x9000);
    const list = stage.authority.sealRevoked(center.reference("card"), 2, [stage.kiosk.id]);
    const forged = list.slice();
    forged[20] ^= 1;
    assert.is((await give(stage, "card", TAG_REVOKED, forged)).sw, 0x6a80);
    assert.is((await give(stage, "card", TAG_REVOKED, list)).sw, 0x9000);
    const refused = async (): Promise<number> => {
      try {
        await stage.session("card").authenticate(ROLE_CARD);
        return 0x9000;
      } catch (error) {
        return error instanceof DeviceError ? error.status : 0;
      }
    };
    assert.is(await refused(), 0x6982, "with the pair, the card refuses the kiosk");
    stage.kiosk.forget(center.reference("card").id);
    assert.is(await refused(), 0x6982, "and by certificates too");
    center.epoch = 1;
    assert.is(
      (await give(stage, "card", TAG_TICKET, center.tickets("kiosk", "card")[1])).sw,
      0x6985,
      "tickets of the epoch before are void",
    );
    const before = stage.authority.sealRevoked(center.reference("card"), 1, []);
    assert.is((await give(stage, "card", TAG_REVOKED, before)).sw, 0x6985, "and the list before does not come back");
    // The reader is the initiator: it refuses a card that is revoked for it.
    const readers = stage.authority.sealRevoked(center.reference("reader"), 2, [center.reference("card").id]);
    stage.takeOut();
    stage.home();
    await stage.world.sleep(20 * SECOND);
    assert.is((await stage.status()).sessions, 3, "they have met");
    stage.takeOut();
    assert.is((await give(stage, "reader", TAG_REVOKED, readers)).sw, 0x9000);
    stage.home();
    await stage.world.sleep(20 * SECOND);
    const status = await stage.status();
    assert.is(status.sessions, 2);
    assert.is(status.cardRefusal, 0x6982);
  });
});

test.run();
