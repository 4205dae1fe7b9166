import { createHash } from "node:crypto";
import * as assert from "uvu/assert";
import {
  CUSTODY_CARD,
  CUSTODY_CARTRIDGE,
  CUSTODY_SPLIT,
  INS_END_PLAY,
  INS_GET_DATA,
  INS_REQUEST_KEY,
  ROLE_CARD,
  ROLE_CENTER,
  TAG_LICENSE,
} from "../../src/core/protocol/constants.js";
import {
  LICENSE_CONTENT,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_RECORD,
  LICENSE_TERMS,
  USE_NO_PLAYS,
  USE_NO_SECONDS,
  USE_OTHER_READER,
  USE_TIME_UNKNOWN,
  USE_TOO_EARLY,
  USE_TOO_LATE,
  closePlay,
  licenseWrappingKey,
  openLicense,
  sealLicense,
} from "../../src/core/protocol/license.js";
import { ENVELOPE_CONTEXT, ENVELOPE_LENGTH, envelopeContext } from "../../src/core/protocol/loan.js";
import { TERMS_LENGTH } from "../../src/core/protocol/terms.js";
import { open } from "../../src/core/seal.js";
import { Contact } from "../../src/center/contact.js";
import { signingKey } from "../../src/center/keys/certificates.js";
import type { HostParty } from "../../src/host/party.js";
import { DeviceError, type ApduTransport, type DeviceSession } from "../../src/host/session.js";
import { PLAYER_FINISHED, PLAYER_REFUSED, REASON_CARD, REASON_CARTRIDGE } from "../../src/reader/state.js";
import { rent, type TermsRequest } from "../../src/kiosk/rental.js";
import { START } from "../../sim/loan-world.js";
import { CardResponder } from "../center/support/responder.js";
import { suite } from "../suite.js";
import { copyLicense } from "./support/copied-license.js";
import { flashOf, inFlash } from "./support/leftovers.js";
import { centerParty, partyOf, readerParty } from "./support/parties.js";
import { DAY, SECOND, Stage } from "./support/stage.js";

const test = suite("licenses");
const HOURS = 3600;
const YEAR = 365 * 86_400;
const none = new Uint8Array(0);

/** REQUEST KEY: content id, loan id, play id, vouched time. */
function request(contentId: Uint8Array, loanId: Uint8Array, playId: Uint8Array, vouched: number): Uint8Array {
  const data = new Uint8Array(52);
  data.set(contentId);
  data.set(loanId, 16);
  data.set(playId, 32);
  new DataView(data.buffer).setUint32(48, vouched);
  return data;
}

interface Opened {
  session: DeviceSession;
  license: Uint8Array;
  record: Uint8Array;
}

/** A license rented with `terms`, and a session of a reader's with its card. */
async function withCard(
  seed: number,
  terms: Partial<TermsRequest>,
  body: (stage: Stage, ask: (play: number, vouched?: number) => Promise<number | Opened>) => Promise<void>,
): Promise<void> {
  await Stage.play({ seed }, async (stage) => {
    const title = stage.sample(500);
    const loanId = await stage.rent(title, { custody: CUSTODY_CARD, ...terms });
    stage.world.dock(stage.card, stage.kioskCard);
    await stage.world.sleep(SECOND);
    const session = stage.session("card", readerParty(stage));
    await session.authenticate(ROLE_CARD);
    await body(stage, async (play, vouched = stage.time()) => {
      const answer = await session.transfer(
        0x80,
        INS_REQUEST_KEY,
        0,
        request(title.produced.contentId, loanId, new Uint8Array(16).fill(play), vouched),
      );
      if (answer.sw === 0x6985) return answer.data[0];
      assert.is(answer.sw, 0x9000);
      const record = answer.data.slice(0, LICENSE_RECORD);
      const license = new Uint8Array(LICENSE_LENGTH);
      assert.ok(openLicense(license, answer.data.slice(LICENSE_RECORD), record));
      return { session, license, record };
    });
  });
}

