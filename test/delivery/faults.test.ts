/** What goes wrong between center, store and terminal: cut connections, restarts, addresses that are not what the customer thinks, periods that are none. */
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { pino } from "pino";
import * as assert from "uvu/assert";
import { cancelOrder, centerKey, type OrderRequest } from "../../src/center/api/order-routes.js";
import { instant } from "../../src/cli/order.js";
import { Outgoing } from "../../src/host/outgoing.js";
import { DeliveredOrders } from "../../src/terminal/orders.js";
import { startTerminalServer, type Receiver } from "../../src/terminal/server.js";
import { deviceId } from "../center/support/keys.js";
import { suite } from "../suite.js";
import { Deliveries, freePort } from "./support/deliveries.js";

const test = suite("delivery faults");
const plain = new Uint8Array(randomBytes(3_000_000));
let all: Deliveries;
test.before(async () => {
  all = await Deliveries.start(plain);
});
test.after(() => all.end());

const place = (changes?: Partial<OrderRequest>): ReturnType<Deliveries["place"]> => all.place(changes);

test("cut at random points, a transfer goes on where it was, and what arrives is identical", async () => {
  const target = new URL(all.address);
  const cuts: string[] = [];
  const sockets = new Set<{ destroy(): void }>();
  const between: Server = createServer((socket) => {
    const onward = connect(Number(target.port), target.hostname);
    // The first fourteen connections break: after some bytes each, or when an answer is on its way back.
    const point = cuts.length < 14 ? 1 + Math.floor(Math.random() * 600_000) : Infinity;
    const mute = point < Infinity && Math.random() < 0.3;
    let left = point;
    const cut = (where: string): void => {
      cuts.push(where);
      socket.destroy();
      onward.end();
    };
    for (const end of [socket, onward]) {
      sockets.add(end);
      end.on("error", () => undefined);
    }
    socket.on("data", (bytes) => {
      left -= bytes.length;
      onward.write(bytes.subarray(0, bytes.length + Math.min(0, left)));
      if (left < 0) cut(String(point));
    });
    onward.on("data", (bytes) => {
      if (mute) cut("answer");
      else socket.write(bytes);
    });
    socket.on("close", () => onward.end());
    onward.on("close", () => socket.destroy());
  });
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  const { id } = await place({ address: `http://127.0.0.1:${String((between.address() as AddressInfo).port)}` });
  await all.delivered(id);
  assert.ok(cuts.length >= 5, cuts.join(", "));
  assert.is(Buffer.compare(all.received(id), all.sealed()), 0, `cut at ${cuts.join(", ")}`);
  assert.is(all.terminal.keys.get(id), 1, `the key came once, cut at ${cuts.join(", ")}`);
  for (const socket of sockets) socket.destroy();
  between.close();
});

test("a content that was whole but not checked when its terminal was killed is taken when it is right, and comes anew when it is not", async () => {
  const wrong = all.sealed();
  wrong[wrong.length - 1] ^= 1;
  for (const bytes of [all.sealed(), wrong, all.sealed().subarray(0, 1_234_567)]) {
    const { id } = await place();
    const folder = join(all.folder, "terminal", "orders", id);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "content.part"), bytes);
    await all.delivered(id);
    assert.is(Buffer.compare(all.received(id), all.sealed()), 0);
  }
});

test("center and store started anew at any moment lose nothing and deliver nothing twice", async () => {
  const orders: string[] = [];
  for (let n = 0; n < 3; n++) orders.push((await place({ keyAt: all.world.clock.now() + 10 * n })).id);
  for (let n = 0; n < 3; n++) {
    const under = all.world.center.deliver();
    if (n % 2 === 0) {
      await all.store.stop();
      await all.runStore();
    }
    await under;
    await all.world.restart();
    all.connect();
    all.world.clock.advance(40);
  }
  for (const id of orders) {
    await all.delivered(id);
    assert.is(all.terminal.keys.get(id), 1, "its key came once");
    assert.equal(Buffer.compare(all.received(id), all.sealed()), 0);
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

test("an order says why it is not delivered, when the next try is and when it is given up: nobody there, something else there, another's terminal", async () => {
  const web = createHttp((_request, response) => response.end("<h1>Welcome</h1>")).listen(0, "127.0.0.1");
  const dead = await freePort();
  // It calls itself by the other's name, with the only proof that it can make.
  const impostor: Receiver = {
    id: deviceId("study"),
    orders: new DeliveredOrders(join(all.folder, "impostor")),
    identify: async (challenge) => ({ ...(await all.terminal.identify(challenge)), id: deviceId("study") }),
    loadKey: () => Promise.reject(new Error("a key came")),
  };
  const { publicKey } = await all.world.staff.call(centerKey, {});
  const options = { terminal: impostor, centerKey: Buffer.from(publicKey, "hex"), port: 0, logger: pino({ level: "silent" }) as never };
  const foreign = await startTerminalServer(options);
  const cases: [Partial<OrderRequest>, RegExp][] = [
    [{ address: `http://127.0.0.1:${String(dead)}` }, /does not answer: the connection was refused/],
    [{ address: `http://127.0.0.1:${String((web.address() as AddressInfo).port)}` }, /answers with something else than a terminal/],
    [{ terminalId: deviceId("study") }, /is the terminal .*, not .*; nothing was sent/],
    [{ terminalId: deviceId("study"), address: foreign.url }, /says that it is the terminal .* and does not prove it; nothing was sent/],
  ];
  for (const [changes, sentence] of cases) {
    const now = all.world.clock.now();
    const { id } = await place({ ...changes, periodEnd: now + 600 });
    const failed = await all.until(id, (order) => order.deliveries.some(({ error }) => error !== null), 1);
    const key = failed.deliveries.find(({ kind }) => kind === "key");
    assert.match(key?.error ?? "", sentence);
    assert.is(key?.state, "trying");
    assert.ok((key?.nextAt ?? 0) > now && (key?.nextAt ?? 0) <= now + 60, "retried soon");
    assert.is(key?.giveUpAt, now + 600);
    const over = await all.until(id, (order) => order.state === "FAILED", 60);
    assert.ok(over.deliveries.every(({ state, nextAt }) => state === "given up" && nextAt === null));
    assert.is(all.terminal.keys.get(id), undefined, "another's terminal got nothing");
    for (const orders of [all.terminal.orders, impostor.orders]) assert.not.ok(orders.list().includes(id));
  }
  web.close();
  await foreign.stop();
});

test("periods are instants: none ends before it starts, orders may overlap, and leap days and time zones name the instants that they are", async () => {
  const now = all.world.clock.now();
  const refused = async (changes: Partial<OrderRequest>, sentence: RegExp): Promise<void> => {
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
  for (const { id } of [first, second]) await all.delivered(id);
  assert.equal([all.terminal.keys.get(first.id), all.terminal.keys.get(second.id)], [1, 1]);
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
  const { id } = await place({ contentAt: all.world.clock.now() + 100, keyAt: all.world.clock.now() + 100 });
  await all.customer.call(cancelOrder, { params: { orderId: id }, body: {} });
  all.world.clock.advance(200);
  await all.world.center.deliver();
  assert.is((await all.show(id)).state, "CANCELLED");
  assert.is(all.terminal.keys.get(id), undefined);
});

test.run();
