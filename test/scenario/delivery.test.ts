/** Orders delivered over the network: center, store, client's board, its terminal, the customer's terminal and the advert server, each a process of its own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { eraseCustomer, orderReport, orderSums } from "../../src/center/api/advert-routes.js";
import { openDatabase } from "../../src/center/db/database.js";
import { createDeviceAuthority } from "../../src/center/device-authority.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { unhex } from "../../src/host/party.js";
import { suite } from "../suite.js";
import { PIXEL, addAdvert, addCustomer, addStore, freePort } from "./support/delivery.js";
import { contentsOf, secretsOf } from "./support/service-secrets.js";
import { Service, until, type Part } from "./support/service.js";

const test = suite("delivery");
const service = new Service();
test.after(() => service.end());

const LOCAL = ["--allow-local", "127.0.0.1"];
const plain = Uint8Array.from({ length: 8000 }, (_, index) => (index * 37 + (index >> 8)) & 255);
const identity = join(service.folder, "customer.json");
const storeData = join(service.folder, "store");
const file = join(service.folder, "tune");

let center: Part;
let board: Part;
let terminal: Part;
let item = "";
let terminalId = "";
let address = "";
let advertServer = "";

async function place(...words: string[]): Promise<string> {
  const to = ["--item", item, "--terminal", terminalId, "--address", address];
  const said = await service.run("order", "place", "--identity", identity, "--center", service.url, ...to, ...words);
  return /Ordered: ([0-9a-f]{32})/.exec(said)?.[1] ?? "";
}

const show = (order: string): Promise<string> => service.run("order", "show", order, "--identity", identity, "--center", service.url);

test.before(async () => {
  writeFileSync(file, plain);
  const adverts = service.start("adverts", "adverts", "run", "--data", join(service.folder, "adverts"), "--port", "0");
  const [client, port, started] = await Promise.all([service.board("client", "client"), freePort(), service.center("0", ...LOCAL)]);
  center = started;
  advertServer = (await adverts.says(/listens at (http:\S+)\.$/))[1];
  const { staff } = service;
  const operator = await service.operator("library");
  item = (await service.lend("tune", plain, operator)).id;
  const area = { left: 0, top: 0, right: 255, bottom: 255 };
  await addAdvert(staff, operator, PIXEL, "image/gif", [{ ...area, address: `${advertServer}/a/library` }]);
  const contents = await addStore(staff, storeData, `http://127.0.0.1:${port}`, item, file);
  contents.attach(item, PIXEL, "image/gif", [{ ...area, address: `${advertServer}/a/producer` }]);
  const store = service.start("store", "store", "run", "--data", storeData, "--port", port, ...LOCAL);
  board = client;
  terminalId = await service.enroll(client, ROLE_CLIENT);
  await addCustomer(service, "Anna", identity);
  // The advert server of this test is on this machine; the center permits that to this client.
  await service.run("adverts", "permit", terminalId, ...service.flags);
  const at = ["--device", client.addresses.host, "--center", service.url, "--port", "0"];
  terminal = service.start("terminal", "client", "--data", join(service.folder, "terminal"), ...at);
  address = (await terminal.says(/takes deliveries at (http:\S+)\.$/))[1];
  await store.says(/listens at/);
});

test("[B1] [B2] [B3] [B4] [B5] [B7] [B8] [A5] an order is delivered in parts at the times ordered, plays within its period alone, and its advert is clicked", async () => {
  const order = await place("--from", "in 30m", "--until", "in 1h", "--key-at", "in 4s", "--region", "coast");
  await terminal.says(/The content of order [0-9a-f]{32} has come/);
  assert.match(await show(order), /key {6}(waiting|delivered)/);
  await terminal.says(new RegExp(`The key of order ${order} has come`));
  terminal.tell(`play ${order}`);
  assert.match((await terminal.says(/^(Not played|Played).*$/))[0], /too early/);
  await until(async () => /key {6}delivered/.test(await show(order)), "the key");
  assert.match(await show(order), /advert {3}delivered/);
  // One from the order server, one attached by the store.
  terminal.tell("orders");
  await terminal.says(new RegExp(`^${order}  content here, key delivered, 2 adverts$`));
  board.tell("pass 31m");
  await board.says(/have passed/);
  terminal.tell(`play ${order}`);
  await terminal.says(/Playing/);
  board.tell("press");
  assert.match((await terminal.says(/^(Not played|Played).*$/))[0], /Played 8000 bytes to the end/);
  await until(() => service.played("client").length > 0, "what was played");
  assert.equal(service.played("client").at(-1), plain);
  await until(async () => /"count":1/.test(await (await fetch(`${advertServer}/clicks`)).text()), "the click");
  assert.not.match(await (await fetch(`${advertServer}/clicks`)).text(), /[0-9a-f]{32}/);
  board.tell("pass 30m");
  await terminal.says(new RegExp(`Order ${order} is over, its key destroyed`));
  terminal.tell(`play ${order}`);
  assert.match((await terminal.says(/^(Not played|Played).*$/))[0], /Not played/);
  assert.match(await show(order), /ENDED/);
});

test("[B6] who ordered what is classified, reported as a table and as CSV, and a person is erased while the sums stay", async () => {
  const [line] = await service.staff.call(orderReport, { query: {} });
  assert.is(line.customer, "Anna");
  assert.is(line.title, "tune");
  assert.is(line.region, "coast");
  const csv = await service.run("order", "report", "--csv", ...service.flags);
  assert.match(csv, /"Anna","tune","audio\/pcm","up to a day","library","coast"/);
  assert.match(await service.run("order", "report", ...service.flags), /│ +'?Anna'? +│ +'?tune'? +│/);
  await service.staff.call(eraseCustomer, { params: { customerId: line.customerId ?? "" }, body: {} });
  const csvAfter = await (await service.staff.bytes("/v1/reports/orders/csv")).text();
  assert.not.match(csvAfter, /Anna/);
  assert.not.match(csvAfter, new RegExp(line.customerId ?? ""));
  assert.equal(await service.staff.call(orderSums, { query: { by: "region" } }), [{ value: "coast", orders: 1, customers: 0 }]);
});

test("no secret is in what center, store, terminal, advert server, board and commands have printed and logged, nor in the terminal's folder", async () => {
  const secrets = secretsOf(service, [[ROLE_CLIENT, terminalId]]);
  const authority = createDeviceAuthority(service.keys.keys, service.keys.acceptedRoots);
  const [, order] = /Order ([0-9a-f]{32}) is over/.exec(service.transcript) ?? [];
  secrets.add("period key", authority.periodKey(unhex(order)));
  await center.kill();
  const db = await openDatabase(join(service.folder, "center", "database"));
  for (const { content_id, version, title_key } of await db.selectFrom("content_versions").selectAll().execute())
    secrets.add("title key", authority.openTitleKey(unhex(content_id), version, unhex(title_key)));
  await db.destroy();
  assert.ok(secrets.kinds.includes("title key") && secrets.kinds.length >= 12, secrets.kinds.join(", "));
  assert.equal(secrets.in(service.transcript), []);
  assert.equal(secrets.in(contentsOf(join(service.folder, "terminal"))), []);
  assert.equal(secrets.in(contentsOf(join(service.folder, "adverts"))), []);
});

test.run();
