import type { FastifyInstance } from "fastify";
import * as api from "../../api/admin-routes.js";
import { loanBody } from "../../loans/view.js";
import { forCenter, forOperator } from "../access.js";
import { query } from "../commands.js";
import type { Parts } from "../parts.js";

const PAGE = 100;

/** What staff reads: loans, balances, the audit log. */
export function reportRoutes(app: FastifyInstance, parts: Parts): void {
  query(app, parts, api.listLoans, async ({ db, principal }, { query: { after, state, customerId } }) => {
    let rows = db
      .selectFrom("loans")
      .selectAll()
      .where("id", ">", after ?? "");
    if (principal.kind === "staff" && principal.operatorId !== null) rows = rows.where("operator_id", "=", principal.operatorId);
    if (state !== undefined) rows = rows.where("state", "=", state);
    if (customerId !== undefined) rows = rows.where("customer_id", "=", customerId);
    const loans = await rows.orderBy("id").limit(PAGE).execute();
    return Promise.all(loans.map((loan) => loanBody(db, loan)));
  });
  query(app, parts, api.listAccounts, async ({ db, principal }, { params: { operatorId } }) => {
    forOperator(principal, operatorId);
    const rows = await db
      .selectFrom("accounts")
      .leftJoin("ledger_entries", "ledger_entries.account_id", "accounts.id")
      .select(["kind", "party", "currency"])
      .select((eb) => eb.fn.coalesce(eb.fn.sum<string>("amount"), eb.lit(0)).as("balance"))
      .where("operator_id", "=", operatorId)
      .groupBy(["accounts.id", "kind", "party", "currency"])
      .orderBy("kind")
      .orderBy("party")
      .execute();
    return rows.map((row) => ({ ...row, balance: Number(row.balance) }));
  });
  query(app, parts, api.listAudit, async ({ db, principal }, { query: { after } }) => {
    forCenter(principal);
    return db
      .selectFrom("audit")
      .selectAll()
      .where("id", ">", Number(after ?? 0))
      .orderBy("id")
      .limit(PAGE)
      .execute();
  });
}
