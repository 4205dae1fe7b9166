import type { FastifyInstance } from "fastify";
import * as api from "../../api/order-routes.js";
import { ProblemError } from "../../api/problems.js";
import { ROLE_CLIENT } from "../../../core/protocol/constants.js";
import type { Database, Trx } from "../../db/database.js";
import type { DeviceReference } from "../../device-authority.js";
import { countClicks } from "../../orders/adverts.js";
import { audit, fromHex, toHex } from "../../scope.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";

/** A client that is enrolled and not revoked. */
export async function clientOf(db: Database | Trx, id: string): Promise<DeviceReference> {
  const row = await db.selectFrom("devices").select(["role", "generation", "revoked_at"]).where("id", "=", id).executeTakeFirst();
  if (row?.role !== ROLE_CLIENT) throw new ProblemError("not-found", `No client has the id ${id}; enroll it first.`);
  if (row.revoked_at !== null) throw new ProblemError("certificate-refused", `The client ${id} is revoked.`);
  return { role: row.role, id: fromHex(id), generation: row.generation };
}

/** What a client's terminal asks for it. Whoever carries these messages can neither use nor change them, so that nobody signs here. */
export function deliveryRoutes(app: FastifyInstance, parts: Parts): void {
  query(app, parts, api.stateTime, async ({ db, now }, { params: { deviceId }, body: { nonce } }) => ({
    statement: toHex(parts.authority.clients.stateTime(await clientOf(db, deviceId), fromHex(nonce), now)),
  }));
  command(app, parts, api.takePeriodReceipt, async (scope, { params: { deviceId }, body }) => {
    const { trx, now, authority } = scope;
    const client = await clientOf(trx, deviceId);
    const receipt = authority.clients.openPeriodReceipt(client, fromHex(body.receipt));
    if (receipt === null) throw new ProblemError("device-refused", "The receipt is not this client's; read it from the client again.");
    const orderId = toHex(receipt.orderId);
    const settled = await trx
      .updateTable("orders")
      .set({ receipt: body.receipt, ended_at: receipt.destroyedAt, state: "ENDED" })
      .where("id", "=", orderId)
      .where("ended_at", "is", null)
      .returning("id")
      .executeTakeFirst();
    if (settled !== undefined) {
      await trx
        .updateTable("deliveries")
        .set({ given_up_at: now, last_error: "The period is over." })
        .where("order_id", "=", orderId)
        .where("delivered_at", "is", null)
        .where("given_up_at", "is", null)
        .execute();
      await countClicks(trx, body.clicks);
      await audit(scope, "period ended", orderId, { cause: receipt.cause, destroyedAt: receipt.destroyedAt });
    }
    return { settlement: toHex(authority.clients.settle(client, receipt.orderId)) };
  });
}
