import { randomBytes } from "node:crypto";
import type { OrderRequest } from "../api/order-routes.js";
import { ProblemError } from "../api/problems.js";
import { ROLE_CLIENT } from "../../core/protocol/constants.js";
import type { Outgoing } from "../../host/outgoing.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import type { ClassItem, DeliveryKind } from "../db/tables.js";

const DAY = 86400;

/** The classes of an order's period. */
function periodClass(seconds: number): string {
  if (seconds <= DAY) return "up to a day";
  if (seconds <= 7 * DAY) return "up to a week";
  return seconds <= 31 * DAY ? "up to a month" : "longer";
}

/**
 * Takes an order: checks it, and writes the order, its deliveries and who ordered what by class in the transaction of `scope`.
 *
 * @returns id of the order
 * @throws ProblemError for a period that is over or turned around, an address that nothing may be sent to, anything unknown
 */
export async function placeOrder(scope: Scope, outgoing: Outgoing, customerId: string, request: OrderRequest): Promise<string> {
  const { now, trx } = scope;
  const { contentAt, keyAt, periodStart, periodEnd, contentId, operatorId, terminalId, address } = request;
  if (contentAt === undefined && keyAt === undefined)
    throw new ProblemError(
      "period-refused",
      "The order says neither when the content's delivery begins nor when the key is delivered; name one.",
    );
  const due = { content: contentAt ?? now, key: keyAt ?? periodStart };
  checkTimes(now, periodStart, periodEnd, due);
  const refusal = outgoing.refusal(address);
  if (refusal !== null) throw new ProblemError("address-refused", refusal);
  const terminal = await trx.selectFrom("devices").select(["role", "revoked_at"]).where("id", "=", terminalId).executeTakeFirst();
  if (terminal?.role !== ROLE_CLIENT)
    throw new ProblemError("not-found", `No destination terminal has the id ${terminalId}; enroll it first.`);
  if (terminal.revoked_at !== null) throw new ProblemError("certificate-refused", `The terminal ${terminalId} is revoked; name another.`);
  const content = await orderable(scope, operatorId, contentId);
  const storeId = await storeOf(scope, request.storeId);
  const version = await versionOf(scope, contentId);
  const id = toHex(randomBytes(16));
  await trx
    .insertInto("orders")
    .values({
      id,
      operator_id: operatorId,
      customer_id: customerId,
      content_id: contentId,
      version,
      store_id: storeId,
      terminal_id: terminalId,
      address: address.replace(/\/+$/, ""),
      agreed: request.shareIdentity ?? false,
      period_start: periodStart,
      period_end: periodEnd,
      state: "OPEN",
      created_at: now,
    })
    .execute();
  const delivery = (kind: DeliveryKind, at: number) => ({ order_id: id, kind, due_at: at, next_at: at, give_up_at: periodEnd });
  const adverts = await trx
    .selectFrom("adverts")
    .select("id")
    .where("operator_id", "=", operatorId)
    .where("withdrawn_at", "is", null)
    .where("sha256", "is not", null)
    .where((eb) => eb.or([eb("content_id", "is", null), eb("content_id", "=", contentId)]))
    .limit(1)
    .executeTakeFirst();
  await trx
    .insertInto("deliveries")
    .values([
      delivery("content", due.content),
      delivery("key", due.key),
      ...(adverts === undefined ? [] : [delivery("advert", due.content)]),
    ])
    .execute();
  const classes: Record<ClassItem, string> = {
    title: content.title,
    type: content.type,
    period: periodClass(periodEnd - periodStart),
    operator: content.operator,
    region: request.region ?? "not named",
  };
  await trx
    .insertInto("order_classes")
    .values(Object.entries(classes).map(([item, value]) => ({ order_id: id, item: item as ClassItem, value })))
    .execute();
  // Who ordered is said in the order alone, where it can be erased.
  await audit({ ...scope, actor: "customer" }, "order placed", id, { contentId, operatorId });
  return id;
}

function checkTimes(now: number, start: number, end: number, due: { content: number; key: number }): void {
  if (end <= start)
    throw new ProblemError("period-refused", `The period ends at ${String(end)}, not after its start at ${String(start)}; turn it around.`);
  if (end <= now)
    throw new ProblemError("period-refused", `The period ended at ${String(end)} and now is ${String(now)}; name a later one.`);
  for (const [what, at] of Object.entries(due))
    if (at >= end)
      throw new ProblemError(
        "period-refused",
        `The delivery of the ${what} at ${String(at)} would come after the period's end at ${String(end)}; name an earlier time.`,
      );
}

/** Title, type and operator's name of a content that this operator lends. */
async function orderable(scope: Scope, operatorId: string, contentId: string): Promise<{ title: string; type: string; operator: string }> {
  const content = await scope.trx
    .selectFrom("offers")
    .innerJoin("contents", "contents.id", "offers.content_id")
    .innerJoin("operators", "operators.id", "offers.operator_id")
    .select(["contents.title", "contents.type", "contents.withdrawn_at", "operators.name as operator"])
    .where("offers.operator_id", "=", operatorId)
    .where("offers.content_id", "=", contentId)
    .executeTakeFirst();
  if (content?.withdrawn_at !== null)
    throw new ProblemError("not-found", `The operator ${operatorId} does not lend an item ${contentId}; look at the list of items.`);
  return content;
}

/** The store that was named, or the first one taken in. */
async function storeOf(scope: Scope, named: string | undefined): Promise<string> {
  let stores = scope.trx.selectFrom("stores").select("id").where("revoked_at", "is", null);
  if (named !== undefined) stores = stores.where("id", "=", named);
  const store = await stores.orderBy("created_at").orderBy("id").limit(1).executeTakeFirst();
  if (store === undefined)
    throw new ProblemError(
      "not-found",
      named === undefined ? "There is no content store; take one in first." : `No store has the id ${named}; check the id.`,
    );
  return store.id;
}

/** The newest version of a content; its first one, with its title key, when there is none. */
async function versionOf(scope: Scope, contentId: string): Promise<number> {
  const newest = await scope.trx
    .selectFrom("content_versions")
    .select("version")
    .where("content_id", "=", contentId)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  if (newest !== undefined) return newest.version;
  const wrapped = toHex(scope.authority.newTitleKey(fromHex(contentId), 1));
  await scope.trx
    .insertInto("content_versions")
    .values({ content_id: contentId, version: 1, title_key: wrapped, created_at: scope.now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return 1;
}
