import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import * as api from "../../api/admin-routes.js";
import { ProblemError } from "../../api/problems.js";
import { points } from "../../loans/afterwards.js";
import { OPEN } from "../../loans/machine.js";
import { loanBalance } from "../../money/ledger.js";
import { audit, toHex } from "../../scope.js";
import { forCenter } from "../access.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";
import { checkedChain } from "./operators.js";
import { saveDevice } from "../../loans/devices.js";

/** Customers, and the devices that are enrolled. */
export function customerRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.createCustomer, async (scope, { body: { name } }) => {
    const id = toHex(randomBytes(16));
    await scope.trx.insertInto("customers").values({ id, name, created_at: scope.now }).execute();
    await audit(scope, "customer created", id);
    return { id };
  });
  query(app, parts, api.getCustomer, async ({ db }, { params: { customerId } }) => {
    const customer = await db.selectFrom("customers").select("id").where("id", "=", customerId).executeTakeFirst();
    if (customer === undefined) throw new ProblemError("not-found", `No customer has the id ${customerId}; check the id.`);
    const loans = await db
      .selectFrom("loans")
      .innerJoin("operators", "operators.id", "loans.operator_id")
      .select(["loans.id", "operators.currency"])
      .where("customer_id", "=", customerId)
      .where("state", "in", ["RETURNED", "UNPAID", "LOST"])
      .orderBy("loans.id")
      .limit(100)
      .execute();
    const debts = await Promise.all(
      loans.map(async ({ id, currency }) => ({ loanId: id, currency, due: (await loanBalance(db, id)).due })),
    );
    const reservations = await db
      .selectFrom("reservations")
      .selectAll()
      .where("customer_id", "=", customerId)
      .where("state", "in", ["WAITING", "HELD"])
      .orderBy("number")
      .execute();
    return {
      id: customerId,
      points: await points(db, customerId),
      debts: debts.filter(({ due }) => due > 0),
      reservations: reservations.map(({ id, content_id, state, held_until }) => ({
        id,
        contentId: content_id,
        state,
        heldUntil: held_until,
      })),
    };
  });
  deviceRoutes(app, parts);
}

function deviceRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.enrollDevice, async (scope, { body: { chain, generation, customerId } }) => {
    forCenter(scope.principal);
    const facts = checkedChain(scope, chain, 0);
    return { id: await saveDevice(scope, facts, chain, generation, customerId ?? null) };
  });
  query(app, parts, api.getDevice, async ({ db }, { params: { deviceId } }) => {
    const row = await db.selectFrom("devices").selectAll().where("id", "=", deviceId).executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `No device has the id ${deviceId}; check the id.`);
    const loan = await db
      .selectFrom("loans")
      .select("id")
      .where("cartridge_id", "=", deviceId)
      .where("state", "in", OPEN)
      .executeTakeFirst();
    return {
      id: row.id,
      role: row.role,
      chain: row.chain,
      notAfter: row.not_after,
      customerId: row.customer_id,
      revokedAt: row.revoked_at,
      openLoanId: loan?.id ?? null,
    };
  });
  command(app, parts, api.revokeDevice, async (scope, { params: { deviceId } }) => {
    forCenter(scope.principal);
    const row = await scope.trx.selectFrom("devices").select("revoked_at").where("id", "=", deviceId).forUpdate().executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `No device has the id ${deviceId}; check the id.`);
    if (row.revoked_at === null) await scope.trx.updateTable("devices").set({ revoked_at: scope.now }).where("id", "=", deviceId).execute();
    await audit(scope, "device revoked", deviceId);
    return { id: deviceId };
  });
}
