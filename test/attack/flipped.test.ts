/** One flipped bit, in any byte of what is certified or sealed, on its way to card, cartridge, reader, kiosk or center. */
import * as assert from "uvu/assert";
import { Contact } from "../../src/center/contact.js";
import type { Authority } from "../../src/center/keys/authority.js";
import { CUSTODY_SPLIT, INS_ACTIVATE, INS_CONTRACT, INS_CONTRACT_KEY, INS_LOAD_KEY, ROLE_CARD } from "../../src/core/protocol/constants.js";
import type { HostParty } from "../../src/host/party.js";
import { DeviceSession, type ApduTransport } from "../../src/host/session.js";
import { takeTicket } from "../../src/host/ticket.js";
import { rent } from "../../src/kiosk/rental.js";
import { CardResponder } from "../center/support/responder.js";
import { fakeCard } from "../scenario/support/fake-card.js";
import { Introductions, kioskKey } from "../scenario/support/introductions.js";
import { centerParty, partyOf } from "../scenario/support/parties.js";
import { Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { altered, readerTakesCard } from "./support/attempts.js";
import { REFUSALS } from "./support/commands.js";
import { SIGNATURE, mutantModule, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks by flipped bits");
const SEAL: Edit = {
  file: "src/core/seal.ts",
  from: "  genuine = equal(mask.subarray(0, 16), streamInput.subarray(1, 17));",
  to: "  genuine = true;",
};

const flip = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, i) => (i === at ? byte ^ (1 << (at & 7)) : byte));
const upTo = (length: number): number[] => Array.from({ length }, (_, at) => at);

/** The kiosk flips a bit of the data of `ins`, byte by byte, until that is taken; true when it is. */
async function taken(stage: Stage, ins: number, length: number): Promise<boolean> {
  await stage.toKiosk();
  const rental = stage.rental(stage.sample(500), { custody: CUSTODY_SPLIT });
  let through = false;
  for (const { session } of [rental.card, rental.cartridge]) {
    const genuine = session.command.bind(session);
    session.command = async (cla, now, tag, data, what) => {
      for (const at of now === ins ? upTo(length) : []) {
        const { sw } = await session.transfer(cla, now, tag, flip(data, at));
        through = sw === 0x9000;
        if (through) throw new Error("that is enough");
        assert.ok(REFUSALS.includes(sw), sw.toString(16));
      }
      return genuine(cla, now, tag, data, what);
    };
  }
  await rent(rental).catch((error: unknown) => {
    if (!through) throw error;
  });
  return through;
}

test("[A17] one flipped bit in any byte of a sealed license, key load or activation: neither card nor cartridge takes it", async () => {
  await tried((stage) => taken(stage, INS_CONTRACT_KEY, 172), "card", [SEAL]);
  await tried((stage) => taken(stage, INS_LOAD_KEY, 132), "cartridge", [SEAL]);
  await tried((stage) => taken(stage, INS_ACTIVATE, 40), "cartridge", [SEAL]);
});

test("[A17][F9] one flipped bit in any byte of a sealed contract, or of a kiosk's ticket: neither center nor kiosk takes it", async () => {
  const { Authority: Careless } = (await mutantModule("src/center/keys/authority.ts", [SEAL])) as { Authority: typeof Authority };
  const careless = (await mutantModule("src/host/ticket.ts", [SEAL])) as { takeTicket: typeof takeTicket };
  await Stage.play({ seed: 340 }, async (stage) => {
    await stage.toKiosk();
    const introductions = new Introductions(stage);
    const card = introductions.reference("card");
    const session = stage.session("card");
    await session.authenticate(ROLE_CARD);
    const sealed = await session.command(0x80, INS_CONTRACT, 0, stage.draw(88), "contract");
    assert.ok(stage.authority.openContract(card, sealed));
    for (const at of upTo(sealed.length)) assert.is(stage.authority.openContract(card, flip(sealed, at)), null, `byte ${String(at)}`);
    assert.ok(new Careless(stage.keys, (length) => stage.draw(length)).openContract(card, flip(sealed, 60)), "the kiosk changes the terms");

    const [ticket] = introductions.tickets("kiosk", "card");
    const takes = (take: typeof takeTicket, at: number): boolean => {
      try {
        take(altered(stage.kiosk, stage, {}), kioskKey(stage), flip(ticket, at));
        return true;
      } catch (error) {
        assert.match((error as Error).message, /not the center's/);
        return false;
      }
    };
    for (const at of upTo(ticket.length)) assert.not.ok(takes(takeTicket, at), `byte ${String(at)} of the ticket`);
    assert.ok(takes(careless.takeTicket, 16 + 80), "a byte of the secret");
  });
});

/** A card of this center, with a bit of its chain flipped. */
function flippedCard(stage: Stage, at: number): HostParty {
  const card = partyOf(stage, { role: ROLE_CARD });
  card.chain.set(flip(card.chain, at));
  return card;
}

test("[A11] one flipped bit in a card's certificate, or its issuer's: the reader does not take the card", async () => {
  for (const at of [20, 148])
    await tried(
      async (stage) => {
        fakeCard(stage, flippedCard(stage, at));
        return readerTakesCard(stage);
      },
      "reader",
      [SIGNATURE],
    );
});

test("[A14] one flipped bit in any byte of a card's certificate, or its issuer's: neither kiosk nor center takes the card", async () => {
  interface Sides {
    DeviceSession: typeof DeviceSession;
    Contact: typeof Contact;
  }
  const accepted = async (sides: Sides, places: number[]): Promise<string[]> => {
    const passed: string[] = [];
    await Stage.play({ seed: 341 }, async (stage) => {
      const card = partyOf(stage, { role: ROLE_CARD });
      const kiosk = altered(stage.kiosk, stage, {});
      const center = centerParty(stage);
      for (const at of places) {
        const carried = (): ApduTransport => {
          const shown = Object.assign(Object.create(card) as HostParty, { chain: flip(card.chain, at) });
          const responder = new CardResponder(shown, () => []);
          return { transmit: (apdu) => Promise.resolve(responder.answer(apdu)) };
        };
        const attempt = async (who: string, work: () => Promise<unknown>): Promise<void> => {
          try {
            await work();
            passed.push(`${who} ${String(at)}`);
          } catch (error) {
            assert.match((error as Error).message, /This side refused the device/);
          }
        };
        await attempt("kiosk", () => new sides.DeviceSession(carried(), kiosk).authenticate(ROLE_CARD));
        await attempt("center", () => new sides.Contact(center, [stage.issuer.publicKey]).card(carried(), stage.draw(16)));
      }
    });
    return passed;
  };
  assert.equal(await accepted({ DeviceSession, Contact }, upTo(256)), []);
  const lacking = {
    ...((await mutantModule("src/host/session.ts", [SIGNATURE])) as object),
    ...((await mutantModule("src/center/contact.ts", [SIGNATURE])) as object),
  };
  assert.equal(
    await accepted(lacking as Sides, [20, 80]),
    [20, 80].flatMap((at) => [`kiosk ${String(at)}`, `center ${String(at)}`]),
  );
});

test.run();
