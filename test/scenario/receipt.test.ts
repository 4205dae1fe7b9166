import * as assert from "uvu/assert";
import {
  CUSTODY_SPLIT,
  INS_ERASE,
  INS_GET_DATA,
  INS_PREPARE,
  INS_PUT_DATA,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  TAG_READER_CERTIFICATE,
  TAG_RECEIPT,
} from "../../src/core/protocol/constants.js";
import {
  CAUSE_DEADLINE,
  CAUSE_LOST,
  CAUSE_NEVER_ACTIVATED,
  CAUSE_POWER_FAIL,
  CAUSE_RETURNED,
  CAUSE_TAMPER,
} from "../../src/core/protocol/loan.js";
import { Contact } from "../../src/center/contact.js";
import type { Receipt } from "../../src/center/keys/authority.js";
import { rent, settleReceipt } from "../../src/kiosk/rental.js";
import { suite } from "../suite.js";
import { flashOf, memoryOf, steal } from "./support/leftovers.js";
import { centerParty, partyOf } from "./support/parties.js";
import { DAY, HOUR, SECOND, Stage } from "./support/stage.js";

const test = suite("receipts");
const none = new Uint8Array(0);

/** At a kiosk: the receipt goes to the center, which then tells what it says. */
async function told(stage: Stage, loanId: Uint8Array): Promise<Receipt | null> {
  await stage.toKiosk();
  const session = stage.session("cartridge");
  await session.authenticate(ROLE_CARTRIDGE);
  await settleReceipt(session, stage.center);
  const receipt = stage.center.receiptOf(loanId);
  stage.takeOut();
  return receipt;
}

test("[F2] deadline: the receipt says when, exactly", async () => {
  await Stage.play({ seed: 61, days: 2 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500), { duration: 86_400 });
    await stage.world.sleep(30 * HOUR);
    const receipt = await told(stage, loanId);
    assert.is(receipt?.cause, CAUSE_DEADLINE);
    assert.is(receipt?.exactness, 0);
    assert.ok(Math.abs((receipt?.latest ?? 0) - 86_400) < 120, `${String(receipt?.latest)} s after the activation`);
  });
});

test("[F2][A9] run dry: the cartridge was last alive less than an hour before, and says no more than it knows", async () => {
  await Stage.play({ seed: 62, days: 2 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500), { duration: 60 * 86_400 });
    const activated = stage.world.trace.of("key", "cartridge").at(-1)?.t ?? 0;
    await stage.world.sleep(30 * DAY);
    const died = stage.world.trace.of("key", "cartridge").at(-1)?.t ?? 0;
    const receipt = await told(stage, loanId);
    assert.ok([CAUSE_LOST, CAUSE_POWER_FAIL].includes(receipt?.cause ?? 0));
    const seconds = (died - activated) / 1e6;
    assert.ok((receipt?.earliest ?? Infinity) <= seconds + 60, "not after the death");
    assert.ok(
      (receipt?.earliest ?? 0) >= seconds - 3700,
      `alive ${String(receipt?.earliest)} s after the activation, dead at ${String(seconds)}`,
    );
    assert.is(receipt?.exactness, receipt?.cause === CAUSE_LOST ? 2 : 0);
  });
});

test("[F2] a reset takes the key, and the receipt says lost", async () => {
  await Stage.play({ seed: 63 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500));
    await stage.world.sleep(5 * HOUR);
    stage.cartridge.cutPower("a short circuit");
    stage.cartridge.restorePower();
    await stage.world.sleep(HOUR);
    const receipt = await told(stage, loanId);
    assert.is(receipt?.cause, CAUSE_LOST);
    assert.ok((receipt?.earliest ?? 0) > 4 * 3600 - 60 && (receipt?.earliest ?? 0) <= 5 * 3600);
  });
});

test("[F2] an opened case erases, and the receipt says tamper", async () => {
  await Stage.play({ seed: 64 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500));
    assert.ok(stage.cartridge.keyValid);
    stage.cartridge.pins.drive("B3", false);
    await stage.world.sleep(SECOND);
    stage.cartridge.pins.drive("B3", true);
    await stage.world.sleep(SECOND);
    assert.not.ok(stage.cartridge.keyValid);
    assert.is((await told(stage, loanId))?.cause, CAUSE_TAMPER);
  });
});

test("[F2] never activated: the receipt reverses the loan", async () => {
  await Stage.play({ seed: 65 }, async (stage) => {
    await stage.toKiosk();
    const rental = stage.rental(stage.sample(500));
    let loanId: Uint8Array = none;
    rental.center = stage.centerWith({
      activate: (id: Uint8Array) => {
        loanId = id;
        return Promise.reject(new Error("the line is dead"));
      },
    });
    await rent(rental).catch(() => undefined);
    stage.takeOut();
    await stage.world.sleep(3 * 60 * SECOND);
    const receipt = await told(stage, loanId);
    assert.is(receipt?.cause, CAUSE_NEVER_ACTIVATED);
    assert.is(receipt?.activation, 0);
  });
});

