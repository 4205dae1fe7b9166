import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import * as rental from "../../src/center/api/rental-routes.js";
import * as returns from "../../src/center/api/return-routes.js";
import { recommend } from "../../src/center/catalog/recommend.js";
import { ROLE_KIOSK, ROLE_READER } from "../../src/core/protocol/constants.js";
import { TERMS_READER } from "../../src/core/protocol/terms.js";
import { carryMeeting } from "../../src/kiosk/meeting.js";
import { suite } from "../suite.js";
import { chainOf, deviceId } from "./support/keys.js";
import { arm, contract, giveBack, hex, rent, unhex } from "./support/steps.js";
import { TARIFF, addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, startWorld } from "./support/world.js";

const test = suite("rental and return at the center");
const DAY = 86400;
const world = await startWorld();
test.after(() => world.end());
const operator = await addOperator(world, "museum");
const tariffId = await addTariff(world, operator.id);
const contentId = await addContent(world, "tour");
await addOffer(world, operator.id, contentId, { custody: 3, tariffId });

let numbers = 0;
async function someone(): Promise<{
  id: string;
  card: Awaited<ReturnType<typeof addCustomer>>["card"];
  cartridge: Awaited<ReturnType<typeof addCartridge>>;
}> {
  numbers++;
  return {
    ...(await addCustomer(world, `visitor ${String(numbers)}`)),
    cartridge: await addCartridge(world, `cartridge ${String(numbers)}`),
  };
}

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing was refused",
    (error: unknown) => {
      if (error instanceof ProblemError) return error.problem;
      throw error;
    },
  );

test("[C3] without a receipt after the grace the lost-cartridge price is due, taken back once when one comes", async () => {
  const { card, cartridge } = await someone();
  const loan = await rent(operator.kiosk, cartridge, contentId, card);
  const look = () => operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
  world.clock.advance(30 * DAY + TARIFF.graceSeconds);
  await world.center.sweep();
  assert.is((await look()).state, "ACTIVE", "the last second of grace counts");
  world.clock.advance(1);
  await world.center.sweep();
  await world.center.sweep();
  assert.equal([(await look()).state, (await look()).due], ["LOST", TARIFF.base + TARIFF.lostPrice]);
  await operator.kiosk.call(returns.payLoan, { params: { loanId: loan.id }, body: { amount: 2100, method: "card", reference: "pos-1" } });
  const returned = await giveBack(operator.kiosk, cartridge);
  assert.equal([returned.state, returned.charged, returned.due], ["CLOSED", TARIFF.cap, TARIFF.cap - 2100]);
  const refund = { params: { loanId: loan.id }, body: { amount: 1600, method: "card" as const, reference: "refund-1" } };
  assert.is(await refusal(world.staff.call(returns.refundLoan, { ...refund, body: { ...refund.body, amount: 1601 } })), "amount-not-due");
  assert.is((await world.staff.call(returns.refundLoan, refund)).due, 0);
  assert.is((await world.staff.call(returns.refundLoan, refund)).due, 0, "the same refund again changes nothing");
});

test("[F2] a cartridge that ran dry is charged to its last sign of life plus one heartbeat", async () => {
  const { card, cartridge } = await someone();
  const loan = await rent(operator.kiosk, cartridge, contentId, card);
  world.clock.advance(DAY - 100);
  cartridge.runDry();
  world.clock.advance(5 * DAY);
  const returned = await giveBack(operator.kiosk, cartridge);
  assert.is(returned.endedAt, (loan.activatedAt ?? 0) + 23 * 3600 + 3600);
  assert.is(returned.charged, 150);
});

