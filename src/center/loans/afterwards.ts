import { randomBytes } from "node:crypto";
import { ProblemError } from "../api/problems.js";
import { violated, type Database, type Trx } from "../db/database.js";
import type { LoanRow, Tables } from "../db/tables.js";
import { audit, toHex, type Scope } from "../scope.js";
import { holdNext } from "./copies.js";
import { ENDED, expectState, lockLoan } from "./machine.js";

/** Points for a rating, and for a reservation, of the loan being returned. */
const POINTS = 1;

/** Once per loan and kind, whatever is repeated: the key of the table says so. */
async function addPoint(scope: Scope, loan: LoanRow, kind: "rating" | "reservation"): Promise<void> {
  await scope.trx
    .insertInto("point_entries")
    .values({ loan_id: loan.id, kind, customer_id: loan.customer_id, points: POINTS, at: scope.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

export async function points(db: Database | Trx, customerId: string): Promise<number> {
  const row = await db
    .selectFrom("point_entries")
    .select((eb) => eb.fn.coalesce(eb.fn.sum<string>("points"), eb.lit(0)).as("points"))
    .where("customer_id", "=", customerId)
    .executeTakeFirstOrThrow();
  return Number(row.points);
}

/** The customer rates the content that comes back, once per loan; the same rating again changes nothing. */
export async function rate(scope: Scope, loanId: string, stars: number): Promise<void> {
  const loan = await lockLoan(scope, loanId);
  expectState(loan, ...ENDED);
  const before = await scope.trx.selectFrom("ratings").select("stars").where("loan_id", "=", loan.id).executeTakeFirst();
  if (before !== undefined && before.stars !== stars)
    throw new ProblemError("already-exists", `This loan is rated with ${String(before.stars)} already; a loan is rated once.`);
  if (before !== undefined) return;
  await scope.trx
    .insertInto("ratings")
    .values({ loan_id: loan.id, customer_id: loan.customer_id, content_id: loan.content_id, stars, at: scope.now })
    .execute();
  await addPoint(scope, loan, "rating");
  await audit(scope, "rating", loan.id, { stars });
}

/**
 * Reserves a content for the customer of a loan that comes back. A copy is held where one is free; else the customer waits in line.
 *
 * @throws ProblemError when the customer has an open reservation of this content
 */
export async function reserve(scope: Scope, loanId: string, contentId: string): Promise<Tables["reservations"]["id"]> {
  const loan = await lockLoan(scope, loanId);
  expectState(loan, ...ENDED);
  const content = await scope.trx
    .selectFrom("contents")
    .select("id")
    .where("id", "=", contentId)
    .where("withdrawn_at", "is", null)
    .executeTakeFirst();
  if (content === undefined) throw new ProblemError("not-found", `No content on offer has the id ${contentId}; choose another.`);
  const id = toHex(randomBytes(16));
  try {
    await scope.trx
      .insertInto("reservations")
      .values({
        id,
        customer_id: loan.customer_id,
        content_id: contentId,
        loan_id: loan.id,
        state: "WAITING",
        copy_held: false,
        created_at: scope.now,
      })
      .execute();
  } catch (error) {
    if (violated(error) !== "one_open_reservation") throw error;
    throw new ProblemError("already-exists", "The customer has reserved this content already; nothing more is needed.");
  }
  await holdNext(scope, contentId);
  await addPoint(scope, loan, "reservation");
  await audit(scope, "reservation", id, { content: contentId, loan: loan.id });
  return id;
}
