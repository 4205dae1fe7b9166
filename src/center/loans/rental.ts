import { randomBytes } from "node:crypto";
import { put16, put32 } from "../../core/bytes.js";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../core/protocol/constants.js";
import {
  TERMS_CUSTODY,
  TERMS_DURATION,
  TERMS_KIOSK,
  TERMS_LENGTH,
  TERMS_PLAYS,
  TERMS_PRICE,
  TERMS_READER,
  TERMS_READERS,
  TERMS_TOLERANCE,
  TERMS_TOTAL,
  TERMS_WINDOW,
} from "../../core/protocol/terms.js";
import { ProblemError } from "../api/problems.js";
import { violated } from "../db/database.js";
import type { LoanRow, Tables } from "../db/tables.js";
import { chargeBase, loanTariff } from "../money/charges.js";
import { baseCharge } from "../api/tariff.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import { releaseCopy, takeCopy } from "./copies.js";
import { OPEN, advance, expectState, kiosksLoan, wrongState } from "./machine.js";
import { expectMet, readerOf } from "./meeting.js";
import { contractOf, goodDevice, loanReference } from "./view.js";

/** Parts per million by which a cartridge's oscillator may be off over temperature and age. */
const CLOCK_TOLERANCE = 500;

export interface RentalRequest {
  kioskId: string;
  operatorId: string;
  cartridgeId: string;
  cardId?: string;
  /** Needed where there is no card to tell the customer by. */
  customerId?: string;
  contentId: string;
  /** Certificate (128 bytes, hex) of the one reader that shall play, as the card handed it over. */
  readerCertificate?: string;
  /** Stream suite that cartridge and reader have natively; the lowest on offer without. */
  suite?: number;
}

/** Agrees on a loan: customer, devices, content, terms. Takes a copy; seals nothing yet. */
export async function prepareLoan(scope: Scope, request: RentalRequest): Promise<LoanRow> {
  const cartridge = await goodDevice(scope, request.cartridgeId, ROLE_CARTRIDGE, "cartridge");
  const customerId = await customerOf(scope, request);
  const offer = await scope.trx
    .selectFrom("offers")
    .innerJoin("contents", "contents.id", "offers.content_id")
    .selectAll("offers")
    .where("offers.operator_id", "=", request.operatorId)
    .where("offers.content_id", "=", request.contentId)
    .where("contents.withdrawn_at", "is", null)
    .executeTakeFirst();
  if (offer === undefined) throw new ProblemError("not-found", `This operator does not lend content ${request.contentId}; choose another.`);
  if (offer.custody !== 1 && request.cardId === undefined)
    throw new ProblemError("conflict", "This content's key is kept by the card; insert the card.");
  const sealed = await scope.trx
    .selectFrom("sealed_contents")
    .select(["version", "suite"])
    .where("content_id", "=", request.contentId)
    .$if(request.suite !== undefined, (query) => query.where("suite", "=", request.suite ?? 0))
    .orderBy("version", "desc")
    .orderBy("suite")
    .limit(1)
    .executeTakeFirst();
  if (sealed === undefined) throw new ProblemError("not-found", "The center has not sealed this content for that suite; upload it first.");
  const reader = request.readerCertificate === undefined ? undefined : await readerOf(scope, request.readerCertificate);
  await supersede(scope, toHex(cartridge.id));
  const copyTaken = await takeCopy(scope, request.contentId, customerId);
  const tariff = await loanTariff(scope.trx, offer.tariff_id);
  const row = {
    id: toHex(randomBytes(16)),
    state: "PREPARED" as const,
    operator_id: request.operatorId,
    kiosk_id: request.kioskId,
    customer_id: customerId,
    content_id: request.contentId,
    version: sealed.version,
    suite: sealed.suite,
    cartridge_id: toHex(cartridge.id),
    card_id: request.cardId ?? null,
    custody: offer.custody,
    terms: toHex(termsOf(offer, tariff === null ? 0 : baseCharge(tariff), request.kioskId, reader)),
    tariff_id: offer.tariff_id,
    copy_taken: copyTaken,
    prepared_at: scope.now,
  };
  try {
    const loan = await scope.trx.insertInto("loans").values(row).returningAll().executeTakeFirstOrThrow();
    await audit(scope, "loan prepared", loan.id, { content: loan.content_id, cartridge: loan.cartridge_id });
    return loan;
  } catch (error) {
    if (violated(error) !== "one_loan_per_cartridge") throw error;
    throw new ProblemError("cartridge-busy", `Cartridge ${row.cartridge_id} has a loan that is not over; return it first.`);
  }
}