test("[F2] a receipt is kept, over power-off, until the center acknowledges it, and no other loan comes before", async () => {
  await Stage.play({ seed: 66 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500));
    await stage.toKiosk();
    const session = stage.session("cartridge");
    await session.authenticate(ROLE_CARTRIDGE);
    const first = await session.command(0x80, INS_ERASE, 0, none, "erase");
    for (let time = 0; time < 3; time++) {
      stage.cartridge.cutPower("a short circuit");
      stage.cartridge.restorePower();
      await stage.world.sleep(SECOND);
      const again = stage.session("cartridge");
      await again.authenticate(ROLE_CARTRIDGE);
      assert.equal((await again.transfer(0x00, INS_GET_DATA, TAG_RECEIPT, none)).data, first);
      assert.equal((await again.transfer(0x80, INS_ERASE, 0, none)).data, first, "erasing again changes nothing");
      assert.is((await again.transfer(0x80, INS_PREPARE, 0, none)).sw, 0x6985);
      assert.is((await again.transfer(0x80, 0x4a, 0, new Uint8Array(16))).sw, 0x6a80, "a forged acknowledgement");
    }
    for (let at = 0; at < 60; at += 7) {
      const forged = first.slice();
      forged[at] ^= 1;
      let taken = true;
      await stage.center.receive(forged).catch(() => (taken = false));
      assert.not.ok(taken, `a receipt with byte ${String(at)} changed`);
    }
    stage.takeOut();
    assert.is((await told(stage, loanId))?.cause, CAUSE_RETURNED);
    await stage.rent(stage.sample(500));
  });
});

test("[F1] either share alone opens nothing, and a split loan ends on both sides at the return", async () => {
  await Stage.play({ seed: 67 }, async (stage) => {
    const title = stage.sample(500);
    const terms = stage.terms({ custody: CUSTODY_SPLIT });
    const loanId = await stage.rent(title, { custody: CUSTODY_SPLIT });
    assert.is((await stage.playAtHome()).state, 2);
    // All of one device, read out while the loan lasts; of the other what anyone may have: the cartridge's medium, which holds envelope and ciphertext.
    const ofCartridge = [...flashOf(stage.cartridge), ...memoryOf(stage.cartridge)];
    const ofCard = [...flashOf(stage.card), ...flashOf(stage.cartridge)];
    const opens = (parts: Uint8Array[]): boolean => steal(stage, title, loanId, terms, parts).opened;
    assert.not.ok(opens(ofCartridge), "the cartridge's share alone");
    assert.not.ok(opens(ofCard), "the card's share alone");
    assert.ok(opens([...ofCartridge, ...flashOf(stage.card)]), "both: the thief knows how");
    await stage.giveBack(loanId);
    assert.not.ok(stage.cartridge.keyValid);
    stage.world.dock(stage.card, stage.kioskCard);
    await stage.world.sleep(SECOND);
    const card = stage.session("card");
    await card.authenticate(ROLE_CARD);
    for (let index = 0; index < 4; index++) assert.is((await card.transfer(0x00, INS_GET_DATA, 0x0160 + index, none)).sw, 0x6a82);
  });
});

test("[A16] the card hands its readers' certificates to the center, which takes only genuine ones", async () => {
  await Stage.play({ seed: 68 }, async (stage) => {
    const center = centerParty(stage);
    const contact = new Contact(center, [stage.issuer.publicKey]);
    const carry = stage.device("card").carry as (apdu: Uint8Array) => Promise<Uint8Array>;
    const reader = stage.certificates.get("reader") ?? none;
    const forged = reader.slice();
    forged[40] ^= 1;
    await stage.toKiosk();
    const kiosk = stage.session("card");
    await kiosk.authenticate(ROLE_CARD);
    assert.is((await kiosk.transfer(0x00, INS_PUT_DATA, TAG_READER_CERTIFICATE, reader)).sw, 0x9000);
    assert.is((await kiosk.transfer(0x00, INS_PUT_DATA, TAG_READER_CERTIFICATE + 1, forged)).sw, 0x9000);
    const card = await contact.card({ transmit: carry }, stage.draw(16));
    assert.equal(card.id, (stage.certificates.get("card") ?? none).slice(4, 12));
    assert.is(card.readers.length, 1);
    assert.equal(card.readers[0], reader);
    assert.not.ok(contact.genuine(partyOf(stage, { role: 4 }).chain.slice(0, 128)), "a kiosk is no reader");
    assert.not.ok(contact.genuine(partyOf(stage, { role: 3, notBefore: 1, notAfter: 2 }).chain.slice(0, 128)), "expired");
  });
});

test.run();
