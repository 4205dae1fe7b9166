import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Command } from "commander";
import { createCustomer } from "../center/api/admin-routes.js";
import { eraseCustomer, orderReport, orderSums } from "../center/api/advert-routes.js";
import * as api from "../center/api/order-routes.js";
import { publicEd25519 } from "../center/api/signature.js";
import type { CenterClient } from "../center/client.js";
import { BadInput } from "./bad-input.js";
import { IDENTITY_OPTION, customerClient, type CustomerFlags, type CustomerIdentity } from "./customer.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";

interface PlaceFlags extends CustomerFlags {
  item: string;
  operator?: string;
  store?: string;
  terminal: string;
  address: string;
  from: string;
  until: string;
  contentAt?: string;
  keyAt?: string;
  region?: string;
  shareIdentity?: boolean;
}

const ITEMS = ["title", "type", "period", "operator", "region"] as const;

/** `leyden order`: the customer terminal, and the reports that the staff reads. */
export function orderCommand(): Command {
  const customers = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .requiredOption(...IDENTITY_OPTION)
      .option(...CENTER_OPTION);
  return new Command("order")
    .description("order contents for delivery to a terminal, and see how the orders stand")
    .addCommand(
      new Command("new")
        .description("make this machine a customer terminal, and have the staff register it")
        .requiredOption(...IDENTITY_OPTION)
        .requiredOption("--customer <name>", "whose it is: a new customer of this name, or the id of one")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .action(register),
    )
    .addCommand(customers("items", "list what can be ordered").action(items))
    .addCommand(
      customers("place", "order a content; times are as 2028-02-29T18:00:00+01:00, or now, or in 90s, 5m, 2h, 7d")
        .requiredOption("--item <id>", "item number")
        .requiredOption("--terminal <id>", "destination terminal")
        .requiredOption("--address <url>", "its address")
        .option("--from <time>", "start of the rental period", "now")
        .requiredOption("--until <time>", "end of the rental period")
        .option("--content-at <time>", "when the delivery of the content begins (default: at once)")
        .option("--key-at <time>", "when the key is delivered (default: at the start of the period)")
        .option("--operator <id>", "whose offer it is (default: the first that lends it)")
        .option("--store <id>", "content store that delivers")
        .option("--region <name>", "region that the order counts for")
        .option("--share-identity", "agree that clicks on adverts carry your customer id")
        .action(place),
    )
    .addCommand(customers("show", "show an order").argument("<order>").action(show))
    .addCommand(customers("list", "list your orders").action(list))
    .addCommand(customers("cancel", "cancel what has not been delivered").argument("<order>").action(cancel))
    .addCommand(
      new Command("report")
        .description("for the staff: who ordered what, or counts by an item")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--by <item>", ITEMS.join(", "))
        .option("--csv", "as CSV instead of a table")
        .action(report),
    )
    .addCommand(
      new Command("erase")
        .description("for the staff: erase a customer; the sums stay")
        .argument("<customer>")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .action(async (customerId: string, flags: StaffFlags) => {
          await staffClient(flags).call(eraseCustomer, { params: { customerId }, body: {} });
          console.log(`Customer ${customerId} is erased.`);
        }),
    );
}

/** Seconds since 1970 of a time as people write it, always with its offset from UTC. */
export function instant(option: string, text: string, now = Math.floor(Date.now() / 1000)): number {
  const later = /^in (\d{1,6})([smhd])$/.exec(text);
  if (later !== null) return now + Number(later[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[later[2] as "s" | "m" | "h" | "d"];
  if (text === "now") return now;
  const date = /^(\d{4}-\d{2}-(\d{2}))T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})$/.exec(text);
  // Date takes the 30th of February for the 1st of March.
  const exists = date !== null && new Date(`${date[1]}T00:00:00Z`).getUTCDate() === Number(date[2]);
  const at = exists ? Date.parse(text) / 1000 : NaN;
  if (!Number.isInteger(at) || at < 0 || at > 0xffffffff)
    throw new BadInput(`${option} takes a time with its offset as 2028-02-29T18:00:00+01:00, or now, or "in 7d", not ${text}.`);
  return at;
}

