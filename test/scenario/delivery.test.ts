/** Orders delivered over the network: center, store, client's board, its terminal, the customer's terminal and the advert server, each a process of its own. */
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { eraseCustomer, orderReport, orderSums } from "../../src/center/api/advert-routes.js";
import { ClientAuthority } from "../../src/center/keys/client-authority.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { ClientDevice } from "../../src/host/client-device.js";
import { openTcp } from "../../src/host/tcp.js";
import { Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";
import { Service, until, type Part } from "./support/service.js";

const test = suite("delivery");
const service = new Service();
test.after(() => service.end());

const LOCAL = ["--allow-local", "127.0.0.1"];
const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");
const plain = Uint8Array.from({ length: 30_000 }, (_, index) => (index * 37 + (index >> 8)) & 255);
const identity = join(service.folder, "customer.json");
const storeData = join(service.folder, "store");

let store: Part;
let board: Part;
let terminal: Part;
let item = "";
let terminalId = "";
let address = "";
let advertServer = "";

/** The advert server of this test is on this machine; the center permits that to this client. */
async function allowLocalAdverts(host: string): Promise<void> {
  const port = await openTcp(host);
  const transport = new Transport(port);
  await transport.reset();
  const reference = { role: ROLE_CLIENT, id: Buffer.from(terminalId, "hex"), generation: 1 };
  const registration = new ClientAuthority(service.keys.keys).register(reference, { serial: 1, localAdverts: true });
  await new ClientDevice(transport).register(registration);
  await port.close();
}

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof place === "object" && place !== null ? String(place.port) : "";
}

async function place(...words: string[]): Promise<string> {
  const to = ["--item", item, "--terminal", terminalId, "--address", address];
  const said = await service.run("order", "place", "--identity", identity, "--center", service.url, ...to, ...words);
  return /Ordered: ([0-9a-f]{32})/.exec(said)?.[1] ?? "";
}

const show = (order: string): Promise<string> => service.run("order", "show", order, "--identity", identity, "--center", service.url);

test.before(async () => {
  await service.center("0", ...LOCAL);
  await service.run("operator", "library", ...service.flags);
  const adverts = service.start("adverts", "adverts", "run", "--data", join(service.folder, "adverts"), "--port", "0");
  advertServer = (await adverts.says(/listens at (http:\S+)\.$/))[1];
  item = (await service.produce("tune", plain, "library")).id;
  const picture = join(service.folder, "advert.gif");
  writeFileSync(picture, PIXEL);
  const area = `0,0,255,255=${advertServer}/a/library`;
  await service.run("adverts", "add", picture, "--operator", "library", "--area", area, ...service.flags);
  const port = await freePort();
  await service.run("store", "new", "--data", storeData, "--address", `http://127.0.0.1:${port}`, ...service.flags);
  await service.run("store", "add", join(service.folder, "tune"), "--data", storeData, "--item", item);
  await service.run("store", "advert", picture, "--data", storeData, "--item", item, "--area", `0,0,9,9=${advertServer}/a/producer`);
  store = service.start("store", "store", "run", "--data", storeData, "--port", port, ...LOCAL);
  await store.says(/listens at/);
  const client = await service.board("client", "client");
  board = client;
  terminalId = await service.enroll(client, ROLE_CLIENT);
  await allowLocalAdverts(client.addresses.host);
  const at = ["--device", client.addresses.host, "--center", service.url, "--port", "0"];
  terminal = service.start("terminal", "client", "--data", join(service.folder, "terminal"), ...at);
  address = (await terminal.says(/takes deliveries at (http:\S+)\.$/))[1];
  await service.run("order", "new", "--identity", identity, "--customer", "Anna", ...service.flags);
});

test("[B1] [B2] [B3] [B4] [B5] [B8] [A5] an order is delivered in parts at the times ordered, plays within its period alone, and its advert is clicked", async () => {
  const order = await place("--from", "in 25s", "--until", "in 90s", "--key-at", "in 8s", "--region", "coast");
  await terminal.says(/The content of order [0-9a-f]{32} has come/);
  assert.match(await show(order), /key {6}(waiting|delivered)/);
  await until(async () => /OPEN|DELIVERED/.test(await show(order)) && /key {6}delivered/.test(await show(order)), "the key");
  assert.match(await show(order), /advert {3}delivered/);
  // One from the order server, one attached by the store.
  terminal.tell("orders");
  await terminal.says(new RegExp(`^${order}  content here, key delivered, 2 adverts$`));
  terminal.tell(`play ${order}`);
  assert.match((await terminal.says(/^(Not played|Played).*$/))[0], /too early/);
  await new Promise((resolve) => setTimeout(resolve, 25_000));
  terminal.tell(`play ${order}`);
  await new Promise((resolve) => setTimeout(resolve, 2000));
  board.tell("press");
  assert.match((await terminal.says(/^(Not played|Played).*$/))[0], /Played 30000 bytes to the end/);
  await until(() => service.played("client").length > 0, "what was played");
  assert.equal(service.played("client").at(-1), plain);
  await until(async () => /"count":1/.test(await (await fetch(`${advertServer}/clicks`)).text()), "the click");
  assert.not.match(await (await fetch(`${advertServer}/clicks`)).text(), /[0-9a-f]{32}/);
  await terminal.says(new RegExp(`Order ${order} is over`));
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
  assert.match(csv, /"Anna","tune","application\/octet-stream","up to a day","library","coast"/);
  await service.staff.call(eraseCustomer, { params: { customerId: line.customerId ?? "" }, body: {} });
  assert.not.match(await service.run("order", "report", "--csv", ...service.flags), /Anna/);
  assert.equal(await service.staff.call(orderSums, { query: { by: "region" } }), [{ value: "coast", orders: 1, customers: 0 }]);
});

test.run();