test("a forged, altered or foreign receipt, proof or contract is refused and changes nothing", async () => {
  const [one, two] = [await someone(), await someone()];
  const loan = await rent(operator.kiosk, one.cartridge, contentId, one.card);
  await rent(operator.kiosk, two.cartridge, contentId, two.card);
  const receipt = (await one.cartridge.erase()) ?? new Uint8Array(60);
  for (let at = 0; at < 60; at++) {
    const altered = receipt.slice();
    altered[at] ^= 1;
    const problem = await refusal(operator.kiosk.call(returns.takeReceipt, { body: { receipt: hex(altered) } }));
    assert.ok(["device-refused", "not-found"].includes(problem), `byte ${String(at)}: ${problem}`);
  }
  const params = { loanId: loan.id };
  assert.is(await refusal(operator.kiosk.call(returns.takeRevocation, { params, body: { proof: "0".repeat(32) } })), "conflict");
  await operator.kiosk.call(returns.orderRevocation, { params, body: {} });
  assert.is(await refusal(operator.kiosk.call(returns.takeRevocation, { params, body: { proof: "0".repeat(32) } })), "device-refused");
  const third = await someone();
  const prepared = await operator.kiosk.call(rental.prepareLoan, {
    body: { cartridgeId: third.cartridge.id, cardId: third.card.id, contentId },
  });
  const fields = unhex(prepared.id + prepared.contentId + prepared.cartridgeId + prepared.terms);
  const cheaper = fields.slice();
  cheaper[40 + 28] ^= 1;
  const steps = { params: { loanId: prepared.id } };
  await carryMeeting(operator.kiosk, prepared.id, (apdu) => third.card.carry(apdu));
  for (const [sealer, named] of [
    [third.card, cheaper],
    [one.card, fields],
  ] as const) {
    const sealed = await sealer.contract(named);
    assert.is(await refusal(operator.kiosk.call(rental.makeContract, { ...steps, body: { contract: hex(sealed) } })), "device-refused");
  }
  const key = { ...steps, body: { challenge: "0".repeat(32), counter: 0 } };
  assert.is(await refusal(operator.kiosk.call(rental.sealKey, key)), "conflict", "no key before the card has its license");
  await contract(operator.kiosk, prepared, third.card);
  const ahead = { ...steps, body: { challenge: "0".repeat(32), counter: 1 } };
  assert.is(await refusal(operator.kiosk.call(rental.sealKey, ahead)), "device-refused", "a cartridge with a counter from nowhere");
  const bad = { ...steps, body: { challenge: "0".repeat(32), proof: "0".repeat(32) } };
  assert.is(await refusal(operator.kiosk.call(rental.activateLoan, bad)), "loan-state");
  await operator.kiosk.call(rental.sealKey, key);
  assert.is(await refusal(operator.kiosk.call(rental.activateLoan, bad)), "device-refused");
  const stranger = await addOperator(world, "stranger");
  assert.is(await refusal(stranger.kiosk.call(rental.cancelLoan, { ...steps, body: {} })), "not-allowed");
});

test("[A16] the one reader that may play is known by the certificate that the card handed over", async () => {
  const chain = chainOf("home reader", ROLE_READER, false);
  await world.staff.call(admin.enrollDevice, { body: { chain, generation: 1 } });
  const { card, cartridge } = await someone();
  card.certificates = [new Uint8Array(Buffer.from(chain.slice(0, 256), "hex"))];
  const body = { cartridgeId: cartridge.id, cardId: card.id, contentId, readerCertificate: chain.slice(0, 256) };
  const loan = await operator.kiosk.call(rental.prepareLoan, { body });
  assert.is(loan.terms.slice(2 * TERMS_READER, 2 * TERMS_READER + 16), deviceId("home reader"));
  const other = chainOf("home reader", ROLE_READER, false, { serial: 2 }).slice(0, 256);
  assert.is(await refusal(operator.kiosk.call(rental.prepareLoan, { body: { ...body, readerCertificate: other } })), "certificate-refused");
  await world.staff.call(admin.revokeDevice, { params: { deviceId: deviceId("home reader") }, body: {} });
  assert.is(await refusal(operator.kiosk.call(rental.prepareLoan, { body })), "certificate-refused");
});

test("[F9] two devices are introduced by tickets with rising serials, and a kiosk introduces no other kiosk", async () => {
  const { card, cartridge } = await someone();
  await world.staff.call(admin.enrollDevice, { body: { chain: chainOf("museum kiosk", ROLE_KIOSK, false), generation: 1 } });
  const introduce = (firstId: string, secondId: string) => operator.kiosk.call(rental.introduce, { body: { firstId, secondId } });
  const first = await introduce(operator.kioskId, cartridge.id);
  assert.is.not(first.firstTicket, first.secondTicket);
  await introduce(cartridge.id, operator.kioskId);
  const serial = await world.center.db
    .selectFrom("devices")
    .select("ticket_serial")
    .where("id", "=", cartridge.id)
    .executeTakeFirstOrThrow();
  assert.is(serial.ticket_serial, 2);
  assert.is(await refusal(introduce(card.id, cartridge.id)), "not-allowed", "two devices of others");
  assert.is(await refusal(introduce(operator.kioskId, operator.kioskId)), "conflict");
  const rival = await addOperator(world, "rival");
  assert.is(await refusal(rival.kiosk.call(rental.introduce, { body: { firstId: operator.kioskId, secondId: card.id } })), "not-allowed");
});

