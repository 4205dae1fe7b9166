import { chargeLost } from "../money/charges.js";
import type { Scope } from "../scope.js";
import { endReservation, releaseCopy } from "./copies.js";
import { advance } from "./machine.js";
import { abandon } from "./rental.js";

/**
 * Seconds after which a loan that got no further is given up. A cartridge forgets a key that nobody activates after 120 s, and the kiosk may take a
 * while from the sealed key to the cartridge.
 */
export const ABANDON_SECONDS = 900;

/** How long the answers to commands are kept for repetition. */
const IDEMPOTENCY_SECONDS = 30 * 86400;

/** Loans that one sweep works on, so that it holds its locks for a moment only. */
export const BATCH = 100;

/** Does what is due by the clock alone: gives up, declares lost, lets go. Answers how much it did; below `BATCH` nothing is left for now. */
export async function sweep(scope: Scope): Promise<number> {
  const { trx, now } = scope;
  const waiting = await trx
    .selectFrom("loans")
    .selectAll()
    .where("state", "in", ["PREPARED", "PENDING"])
    .where("prepared_at", "<", now - ABANDON_SECONDS)
    .where((eb) => eb.or([eb("pending_at", "is", null), eb("pending_at", "<", now - ABANDON_SECONDS)]))
    .orderBy("prepared_at")
    .limit(BATCH)
    .forUpdate()
    .skipLocked()
    .execute();
  for (const loan of waiting) await abandon(scope, loan);
  const overdue = await trx
    .selectFrom("loans")
    .selectAll()
    .where("state", "=", "ACTIVE")
    .where("lost_after", "<", now)
    .orderBy("lost_after")
    .limit(BATCH)
    .forUpdate()
    .skipLocked()
    .execute();
  for (const loan of overdue) {
    await chargeLost(trx, loan, now);
    await releaseCopy(scope, loan);
    await advance(scope, loan, "LOST", { copy_taken: false });
  }
  const held = await trx
    .selectFrom("reservations")
    .select("id")
    .where("state", "=", "HELD")
    .where("held_until", "<", now)
    .limit(BATCH)
    .execute();
  for (const { id } of held) await endReservation(scope, id, "EXPIRED");
  await trx
    .deleteFrom("idempotency")
    .where("at", "<", now - IDEMPOTENCY_SECONDS)
    .execute();
  return waiting.length + overdue.length + held.length;
}
