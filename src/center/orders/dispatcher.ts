import { sql, type RawBuilder, type Selectable } from "kysely";
import type { Logger } from "pino";
import { transact, type Trx } from "../db/database.js";
import type { DeliveryRow } from "../db/tables.js";
import { fromHex } from "../scope.js";
import { deliver, formOf, type Due, type Means, type Outcome } from "./deliver.js";

/** Deliveries that are tried at the same time: in all, at one address, and with a picture in memory. */
const AT_ONCE = 256;
const AT_ONE_ADDRESS = 32;
const PICTURES = 8;
/** Outcomes that are written together, and milliseconds that one waits for others. */
const TOGETHER = 64;
const GATHER = 20;
/** Milliseconds until what has become due meanwhile is taken, while others are under way. */
const AGAIN = 1000;
/** Seconds after which a delivery that was taken and not brought to an end (the process was killed) is tried again. */
export const LEASE = 60;
/** Seconds until the first try after one that failed; each later wait is twice as long, up to the longest. */
const FIRST_WAIT = 5;
const LONGEST_WAIT = 3600;
/** Contents that are sealed ahead of their delivery in one round. */
const AHEAD = 4;

/**
 * Delivers what orders name, each at its time. What is to be done is in the tables only, so that a restart at any moment loses nothing: a delivery is taken
 * by putting off its next try, and its outcome is written when it is known. A receiver that was sent something whose answer got lost is asked before it is
 * sent again. Only as much is taken as can begin at once, so that nothing waits for an address that does not answer but what is for that address.
 */
export class Dispatcher {
  private running: Promise<unknown> = Promise.resolve();
  /** Taken, and without a written outcome; of these, those that are being sent. */
  private readonly under = new Set<Due>();
  private readonly sending = new Set<Due>();
  private outcomes: [Due, Outcome][] = [];
  private wake: () => void = () => undefined;

  constructor(
    private readonly means: Means,
    private readonly logger: Logger,
  ) {}

  /** Does all that is due now, and what becomes due before that is done; answers the number of tries. One round at a time. */
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
    let more = true;
    while (more || this.under.size > 0) {
      if (this.sending.size < AT_ONCE) {
        const { taken, due } = await this.take(AT_ONCE - this.sending.size);
        more = taken > 0;
        for (const next of due) this.begin(next);
      }
      if (this.outcomes.length === 0 && this.sending.size > 0) await this.pause(AGAIN);
      if (this.outcomes.length < TOGETHER && this.sending.size > 0) await this.pause(GATHER);
      const outcomes = this.outcomes.splice(0);
      await this.settle(outcomes);
      for (const [due] of outcomes) this.under.delete(due);
      tries += outcomes.length;
    }
    await this.sealAhead();
    return tries;
  }

  private begin(due: Due): void {
    this.under.add(due);
    this.sending.add(due);
    void deliver(this.means, due).then((outcome) => {
      this.sending.delete(due);
      this.outcomes.push([due, outcome]);
      if (this.outcomes.length === 1 || this.outcomes.length === TOGETHER || this.sending.size === 0) this.wake();
    });
  }

  /** Waits until outcomes are there that `begin` wakes for, or the time is over. */
  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Addresses that as much is under way for as may be. */
  private crowded(): string[] {
    const counts = new Map<string, number>();
    for (const { order } of this.sending) counts.set(order.address, (counts.get(order.address) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= AT_ONE_ADDRESS).map(([address]) => address);
  }

  /** Takes what is due, and gives up what is beyond its time. */
  private take(room: number): Promise<{ taken: number; due: Due[] }> {
    const now = this.means.clock.now();
    const crowded = this.crowded();
    const here = [...this.under].map(({ order, delivery }) => sql`(${order.id}, ${delivery.kind})`);
    const pictures = [...this.sending].filter(({ delivery }) => delivery.kind === "advert").length;
    return transact(this.means.db, async (trx) => {
      let rows = trx
        .selectFrom("deliveries")
        .innerJoin("orders", "orders.id", "deliveries.order_id")
        .selectAll("deliveries")
        .where("delivered_at", "is", null)
        .where("given_up_at", "is", null)
        .where("next_at", "<=", now);
      if (crowded.length > 0) rows = rows.where("orders.address", "not in", crowded);
      if (pictures >= PICTURES) rows = rows.where("kind", "<>", "advert");
      if (here.length > 0) rows = rows.where(sql<boolean>`(deliveries.order_id, deliveries.kind) not in (${sql.join(here)})`);
      const found = await rows
        .orderBy("next_at")
        .orderBy("order_id")
        .limit(Math.min(room, AT_ONE_ADDRESS))
        .forUpdate("deliveries")
        .skipLocked()
        .execute();
      await this.giveUp(
        trx,
        now,
        found.filter((row) => row.give_up_at <= now),
      );
      const timely = found.filter((row) => row.give_up_at > now);
      return { taken: found.length, due: timely.length === 0 ? [] : await this.lease(trx, now, timely) };
    });
  }

  private async giveUp(trx: Trx, now: number, rows: Selectable<DeliveryRow>[]): Promise<void> {
    if (rows.length === 0) return;
    await sql`update deliveries set given_up_at = ${now} from (values ${sql.join(rows.map(keyOf))}) as late (order_id, kind)
      where deliveries.order_id = late.order_id and deliveries.kind = late.kind`.execute(trx);
    const orderIds = rows.filter(({ kind }) => kind !== "advert").map(({ order_id }) => order_id);
    await trx
      .updateTable("orders")
      .set({ state: "FAILED" })
      .where("id", "in", [...orderIds, ""])
      .where("state", "=", "OPEN")
      .execute();
  }

  private async lease(trx: Trx, now: number, rows: Selectable<DeliveryRow>[]): Promise<Due[]> {
    await sql`update deliveries set next_at = ${now + LEASE}, attempts = attempts + 1
      from (values ${sql.join(rows.map(keyOf))}) as taken (order_id, kind)
      where deliveries.order_id = taken.order_id and deliveries.kind = taken.kind`.execute(trx);
    const orders = await trx
      .selectFrom("orders")
      .innerJoin("devices", "devices.id", "orders.terminal_id")
      .innerJoin("stores", "stores.id", "orders.store_id")
      .selectAll("orders")
      .select(["devices.role", "devices.generation", "devices.revoked_at as device_revoked_at"])
      .select(["stores.address as store_address", "stores.generation as store_generation", "stores.revoked_at as store_revoked_at"])
      .where("orders.id", "in", [...new Set(rows.map((row) => row.order_id))])
      .execute();
    const byId = new Map(orders.map((order) => [order.id, order]));
    return rows.flatMap((delivery) => {
      const order = byId.get(delivery.order_id);
      if (order?.terminal_id == null || order.address === null) return [];
      const { terminal_id, address, store_id, store_address, store_generation, store_revoked_at, role, generation } = order;
      return [
        {
          delivery,
          before: delivery.attempts,
          order: { ...order, terminal_id, address },
          client: { role, id: fromHex(terminal_id), generation },
          clientRevoked: order.device_revoked_at !== null,
          store: { id: store_id, address: store_address, generation: store_generation, revoked_at: store_revoked_at },
        },
      ];
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

function keyOf({ order_id, kind }: Pick<DeliveryRow, "kind"> & { order_id: string }): RawBuilder<unknown> {
  return sql`(${order_id}, ${kind})`;
}