async function customerOf(scope: Scope, request: RentalRequest): Promise<string> {
  const card = request.cardId === undefined ? undefined : await goodDevice(scope, request.cardId, ROLE_CARD, "card");
  const id = card?.customerId ?? request.customerId;
  if (id === undefined) throw new ProblemError("conflict", "Neither a card of a customer nor a customer was named; insert the card.");
  if (request.customerId !== undefined && request.customerId !== id)
    throw new ProblemError("not-allowed", "The card is another customer's; insert the customer's own.");
  const customer = await scope.trx.selectFrom("customers").select("erased_at").where("id", "=", id).executeTakeFirst();
  if (customer === undefined || customer.erased_at !== null)
    throw new ProblemError("not-found", `No customer has the id ${id}; register the customer first.`);
  return id;
}

function termsOf(offer: Tables["offers"], price: number, kioskId: string, reader: Uint8Array | undefined): Uint8Array {
  const terms = new Uint8Array(TERMS_LENGTH);
  terms[0] = 1;
  terms[TERMS_CUSTODY] = offer.custody;
  terms[TERMS_READERS] = offer.readers;
  put32(terms, TERMS_DURATION, offer.duration_seconds);
  put16(terms, TERMS_PLAYS, offer.plays);
  put16(terms, TERMS_TOLERANCE, CLOCK_TOLERANCE);
  put32(terms, TERMS_WINDOW, offer.window_seconds);
  put32(terms, TERMS_TOTAL, offer.total_seconds);
  put32(terms, TERMS_PRICE, price);
  if (reader !== undefined) terms.set(reader, TERMS_READER);
  terms.set(fromHex(kioskId), TERMS_KIOSK);
  return terms;
}

/** A loan that was agreed for this cartridge but never got a key gives way to a new one: its kiosk has gone away. */
async function supersede(scope: Scope, cartridgeId: string): Promise<void> {
  const stale = await scope.trx
    .selectFrom("loans")
    .selectAll()
    .where("cartridge_id", "=", cartridgeId)
    .where("state", "in", OPEN)
    .forUpdate()
    .executeTakeFirst();
  if (stale?.state === "PREPARED") await abandon(scope, stale);
}

/** Ends a loan that no customer ever could use; nothing was charged for it yet. */
export async function abandon(scope: Scope, loan: LoanRow): Promise<LoanRow> {
  expectState(loan, "PREPARED", "PENDING");
  await releaseCopy(scope, loan);
  return advance(scope, loan, "NEVER_ACTIVATED", { copy_taken: false, closed_at: scope.now });
}

/** The kiosk gives a loan up before a key was sealed for it. Safe to repeat. */
export async function cancelLoan(scope: Scope, id: string, kioskId: string): Promise<LoanRow> {
  const loan = await kiosksLoan(scope, id, kioskId);
  if (loan.state === "NEVER_ACTIVATED") return loan;
  // A cartridge may hold a key that was sealed: only its receipt, or the time after which it has forgotten, ends the loan then.
  expectState(loan, "PREPARED");
  return abandon(scope, loan);
}

/** Opens what the card sealed as its contract, checks it against the loan, and answers the license for the card. Safe to repeat with a new nonce. */
export async function makeContract(scope: Scope, id: string, kioskId: string, sealed: Uint8Array): Promise<Uint8Array> {
  const loan = await kiosksLoan(scope, id, kioskId);
  expectState(loan, "PREPARED", "PENDING");
  if (loan.card_id === null) throw new ProblemError("conflict", "This loan was agreed without a card; go on with the key.");
  await expectMet(scope, loan);
  const card = await goodDevice(scope, loan.card_id, ROLE_CARD, "card");
  const opened = scope.authority.openContract(card, sealed);
  if (opened === null) throw new ProblemError("device-refused", "The contract was not sealed by this loan's card; insert that card.");
  if (toHex(opened.contract) !== toHex(contractOf(loan)))
    throw new ProblemError("device-refused", "The card sealed other terms than were agreed; begin the contract again.");
  const nonce = toHex(opened.nonce);
  const license = await scope.trx
    .insertInto("licenses")
    .values({ id: toHex(randomBytes(16)), loan_id: loan.id, holder_id: loan.card_id, nonce, issued_at: scope.now })
    .onConflict((conflict) => conflict.column("loan_id").doUpdateSet({ nonce }))
    .returning(["id", "issued_at"])
    .executeTakeFirstOrThrow();
  await audit(scope, "license issued", loan.id, { license: license.id, card: loan.card_id });
  return scope.authority.sealLicense(card, fromHex(license.id), opened.nonce, opened.contract, license.issued_at, loanReference(loan));
}

/** The card has stored the license. Safe to repeat. */
export async function completeContract(scope: Scope, id: string, kioskId: string, proof: Uint8Array): Promise<LoanRow> {
  const loan = await kiosksLoan(scope, id, kioskId);
  const license = await scope.trx.selectFrom("licenses").selectAll().where("loan_id", "=", id).executeTakeFirst();
  if (license === undefined || loan.card_id === null)
    throw new ProblemError("conflict", "No contract was made for this loan; make it first.");
  const card = await goodDevice(scope, loan.card_id, ROLE_CARD, "card");
  if (!scope.authority.verifyCompletion(card, fromHex(license.id), fromHex(license.nonce), proof))
    throw new ProblemError("device-refused", "The card did not prove that it holds the license; hand it the license again.");
  if (license.completed_at === null)
    await scope.trx.updateTable("licenses").set({ completed_at: scope.now }).where("id", "=", license.id).execute();
  return loan;
}

