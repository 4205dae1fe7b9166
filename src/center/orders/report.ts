import { sql, type SqlBool } from "kysely";
import type { Static } from "typebox";
import type { OrderLine, SumLine } from "../api/advert-routes.js";
import { ProblemError } from "../api/problems.js";
import type { Database, Trx } from "../db/database.js";
import type { ClassItem } from "../db/tables.js";
import { OPEN } from "../loans/machine.js";
import { audit, type Scope } from "../scope.js";

/** Which orders a report is about: of one operator (null: all), ordered from `from` on and before `to`. */
export interface Span {
  operatorId: string | null;
  from: number;
  to: number;
}

const inSpan = ({ operatorId, from, to }: Span) =>
  sql<SqlBool>`orders.created_at >= ${from} and orders.created_at < ${to} and (${operatorId}::text is null or orders.operator_id = ${operatorId})`;

/** Who ordered what, the latest first. */
export async function orderLines(db: Database, span: Span, before: number | null, limit: number): Promise<Static<typeof OrderLine>[]> {
  const rows = await db
    .selectFrom("orders")
    .leftJoin("customers", "customers.id", "orders.customer_id")
    .select(["orders.id", "orders.created_at", "orders.customer_id", "customers.name"])
    .where(inSpan(span))
    .where((eb) => (before === null ? eb.lit(true) : eb("orders.number", "<", before)))
    .orderBy("orders.number", "desc")
    .limit(limit)
    .execute();
  const classes = await db
    .selectFrom("order_classes")
    .selectAll()
    .where("order_id", "in", [...rows.map((row) => row.id), ""])
    .execute();
  const byOrder = new Map<string, Partial<Record<ClassItem, string>>>();
  for (const { order_id, item, value } of classes) byOrder.set(order_id, { ...byOrder.get(order_id), [item]: value });
  return rows.map(({ id, created_at, customer_id, name }) => {
    const { title = "", type = "", period = "", operator = "", region = "" } = byOrder.get(id) ?? {};
    return { orderId: id, orderedAt: created_at, customerId: customer_id, customer: name, title, type, period, operator, region };
  });
}

/** Orders counted by one item, the most ordered first. */
export async function orderSums(db: Database, span: Span, by: ClassItem): Promise<Static<typeof SumLine>[]> {
  const rows = await db
    .selectFrom("order_classes")
    .innerJoin("orders", "orders.id", "order_classes.order_id")
    .select(["value"])
    .select((eb) => [eb.fn.countAll<number>().as("orders"), eb.fn.count<number>("orders.customer_id").distinct().as("customers")])
    .where("item", "=", by)
    .where(inSpan(span))
    .groupBy("value")
    .orderBy("orders", "desc")
    .orderBy("value")
    .execute();
  return rows.map(({ value, orders, customers }) => ({ value, orders: Number(orders), customers: Number(customers) }));
}

/** Rows as CSV (RFC 4180), with a line of names. A cell that a spreadsheet would compute begins with an apostrophe. */
export function csv(names: string[], rows: Record<string, unknown>[]): string {
  const cell = (value: unknown): string => {
    const text = value === null ? "" : String(value);
    return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`;
  };
  return [names.map(cell), ...rows.map((row) => names.map((name) => cell(row[name])))].map((cells) => `${cells.join(",")}\r\n`).join("");
}

/**
 * Erases a customer: name, machines to order from, and whose the orders were and where they went. Classes of the orders stay.
 *
 * @throws ProblemError while a loan or an order of the customer is not over
 */
export async function eraseCustomer(scope: Scope, customerId: string): Promise<void> {
  const { trx, now } = scope;
  const customer = await trx.selectFrom("customers").select("erased_at").where("id", "=", customerId).forUpdate().executeTakeFirst();
  if (customer === undefined) throw new ProblemError("not-found", `No customer has the id ${customerId}; check the id.`);
  if (customer.erased_at !== null) return;
  const loan = await trx
    .selectFrom("loans")
    .select("id")
    .where("customer_id", "=", customerId)
    .where("state", "in", [...OPEN, "RETURNED", "UNPAID", "LOST"])
    .limit(1)
    .executeTakeFirst();
  if (loan !== undefined) throw new ProblemError("conflict", `The customer's loan ${loan.id} is not over; end and settle it first.`);
  const order = await trx
    .selectFrom("orders")
    .select("id")
    .where("customer_id", "=", customerId)
    .where("state", "in", ["OPEN", "DELIVERED"])
    .where("period_end", ">", now)
    .limit(1)
    .executeTakeFirst();
  if (order !== undefined)
    throw new ProblemError("conflict", `The customer's order ${order.id} is not over; cancel it or wait for its end.`);
  await trx.updateTable("customers").set({ name: "", erased_at: now }).where("id", "=", customerId).execute();
  await trx
    .updateTable("orders")
    .set({ customer_id: null, terminal_id: null, address: null, receipt: null })
    .where("customer_id", "=", customerId)
    .execute();
  // What an error said about an address goes too.
  await sql`update deliveries set last_error = null from orders
    where orders.id = deliveries.order_id and orders.customer_id is null and last_error is not null`.execute(trx);
  await forgetTerminals(trx, customerId);
  await trx.updateTable("devices").set({ customer_id: null }).where("customer_id", "=", customerId).execute();
  await audit(scope, "customer erased", customerId);
}

/** Erases the machines that a customer ordered from, and what they were answered. */
async function forgetTerminals(trx: Trx, customerId: string): Promise<void> {
  const machines = await trx.deleteFrom("customer_terminals").where("customer_id", "=", customerId).returning("id").execute();
  const principals = ["", ...machines.map(({ id }) => `terminal ${id}`)];
  await trx.deleteFrom("idempotency").where("principal", "in", principals).execute();
}