async function register(flags: StaffFlags & { identity: string; customer: string }): Promise<void> {
  if (existsSync(flags.identity)) throw new BadInput(`${flags.identity} exists already; name another file.`);
  const client = staffClient(flags);
  const known = /^[0-9a-f]{32}$/.test(flags.customer);
  const customerId = known ? flags.customer : (await client.call(createCustomer, { body: { name: flags.customer } })).id;
  const seed = new Uint8Array(randomBytes(32));
  const body = { name: "customer terminal", publicKey: Buffer.from(publicEd25519(seed)).toString("hex") };
  const { id } = await client.call(api.registerTerminal, { params: { customerId }, body });
  mkdirSync(dirname(flags.identity), { recursive: true });
  writeFileSync(flags.identity, JSON.stringify({ terminalId: id, seed: Buffer.from(seed).toString("hex") } satisfies CustomerIdentity), {
    mode: 0o600,
  });
  console.log(`This is customer terminal ${id} of customer ${customerId}.`);
}

async function items(flags: CustomerFlags): Promise<void> {
  for (const { contentId, title, type } of await customerClient(flags).call(api.listItems, { query: {} }))
    console.log(`${contentId}  ${title} (${type})`);
}

async function place(flags: PlaceFlags): Promise<void> {
  const client = customerClient(flags);
  const operatorId = flags.operator ?? (await operatorOf(client, flags.item));
  const order = await client.call(api.placeOrder, {
    body: {
      contentId: flags.item,
      operatorId,
      terminalId: flags.terminal,
      address: flags.address,
      periodStart: instant("--from", flags.from),
      periodEnd: instant("--until", flags.until),
      contentAt: instant("--content-at", flags.contentAt ?? "now"),
      ...(flags.keyAt !== undefined && { keyAt: instant("--key-at", flags.keyAt) }),
      ...(flags.store !== undefined && { storeId: flags.store }),
      ...(flags.region !== undefined && { region: flags.region }),
      ...(flags.shareIdentity === true && { shareIdentity: true }),
    },
  });
  console.log(`Ordered: ${order.id}.`);
}

async function operatorOf(client: CenterClient, item: string): Promise<string> {
  const found = (await client.call(api.listItems, { query: {} })).find(({ contentId }) => contentId === item);
  if (found === undefined) throw new BadInput(`No operator lends an item ${item}; list them with leyden order items.`);
  return found.operators[0].id;
}

function time(at: number | null): string {
  return at === null ? "never" : new Date(at * 1000).toISOString().replace(".000", "");
}

function tell(order: api.OrderBody): void {
  console.log(
    `${order.id}  ${order.state}  ${order.title}, ${time(order.periodStart)} to ${time(order.periodEnd)}, to ${order.address ?? "nobody"}`,
  );
  for (const { kind, state, dueAt, nextAt, giveUpAt, deliveredAt, progress, error } of order.deliveries) {
    const when =
      deliveredAt !== null ? `at ${time(deliveredAt)}` : `due ${time(dueAt)}, next try ${time(nextAt)}, gives up ${time(giveUpAt)}`;
    const bytes = kind === "content" && progress > 0 ? `, ${String(progress)} of ${String(order.length ?? "?")} bytes` : "";
    console.log(`  ${kind.padEnd(8)} ${state}, ${when}${bytes}${error === null ? "" : `: ${error}`}`);
  }
}

async function show(orderId: string, flags: CustomerFlags): Promise<void> {
  tell(await customerClient(flags).call(api.getOrder, { params: { orderId } }));
}

async function list(flags: CustomerFlags): Promise<void> {
  for (const order of await customerClient(flags).call(api.listOrders, { query: {} })) tell(order);
}

async function cancel(orderId: string, flags: CustomerFlags): Promise<void> {
  tell(await customerClient(flags).call(api.cancelOrder, { params: { orderId }, body: {} }));
}

async function report(flags: StaffFlags & { by?: string; csv?: boolean }): Promise<void> {
  const client = staffClient(flags);
  const by = ITEMS.find((item) => item === flags.by);
  if (flags.by !== undefined && by === undefined) throw new BadInput(`--by takes ${ITEMS.join(", ")}, not ${flags.by}.`);
  if (flags.csv === true) {
    const path = by === undefined ? "/v1/reports/orders/csv" : `/v1/reports/orders/sums/csv?by=${by}`;
    process.stdout.write(await (await client.bytes(path)).text());
    return;
  }
  const rows: Record<string, unknown>[] =
    by === undefined ? await client.call(orderReport, { query: {} }) : await client.call(orderSums, { query: { by } });
  console.table(rows);
}