/** The envelope as the cartridge keeps it, in flash, for anyone to read: behind the stream header that it was recorded with. */
function envelopeOf(stage: Stage, header: Uint8Array): Uint8Array {
  for (const part of flashOf(stage.cartridge)) {
    const at = Buffer.from(part.buffer, part.byteOffset, part.length).lastIndexOf(header);
    if (at >= 0) return part.slice(at + header.length, at + header.length + ENVELOPE_LENGTH);
  }
  throw new Error("the cartridge keeps no envelope");
}

/** Ends the play that `opened` began, as a reader does; answers the status of the overwriting. */
async function finish(opened: Opened, play: number, seconds: number): Promise<number> {
  const { session, license } = opened;
  const key = await session.transfer(
    0x80,
    INS_END_PLAY,
    0,
    Uint8Array.from([...license.subarray(4, 20), ...new Uint8Array(16).fill(play)]),
  );
  if (key.sw !== 0x9000) return key.sw;
  const next = license.slice();
  const record = new Uint8Array(LICENSE_RECORD);
  closePlay(next, seconds);
  sealLicense(record, key.data, next);
  return (await session.transfer(0x80, INS_END_PLAY, 1, record)).sw;
}

test("[D1] issuer and card check each other, through the kiosk, before anything is written; a false one of either gets no license onto a card, or out of the center", async () => {
  await Stage.play({ seed: 50 }, async (stage) => {
    const title = stage.sample(500);
    const carried: ApduTransport = { transmit: (apdu) => stage.transport("card").transmit(apdu) };
    const byIssuer = (party: HostParty): Contact => new Contact(party, [stage.issuer.publicKey]);
    const held = async (): Promise<number> => {
      const session = stage.session("card");
      await stage.world.sleep(300 * SECOND);
      await session.authenticate(ROLE_CARD);
      let count = 0;
      for (let at = 0; at < 4; at++) if ((await session.transfer(0x00, INS_GET_DATA, TAG_LICENSE + at, none)).sw === 0x9000) count++;
      return count;
    };
    await stage.toKiosk();
    const foreign = signingKey(stage.draw(32));
    const impostors: [string, HostParty][] = [
      ["of another issuer", partyOf(stage, { role: ROLE_CENTER, issuer: foreign })],
      ["expired", partyOf(stage, { role: ROLE_CENTER, notBefore: START - 2 * YEAR, notAfter: START - YEAR })],
      ["without the key", Object.assign(centerParty(stage), { privateKey: stage.draw(32) })],
    ];
    for (const [what, party] of impostors) {
      try {
        await byIssuer(party).card(carried, stage.draw(16));
        assert.unreachable(`an issuer ${what} was accepted`);
      } catch (error) {
        assert.ok(error instanceof DeviceError, String(error));
        assert.is((error as DeviceError).status, 0x6982, what);
      }
      assert.is(await held(), 0, what);
    }
    stage.center.meetBy(byIssuer(centerParty(stage)));
    const falseCard = new CardResponder(partyOf(stage, { role: ROLE_CARD, issuer: foreign }), () => []);
    const swapped = stage.rental(title, { custody: CUSTODY_CARD });
    swapped.card.carry = (apdu) => Promise.resolve(falseCard.answer(apdu));
    let why = "";
    await rent(swapped).catch((error: unknown) => (why = (error as Error).message));
    assert.match(why, /This side refused the device/);
    const unmet = stage.rental(title, { custody: CUSTODY_CARD });
    delete unmet.card.carry;
    await rent(unmet).catch((error: unknown) => (why = (error as Error).message));
    assert.match(why, /has not authenticated the card/);
    assert.is(await held(), 0);
    await rent(stage.rental(title, { custody: CUSTODY_CARD }));
    assert.is(await held(), 1, "the two that are genuine");
  });
});

