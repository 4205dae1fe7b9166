/** What goes wrong between center, store and terminal: cut connections, restarts, addresses that are not what the customer thinks, periods that are none. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import * as assert from "uvu/assert";
import { createCustomer, enrollDevice } from "../../src/center/api/admin-routes.js";
import {
  cancelOrder,
  centerKey,
  createStore,
  getOrder,
  placeOrder,
  registerTerminal,
  type OrderBody,
} from "../../src/center/api/order-routes.js";
import { publicEd25519 } from "../../src/center/api/signature.js";
import { CenterClient } from "../../src/center/client.js";
import { instant } from "../../src/cli/order.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { Outgoing } from "../../src/host/outgoing.js";
import { startStore, type Store } from "../../src/store/server.js";
import { startTerminalServer } from "../../src/terminal/server.js";
import { chainOf, deviceId } from "../center/support/keys.js";
import { addContent, addOffer, addOperator, startWorld, type World } from "../center/support/world.js";
import { suite } from "../suite.js";
import { ModelTerminal } from "./support/model-client.js";

const test = suite("delivery faults");
const folder = mkdtempSync(join(tmpdir(), "leyden-faults-"));
const logger = pino({ level: "silent" }) as never;
const allowLocal = ["127.0.0.1"];
const plain = new Uint8Array(randomBytes(3_000_000));
const file = join(folder, "plain");
writeFileSync(file, plain);

let world: World;
let operatorId = "";
let contentId = "";
let customer: CenterClient;
/** A center that has started anew listens elsewhere. */
let connectCustomer: () => void;
let store: Store;
let storePort = 0;
let secret: { id: string; key: string; centerKey: string };
let terminal: ModelTerminal;
let address = "";
let stopTerminal: () => Promise<void>;

async function runStore(): Promise<void> {
  const { key, centerKey: center } = secret;
  const options = {
    folder: join(folder, "store"),
    key: Buffer.from(key, "hex"),
    centerKey: Buffer.from(center, "hex"),
    allowLocal,
    logger,
  };
  store = await startStore({ ...options, port: storePort });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test.before(async () => {
  world = await startWorld({ allowLocal });
  const { staff, clock } = world;
  operatorId = (await addOperator(world, "library")).id;
  contentId = await addContent(world, "tune");
  await addOffer(world, operatorId, contentId);
  for (const name of ["kitchen", "study"])
    await staff.call(enrollDevice, { body: { chain: chainOf(name, ROLE_CLIENT, false), generation: 1 } });
  const seed = new Uint8Array(32).fill(9);
  const { id: customerId } = await staff.call(createCustomer, { body: { name: "Ada" } });
  const publicKey = Buffer.from(publicEd25519(seed)).toString("hex");
  const { id: terminalId } = await staff.call(registerTerminal, { params: { customerId }, body: { name: "desk", publicKey } });
  connectCustomer = (): void => {
    customer = new CenterClient({ url: world.center.url, credential: { terminalId, seed }, now: clock.now, attempts: 1 });
  };
  connectCustomer();
  storePort = await freePort();
  secret = await staff.call(createStore, { body: { name: "store", address: `http://127.0.0.1:${String(storePort)}` } });
  mkdirSync(join(folder, "store"));
  await runStore();
  await store.contents.add(contentId, file, 0);
  terminal = new ModelTerminal("kitchen", join(folder, "terminal"));
  const center = Buffer.from((await staff.call(centerKey, {})).publicKey, "hex");
  const server = await startTerminalServer({ terminal, centerKey: center, port: 0, logger });
  address = server.url;
  stopTerminal = () => server.stop();
});

test.after(async () => {
  await stopTerminal();
  await store.stop();
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

type Changes = Partial<{ address: string; terminalId: string; periodStart: number; periodEnd: number; keyAt: number; contentAt: number }>;

async function place(changes: Changes = {}): Promise<OrderBody> {
  const now = world.clock.now();
  const period = { periodStart: now, periodEnd: now + 86_400, contentAt: now, keyAt: now };
  return customer.call(placeOrder, { body: { contentId, operatorId, terminalId: deviceId("kitchen"), address, ...period, ...changes } });
}

const show = (id: string): Promise<OrderBody> => customer.call(getOrder, { params: { orderId: id } });

/** Lets time pass and delivers until `over` holds of the order. */
async function deliver(id: string, over: (order: OrderBody) => boolean, step = 5): Promise<OrderBody> {
  for (let round = 0; round < 400; round++) {
    await world.center.deliver();
    const order = await show(id);
    if (over(order)) return order;
    world.clock.advance(step);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`The order stayed ${JSON.stringify(await show(id))}.`);
}

const delivered = (order: OrderBody): boolean => order.state === "DELIVERED";
const received = (id: string): Uint8Array => new Uint8Array(readFileSync(join(folder, "terminal", "orders", id, "content")));
const sealed = (): Uint8Array => new Uint8Array(readFileSync(store.contents.sealedPath(contentId, 1)));

test("cut at random points, a transfer goes on where it was, and what arrives is identical", async () => {
  const target = new URL(address);
  let cuts = 0;
  const sockets = new Set<{ destroy(): void }>();
  const between: Server = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    // The first ten connections break after some bytes each.
    let left = cuts < 10 ? 1 + Math.floor(Math.random() * 600_000) : Infinity;
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on("error", () => undefined);
    }
    socket.on("data", (bytes) => {
      left -= bytes.length;
      if (left >= 0) return void onward.write(bytes);
      cuts++;
      onward.write(bytes.subarray(0, bytes.length + left));
      socket.destroy();
      onward.end();
    });
    onward.on("data", (bytes) => socket.write(bytes));
    socket.on("close", () => onward.end());
    onward.on("close", () => socket.destroy());
  });
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  const { id } = await place({ address: `http://127.0.0.1:${String((between.address() as AddressInfo).port)}` });
  await deliver(id, delivered);
  assert.ok(cuts >= 5, `${String(cuts)} cuts`);
  assert.equal(Buffer.compare(received(id), sealed()), 0);
  assert.is(terminal.keys.get(id), 1, "the key came once");
  for (const socket of sockets) socket.destroy();
  between.close();
});

