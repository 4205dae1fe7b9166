import { ProblemError } from "../api/problems.js";
import { violated, type Trx } from "../db/database.js";
import type { AccountKind } from "../db/tables.js";

/** One side of a transaction; a debit is positive, a credit negative. */
export interface Entry {
  operatorId: string;
  kind: AccountKind;
  /** Customer or operator that the account is about; "" for the operator's own. */
  party: string;
  amount: number;
}

/** Id of an account, which is made at first use. */
async function account(trx: Trx, entry: Entry): Promise<number> {
  const { operatorId, kind, party } = entry;
  const find = () =>
    trx
      .selectFrom("accounts")
      .select("id")
      .where("operator_id", "=", operatorId)
      .where("kind", "=", kind)
      .where("party", "=", party)
      .executeTakeFirst();
  const found = await find();
  if (found !== undefined) return found.id;
  const operator = await trx.selectFrom("operators").select("currency").where("id", "=", operatorId).executeTakeFirstOrThrow();
  await trx
    .insertInto("accounts")
    .values({ operator_id: operatorId, kind, party, currency: operator.currency })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const made = await find();
  if (made === undefined) throw new Error("An account was neither found nor made.");
  return made.id;
}

/**
 * Books one transaction. The database refuses one whose entries do not sum to zero or are of several currencies, and a reference used before.
 *
 * @param reference - names what is booked, once and for all
 * @returns the transaction's number
 */
export async function post(trx: Trx, at: number, reference: string, entries: Entry[]): Promise<number> {
  const numbered: { account_id: number; amount: number }[] = [];
  for (const entry of entries) numbered.push({ account_id: await account(trx, entry), amount: entry.amount });
  const { id } = await trx.insertInto("ledger_transactions").values({ reference, at }).returning("id").executeTakeFirstOrThrow();
  await trx
    .insertInto("ledger_entries")
    .values(numbered.map((entry) => ({ transaction_id: id, ...entry })))
    .execute();
  return id;
}

/** What a loan has cost, what was paid for it, and what is due; below zero when the customer is owed. */
export interface Balance {
  charged: number;
  paid: number;
  due: number;
}

export async function loanBalance(trx: Pick<Trx, "selectFrom">, loanId: string): Promise<Balance> {
  const charges = await trx
    .selectFrom("charges")
    .leftJoin("reversals", (join) => join.onRef("reversals.loan_id", "=", "charges.loan_id").onRef("reversals.kind", "=", "charges.kind"))
    .select(["charges.amount", "reversals.kind as reversed"])
    .where("charges.loan_id", "=", loanId)
    .execute();
  const payments = await trx.selectFrom("payments").select("amount").where("loan_id", "=", loanId).execute();
  const charged = charges.reduce((sum, charge) => sum + (charge.reversed === null ? charge.amount : 0), 0);
  const paid = payments.reduce((sum, payment) => sum + payment.amount, 0);
  return { charged, paid, due: charged - paid };
}

export interface PaymentRequest {
  id: string;
  loan: { id: string; operator_id: string; customer_id: string };
  /** Operator at whose kiosk the money came in, and that kiosk; null when staff takes it. */
  collector: string;
  kioskId: string | null;
  method: "cash" | "card";
  amount: number;
  reference: string;
}

/**
 * Books a payment (or, below zero, a refund). Money taken by another operator stands in both their books: one owes it to the other.
 *
 * @returns false when the same reference is booked for this loan already
 * @throws ProblemError when the reference stands for another amount, or the collector's currency differs
 */
export async function pay(trx: Trx, at: number, request: PaymentRequest): Promise<boolean> {
  const { loan, collector, amount, reference, method } = request;
  const before = await trx
    .selectFrom("payments")
    .select("amount")
    .where("loan_id", "=", loan.id)
    .where("reference", "=", reference)
    .executeTakeFirst();
  if (before !== undefined) {
    if (before.amount !== amount)
      throw new ProblemError(
        "already-exists",
        `Payment ${reference} is booked with ${String(before.amount)}, not ${String(amount)}; use a new reference.`,
      );
    return false;
  }
  const receivable: Entry = { operatorId: loan.operator_id, kind: "receivable", party: loan.customer_id, amount: -amount };
  const entries: Entry[] = [receivable, { operatorId: collector, kind: method, party: "", amount }];
  if (collector !== loan.operator_id) {
    await expectSameCurrency(trx, collector, loan.operator_id);
    entries.push(
      { operatorId: loan.operator_id, kind: "due_from", party: collector, amount },
      { operatorId: collector, kind: "due_to", party: loan.operator_id, amount: -amount },
    );
  }
  const transaction = await post(trx, at, `payment ${loan.id} ${reference}`, entries);
  try {
    await trx
      .insertInto("payments")
      .values({ id: request.id, loan_id: loan.id, kiosk_id: request.kioskId, method, amount, reference, at, transaction_id: transaction })
      .execute();
  } catch (error) {
    if (violated(error) === "payment_once")
      throw new ProblemError("already-exists", `Payment ${reference} is being booked by another request; repeat.`);
    throw error;
  }
  return true;
}

async function expectSameCurrency(trx: Trx, collector: string, owner: string): Promise<void> {
  const rows = await trx.selectFrom("operators").select("currency").where("id", "in", [collector, owner]).execute();
  if (new Set(rows.map((row) => row.currency)).size > 1)
    throw new ProblemError(
      "currency-not-accepted",
      "The loan is charged in another currency than this kiosk takes; pay at a kiosk of its operator.",
    );
}
