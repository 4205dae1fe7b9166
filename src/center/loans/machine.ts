import { ProblemError } from "../api/problems.js";
import type { LoanRow, LoanState } from "../db/tables.js";
import { audit, type Scope } from "../scope.js";

/**
 * The life of a loan. PREPARED: agreed, no key sealed yet. PENDING: a key was sealed that the cartridge forgets unless it is activated. ACTIVE: the
 * center has committed loan and charge base. RETURNED: the key is proven dead, the charge is made. UNPAID: a debt, never a key. LOST: no receipt came
 * in time; one that comes later still ends the loan. CLOSED and NEVER_ACTIVATED are final.
 */
export const TRANSITIONS: Record<LoanState, readonly LoanState[]> = {
  PREPARED: ["PENDING", "NEVER_ACTIVATED"],
  PENDING: ["ACTIVE", "NEVER_ACTIVATED"],
  ACTIVE: ["RETURNED", "LOST", "NEVER_ACTIVATED"],
  RETURNED: ["CLOSED", "UNPAID"],
  UNPAID: ["CLOSED"],
  LOST: ["RETURNED", "NEVER_ACTIVATED"],
  CLOSED: [],
  NEVER_ACTIVATED: [],
};

/** Loans whose cartridge may hold a key. */
export const OPEN: readonly LoanState[] = ["PREPARED", "PENDING", "ACTIVE"];
/** Loans whose key is proven dead after a time of use. */
export const ENDED: readonly LoanState[] = ["RETURNED", "UNPAID", "CLOSED"];

/** The loan, locked until the transaction ends. */
export async function lockLoan(scope: Scope, id: string): Promise<LoanRow> {
  const loan = await scope.trx.selectFrom("loans").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  if (loan === undefined) throw new ProblemError("not-found", `No loan has the id ${id}; check the id.`);
  return loan;
}

/** Loan of this kiosk, locked. */
export async function kiosksLoan(scope: Scope, id: string, kioskId: string): Promise<LoanRow> {
  const loan = await lockLoan(scope, id);
  if (loan.kiosk_id !== kioskId) throw new ProblemError("not-allowed", `Loan ${id} is being made at another kiosk; go on there.`);
  return loan;
}

/** Moves a locked loan on and answers it as it is then. */
export async function advance(scope: Scope, loan: LoanRow, state: LoanState, changes: Partial<LoanRow> = {}): Promise<LoanRow> {
  if (!TRANSITIONS[loan.state].includes(state)) throw wrongState(loan, statesBefore(state));
  await audit(scope, `loan ${state.toLowerCase().replace("_", " ")}`, loan.id, { from: loan.state });
  return scope.trx
    .updateTable("loans")
    .set({ ...changes, state })
    .where("id", "=", loan.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

const statesBefore = (state: LoanState): LoanState[] =>
  (Object.keys(TRANSITIONS) as LoanState[]).filter((from) => TRANSITIONS[from].includes(state));

export function wrongState(loan: LoanRow, expected: readonly LoanState[]): ProblemError {
  return new ProblemError("loan-state", `Loan ${loan.id} is ${loan.state}, and this needs ${expected.join(" or ")}; look at the loan.`);
}

/** @throws ProblemError when the loan is in none of the states */
export function expectState(loan: LoanRow, ...expected: LoanState[]): void {
  if (!expected.includes(loan.state)) throw wrongState(loan, expected);
}