test("[D2] a license holds content id, use conditions and the key that opens the content, and none of them stands in clear on the card", async () => {
  await Stage.play({ seed: 40 }, async (stage) => {
    const title = stage.sample(500);
    const { contentId, header, sealedLength, rate, titleKey } = title.produced;
    const terms = stage.terms({ custody: CUSTODY_CARD, plays: 3, window: 2 * HOURS, totalSeconds: 600 });
    const loanId = await stage.rent(title, { custody: CUSTODY_CARD, plays: 3, window: 2 * HOURS, totalSeconds: 600 });
    stage.world.dock(stage.card, stage.kioskCard);
    await stage.world.sleep(SECOND);
    const session = stage.session("card", readerParty(stage));
    await session.authenticate(ROLE_CARD);
    const { data } = await session.transfer(0x80, INS_REQUEST_KEY, 0, request(contentId, loanId, new Uint8Array(16).fill(1), stage.time()));
    const license = new Uint8Array(LICENSE_LENGTH);
    assert.ok(openLicense(license, data.slice(LICENSE_RECORD), data.slice(0, LICENSE_RECORD)));
    assert.equal(license.slice(LICENSE_CONTENT, LICENSE_CONTENT + 16), contentId);
    assert.equal(license.slice(LICENSE_TERMS, LICENSE_TERMS + TERMS_LENGTH), terms);
    const key = license.slice(LICENSE_KEY, LICENSE_KEY + 32);
    const envelope = envelopeOf(stage, header);
    const context = new Uint8Array(ENVELOPE_CONTEXT);
    const cartridgeId = stage.certificates.get("cartridge")?.slice(4, 12) ?? new Uint8Array(8);
    envelopeContext(context, new Uint8Array(createHash("sha256").update(header).digest()), loanId, cartridgeId, terms, sealedLength, rate);
    const opened = new Uint8Array(32);
    assert.ok(open(opened, key, context, envelope), "the license's key opens the loan's envelope");
    assert.equal(opened, titleKey);
    assert.not.ok(inFlash(stage.card, key), "the key is in flash only sealed");
    assert.not.ok(inFlash(stage.card, terms), "and so are the conditions");
  });
});

test("[D6] play count: each play is debited once, released again while it is open, and refused when used up", async () => {
  await withCard(41, { plays: 2 }, async (_stage, ask) => {
    const first = (await ask(1)) as Opened;
    const again = (await ask(1)) as Opened;
    assert.equal(again.record, first.record, "the open play costs nothing more");
    assert.is(await finish(first, 1, 10), 0x9000);
    const second = (await ask(2)) as Opened;
    assert.is(await finish(second, 2, 10), 0x9000);
    assert.is(await ask(3), USE_NO_PLAYS);
    assert.is(await ask(2), USE_NO_PLAYS, "a play that was closed does not come back");
  });
});

test("[D6] not before, not after and first-use window, by the time that is vouched for; nothing opens without it", async () => {
  const now = START;
  await withCard(42, { notBefore: now + HOURS, notAfter: now + 10 * HOURS, window: 2 * HOURS }, async (_stage, ask) => {
    assert.is(await ask(1, 0), USE_TIME_UNKNOWN);
    assert.is(await ask(1, now + 10), USE_TOO_EARLY);
    assert.ok((await ask(1, now + HOURS)) instanceof Object);
    assert.ok((await ask(2, now + 2 * HOURS)) instanceof Object);
    assert.is(await ask(3, now + 4 * HOURS), USE_TOO_LATE, "first use was three hours ago");
    assert.is(await ask(3, now + HOURS), USE_TOO_LATE, "a clock that is set back does not help: the floor stands");
  });
  await withCard(43, { notAfter: now + 10 * HOURS }, async (_stage, ask) => {
    assert.is(await ask(1, now + 11 * HOURS), USE_TOO_LATE);
  });
});

test("[D6] total playing time and the number of readers; one reader by name", async () => {
  await withCard(44, { totalSeconds: 100 }, async (_stage, ask) => {
    assert.is(await finish((await ask(1)) as Opened, 1, 60), 0x9000);
    assert.is(await finish((await ask(2)) as Opened, 2, 60), 0x9000);
    assert.is(await ask(3), USE_NO_SECONDS);
  });
  await withCard(45, { readers: 1 }, async (stage, ask) => {
    assert.ok((await ask(1)) instanceof Object);
    stage.takeOut();
    const other = await stage.playAtHome();
    assert.is(other.state, PLAYER_REFUSED);
    assert.is(other.reason, REASON_CARD);
    assert.is(other.detail, USE_OTHER_READER);
  });
  await withCard(46, { reader: Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9) }, async (_stage, ask) => {
    assert.is(await ask(1), USE_OTHER_READER);
  });
});

