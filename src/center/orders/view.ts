import type { OrderBody } from "../api/order-routes.js";
import type { Database, Trx } from "../db/database.js";
import type { DeliveryRow, OrderRow } from "../db/tables.js";
import type { Selectable } from "kysely";

/** Orders as the interface shows them, in the same order. */
export async function orderBodies(db: Database | Trx, rows: Selectable<OrderRow>[]): Promise<OrderBody[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const deliveries = await db.selectFrom("deliveries").selectAll().where("order_id", "in", ids).orderBy("kind").execute();
  const contents = await db
    .selectFrom("contents")
    .select(["id", "title"])
    .where(
      "id",
      "in",
      rows.map((row) => row.content_id),
    )
    .execute();
  const forms = await db
    .selectFrom("store_forms")
    .select(["store_id", "content_id", "version", "sealed_length"])
    .where(
      "content_id",
      "in",
      rows.map((row) => row.content_id),
    )
    .execute();
  return rows.map((row) => ({
    id: row.id,
    state: row.state,
    operatorId: row.operator_id,
    contentId: row.content_id,
    title: contents.find((content) => content.id === row.content_id)?.title ?? "",
    terminalId: row.terminal_id,
    address: row.address,
    periodStart: row.period_start,
    periodEnd: row.period_end,
    length:
      forms.find((form) => form.content_id === row.content_id && form.version === row.version && form.store_id === row.store_id)
        ?.sealed_length ?? null,
    endedAt: row.ended_at,
    deliveries: deliveries.filter((delivery) => delivery.order_id === row.id).map((delivery) => deliveryBody(row, delivery)),
  }));
}

function deliveryBody(order: Selectable<OrderRow>, row: Selectable<DeliveryRow>): OrderBody["deliveries"][number] {
  const over = row.delivered_at !== null || row.given_up_at !== null || order.state === "CANCELLED";
  const trying = row.attempts > 0 || row.progress > 0;
  return {
    kind: row.kind,
    state: row.delivered_at !== null ? "delivered" : over ? "given up" : trying ? "trying" : "waiting",
    dueAt: row.due_at,
    nextAt: over ? null : row.next_at,
    giveUpAt: row.give_up_at,
    attempts: row.attempts,
    progress: row.progress,
    deliveredAt: row.delivered_at,
    error: row.last_error,
  };
}
