import { sql } from "kysely";
import type { Logger } from "pino";
import { transact } from "../db/database.js";
import { fromHex } from "../scope.js";
import { deliver, formOf, type Due, type Means, type Outcome } from "./deliver.js";

/** Deliveries that are taken at a time, and tried at the same time. */
const BATCH = 400;
const AT_ONCE = 32;
/** Seconds after which a delivery that was taken and not brought to an end (the process was killed) is tried again. */
export const LEASE = 30;
/** Seconds until the first try after one that failed; each later wait is twice as long, up to the longest. */
const FIRST_WAIT = 5;
const LONGEST_WAIT = 3600;
/** Contents that are sealed ahead of their delivery in one round. */
const AHEAD = 4;

/**
 * Delivers what orders name, each at its time. What is to be done is in the tables only, so that a restart at any moment loses nothing: a delivery is taken
 * by putting off its next try, and its outcome is written when it is known. A receiver that was sent something whose answer got lost is asked before it is
 * sent again.
 */
export class Dispatcher {
  private running: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly means: Means,
    private readonly logger: Logger,
  ) {}

  /** Does all that is due now; answers the number of tries. One round at a time. */
  run(): Promise<number> {
    const round = this.running.then(() => this.round());
    this.running = round.catch(() => undefined);
    return round;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.running;
  }

  private async round(): Promise<number> {
    let tries = 0;
    for (;;) {
      const { taken, due } = await this.take();
      const waiting = [...due];
      const outcomes: [Due, Outcome][] = [];
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let next = waiting.shift(); next; next = waiting.shift()) outcomes.push([next, await deliver(this.means, next)]);
        }),
      );
      await this.settle(outcomes);
      tries += outcomes.length;
      if (taken < BATCH) break;
    }
    await this.sealAhead();
    return tries;
  }

  /** Takes what is due, and gives up what is beyond its time. */
  private take(): Promise<{ taken: number; due: Due[] }> {
    const now = this.means.clock.now();
    return transact(this.means.db, async (trx) => {
      const rows = await trx
        .selectFrom("deliveries")
        .selectAll()
        .where("delivered_at", "is", null)
        .where("given_up_at", "is", null)
        .where("next_at", "<=", now)
        .orderBy("next_at")
        .orderBy("order_id")
        .limit(BATCH)
        .forUpdate()
        .skipLocked()
        .execute();
      if (rows.length === 0) return { taken: 0, due: [] };
      const late = rows.filter((row) => row.give_up_at <= now);
      for (const { order_id, kind } of late) {
        await trx.updateTable("deliveries").set({ given_up_at: now }).where("order_id", "=", order_id).where("kind", "=", kind).execute();
        if (kind !== "advert")
          await trx.updateTable("orders").set({ state: "FAILED" }).where("id", "=", order_id).where("state", "=", "OPEN").execute();
      }
      const timely = rows.filter((row) => row.give_up_at > now);
      if (timely.length === 0) return { taken: rows.length, due: [] };
      await sql`update deliveries set next_at = ${now + LEASE}, attempts = attempts + 1
        from (values ${sql.join(timely.map((row) => sql`(${row.order_id}, ${row.kind})`))}) as taken (order_id, kind)
        where deliveries.order_id = taken.order_id and deliveries.kind = taken.kind`.execute(trx);
      const orders = await trx
        .selectFrom("orders")
        .innerJoin("devices", "devices.id", "orders.terminal_id")
        .innerJoin("stores", "stores.id", "orders.store_id")
        .selectAll("orders")
        .select(["devices.role", "devices.generation"])
        .select(["stores.address as store_address", "stores.generation as store_generation", "stores.revoked_at as store_revoked_at"])
        .where("orders.id", "in", [...new Set(timely.map((row) => row.order_id))])
        .where("devices.revoked_at", "is", null)
        .execute();
      const byId = new Map(orders.map((order) => [order.id, order]));
      const due = timely.flatMap((delivery) => {
        const order = byId.get(delivery.order_id);
        if (order?.terminal_id == null || order.address === null) return [];
        const { terminal_id, address, store_id, store_address, store_generation, store_revoked_at, role, generation } = order;
        return [
          {
            delivery,
            before: delivery.attempts,
            order: { ...order, terminal_id, address },
            client: { role, id: fromHex(terminal_id), generation },
            store: { id: store_id, address: store_address, generation: store_generation, revoked_at: store_revoked_at },
          },
        ];
      });
      return { taken: rows.length, due };
    });
  }

  private async settle(outcomes: [Due, Outcome][]): Promise<void> {
    if (outcomes.length === 0) return;
    const now = this.means.clock.now();
    const rows = outcomes.map(([{ delivery, before }, outcome]) => {
      const key = sql`${delivery.order_id}, ${delivery.kind}`;
      if ("done" in outcome)
        return sql`(${key}, ${before}::int, ${now}::bigint, ${now}::bigint, ${outcome.progress ?? 0}::bigint, null::text)`;
      if ("again" in outcome)
        return sql`(${key}, ${before}::int, ${now + outcome.again}::bigint, null::bigint, ${outcome.progress ?? delivery.progress}::bigint, null::text)`;
      const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(before, 20));
      return sql`(${key}, ${before + 1}::int, ${Math.min(now + wait, delivery.give_up_at)}::bigint, null::bigint, ${delivery.progress}::bigint, ${outcome.error.slice(0, 500)}::text)`;
    });
    const orderIds = [...new Set(outcomes.map(([{ order }]) => order.id))];
    await transact(this.means.db, async (trx) => {
      await sql`update deliveries set attempts = outcome.attempts, next_at = outcome.next_at, delivered_at = outcome.delivered_at,
          progress = outcome.progress, last_error = outcome.error
        from (values ${sql.join(rows)}) as outcome (order_id, kind, attempts, next_at, delivered_at, progress, error)
        where deliveries.order_id = outcome.order_id and deliveries.kind = outcome.kind
          and deliveries.delivered_at is null and deliveries.given_up_at is null`.execute(trx);
      await trx
        .updateTable("orders")
        .set({ state: "DELIVERED" })
        .where("id", "in", orderIds)
        .where("state", "=", "OPEN")
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom("deliveries").select("kind").whereRef("deliveries.order_id", "=", "orders.id").where("delivered_at", "is", null),
            ),
          ),
        )
        .execute();
    });
    for (const [{ order, delivery }, outcome] of outcomes)
      if ("error" in outcome) this.logger.warn({ order: order.id, kind: delivery.kind, error: outcome.error }, "a delivery failed");
  }

  /** Has stores seal contents before their delivery is due, so that it begins in time. */
  private async sealAhead(): Promise<void> {
    const orders = await this.means.db
      .selectFrom("orders")
      .innerJoin("stores", "stores.id", "orders.store_id")
      .selectAll("orders")
      .select(["stores.address as store_address", "stores.generation as store_generation"])
      .where("state", "=", "OPEN")
      .where("orders.terminal_id", "is not", null)
      .where("stores.revoked_at", "is", null)
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom("store_forms")
              .select("version")
              .whereRef("store_forms.store_id", "=", "orders.store_id")
              .whereRef("store_forms.content_id", "=", "orders.content_id")
              .whereRef("store_forms.version", "=", "orders.version"),
          ),
        ),
      )
      .distinctOn(["orders.content_id", "orders.store_id", "orders.version"])
      .limit(AHEAD)
      .execute();
    for (const order of orders) {
      const { terminal_id, address, store_id, store_address, store_generation } = order;
      if (terminal_id === null || address === null) continue;
      const store = { id: store_id, address: store_address, generation: store_generation, revoked_at: null };
      // Only a head start: when the delivery is due, whatever went wrong here shows in the order.
      await formOf(this.means, { order: { ...order, terminal_id, address }, store }).catch(() => undefined);
    }
  }
}
