import { sql } from "kysely";
import { ProblemError } from "../api/problems.js";
import type { LoanRow } from "../db/tables.js";
import { audit, type Scope } from "../scope.js";

/** Seconds that a copy waits for the customer who reserved it. */
export const HOLD_SECONDS = 2 * 86400;

/** The content's row, locked, so that copies are counted one after the other; null where copies are not limited, and then nothing is locked. */
async function lockLimited(scope: Scope, contentId: string): Promise<{ free: number } | null> {
  const content = await scope.trx.selectFrom("contents").select("copies").where("id", "=", contentId).executeTakeFirst();
  if (content === undefined) throw new ProblemError("not-found", `No content has the id ${contentId}; check the id.`);
  if (content.copies === null) return null;
  const row = await scope.trx
    .selectFrom("contents")
    .select(["copies", "copies_out", "copies_held"])
    .where("id", "=", contentId)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return { free: (row.copies ?? 0) - row.copies_out - row.copies_held };
}

async function count(scope: Scope, contentId: string, out: number, held: number): Promise<void> {
  await scope.trx
    .updateTable("contents")
    .set({ copies_out: sql`copies_out + ${out}`, copies_held: sql`copies_held + ${held}` })
    .where("id", "=", contentId)
    .execute();
}

/**
 * Takes a copy for a loan: the one held for this customer, or a free one. A reservation of the customer's is fulfilled by it.
 *
 * @returns whether a limited copy was taken
 * @throws ProblemError when none is left
 */
export async function takeCopy(scope: Scope, contentId: string, customerId: string): Promise<boolean> {
  const limited = await lockLimited(scope, contentId);
  const reservation = await scope.trx
    .selectFrom("reservations")
    .select(["id", "copy_held"])
    .where("customer_id", "=", customerId)
    .where("content_id", "=", contentId)
    .where("state", "in", ["WAITING", "HELD"])
    .forUpdate()
    .executeTakeFirst();
  const held = reservation?.copy_held === true;
  if (limited !== null && !held && limited.free < 1)
    throw new ProblemError("no-copy-left", "Every copy of this content is lent or held for somebody; reserve one.");
  if (reservation !== undefined)
    await scope.trx.updateTable("reservations").set({ state: "FULFILLED", copy_held: false }).where("id", "=", reservation.id).execute();
  if (limited !== null || held) await count(scope, contentId, limited === null ? 0 : 1, held ? -1 : 0);
  return limited !== null;
}

/** Gives a loan's copy back, and holds it for whoever has waited longest. The caller records that the loan no longer has it. */
export async function releaseCopy(scope: Scope, loan: LoanRow): Promise<void> {
  if (!loan.copy_taken) return;
  await lockLimited(scope, loan.content_id);
  await count(scope, loan.content_id, -1, 0);
  await holdNext(scope, loan.content_id);
}

/** Holds free copies for those who wait, the longest first. */
export async function holdNext(scope: Scope, contentId: string): Promise<void> {
  for (;;) {
    const limited = await lockLimited(scope, contentId);
    if (limited !== null && limited.free < 1) return;
    const next = await scope.trx
      .selectFrom("reservations")
      .select("id")
      .where("content_id", "=", contentId)
      .where("state", "=", "WAITING")
      .orderBy("number")
      .limit(1)
      .forUpdate()
      .executeTakeFirst();
    if (next === undefined) return;
    await scope.trx
      .updateTable("reservations")
      .set({ state: "HELD", copy_held: limited !== null, held_until: scope.now + HOLD_SECONDS })
      .where("id", "=", next.id)
      .execute();
    if (limited !== null) await count(scope, contentId, 0, 1);
  }
}

/** Ends a reservation before it is fulfilled; its copy goes to the next. */
export async function endReservation(scope: Scope, id: string, state: "CANCELLED" | "EXPIRED"): Promise<void> {
  const named = await scope.trx.selectFrom("reservations").select("content_id").where("id", "=", id).executeTakeFirst();
  if (named === undefined) throw new ProblemError("not-found", `No reservation has the id ${id}; check the id.`);
  // Content before reservation, as everywhere: two who lock in different orders would wait for each other.
  await lockLimited(scope, named.content_id);
  const row = await scope.trx.selectFrom("reservations").selectAll().where("id", "=", id).forUpdate().executeTakeFirstOrThrow();
  if (row.state === state) return;
  if (row.state !== "WAITING" && row.state !== "HELD")
    throw new ProblemError("conflict", `The reservation is ${row.state} already; nothing is left to end.`);
  await scope.trx.updateTable("reservations").set({ state, copy_held: false }).where("id", "=", id).execute();
  if (row.copy_held) await count(scope, row.content_id, 0, -1);
  await audit(scope, `reservation ${state.toLowerCase()}`, id);
  await holdNext(scope, row.content_id);
}
