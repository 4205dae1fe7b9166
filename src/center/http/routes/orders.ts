import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import * as api from "../../api/order-routes.js";
import { ProblemError } from "../../api/problems.js";
import { publicEd25519 } from "../../api/signature.js";
import { ROLE_STORE } from "../../../core/protocol/constants.js";
import { placeOrder } from "../../orders/place.js";
import { orderBodies } from "../../orders/view.js";
import { audit, fromHex, toHex } from "../../scope.js";
import { forCenter, type Principal } from "../access.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";
import type { Database, Trx } from "../../db/database.js";
import type { OrderRow } from "../../db/tables.js";
import type { Selectable } from "kysely";

const PAGE = 100;

/** Orders as customers' terminals and staff may see them: the customer's own, the operator's own. */
function visible(db: Database | Trx, principal: Principal) {
  let rows = db.selectFrom("orders").selectAll();
  if (principal.kind === "terminal") rows = rows.where("customer_id", "=", principal.customerId);
  if (principal.kind === "staff" && principal.operatorId !== null) rows = rows.where("operator_id", "=", principal.operatorId);
  return rows;
}

async function orderOf(db: Database | Trx, principal: Principal, orderId: string): Promise<Selectable<OrderRow>> {
  const row = await visible(db, principal).where("id", "=", orderId).executeTakeFirst();
  if (row === undefined) throw new ProblemError("not-found", `No order of yours has the id ${orderId}; check the id.`);
  return row;
}

/** What customers do at their terminals, and who may deliver. */
export function orderRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.placeOrder, async (scope, { body }) => {
    if (scope.principal.kind !== "terminal") throw new ProblemError("not-allowed", "Only a customer's terminal orders; sign as one.");
    const id = await placeOrder(scope, parts.outgoing, scope.principal.customerId, body);
    return (await orderBodies(scope.trx, [await orderOf(scope.trx, scope.principal, id)]))[0];
  });
  query(app, parts, api.getOrder, async ({ db, principal }, { params: { orderId } }) => {
    return (await orderBodies(db, [await orderOf(db, principal, orderId)]))[0];
  });
  query(app, parts, api.listOrders, async ({ db, principal }, { query: { before } }) => {
    let rows = visible(db, principal);
    if (before !== undefined) rows = rows.where("number", "<", (await orderOf(db, principal, before)).number);
    return orderBodies(db, await rows.orderBy("number", "desc").limit(PAGE).execute());
  });
  command(app, parts, api.cancelOrder, async (scope, { params: { orderId } }) => {
    const order = await orderOf(scope.trx, scope.principal, orderId);
    if (order.state !== "OPEN") throw new ProblemError("order-state", `The order is ${order.state}; only an open one can be cancelled.`);
    const row = await scope.trx
      .updateTable("orders")
      .set({ state: "CANCELLED" })
      .where("id", "=", orderId)
      .returningAll()
      .executeTakeFirstOrThrow();
    await scope.trx
      .updateTable("deliveries")
      .set({ given_up_at: scope.now, last_error: "The order was cancelled." })
      .where("order_id", "=", orderId)
      .where("delivered_at", "is", null)
      .where("given_up_at", "is", null)
      .execute();
    await audit(scope.principal.kind === "terminal" ? { ...scope, actor: "customer" } : scope, "order cancelled", orderId);
    return (await orderBodies(scope.trx, [row]))[0];
  });
  query(app, parts, api.listItems, async ({ db }, { query: { after } }) => {
    const contents = await db
      .selectFrom("contents")
      .select(["id", "title", "type"])
      .where("withdrawn_at", "is", null)
      .where("id", ">", after ?? "")
      .where("id", "in", (sub) => sub.selectFrom("offers").select("content_id"))
      .orderBy("id")
      .limit(PAGE)
      .execute();
    const offers = await db
      .selectFrom("offers")
      .innerJoin("operators", "operators.id", "offers.operator_id")
      .select(["content_id", "operators.id", "operators.name"])
      .where("content_id", "in", [...contents.map(({ id }) => id), ""])
      .orderBy("operators.id")
      .execute();
    return contents.map(({ id, title, type }) => ({
      contentId: id,
      title,
      type,
      operators: offers.filter((offer) => offer.content_id === id).map((offer) => ({ id: offer.id, name: offer.name })),
    }));
  });
  partyRoutes(app, parts);
}

function partyRoutes(app: FastifyInstance, parts: Parts): void {
  query(app, parts, api.centerKey, () => Promise.resolve({ publicKey: toHex(publicEd25519(parts.authority.instructionSeed())) }));
  command(app, parts, api.createStore, async (scope, { body: { name, address } }) => {
    forCenter(scope.principal);
    const refusal = parts.outgoing.refusal(address);
    if (refusal !== null) throw new ProblemError("address-refused", refusal);
    const id = toHex(randomBytes(8));
    const generation = scope.authority.generation();
    await scope.trx
      .insertInto("stores")
      .values({ id, name, address: address.replace(/\/+$/, ""), generation, created_at: scope.now })
      .execute();
    await audit(scope, "store taken in", id, { name, address });
    return {
      id,
      key: toHex(scope.authority.storeKey({ role: ROLE_STORE, id: fromHex(id), generation })),
      centerKey: toHex(publicEd25519(scope.authority.instructionSeed())),
    };
  });
  command(app, parts, api.revokeStore, async (scope, { params: { storeId } }) => {
    forCenter(scope.principal);
    const row = await scope.trx
      .updateTable("stores")
      .set({ revoked_at: scope.now })
      .where("id", "=", storeId)
      .returning("id")
      .executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `No store has the id ${storeId}; check the id.`);
    await audit(scope, "store revoked", storeId);
    return row;
  });
  command(app, parts, api.registerTerminal, async (scope, { params: { customerId }, body: { name, publicKey } }) => {
    const customer = await scope.trx.selectFrom("customers").select("erased_at").where("id", "=", customerId).executeTakeFirst();
    if (customer?.erased_at !== null) throw new ProblemError("not-found", `No customer has the id ${customerId}; check the id.`);
    const id = toHex(randomBytes(8));
    await scope.trx
      .insertInto("customer_terminals")
      .values({ id, customer_id: customerId, name, public_key: publicKey, created_at: scope.now })
      .execute();
    await audit(scope, "customer terminal registered", id);
    return { id };
  });
  command(app, parts, api.revokeTerminal, async (scope, { params: { terminalId } }) => {
    const row = await scope.trx
      .updateTable("customer_terminals")
      .set({ revoked_at: scope.now })
      .where("id", "=", terminalId)
      .returning("id")
      .executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `No customer terminal has the id ${terminalId}; check the id.`);
    await audit(scope, "customer terminal revoked", terminalId);
    return row;
  });
}