test("center and store started anew at any moment lose nothing and deliver nothing twice", async () => {
  const orders: string[] = [];
  for (let n = 0; n < 4; n++) orders.push((await place({ keyAt: world.clock.now() + 10 * n })).id);
  for (let n = 0; n < 6; n++) {
    const under = world.center.deliver();
    if (n % 2 === 0) {
      await store.stop();
      await runStore();
    }
    await under;
    await world.restart();
    connectCustomer();
    world.clock.advance(40);
  }
  for (const id of orders) {
    await deliver(id, delivered);
    assert.is(terminal.keys.get(id), 1, "its key came once");
    assert.equal(Buffer.compare(received(id), sealed()), 0);
  }
});

test("an address that is malformed or of a local network is refused when it is ordered to", async () => {
  const strict = new Outgoing();
  for (const bad of ["nonsense", "ftp://example.com/x", "http://user@example.com/"])
    await place({ address: bad }).then(
      () => assert.unreachable(bad),
      (error: unknown) => assert.match((error as Error).message, /address|http|user|pattern/, bad),
    );
  for (const bad of [
    "http://10.0.0.1/",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[fe80::1]/",
    "http://[fd00::1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[ff02::1]/",
    "http://[::]/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://localhost:80/",
    "http://box.lan/",
    "http://printer/",
  ])
    assert.ok(strict.refusal(bad), bad);
  for (const good of ["http://93.184.216.34/", "https://example.com:8443/a?b", "http://[2606:2800:220:1::1]/"])
    assert.is(strict.refusal(good), null, good);
  assert.is(new Outgoing(["::1", "10.0.0.0/8"]).refusal("http://[::1]:80/"), null);
  strict.close();
});

