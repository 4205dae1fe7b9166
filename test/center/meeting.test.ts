/** The center meets a card through a kiosk over HTTP, and the kiosk is whatever it likes to be. */
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import { makeContract, meetCard, prepareLoan, sealKey } from "../../src/center/api/rental-routes.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import { ProblemError } from "../../src/center/api/problems.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER } from "../../src/core/protocol/constants.js";
import { carryMeeting, type Met } from "../../src/kiosk/meeting.js";
import { suite } from "../suite.js";
import { ModelCard, type ModelCartridge } from "./support/devices.js";
import { chainOf, deviceId, partyOf } from "./support/keys.js";
import { CardResponder } from "./support/responder.js";
import { contract, hex, unhex } from "./support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, kioskClient, startWorld } from "./support/world.js";

const test = suite("meeting of center and card");
const world = await startWorld();
test.after(() => world.end());
const operator = await addOperator(world, "ship");
const contentId = await addContent(world, "a tune");
await addOffer(world, operator.id, contentId, { custody: 3 });

let numbers = 0;
const fresh = (name: string): string => `${name} ${String(++numbers)}`;

interface Visitor {
  name: string;
  card: ModelCard;
  cartridge: ModelCartridge;
}

async function visitor(): Promise<Visitor> {
  const name = fresh("visitor");
  const { card } = await addCustomer(world, name);
  return { name: `${name} card`, card, cartridge: await addCartridge(world, fresh("cartridge")) };
}

async function addReader(name: string): Promise<Uint8Array> {
  const chain = chainOf(name, ROLE_READER, false);
  await world.staff.call(admin.enrollDevice, { body: { chain, generation: 1 } });
  return unhex(chain.slice(0, 256));
}

const prepare = ({ card, cartridge }: Visitor, reader?: Uint8Array): Promise<LoanBody> =>
  operator.kiosk.call(prepareLoan, {
    body: { cartridgeId: cartridge.id, cardId: card.id, contentId, ...(reader && { readerCertificate: hex(reader) }) },
  });

async function problemOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    if (error instanceof ProblemError) return error.problem;
    throw error;
  }
}