test("a payment at another operator's kiosk stands in both books, in one currency only", async () => {
  const neighbor = await addOperator(world, "neighbor");
  const abroad = await addOperator(world, "abroad", "CHF");
  const { card, cartridge } = await someone();
  const loan = await rent(operator.kiosk, cartridge, contentId, card);
  await giveBack(neighbor.kiosk, cartridge);
  const payment = { params: { loanId: loan.id }, body: { amount: 100, method: "cash" as const, reference: "till" } };
  assert.is(await refusal(abroad.kiosk.call(returns.payLoan, payment)), "currency-not-accepted");
  assert.is(await refusal(neighbor.kiosk.call(returns.payLoan, { ...payment, body: { ...payment.body, amount: 101 } })), "amount-not-due");
  assert.is((await neighbor.kiosk.call(returns.payLoan, payment)).state, "CLOSED");
  const balances = async (operatorId: string): Promise<Record<string, number>> => {
    const accounts = await world.staff.call(admin.listAccounts, { params: { operatorId } });
    return Object.fromEntries(accounts.map(({ kind, balance }) => [kind, balance]));
  };
  assert.equal(await balances(neighbor.id), { cash: 100, due_to: -100 });
  assert.is((await balances(operator.id)).due_from, 100);
});

test("[C4] recommendations come from loans and ratings of all customers, explain themselves, and are the same every time", async () => {
  const [a, b, c, d] = await Promise.all(["A", "B", "C", "D"].map((title) => addContent(world, title)));
  for (const id of [a, b, c, d]) await addOffer(world, operator.id, id);
  const borrow = async (visitor: Awaited<ReturnType<typeof someone>>, id: string, stars?: number): Promise<void> => {
    const loan = await rent(operator.kiosk, visitor.cartridge, id, visitor.card);
    await giveBack(operator.kiosk, visitor.cartridge);
    if (stars !== undefined) await operator.kiosk.call(returns.rateLoan, { params: { loanId: loan.id }, body: { stars } });
  };
  // Three borrowed A and B; three A and C, which they liked better; nobody D.
  for (const [other, stars] of [
    [b, 2],
    [b, 2],
    [b, 2],
    [c, 5],
    [c, 5],
    [c, 4],
  ] as const) {
    const visitor = await someone();
    await borrow(visitor, a);
    await borrow(visitor, other, stars);
  }
  const newcomer = await someone();
  await borrow(newcomer, a);
  const list = await recommend(world.center.db, newcomer.id, 10);
  assert.equal(
    list.slice(0, 2).map(({ contentId: id }) => id),
    [c, b],
  );
  assert.is(list[0].reason, "3 of the latest borrowers of “A” borrowed it too.");
  assert.not.ok(
    list.some(({ contentId: id }) => id === a),
    "what was had before is left out",
  );
  assert.ok(
    list.some(({ contentId: id }) => id === d),
    "the rest is filled up",
  );
  assert.equal(await recommend(world.center.db, newcomer.id, 10), list);
});

test("a key that was sealed but never held is given up after a while, and a late activation is refused", async () => {
  const { card, cartridge } = await someone();
  const loan = await operator.kiosk.call(rental.prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
  await contract(operator.kiosk, loan, card);
  const { challenge, counter } = await cartridge.prepare();
  const params = { loanId: loan.id };
  const sealed = await operator.kiosk.call(rental.sealKey, { params, body: { challenge: hex(challenge), counter } });
  const proof = await cartridge.loadKey(unhex(sealed.keyLoad), unhex(sealed.envelope));
  world.clock.advance(901);
  await world.center.sweep();
  assert.is(
    await refusal(operator.kiosk.call(rental.activateLoan, { params, body: { challenge: hex(challenge), proof: hex(proof) } })),
    "loan-state",
  );
  assert.is(cartridge.playable(), false);
  assert.is((await giveBack(operator.kiosk, cartridge)).state, "NEVER_ACTIVATED");
  const next = await operator.kiosk.call(rental.prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
  await contract(operator.kiosk, next, card);
  assert.is((await arm(operator.kiosk, next, cartridge)).state, "ACTIVE");
});

test.run();
