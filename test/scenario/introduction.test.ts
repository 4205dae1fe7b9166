import * as assert from "uvu/assert";
import {
  INS_PUT_DATA,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_MAILBOX,
  TAG_REVOKED,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import type { DeviceReference } from "../../src/center/keys/authority.js";
import { takeTicket } from "../../src/host/ticket.js";
import { DeviceError } from "../../src/host/session.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { COUNTED, mutant } from "../attack/support/mutant.js";
import { SECOND, Stage } from "./support/stage.js";

const test = suite("introduction");
const ROLES = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER } as const;
type Name = keyof typeof ROLES;

const counted = {
  card: await mutant("card", COUNTED),
  cartridge: await mutant("cartridge", COUNTED),
  reader: await mutant("reader", COUNTED),
};

/** The center's part: it knows devices by id, and gives each ticket a serial above the last. */
class Introductions {
  private readonly serials = new Map<string, number>();
  expiry: number;
  epoch = 1;

  constructor(private readonly stage: Stage) {
    this.expiry = stage.time() + 7 * 86_400;
  }

  reference(name: Name | "kiosk"): DeviceReference {
    const { stage } = this;
    if (name === "kiosk") return { role: ROLE_KIOSK, id: stage.kiosk.id, generation: stage.keys.generation };
    return { role: ROLES[name], id: this.certificate(name).slice(4, 12), generation: stage.keys.generation };
  }

  certificate(name: Name | "kiosk"): Uint8Array {
    return name === "kiosk" ? this.stage.kiosk.chain.slice(0, 128) : (this.stage.certificates.get(name) ?? new Uint8Array(128));
  }

  tickets(first: Name | "kiosk", second: Name | "kiosk"): [Uint8Array, Uint8Array] {
    const serial = (name: string): number => {
      this.serials.set(name, (this.serials.get(name) ?? 0) + 1);
      return this.serials.get(name) ?? 0;
    };
    return this.stage.authority.introduce(
      [this.reference(first), this.reference(second)],
      [this.certificate(first), this.certificate(second)],
      [serial(first), serial(second)],
      this.expiry,
      this.epoch,
    ).tickets;
  }
}

function kioskKey(stage: Stage): Uint8Array {
  return stage.keys.deviceKey(ROLE_KIOSK, stage.kiosk.id, stage.keys.generation);
}

function give(stage: Stage, name: Name, tag: number, data: Uint8Array): Promise<{ sw: number; data: Uint8Array }> {
  return stage.session(name, null).transfer(0x00, INS_PUT_DATA, tag, data);
}

/** Authentications since `from`: messages, scalar multiplications and signature checks by device. */
function work(stage: Stage, from: number, name: string): { messages: number; multiplications: number; verifications: number } {
  const since = stage.world.trace.events.slice(from).filter(({ device }) => device === name);
  const lines = (line: string): number => since.filter((event) => event.kind === "log" && "line" in event && event.line === line).length;
  const messages = since.filter((event) => event.kind === "apdu" && "ins" in event && event.ins === 0x86).length;
  return { messages, multiplications: lines("multiplication"), verifications: lines("verification") };
}

const HASHES = { multiplications: 0, verifications: 0 };

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
      assert.equal(work(stage, from, name), { messages: 2, ...HASHES });
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
    for (const name of ["card", "cartridge"]) assert.is(work(stage, from, name).messages, 2);
    assert.equal(work(stage, from, "reader"), { messages: 0, ...HASHES });
    assert.equal(work(stage, from, "cartridge"), { messages: 2, ...HASHES });
    // The card was without power: the ephemeral key that it makes ahead is the only multiplication, and nobody waits for it.
    assert.equal(work(stage, from, "card"), { messages: 2, multiplications: 1, verifications: 0 });
  });
});

test("[F9] pairs that have met resume by hashes alone; strangers need three multiplications and two signatures a side", async () => {
  await Stage.play({ seed: 23, bundles: counted }, async (stage) => {
    const title = stage.sample(1000);
    await stage.rent(title);
    const first = stage.world.trace.events.length;
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(20 * SECOND);
    // Three while the peer waits, and the ephemeral key of the next time, made ahead; one certificate. The issuer's is remembered since the cartridge met the kiosk.
    assert.equal(work(stage, first, "cartridge"), { messages: 3, multiplications: 4, verifications: 1 });
    const reader = work(stage, first, "reader");
    assert.ok(reader.multiplications <= 4, String(reader.multiplications));
    assert.is(reader.verifications, 2, "the reader meets this issuer for the first time");
    stage.takeOut();
    await stage.world.sleep(60 * SECOND);
    const second = stage.world.trace.events.length;
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(20 * SECOND);
    assert.equal(work(stage, second, "cartridge"), { messages: 2, ...HASHES });
    assert.equal(work(stage, second, "reader"), { messages: 0, ...HASHES });
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