const meet = (loan: LoanBody, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<Met> =>
  carryMeeting(operator.kiosk, loan.id, carry);
const through = (card: ModelCard | CardResponder) => (apdu: Uint8Array) =>
  Promise.resolve(card instanceof ModelCard ? card.carry(apdu) : card.answer(apdu));

/** The license that the card would get now; what the center answers to a kiosk that asks for it. */
async function ask({ card }: Visitor, loan: LoanBody): Promise<string> {
  const sealed = await card.contract(unhex(loan.id + loan.contentId + loan.cartridgeId + loan.terms));
  return problemOf(operator.kiosk.call(makeContract, { params: { loanId: loan.id }, body: { contract: hex(sealed) } }));
}

test("[A14][A15][A17] no license before the center has met the card, and none for what it met about another loan", async () => {
  const one = await visitor();
  const loan = await prepare(one);
  assert.is(await ask(one, loan), "conflict");
  await meet(loan, through(one.card));
  assert.is(await ask(one, loan), "none");
  const other = await prepare({ ...one, cartridge: await addCartridge(world, fresh("cartridge")) });
  assert.is(await ask(one, other), "conflict");
  const key = { params: { loanId: other.id }, body: { challenge: "0".repeat(32), counter: 0 } };
  assert.is(await problemOf(operator.kiosk.call(sealKey, key)), "conflict");
});

test("[A14] a card whose certificate is of another center, expired, not valid yet, or another device's is not met", async () => {
  const { now } = world.clock;
  for (const options of [{ foreign: true }, { notAfter: now() - 1 }, { notBefore: now() + 3600 }, { role: ROLE_CARTRIDGE }]) {
    const one = await visitor();
    const loan = await prepare(one);
    const { role = ROLE_CARD, ...chain } = { role: undefined, ...options };
    const impostor = new CardResponder(partyOf(one.name, role, now, chain), () => []);
    assert.is(await problemOf(meet(loan, through(impostor))), "device-refused", JSON.stringify(options));
    assert.is(await ask(one, loan), "conflict");
  }
});

test("[A15] who shows the card's certificate, and cannot open the random number, is not met", async () => {
  const one = await visitor();
  const loan = await prepare(one);
  const thief = new CardResponder(partyOf(one.name, ROLE_CARD, world.clock.now, { privateKey: new Uint8Array(32).fill(9) }), () => []);
  assert.is(await problemOf(meet(loan, through(thief))), "device-refused");
  // Nor does one who answers with anything else, at any step.
  for (const step of [1, 2, 3, 4, 5]) {
    let asked = 0;
    const carry = async (apdu: Uint8Array): Promise<Uint8Array> => {
      const answer = await one.card.carry(apdu);
      if (++asked === step) answer[Math.floor(answer.length / 2)] ^= 1;
      return answer;
    };
    const spoiled = await problemOf(meet(loan, carry));
    // A describing byte that nobody relies on may change: all else is refused.
    assert.ok(spoiled === "device-refused" || step === 1, `step ${String(step)}: ${spoiled}`);
    if (spoiled === "none") continue;
    for (const length of [2, 3, 17, 640]) {
      let count = 0;
      const garbage = async (apdu: Uint8Array): Promise<Uint8Array> =>
        ++count === step ? new Uint8Array(length).fill(0x90, -2) : one.card.carry(apdu);
      assert.is(await problemOf(meet(loan, garbage)), "device-refused", `step ${String(step)}, ${String(length)} bytes`);
    }
  }
});

test("[A14] another customer's card, and one that is revoked, do not make this customer's contract", async () => {
  const [one, two] = [await visitor(), await visitor()];
  const loan = await prepare(one);
  assert.is(await problemOf(meet(loan, through(two.card))), "device-refused");
  assert.is(await ask(one, loan), "conflict");
  await world.staff.call(admin.revokeDevice, { params: { deviceId: one.card.id }, body: {} });
  assert.is(await problemOf(meet(loan, through(one.card))), "certificate-refused");
});

test("[A16] the card hands over its readers' certificates: the center introduces a genuine one, and no other may be chosen", async () => {
  const [mine, second, others] = [await addReader(fresh("reader")), await addReader(fresh("reader")), await addReader(fresh("reader"))];
  const one = await visitor();
  const forged = mine.slice();
  forged[40] ^= 1;
  one.card.certificates = [mine, second];
  const chosen = await meet(await prepare(one, second), through(one.card));
  assert.is(chosen.introduction?.readerId, hex(second.slice(4, 12)), "the one that the terms name");
  assert.equal(chosen.readers, [hex(mine.slice(4, 12)), hex(second.slice(4, 12))]);
  const any = await meet(await prepare(one), through(one.card));
  assert.is(any.introduction?.readerId, hex(mine.slice(4, 12)), "the first, where any may play");
  const foreign = await prepare(one, others);
  assert.is(await problemOf(meet(foreign, through(one.card))), "device-refused", "a reader that the card did not bring");
  assert.is(await ask(one, foreign), "conflict");
  one.card.certificates = [forged, unhex(chainOf("unknown reader", ROLE_READER, false).slice(0, 256))];
  const none = await meet(await prepare(one), through(one.card));
  assert.equal([none.readers, none.introduction], [[], null], "neither a forged one nor one that is not in the books");
  await world.staff.call(admin.revokeDevice, { params: { deviceId: hex(mine.slice(4, 12)) }, body: {} });
  one.card.certificates = [mine];
  assert.equal((await meet(await prepare(one), through(one.card))).readers, [], "nor one that is revoked");
});

test("[A17] a meeting that was recorded, repeated, mixed up or carried by another kiosk gives nothing; in parallel there is one outcome", async () => {
  const one = await visitor();
  const loan = await prepare(one);
  const recorded: Uint8Array[] = [];
  await meet(loan, async (apdu) => {
    const answer = await one.card.carry(apdu);
    recorded.push(answer);
    return answer;
  });
  const next = await prepare({ ...one, cartridge: await addCartridge(world, fresh("cartridge")) });
  const tape = recorded.slice();
  assert.is(await problemOf(meet(next, () => Promise.resolve(tape.shift() ?? new Uint8Array(2)))), "device-refused");
  const params = { loanId: next.id };
  const step = (body: { number?: number; answer?: string }, kiosk = operator.kiosk) => kiosk.call(meetCard, { params, body });
  assert.is(await problemOf(step({ number: 1, answer: "9000" })), "device-refused", "what was refused stays refused");
  assert.is(await problemOf(step({ number: 1 })), "malformed-request");
  const first = await step({});
  assert.is(await problemOf(step({ number: 2, answer: "9000" })), "meeting-over", "an answer to nothing");
  const rival = await addOperator(world, fresh("rival"));
  assert.is(await problemOf(step({}, rival.kiosk)), "not-allowed");
  const answer = hex(await one.card.carry(unhex(first.command ?? "")));
  const replies = await Promise.all(Array.from({ length: 5 }, () => step({ number: 1, answer })));
  assert.is(new Set(replies.map(({ command }) => command)).size, 1, "the same answer five times is one answer");
  await meet(next, through(one.card));
  assert.is(await ask(one, next), "none");
  const rows = await world.center.db
    .selectFrom("audit")
    .select("id")
    .where("action", "=", "card authenticated")
    .where("subject", "=", next.id)
    .execute();
  assert.is(rows.length, 1);
});

test("[A17] a meeting that the center's restart has ended begins anew, and one that is made stands", async () => {
  const [one, two] = [await visitor(), await visitor()];
  const [loan, other] = [await prepare(one), await prepare(two)];
  await meet(other, through(two.card));
  let asked = 0;
  let kiosk = operator.kiosk;
  const carry = async (apdu: Uint8Array): Promise<Uint8Array> => {
    if (++asked === 3) {
      await world.restart();
      kiosk = kioskClient(world.center.url, "ship kiosk", world.clock.now);
    }
    return one.card.carry(apdu);
  };
  const client = { call: (...given: Parameters<typeof kiosk.call>) => kiosk.call(...given) } as unknown as typeof kiosk;
  world.clock.advance(1);
  await carryMeeting(client, loan.id, carry);
  assert.ok(asked > 6, "begun a second time");
  await contract(kiosk, loan, one.card);
  const sealed = await two.card.contract(unhex(other.id + other.contentId + other.cartridgeId + other.terms));
  assert.is(await problemOf(kiosk.call(makeContract, { params: { loanId: other.id }, body: { contract: hex(sealed) } })), "none");
  assert.is(deviceId("ship kiosk"), operator.kioskId);
});

test.run();
