import { ProblemError } from "../api/problems.js";
import type { MoveOutcome } from "../db/tables.js";
import type { Scope } from "../scope.js";
import { conditionsOf, inquireDestination, recordMove, removal, takeFromSource } from "./moves.js";

export interface Redirection {
  /** Client that shall have the license instead; also the source itself. */
  destinationId: string;
  /** The source's proof that the license has left it. */
  removed: Uint8Array;
}

/**
 * A license that has left its source goes to another client of the same customer than was first asked for: the first one was lost, removed or revoked meanwhile, or
 * the customer thinks better of it. Possible until a copy certificate has been made, which its destination may have taken without any network. Asked by the
 * new destination's license server; safe to repeat.
 *
 * @param useId - of the order that the source has followed
 * @returns the outcome of the inquiry about the new destination, which the history keeps, and granted the use id with which the move goes on
 */
export async function redirectMove(
  scope: Scope,
  serverId: string,
  useId: string,
  { destinationId, removed }: Redirection,
): Promise<{ outcome: MoveOutcome; useId?: string }> {
  const moves = await scope.trx.selectFrom("moves").selectAll().where("ordered_use_id", "=", useId).forUpdate().execute();
  if (moves.length === 0) throw new ProblemError("not-found", `No move has the id ${useId}; ask for the move first.`);
  const [first] = moves;
  const conditions = await conditionsOf(scope, first, removed);
  const present = moves.find((move) => move.taken_at === null);
  if (present === undefined || present.certificate !== null)
    throw new ProblemError("conflict", `The copy certificate of move ${useId} has been made; carry that one to its client.`);
  const license = await scope.trx
    .selectFrom("customer_licenses")
    .innerJoin("content_licenses", "content_licenses.id", "customer_licenses.license_id")
    .select(["customer_id", "content_id"])
    .where("license_id", "=", first.license_id)
    .executeTakeFirstOrThrow();
  const outcome = await inquireDestination(scope, serverId, license.customer_id, destinationId, license.content_id);
  if (outcome === "granted" && present.destination_id === destinationId) return { outcome, useId: present.use_id };
  const asked = { licenseId: first.license_id, sourceId: first.source_id, destinationId, outcome };
  const redirected = await recordMove(scope, serverId, asked);
  if (outcome !== "granted") return { outcome };
  if (present.removed_at === null) await takeFromSource(scope, first);
  // What is over is marked first: a license moves to one client at a time.
  await scope.trx
    .updateTable("moves")
    .set({ taken_at: scope.now, removed_at: present.removed_at ?? scope.now })
    .where("use_id", "=", present.use_id)
    .execute();
  await scope.trx
    .insertInto("moves")
    .values({
      use_id: redirected,
      license_id: first.license_id,
      source_id: first.source_id,
      destination_id: destinationId,
      ordered_use_id: useId,
      nonce: first.nonce,
      ...(await removal(scope, destinationId, conditions)),
    })
    .execute();
  return { outcome, useId: redirected };
}
