import { randomBytes } from "node:crypto";
import { CAUSE_NEVER_ACTIVATED } from "../../core/protocol/loan.js";
import { ProblemError } from "../api/problems.js";
import { readReceipt } from "../api/receipt.js";
import { endOfCharge, type Death } from "../api/tariff.js";
import type { LoanRow } from "../db/tables.js";
import { chargeTime, reverse } from "../money/charges.js";
import { loanBalance, pay } from "../money/ledger.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import { releaseCopy } from "./copies.js";
import { ENDED, advance, expectState, lockLoan } from "./machine.js";
import { knownDevice } from "./view.js";

/**
 * Takes an erasure receipt, from whichever kiosk and however late: checks it, ends the loan by it, charges. The same receipt again changes nothing and
 * is acknowledged again.
 *
 * @returns the loan, and the acknowledgment by which the cartridge forgets it
 */
export async function takeReceipt(
  scope: Scope,
  bytes: Uint8Array,
  kioskId: string,
): Promise<{ loan: LoanRow; acknowledgment: Uint8Array }> {
  const named = readReceipt(bytes);
  if (named === null) throw new ProblemError("device-refused", "The receipt is not of a form that this center knows; read it again.");
  const cartridge = await knownDevice(scope, named.cartridgeId);
  const receipt = scope.authority.openReceipt(cartridge, bytes);
  if (receipt === null) throw new ProblemError("device-refused", "The receipt was not made by the cartridge that it names; read it again.");
  const loan = await lockLoan(scope, named.loanId);
  if (loan.cartridge_id !== named.cartridgeId || loan.counter !== receipt.counter)
    throw new ProblemError(
      "device-refused",
      "The receipt names another cartridge or counter than the loan; this loan is not the cartridge's.",
    );
  return {
    loan: await applyReceipt(scope, loan, receipt, bytes, kioskId),
    acknowledgment: scope.authority.acknowledge(cartridge, fromHex(loan.id), receipt.counter),
  };
}

async function applyReceipt(
  scope: Scope,
  loan: LoanRow,
  death: Death & { cause: number; activation: number },
  bytes: Uint8Array,
  kioskId: string,
): Promise<LoanRow> {
  const found = { receipt: toHex(bytes), cause: death.cause };
  if (loan.receipt !== null) return loan;
  if (loan.state === "PENDING") {
    await releaseCopy(scope, loan);
    return advance(scope, loan, "NEVER_ACTIVATED", { ...found, copy_taken: false, closed_at: scope.now });
  }
  if (loan.state === "ACTIVE" || loan.state === "LOST") {
    if (death.cause === CAUSE_NEVER_ACTIVATED || death.activation === 0) return neverActivated(scope, loan, found);
    return endLoan(scope, loan, death, kioskId, { ...found, evidence: "receipt" });
  }
  await audit(scope, "receipt kept", loan.id, { state: loan.state });
  return scope.trx.updateTable("loans").set(found).where("id", "=", loan.id).returningAll().executeTakeFirstOrThrow();
}

/** ACTIVATE never reached the cartridge: nobody could play, and whatever was charged is taken back. */
async function neverActivated(scope: Scope, loan: LoanRow, found: Partial<LoanRow>): Promise<LoanRow> {
  await reverse(scope.trx, loan, "base", "never activated", scope.now);
  await reverse(scope.trx, loan, "lost", "never activated", scope.now);
  await releaseCopy(scope, loan);
  return advance(scope, loan, "NEVER_ACTIVATED", { ...found, copy_taken: false, closed_at: scope.now });
}

async function endLoan(scope: Scope, loan: LoanRow, death: Death, kioskId: string, found: Partial<LoanRow>): Promise<LoanRow> {
  const { activated_at: activated, deadline_at: deadline } = loan;
  if (activated === null || deadline === null) throw new Error("An active loan has neither begin nor deadline.");
  const ended = endOfCharge(activated, deadline, scope.now, death);
  await reverse(scope.trx, loan, "lost", "receipt after loss", scope.now);
  await chargeTime(scope.trx, loan, ended - activated, scope.now);
  await releaseCopy(scope, loan);
  const returned = await advance(scope, loan, "RETURNED", {
    ...found,
    copy_taken: false,
    ended_at: ended,
    returned_at: scope.now,
    return_kiosk_id: kioskId,
  });
  return closeIfPaid(scope, returned);
}

