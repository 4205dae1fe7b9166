/** Where center, store and boards may be led: never into the local network, whatever a name resolves to and whoever redirects, unless the allow-list says so. */
import { randomBytes } from "node:crypto";
import type { LookupAddress } from "node:dns";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as assert from "uvu/assert";
import { createAdvert } from "../../src/center/api/advert-routes.js";
import { createStore, type OrderBody } from "../../src/center/api/order-routes.js";
import { Outgoing } from "../../src/host/outgoing.js";
import { reach } from "../../sim/network.js";
import { suite } from "../suite.js";
import { Deliveries } from "./support/deliveries.js";

const test = suite("delivery addresses");

/** What each name resolves to here. */
const names: Record<string, LookupAddress[]> = {
  "inside.example.com": [{ address: "127.0.0.1", family: 4 }],
  "router.example.com": [{ address: "192.168.1.1", family: 4 }],
  "inside6.example.com": [{ address: "::1", family: 6 }],
  "mapped.example.com": [{ address: "::ffff:10.0.0.1", family: 6 }],
  "public.example.com": [{ address: "93.184.216.34", family: 4 }],
};
let asked = 0;
const resolve = (name: string): Promise<LookupAddress[]> => {
  asked++;
  return name in names ? Promise.resolve(names[name]) : Promise.reject(Object.assign(new Error("not known"), { code: "ENOTFOUND" }));
};

let requests = 0;
let redirectTo = "";
let server: Server;
let port = 0;
test.before(async () => {
  server = createServer((request, response) => {
    requests++;
    if (request.url === "/away") response.writeHead(302, { location: redirectTo });
    response.end("{}");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  port = (server.address() as AddressInfo).port;
  redirectTo = `http://127.0.0.1:${String(port)}/inside`;
});
test.after(() => {
  server.close();
});

const refusedOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test("a name that resolves into the local network is sent nothing, unless name or network is on the allow-list", async () => {
  const strict = new Outgoing([], resolve);
  requests = 0;
  for (const name of ["inside", "router", "inside6", "mapped"]) {
    const address = `http://${name}.example.com:${String(port)}/`;
    assert.is(strict.refusal(address), null, "its form is that of a public name");
    assert.match((await strict.refusalByName(address)) ?? "", /leads into a local network/);
    assert.match(await refusedOf(strict.send(address, { method: "GET" })), new RegExp(`${name}.example.com leads into a local network`));
  }
  assert.is(await strict.refusalByName("https://public.example.com/a"), null);
  assert.is(await strict.refusalByName("https://unknown.example.com/a"), null, "it may be known later");
  assert.match(await refusedOf(strict.send("http://unknown.example.com/", { method: "GET" })), /the name is not known/);
  assert.is(requests, 0);
  for (const allow of [["inside.example.com"], ["127.0.0.0/8"], ["127.0.0.1"]]) {
    const allowed = new Outgoing(allow, resolve);
    assert.is((await allowed.send(`http://inside.example.com:${String(port)}/`, { method: "GET" })).status, 200, allow[0]);
    assert.match(await refusedOf(allowed.send(`http://router.example.com:${String(port)}/`, { method: "GET" })), /local network/);
    allowed.close();
  }
  assert.is(requests, 3);
  strict.close();
});

test("a name is looked up for each connection alone: one that was public a moment ago is not believed", async () => {
  const outgoing = new Outgoing([], resolve);
  names["turns.example.com"] = names["public.example.com"];
  const address = `http://turns.example.com:${String(port)}/`;
  assert.is(await outgoing.refusalByName(address), null);
  names["turns.example.com"] = names["inside.example.com"];
  asked = requests = 0;
  assert.match(await refusedOf(outgoing.send(address, { method: "GET" })), /leads into a local network/);
  assert.equal([asked, requests], [1, 0]);
  outgoing.close();
});

test("a redirection into the local network is not followed, and the one who gets it is told its status", async () => {
  const outgoing = new Outgoing(["inside.example.com"], resolve);
  requests = 0;
  const address = `http://inside.example.com:${String(port)}/away`;
  assert.is((await outgoing.send(address, { method: "GET" })).status, 302);
  assert.is((await outgoing.send(address, { method: "GET", drop: true })).status, 302);
  assert.is(requests, 2);
  assert.is(await reach(`http://127.0.0.1:${String(port)}/away`), 302);
  assert.is(requests, 3);
  outgoing.close();
});

test("[A5] a board's network opens no advert whose name resolves into the local network; an address that the client was permitted it opens", async () => {
  requests = 0;
  for (const name of ["inside", "router", "inside6"])
    assert.match(await refusedOf(reach(`http://${name}.example.com:${String(port)}/a/x`, resolve)), /leads into a local network/);
  assert.is(requests, 0);
  assert.is(await reach(`http://127.0.0.1:${String(port)}/a/x`, resolve), 200);
  assert.is(requests, 1);
});

test("adverts, stores and terminals whose names resolve into the local network: refused, or told in the order's state, until the allow-list permits them", async () => {
  // The store has no allow-list: what the center may reach, it must not.
  const all = await Deliveries.start(new Uint8Array(randomBytes(1000)), { center: { resolve }, store: { allowLocal: [], resolve } });
  const { staff } = all.world;
  const area = { left: 0, top: 0, right: 9, bottom: 9 };
  const advert = (address: string): Promise<string> =>
    refusedOf(
      staff.call(createAdvert, { params: { operatorId: all.operatorId }, body: { name: "advert", areas: [{ ...area, address }] } }),
    );
  try {
    assert.match(await advert("http://router.example.com/a"), /leads into a local network/);
    for (const bad of ["ftp://example.com/a", "javascript:alert(1)//x", "file:///etc/passwd"])
      assert.match(await advert(bad), /neither http/);
    assert.is(await advert("https://public.example.com/a"), "");
    const { port: terminalPort } = new URL(all.address);
    const named = await staff.call(createStore, { body: { name: "named", address: `http://router.example.com:${String(all.storePort)}` } });
    const errorOf = async (address: string, kind: string, storeId: string): Promise<string> => {
      const { id } = await all.place({ address, storeId });
      const one = (order: OrderBody): OrderBody["deliveries"][number] | undefined =>
        order.deliveries.find((delivery) => delivery.kind === kind);
      const order = await all.until(id, (now) => one(now)?.error != null || one(now)?.state === "delivered", 2);
      return one(order)?.error ?? "";
    };
    assert.match(
      await errorOf(`http://router.example.com:${terminalPort}`, "key", all.storeId),
      /router.example.com leads into a local network/,
    );
    assert.match(await errorOf(all.address, "content", named.id), /router.example.com leads into a local network/);
    assert.match(await errorOf(all.address, "content", all.storeId), /leads into a local network/, "the store's own list counts");
    assert.is(all.terminal.orders.list().filter((id) => all.terminal.orders.whole(id)).length, 0);
    assert.is(await errorOf(`http://inside.example.com:${terminalPort}`, "key", all.storeId), "", "127.0.0.1 is on the center's list");
  } finally {
    await all.end();
  }
});

test.run();
