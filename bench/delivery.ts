/**
 * Deliveries: a large content to a terminal over loopback, against a plain HTTP download of the same sealed file, with the memory of both ends; and ten thousand orders that
 * are due in the same second. Store and terminal are processes of their own, and the terminal's client is a model: what a board does with a key is not measured here.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { createCustomer, enrollDevice } from "../src/center/api/admin-routes.js";
import { centerKey, createStore, getOrder, placeOrder, registerTerminal } from "../src/center/api/order-routes.js";
import { publicEd25519 } from "../src/center/api/signature.js";
import { CenterClient } from "../src/center/client.js";
import { ROLE_CLIENT } from "../src/core/protocol/constants.js";
import { StoreContents } from "../src/store/contents.js";
import { chainOf, deviceId } from "../test/center/support/keys.js";
import { addContent, addOffer, addOperator, startWorld, type World } from "../test/center/support/world.js";

const ROOT = join(import.meta.dirname, "..");
const DAY = 86_400;
const seconds = (): number => Math.floor(Date.now() / 1000);

interface Peer {
  child: ChildProcess;
  /** Its next line. */
  says(): Promise<string>;
}

const peers: ChildProcess[] = [];

function start(...words: string[]): Peer {
  const child = spawn(process.execPath, ["--import", "tsx", ...words], { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
  peers.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, says: async () => String((await lines.next()).value) };
}

/** Resident megabytes of a process. */
function resident({ child }: Peer): number {
  const status = readFileSync(`/proc/${String(child.pid)}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}

/** The first of some values, and the one after each quarter. */
function quarters(values: number[]): string {
  return [0, 0.25, 0.5, 0.75, 1].map((part) => values[Math.round(part * (values.length - 1))]).join(" ");
}

interface Setup {
  world: World;
  folder: string;
  customer: CenterClient;
  operatorId: string;
  storeId: string;
  contents: StoreContents;
  store: Peer;
  terminal: Peer;
  address: string;
}

async function setUp(folder: string): Promise<Setup> {
  const world = await startWorld({ clock: { now: seconds }, allowLocal: ["127.0.0.1"], deliverySeconds: 0 });
  const { staff } = world;
  const { id: operatorId } = await addOperator(world, "bench");
  await staff.call(enrollDevice, { body: { chain: chainOf("bench terminal", ROLE_CLIENT, false), generation: 1 } });
  const seed = new Uint8Array(randomBytes(32));
  const { id: customerId } = await staff.call(createCustomer, { body: { name: "Ada" } });
  const publicKey = Buffer.from(publicEd25519(seed)).toString("hex");
  const { id: terminalId } = await staff.call(registerTerminal, { params: { customerId }, body: { name: "desk", publicKey } });
  const port = 40_000 + (process.pid % 20_000);
  const secret = await staff.call(createStore, { body: { name: "store", address: `http://127.0.0.1:${String(port)}` } });
  const data = join(folder, "store");
  mkdirSync(data);
  writeFileSync(join(data, "store.json"), JSON.stringify(secret));
  const { publicKey: center } = await staff.call(centerKey, {});
  const store = start("src/cli/main.ts", "store", "run", "--data", data, "--port", String(port), "--allow-local", "127.0.0.1");
  const terminal = start("bench/delivery-peer.ts", "terminal", join(folder, "terminal"), center);
  const address = await terminal.says();
  while (!/listens/.test(await store.says()));
  return {
    world,
    folder,
    customer: new CenterClient({ url: world.center.url, credential: { terminalId, seed }, timeout: 60_000 }),
    operatorId,
    storeId: secret.id,
    contents: new StoreContents(data, Buffer.from(secret.key, "hex")),
    store,
    terminal,
    address,
  };
}

async function place({ customer, operatorId, storeId, address }: Setup, contentId: string): Promise<string> {
  const now = seconds();
  const body = { contentId, operatorId, storeId, terminalId: deviceId("bench terminal"), address, contentAt: now, keyAt: now };
  return (await customer.call(placeOrder, { body: { ...body, periodStart: now, periodEnd: now + DAY } })).id;
}

async function item({ world, operatorId, contents }: Setup, title: string, file: string): Promise<string> {
  const id = await addContent(world, title);
  await addOffer(world, operatorId, id);
  await contents.add(id, file, 0);
  return id;
}

/** One large content. */
async function benchLarge(setup: Setup, bytes: number): Promise<void> {
  const { world, folder, customer, contents, store, terminal } = setup;
  const file = join(folder, "large");
  const descriptor = openSync(file, "w");
  for (let written = 0; written < bytes; written += 1 << 20)
    writeSync(descriptor, randomBytes(1 << 20), 0, Math.min(1 << 20, bytes - written));
  closeSync(descriptor);
  const id = await item(setup, "large", file);
  rmSync(file);
  const first = await place(setup, id);
  const sealing = performance.now();
  const sealed = contents.sealedPath(id, 1);
  const progressOf = async (orderId: string): Promise<{ bytes: number; done: boolean }> => {
    await world.center.deliver();
    const delivery = (await customer.call(getOrder, { params: { orderId } })).deliveries.find(({ kind }) => kind === "content");
    if (delivery?.error) throw new Error(delivery.error);
    return { bytes: delivery?.progress ?? 0, done: delivery?.state === "delivered" };
  };
  let state = await progressOf(first);
  while (state.bytes === 0) {
    await sleep(100);
    state = await progressOf(first);
  }
  console.log(`sealed in ${((performance.now() - sealing) / 1000).toFixed(1)} s, once`);
  const memory: [number, number][] = [];
  for (;;) {
    memory.push([resident(store), resident(terminal)]);
    if (state.done) break;
    await sleep(200);
    state = await progressOf(first);
  }
  const [ofStore, ofTerminal] = [0, 1].map((part) => quarters(memory.map((at) => at[part])));
  console.log(`resident MiB at start and after each quarter: store ${ofStore}; terminal ${ofTerminal}`);
  // Turn about: a delivery from instruction to checked content on the disk, a plain download to the disk.
  const server = start("bench/delivery-peer.ts", "serve", sealed);
  const url = await server.says();
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const target = join(folder, "downloaded");
    theirs.push(Number(await start("bench/delivery-peer.ts", "fetch", url, target).says()));
    rmSync(target);
    const orderId = await place(setup, id);
    const begun = performance.now();
    let now = await progressOf(orderId);
    while (!now.done) {
      await sleep(50);
      await sql`update deliveries set next_at = 0 where order_id = ${orderId}`.execute(world.center.db);
      now = await progressOf(orderId);
    }
    ours.push((performance.now() - begun) / 1000);
    rmSync(join(folder, "terminal", "orders", orderId), { recursive: true });
  }
  const median = (times: number[]): number => [...times].sort((a, b) => a - b)[1];
  const ratio = median(theirs) / median(ours);
  console.log(
    `${String(bytes)} bytes: delivered and checked in ${median(ours).toFixed(2)} s, plain download ${median(theirs).toFixed(2)} s, ${ratio.toFixed(2)} of its speed`,
  );
  if (ratio < 0.5) throw new Error("The delivery is slower than half a plain download.");
}

/** Many orders in the same second, each with its content and its key. */
async function benchMany(setup: Setup, orders: number): Promise<void> {
  const { world, folder, store, terminal } = setup;
  const file = join(folder, "small");
  writeFileSync(file, randomBytes(1000));
  const id = await item(setup, "small", file);
  const first = await place(setup, id);
  const due = seconds() + 5;
  const range = sql`generate_series(1, ${sql.lit(orders - 1)}::int) n`;
  const { db } = world.center;
  await sql`insert into orders (id, operator_id, customer_id, content_id, version, store_id, terminal_id, address, agreed, period_start, period_end, state, created_at)
    select md5('order ' || n), operator_id, customer_id, content_id, version, store_id, terminal_id, address, agreed, period_start, period_end, state, created_at
    from orders, ${range} where id = ${first}`.execute(db);
  await sql`insert into deliveries (order_id, kind, due_at, next_at, give_up_at)
    select md5('order ' || n), kind, due_at, next_at, give_up_at from deliveries, ${range} where order_id = ${first}`.execute(db);
  await sql`update deliveries set due_at = ${due}, next_at = ${due} where delivered_at is null`.execute(db);
  await sql`analyze`.execute(db);
  while (seconds() < due) await sleep(20);
  const begun = performance.now();
  const open = async (): Promise<number> => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from deliveries where delivered_at is null`.execute(db);
    return rows[0].n;
  };
  const memory: [number, number, number][] = [];
  const look = setInterval(() => {
    memory.push([Math.round(process.memoryUsage.rss() / (1 << 20)), resident(store), resident(terminal)]);
  }, 500);
  for (let left = await open(); left > 0; left = await open()) {
    await world.center.deliver();
    await sleep(100);
  }
  clearInterval(look);
  const took = (performance.now() - begun) / 1000;
  terminal.child.stdin?.write("\n");
  const told = JSON.parse(await terminal.says()) as { keys: number; mostKeys: number; contents: number; mostContents: number };
  const { rows } = await sql<{ state: string; n: number }>`select state, count(*)::int as n from orders group by state`.execute(db);
  console.log(
    `${String(orders)} orders due in one second, contents and keys all delivered ${took.toFixed(1)} s later (${(orders / took).toFixed(0)} orders a second); ` +
      `keys at the terminal ${String(told.keys)}, at most ${String(told.mostKeys)} a time; contents ${String(told.contents)}, at most ${String(told.mostContents)}; ${JSON.stringify(rows)}`,
  );
  const parts = ["center with its database", "store", "terminal"].map((name, part) => `${name} ${quarters(memory.map((at) => at[part]))}`);
  console.log(`resident MiB at start and after each quarter: ${parts.join("; ")}`);
  if (told.mostKeys !== 1 || told.mostContents !== 1 || told.keys < orders) throw new Error("An order was not delivered exactly once.");
}

/** `npm run bench -- delivery [BYTES] [ORDERS]`: prints what it measures; throws when a promise is not kept. */
export async function benchDelivery(bytes: number, orders: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-delivery-"));
  let setup: Setup | undefined;
  try {
    setup = await setUp(folder);
    if (bytes > 0) await benchLarge(setup, bytes);
    if (orders > 0) await benchMany(setup, orders);
  } finally {
    for (const child of peers) child.kill("SIGKILL");
    await setup?.world.end();
    rmSync(folder, { recursive: true, force: true });
  }
}