/** The return completes only after payment. */
async function closeIfPaid(scope: Scope, loan: LoanRow): Promise<LoanRow> {
  const { due } = await loanBalance(scope.trx, loan.id);
  if (due > 0 || (loan.state !== "RETURNED" && loan.state !== "UNPAID")) return loan;
  return advance(scope, loan, "CLOSED", { closed_at: scope.now });
}

/**
 * Orders the loan's card to destroy its license: without it no reader plays, whoever keeps the key.
 *
 * @returns 48 bytes for the card
 */
export async function orderRevocation(scope: Scope, loanId: string): Promise<Uint8Array> {
  await lockLoan(scope, loanId);
  const license = await scope.trx.selectFrom("licenses").selectAll().where("loan_id", "=", loanId).executeTakeFirst();
  if (license === undefined) throw new ProblemError("not-found", "No license was issued for this loan; bring the cartridge.");
  const nonce = license.revocation_nonce ?? toHex(randomBytes(16));
  if (license.revocation_nonce === null)
    await scope.trx.updateTable("licenses").set({ revocation_nonce: nonce }).where("id", "=", license.id).execute();
  return scope.authority.sealRevocation(await knownDevice(scope, license.holder_id), fromHex(license.id), fromHex(nonce));
}

/** The card proves that it holds the license no more. That ends a loan of any custody, as no reader plays without the license. Safe to repeat. */
export async function takeRevocation(scope: Scope, loanId: string, proof: Uint8Array, kioskId: string): Promise<LoanRow> {
  const loan = await lockLoan(scope, loanId);
  const license = await scope.trx.selectFrom("licenses").selectAll().where("loan_id", "=", loanId).executeTakeFirst();
  if (license === undefined || license.revocation_nonce === null)
    throw new ProblemError("conflict", "No revocation was ordered for this loan; order it first.");
  const card = await knownDevice(scope, license.holder_id);
  if (!scope.authority.verifyRevoked(card, fromHex(license.id), fromHex(license.revocation_nonce), proof))
    throw new ProblemError("device-refused", "The card did not prove that the license is gone; hand it the revocation again.");
  if (license.revoked_at === null) {
    await scope.trx.updateTable("licenses").set({ revoked_at: scope.now }).where("id", "=", license.id).execute();
    await audit(scope, "license revoked", loan.id, { license: license.id });
  }
  if (loan.state !== "ACTIVE" && loan.state !== "LOST") return loan;
  const elapsed = scope.now - (loan.activated_at ?? scope.now);
  return endLoan(scope, loan, { exactness: 0, earliest: elapsed, latest: elapsed }, kioskId, { evidence: "card" });
}

/** The customer did not or could not pay: the loan is a debt from here on. Safe to repeat. */
export async function markUnpaid(scope: Scope, loanId: string, reason: string): Promise<LoanRow> {
  const loan = await lockLoan(scope, loanId);
  if (loan.state === "UNPAID" || loan.state === "CLOSED") return loan;
  expectState(loan, "RETURNED");
  await audit(scope, "payment failed", loan.id, { reason });
  return advance(scope, loan, "UNPAID");
}

export interface Payment {
  collector: string;
  kioskId: string | null;
  method: "cash" | "card";
  amount: number;
  reference: string;
}

/** Books a payment; the loan is closed when nothing is due any more. The same reference again changes nothing. */
export async function takePayment(scope: Scope, loanId: string, payment: Payment): Promise<LoanRow> {
  const loan = await lockLoan(scope, loanId);
  expectState(loan, ...ENDED, "LOST", "NEVER_ACTIVATED");
  const { due } = await loanBalance(scope.trx, loan.id);
  const booked = await pay(scope.trx, scope.now, { id: toHex(randomBytes(16)), loan, ...payment });
  if (!booked) return loan;
  if (payment.amount > 0 ? payment.amount > due : payment.amount < due)
    throw new ProblemError("amount-not-due", `${String(due)} is due, not ${String(payment.amount)}; look at the loan.`);
  await audit(scope, payment.amount > 0 ? "payment" : "refund", loan.id, { amount: payment.amount, reference: payment.reference });
  return closeIfPaid(scope, loan);
}