test("[D7] a record written back after plays were used is refused, and so is one that changes what the center wrote", async () => {
  await withCard(47, { plays: 3 }, async (stage, ask) => {
    const first = (await ask(1)) as Opened;
    assert.is(await finish(first, 1, 5), 0x9000);
    const second = (await ask(2)) as Opened;
    const { session } = second;
    assert.is((await session.transfer(0x80, INS_END_PLAY, 1, first.record)).sw, 0x6a80, "the version is over");
    assert.is((await session.transfer(0x80, INS_END_PLAY, 1, second.record)).sw, 0x6a80, "nor the one that stands");
    const id = second.license.slice(4, 20);
    const cardId = stage.certificates.get("card")?.slice(4, 12) ?? new Uint8Array(8);
    const key = new Uint8Array(32);
    licenseWrappingKey(key, stage.keys.deviceKey(ROLE_CARD, cardId, stage.keys.generation), cardId, id, 5);
    for (const change of [
      (license: Uint8Array): void => void (license[129] = 0),
      (license: Uint8Array): void => void (license[60 + 17] = 99),
      (license: Uint8Array): void => void license.fill(0, 140, 148),
      (license: Uint8Array): void => void (license[188] ^= 1),
      (license: Uint8Array): void => void (license[139] = 0),
    ]) {
      const next = second.license.slice();
      const record = new Uint8Array(LICENSE_RECORD);
      closePlay(next, 5);
      change(next);
      sealLicense(record, key, next);
      assert.is((await session.transfer(0x80, INS_END_PLAY, 1, record)).sw, 0x6a80);
    }
    assert.is(await finish(second, 2, 5), 0x9000, "the genuine one is taken");
  });
});

test("[D3] a license copied to another card is useless", async () => {
  await Stage.play({ seed: 48 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500), { custody: CUSTODY_CARD });
    const cells = flashOf(stage.card)[0];
    const cardId = stage.certificates.get("card")?.slice(4, 12) ?? new Uint8Array(8);
    const deviceKey = stage.keys.deviceKey(ROLE_CARD, cardId, stage.keys.generation);
    const license = new Uint8Array(LICENSE_LENGTH);
    const key = new Uint8Array(32);
    const records: Uint8Array[] = [];
    for (let at = 0; at + LICENSE_RECORD <= cells.length; at++) {
      const record = cells.subarray(at, at + LICENSE_RECORD);
      if (record[0] + record[1] + record[2] !== 0 || record[3] !== 1) continue;
      licenseWrappingKey(key, deviceKey, cardId, record.slice(4, 20), 1);
      if (openLicense(license, key, record)) records.push(record.slice());
    }
    assert.is(records.length, 1, "its own card opens it");
    assert.equal(license.slice(20, 36), loanId);
    // The same record on every other card: another id or another device key.
    const others: [Uint8Array, Uint8Array][] = [
      [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), deviceKey],
      [cardId, stage.keys.deviceKey(ROLE_CARD, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), 1)],
    ];
    for (const [id, device] of others) {
      licenseWrappingKey(key, device, id, records[0].slice(4, 20), 1);
      assert.not.ok(openLicense(license, key, records[0]));
    }
  });
  await Stage.play({ seed: 51 }, async (stage) => {
    assert.not.ok(await copyLicense(stage), "written into another card's flash, it is no license there");
  });
});

for (const [name, custody] of [
  ["cartridge", CUSTODY_CARTRIDGE],
  ["card", CUSTODY_CARD],
  ["split", CUSTODY_SPLIT],
] as const)
  test(`[D7] custody ${name}: a card whose whole flash is put back after a play gets nothing from the cartridge, which remembers`, async () => {
    await Stage.play({ seed: 49 }, async (stage) => {
      await stage.rent(stage.sample(500), { custody, plays: 1 });
      const before = stage.card.flash.cells.slice();
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      stage.card.flash.cells.set(before);
      const status = await stage.playAtHome();
      assert.is(status.state, PLAYER_REFUSED);
      assert.is(status.reason, REASON_CARTRIDGE);
      assert.is(status.sw, 0x6985);
      await stage.world.sleep(DAY);
      assert.is(stage.reader.decoder?.contents.length, 1);
    });
  });

test.run();