test("a name that resolves into the local network is refused when something would be sent, and a redirection is not followed", async () => {
  const strict = new Outgoing();
  // Whatever the resolver says of it here, the name itself is public by its form.
  await strict.send("http://localhost.example.invalid/", { method: "GET", timeout: 2000 }).then(
    () => assert.unreachable("an unknown name answered"),
    (error: unknown) => assert.match((error as Error).message, /does not answer|local network/),
  );
  strict.close();
  let asked = 0;
  const inner = createHttp((_request, response) => {
    asked++;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  const outer = createHttp((_request, response) => {
    response.writeHead(302, { location: `http://127.0.0.1:${String((inner.address() as AddressInfo).port)}/` });
    response.end();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => setTimeout(resolve, 20));
  const outgoing = new Outgoing(["127.0.0.1"]);
  const { status } = await outgoing.send(`http://127.0.0.1:${String((outer.address() as AddressInfo).port)}/`, { method: "GET" });
  assert.equal([status, asked], [302, 0]);
  outgoing.close();
  inner.close();
  outer.close();
});

test("an order says why it is not delivered, when the next try is and when it is given up: nobody there, something else there, another's terminal", async () => {
  const web = createHttp((_request, response) => response.end("<h1>Welcome</h1>")).listen(0, "127.0.0.1");
  const dead = await freePort();
  const cases: [Changes, RegExp][] = [
    [{ address: `http://127.0.0.1:${String(dead)}` }, /does not answer: the connection was refused/],
    [{ address: `http://127.0.0.1:${String((web.address() as AddressInfo).port)}` }, /answers with something else than a terminal/],
    [{ terminalId: deviceId("study") }, /is the terminal .*, not .*; nothing was sent/],
  ];
  for (const [changes, sentence] of cases) {
    const now = world.clock.now();
    const { id } = await place({ ...changes, periodEnd: now + 600 });
    const failed = await deliver(id, (order) => order.deliveries.some(({ error }) => error !== null), 1);
    const key = failed.deliveries.find(({ kind }) => kind === "key");
    assert.match(key?.error ?? "", sentence);
    assert.is(key?.state, "trying");
    assert.ok((key?.nextAt ?? 0) > now && (key?.nextAt ?? 0) <= now + 60, "retried soon");
    assert.is(key?.giveUpAt, now + 600);
    const over = await deliver(id, (order) => order.state === "FAILED", 60);
    assert.ok(over.deliveries.every(({ state, nextAt }) => state === "given up" && nextAt === null));
    assert.is(terminal.keys.get(id), undefined, "another's terminal got nothing");
    assert.not.ok(terminal.orders.list().includes(id));
  }
  web.close();
});

test("periods are instants: none ends before it starts, orders may overlap, and leap days and time zones name the instants that they are", async () => {
  const now = world.clock.now();
  const refused = async (changes: Changes, sentence: RegExp): Promise<void> => {
    await place(changes).then(
      () => assert.unreachable("the period was taken"),
      (error: unknown) => assert.match((error as Error).message, sentence),
    );
  };
  await refused({ periodStart: now + 100, periodEnd: now + 50 }, /not after its start/);
  await refused({ periodStart: now + 100, periodEnd: now + 100 }, /not after its start/);
  await refused({ periodStart: now - 100, periodEnd: now - 50, contentAt: now - 100, keyAt: now - 100 }, /ended at/);
  await refused({ keyAt: now + 86_400 }, /after the period's end/);
  const first = await place({ periodStart: now + 10, periodEnd: now + 1000 });
  const second = await place({ periodStart: now + 500, periodEnd: now + 2000 });
  assert.is.not(first.id, second.id);
  for (const { id } of [first, second]) await deliver(id, delivered);
  assert.equal([terminal.keys.get(first.id), terminal.keys.get(second.id)], [1, 1]);
  assert.is(instant("--from", "2028-02-29T00:30:00+01:00"), Date.UTC(2028, 1, 28, 23, 30) / 1000);
  assert.is(instant("--from", "2028-03-01T00:00:00Z") - instant("--from", "2028-02-28T00:00:00Z"), 2 * 86_400);
  assert.is(
    instant("--from", "2028-10-29T02:30:00+02:00") + 3600,
    instant("--from", "2028-10-29T02:30:00+01:00"),
    "the hour that comes twice",
  );
  for (const bad of ["2027-02-29T00:00:00Z", "2028-02-30T00:00:00Z", "2028-02-29T00:00:00", "tomorrow"])
    assert.throws(() => instant("--from", bad), /--from takes a time with its offset/);
});

test("a cancelled order delivers nothing more", async () => {
  const { id } = await place({ contentAt: world.clock.now() + 100, keyAt: world.clock.now() + 100 });
  await customer.call(cancelOrder, { params: { orderId: id }, body: {} });
  world.clock.advance(200);
  await world.center.deliver();
  assert.is((await show(id)).state, "CANCELLED");
  assert.is(terminal.keys.get(id), undefined);
});

test.run();
