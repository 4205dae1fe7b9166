import { baseCharge, startedPeriods, timeCharge, type Tariff } from "../api/tariff.js";
import type { Trx } from "../db/database.js";
import type { ChargeKind, LoanRow, ReversalReason, Tables } from "../db/tables.js";
import { post } from "./ledger.js";

type Charged = Pick<LoanRow, "id" | "operator_id" | "customer_id" | "tariff_id">;

export function tariffOf(row: Omit<Tables["tariffs"], "created_at" | "name" | "operator_id" | "id">): Tariff {
  return {
    base: row.base,
    periodPrice: row.period_price,
    periodSeconds: row.period_seconds,
    cap: row.cap,
    graceSeconds: row.grace_seconds,
    lostPrice: row.lost_price,
  };
}

/** The loan's tariff; null where nothing is charged. Tariffs never change, so a loan keeps the prices that it began with. */
export async function loanTariff(trx: Pick<Trx, "selectFrom">, tariffId: string | null): Promise<Tariff | null> {
  if (tariffId === null) return null;
  return tariffOf(await trx.selectFrom("tariffs").selectAll().where("id", "=", tariffId).executeTakeFirstOrThrow());
}

async function charge(trx: Trx, loan: Charged, kind: ChargeKind, amount: number, periods: number, at: number): Promise<void> {
  const transaction =
    amount === 0
      ? null
      : await post(trx, at, `charge ${loan.id} ${kind}`, [
          { operatorId: loan.operator_id, kind: "receivable", party: loan.customer_id, amount },
          { operatorId: loan.operator_id, kind: "revenue", party: "", amount: -amount },
        ]);
  await trx.insertInto("charges").values({ loan_id: loan.id, kind, amount, periods, at, transaction_id: transaction }).execute();
}

/** The charge base, in the transaction that makes the loan ACTIVE. */
export async function chargeBase(trx: Trx, loan: Charged, at: number): Promise<void> {
  const tariff = await loanTariff(trx, loan.tariff_id);
  if (tariff !== null) await charge(trx, loan, "base", baseCharge(tariff), 0, at);
}

/** The charge for `seconds` of lending, in the transaction that records the return. */
export async function chargeTime(trx: Trx, loan: Charged, seconds: number, at: number): Promise<void> {
  const tariff = await loanTariff(trx, loan.tariff_id);
  if (tariff !== null) await charge(trx, loan, "time", timeCharge(tariff, seconds), startedPeriods(tariff, seconds), at);
}

/** The lost-cartridge price, in the transaction that makes the loan LOST. */
export async function chargeLost(trx: Trx, loan: Charged, at: number): Promise<void> {
  const tariff = await loanTariff(trx, loan.tariff_id);
  if (tariff !== null) await charge(trx, loan, "lost", tariff.lostPrice, 0, at);
}

/** Takes a charge back, once; nothing when there is none or it was taken back before. */
export async function reverse(trx: Trx, loan: Charged, kind: ChargeKind, reason: ReversalReason, at: number): Promise<void> {
  const made = await trx.selectFrom("charges").selectAll().where("loan_id", "=", loan.id).where("kind", "=", kind).executeTakeFirst();
  const before = await trx
    .selectFrom("reversals")
    .select("kind")
    .where("loan_id", "=", loan.id)
    .where("kind", "=", kind)
    .executeTakeFirst();
  if (made === undefined || before !== undefined) return;
  const transaction =
    made.amount === 0
      ? null
      : await post(trx, at, `reversal ${loan.id} ${kind}`, [
          { operatorId: loan.operator_id, kind: "receivable", party: loan.customer_id, amount: -made.amount },
          { operatorId: loan.operator_id, kind: "revenue", party: "", amount: made.amount },
        ]);
  await trx.insertInto("reversals").values({ loan_id: loan.id, kind, reason, at, transaction_id: transaction }).execute();
}
