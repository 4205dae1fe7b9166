import type { LoanBody } from "../api/schema.js";
import type { LoanRow } from "../db/tables.js";
import type { DeviceReference, LoanReference } from "../device-authority.js";
import { ProblemError } from "../api/problems.js";
import { loanTariff } from "../money/charges.js";
import { loanBalance } from "../money/ledger.js";
import { fromHex, type Scope } from "../scope.js";
import type { Trx } from "../db/database.js";

/** A loan as the interface shows it. */
export async function loanBody(trx: Pick<Trx, "selectFrom">, loan: LoanRow): Promise<LoanBody> {
  const content = await trx.selectFrom("contents").select("title").where("id", "=", loan.content_id).executeTakeFirstOrThrow();
  const operator = await trx.selectFrom("operators").select("currency").where("id", "=", loan.operator_id).executeTakeFirstOrThrow();
  return {
    id: loan.id,
    state: loan.state,
    operatorId: loan.operator_id,
    currency: operator.currency,
    kioskId: loan.kiosk_id,
    customerId: loan.customer_id,
    contentId: loan.content_id,
    title: content.title,
    version: loan.version,
    suite: loan.suite,
    cartridgeId: loan.cartridge_id,
    cardId: loan.card_id,
    custody: loan.custody,
    terms: loan.terms,
    tariff: await loanTariff(trx, loan.tariff_id),
    preparedAt: loan.prepared_at,
    activatedAt: loan.activated_at,
    deadlineAt: loan.deadline_at,
    endedAt: loan.ended_at,
    returnedAt: loan.returned_at,
    closedAt: loan.closed_at,
    ...(await loanBalance(trx, loan.id)),
  };
}

/** What every sealed message of a loan is bound to. */
export function loanReference(loan: LoanRow): LoanReference {
  return { loanId: fromHex(loan.id), contentId: fromHex(loan.content_id), terms: fromHex(loan.terms) };
}

/** Loan as a contract names it: loan id 16 | content id 16 | cartridge id 8 | terms 48. */
export function contractOf(loan: LoanRow): Uint8Array {
  return fromHex(loan.id + loan.content_id + loan.cartridge_id + loan.terms);
}

/**
 * A device in good standing, by id.
 *
 * @throws ProblemError when it is not enrolled, revoked, expired or of another role
 */
export async function goodDevice(
  scope: Scope,
  id: string,
  role: number,
  name: string,
): Promise<DeviceReference & { chain: Uint8Array; customerId: string | null }> {
  const row = await scope.trx.selectFrom("devices").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw new ProblemError("not-found", `No ${name} has the id ${id}; enroll it first.`);
  if (row.role !== role) throw new ProblemError("certificate-refused", `Device ${id} is no ${name}; present another.`);
  if (row.revoked_at !== null)
    throw new ProblemError("certificate-refused", `The certificate of ${name} ${id} is revoked; present another.`);
  if (row.not_after < scope.now)
    throw new ProblemError("certificate-refused", `The certificate of ${name} ${id} has expired; enroll it anew.`);
  return { role: row.role, id: fromHex(row.id), generation: row.generation, chain: fromHex(row.chain), customerId: row.customer_id };
}

/** A device that may be revoked or expired: what it proves about the past counts all the same. */
export async function knownDevice(scope: Scope, id: string): Promise<DeviceReference> {
  const row = await scope.trx.selectFrom("devices").select(["id", "role", "generation"]).where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw new ProblemError("not-found", `No device has the id ${id}; it is not of this center.`);
  return { role: row.role, id: fromHex(row.id), generation: row.generation };
}