export interface SealedKey {
  keyLoad: Uint8Array;
  envelope: Uint8Array;
}

/**
 * Seals key and envelope for the cartridge, over its challenge. The same counter for the same loan, however often it is asked.
 *
 * @param counter - highest loan counter that the cartridge has seen
 */
export async function sealKey(scope: Scope, id: string, kioskId: string, challenge: Uint8Array, counter: number): Promise<SealedKey> {
  const loan = await kiosksLoan(scope, id, kioskId);
  expectState(loan, "PREPARED", "PENDING");
  if (loan.card_id !== null) await expectLicense(scope, loan);
  const cartridge = await goodDevice(scope, loan.cartridge_id, ROLE_CARTRIDGE, "cartridge");
  const known = loan.counter ?? (await nextCounter(scope, loan.cartridge_id));
  if (counter > (loan.counter ?? known - 1))
    throw new ProblemError(
      "device-refused",
      `The cartridge has seen loan ${String(counter)}, more than the center gave out; enroll it anew.`,
    );
  if (loan.state === "PREPARED") await advance(scope, loan, "PENDING", { counter: known, pending_at: scope.now });
  const content = await scope.trx
    .selectFrom("sealed_contents")
    .innerJoin("content_versions", (join) =>
      join
        .onRef("content_versions.content_id", "=", "sealed_contents.content_id")
        .onRef("content_versions.version", "=", "sealed_contents.version"),
    )
    .select(["header", "sealed_length", "sample_rate", "title_key"])
    .where("sealed_contents.content_id", "=", loan.content_id)
    .where("sealed_contents.version", "=", loan.version)
    .where("suite", "=", loan.suite)
    .executeTakeFirstOrThrow();
  const reference = loanReference(loan);
  const sealed = { header: fromHex(content.header), length: content.sealed_length, sampleRate: content.sample_rate };
  return {
    keyLoad: scope.authority.sealKeyLoad(cartridge, reference, known, challenge),
    envelope: scope.authority.sealEnvelope(reference, cartridge.id, sealed, loan.version, fromHex(content.title_key)),
  };
}

async function expectLicense(scope: Scope, loan: LoanRow): Promise<void> {
  const license = await scope.trx.selectFrom("licenses").select("completed_at").where("loan_id", "=", loan.id).executeTakeFirst();
  if (license === undefined || license.completed_at === null)
    throw new ProblemError("conflict", "The card has not reported that it holds the license; complete the contract first.");
}

async function nextCounter(scope: Scope, cartridgeId: string): Promise<number> {
  const row = await scope.trx
    .updateTable("devices")
    .set((eb) => ({ loan_counter: eb("loan_counter", "+", 1) }))
    .where("id", "=", cartridgeId)
    .returning("loan_counter")
    .executeTakeFirstOrThrow();
  return row.loan_counter;
}

/** The cartridge holds the key: loan and charge base are committed in one transaction, and ACTIVATE is sealed. Safe to repeat. */
export async function activateLoan(
  scope: Scope,
  id: string,
  kioskId: string,
  challenge: Uint8Array,
  proof: Uint8Array,
): Promise<{ loan: LoanRow; activation: Uint8Array }> {
  const loan = await kiosksLoan(scope, id, kioskId);
  if (loan.counter === null || !["PENDING", "ACTIVE"].includes(loan.state)) throw wrongState(loan, ["PENDING", "ACTIVE"]);
  const cartridge = await goodDevice(scope, loan.cartridge_id, ROLE_CARTRIDGE, "cartridge");
  if (!scope.authority.verifyHeld(cartridge, fromHex(loan.id), loan.counter, challenge, proof))
    throw new ProblemError("device-refused", "The cartridge did not prove that it holds this loan's key; load the key again.");
  const active = loan.state === "ACTIVE" ? loan : await commitActive(scope, loan);
  const activation = scope.authority.sealActivation(cartridge, fromHex(loan.id), loan.counter, challenge, active.activated_at ?? scope.now);
  return { loan: active, activation };
}

async function commitActive(scope: Scope, loan: LoanRow): Promise<LoanRow> {
  const duration = new DataView(fromHex(loan.terms).buffer).getUint32(TERMS_DURATION);
  const tariff = await loanTariff(scope.trx, loan.tariff_id);
  await chargeBase(scope.trx, loan, scope.now);
  const deadline = scope.now + duration;
  return advance(scope, loan, "ACTIVE", {
    activated_at: scope.now,
    deadline_at: deadline,
    lost_after: deadline + (tariff?.graceSeconds ?? 0),
  });
}
