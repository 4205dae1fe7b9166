/** Expired, premature, foreign, altered and misplaced certificates, at each place where one comes in or counts: refused, and nothing written. */
import { join } from "node:path";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import { addLicenseServer, getRegistration } from "../../src/center/api/household-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import { introduce, prepareLoan } from "../../src/center/api/rental-routes.js";
import { CenterClient } from "../../src/center/client.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_CLIENT, ROLE_KIOSK, ROLE_LICENSE_SERVER, ROLE_READER } from "../../src/core/protocol/constants.js";
import { KioskDirectory, askPeers, servePeers } from "../../src/kiosk/peers.js";
import { suite } from "../suite.js";
import { chainOf, deviceId, kioskSeed, type ChainOptions } from "./support/keys.js";
import { rent } from "./support/steps.js";
import { addCartridge, addContent, addCustomer, addKiosk, addOffer, addOperator, kioskClient, startWorld } from "./support/world.js";

const test = suite("certificates");
const world = await startWorld();
test.after(() => world.end());
const operator = await addOperator(world, "school");
const contentId = await addContent(world, "a tune");
await addOffer(world, operator.id, contentId);
let numbers = 0;
const fresh = (name: string): string => `${name} ${String(++numbers)}`;

const refusal = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing was refused",
    (error: unknown) => {
      if (error instanceof ProblemError) return error.problem;
      throw error;
    },
  );

const tables = ["kiosks", "devices", "license_servers", "clients", "loans", "audit", "idempotency"];
const rows = async (): Promise<number> => {
  const counts = tables.map((table) => `(select count(*) from ${table})`).join(" + ");
  return Number((await sql.raw<{ n: number }>(`select (${counts})::bigint as n`).execute(world.center.db)).rows[0].n);
};

/** Where a chain comes in: what is enrolled there, with which key, and how. */
interface Place {
  name: string;
  role: number;
  signing: boolean;
  /** Roles that do not belong there; with a device's any that devices have does. */
  others: number[];
  send: (name: string, chain: string) => Promise<unknown>;
}
const kiosk = (name: string, chain: string, more: { deviceChain?: string; generation?: number } = {}): Promise<unknown> =>
  world.staff.call(admin.enrollKiosk, { body: { operatorId: operator.id, name, chain, ...more } });
const places: Place[] = [
  { name: "a kiosk's signing key", role: ROLE_KIOSK, signing: true, others: [ROLE_READER, ROLE_CARD, ROLE_LICENSE_SERVER], send: kiosk },
  {
    name: "a kiosk's key agreement",
    role: ROLE_KIOSK,
    signing: false,
    others: [ROLE_READER, ROLE_CARD],
    send: (name, deviceChain) => kiosk(name, chainOf(name, ROLE_KIOSK, true), { deviceChain, generation: 1 }),
  },
  ...[ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER, ROLE_CLIENT].map((role) => ({
    name: `a device of role ${String(role)}`,
    role,
    signing: false,
    others: [],
    send: (_name: string, chain: string) => world.staff.call(admin.enrollDevice, { body: { chain, generation: 1 } }),
  })),
  {
    name: "a license server",
    role: ROLE_LICENSE_SERVER,
    signing: true,
    others: [ROLE_KIOSK, ROLE_READER],
    send: (name, chain) => world.staff.call(addLicenseServer, { body: { name, chain, address: "http://127.0.0.1:9" } }),
  },
];

test("a chain that is expired, premature, foreign, altered, of another role or for another kind of key comes in nowhere", async () => {
  const now = world.clock.time;
  const wrong: ChainOptions[] = [{ notAfter: now - 1 }, { notBefore: now + 1 }, { foreign: true }, { issuerNotAfter: now - 1 }];
  for (const { name: place, role, signing, others, send } of places) {
    const before = await rows();
    const name = fresh(place);
    const chains = wrong.map((options) => chainOf(name, role, signing, options));
    for (const other of others) chains.push(chainOf(name, other, signing));
    if (role === ROLE_KIOSK || role === ROLE_LICENSE_SERVER) chains.push(chainOf(name, role, !signing));
    const good = chainOf(name, role, signing);
    // The subject, the key, the signature; then the same of the issuer.
    for (const at of [10, 70, 140, 266, 330, 400]) chains.push(good.slice(0, at) + (good[at] === "0" ? "1" : "0") + good.slice(at + 1));
    for (const [index, chain] of chains.entries())
      assert.is(await refusal(send(name, chain)), "certificate-refused", `${place}: chain ${String(index)}`);
    for (const chain of [good.slice(2), `${good}00`, "", good.toUpperCase()])
      assert.is(await refusal(send(name, chain)), "malformed-request", `${place}: ${String(chain.length)} digits`);
    assert.is(await rows(), before, place);
    await send(name, good);
  }
});

test("the key agreement of another kiosk does not come with a kiosk's signing key", async () => {
  const [one, two] = [fresh("kiosk"), fresh("kiosk")];
  const foreign = { deviceChain: chainOf(two, ROLE_KIOSK, false), generation: 1 };
  assert.is(await refusal(kiosk(one, chainOf(one, ROLE_KIOSK, true), foreign)), "certificate-refused");
});

test("a kiosk's request counts until its certificate ends or is revoked, and again once it is renewed", async () => {
  const name = fresh("kiosk");
  await kiosk(name, chainOf(name, ROLE_KIOSK, true, { notAfter: world.clock.time + 100 }));
  const client = kioskClient(world.center.url, name, world.clock.now);
  world.clock.advance(100);
  await client.call(admin.listKiosks, {});
  world.clock.advance(1);
  assert.is(await refusal(client.call(admin.listKiosks, {})), "certificate-refused");
  await kiosk(name, chainOf(name, ROLE_KIOSK, true, { serial: 2 }));
  await client.call(admin.listKiosks, {});
  await world.staff.call(admin.revokeKiosk, { params: { kioskId: deviceId(name) }, body: {} });
  assert.is(await refusal(client.call(admin.listKiosks, {})), "certificate-refused");
  assert.is(await refusal(kiosk(name, chainOf(name, ROLE_KIOSK, true, { serial: 3 }))), "already-exists");
});

test("a license server's request counts until its certificate ends, and again once it is renewed", async () => {
  const name = fresh("server");
  const enroll = (options: ChainOptions): Promise<unknown> =>
    world.staff.call(addLicenseServer, {
      body: { name, chain: chainOf(name, ROLE_LICENSE_SERVER, true, options), address: "http://127.0.0.1:9" },
    });
  await enroll({ notAfter: world.clock.time + 100 });
  const credential = { serverId: deviceId(name), seed: kioskSeed(name) };
  const client = new CenterClient({ url: world.center.url, credential, now: world.clock.now, attempts: 1 });
  const ask = (): Promise<string> => refusal(client.call(getRegistration, { params: { clientId: "0".repeat(16) } }));
  world.clock.advance(100);
  assert.is(await ask(), "client-not-registered");
  world.clock.advance(1);
  assert.is(await ask(), "certificate-refused");
  await enroll({ serial: 2 });
  assert.is(await ask(), "client-not-registered");
});

test("a card, cartridge or reader whose certificate has ended is in no new contract and no introduction; what it proves of an old loan counts", async () => {
  const late = { notAfter: world.clock.time + 100 };
  const enroll = (name: string, role: number, customerId?: string): Promise<unknown> =>
    world.staff.call(admin.enrollDevice, {
      body: { chain: chainOf(name, role, false, late), generation: 1, ...(customerId && { customerId }) },
    });
  const { card, id: customerId } = await addCustomer(world, "ada");
  const cartridge = await addCartridge(world, "durable");
  await enroll("late cartridge", ROLE_CARTRIDGE);
  await enroll("late card", ROLE_CARD, customerId);
  await enroll("late reader", ROLE_READER);
  await kiosk("school kiosk", chainOf("school kiosk", ROLE_KIOSK, true), {
    deviceChain: chainOf("school kiosk", ROLE_KIOSK, false),
    generation: 1,
  });
  await rent(operator.kiosk, cartridge, contentId, card);
  world.clock.advance(101);
  const before = await rows();
  const readerCertificate = chainOf("late reader", ROLE_READER, false, late).slice(0, 256);
  for (const body of [
    { cartridgeId: deviceId("late cartridge"), cardId: card.id, contentId },
    { cartridgeId: cartridge.id, cardId: deviceId("late card"), contentId },
    { cartridgeId: cartridge.id, cardId: card.id, contentId, readerCertificate },
  ])
    assert.is(await refusal(operator.kiosk.call(prepareLoan, { body })), "certificate-refused", Object.values(body).join());
  for (const name of ["late cartridge", "late card"])
    assert.is(
      await refusal(operator.kiosk.call(introduce, { body: { firstId: operator.kioskId, secondId: deviceId(name) } })),
      "certificate-refused",
      name,
    );
  assert.is(await rows(), before);
});

test("[C9] a kiosk tells another of its loans until that one's certificate ends or is revoked", async () => {
  const folder = join(world.folder, "peers");
  const directory = new KioskDirectory(folder, operator.kiosk);
  const record = { id: "ab".repeat(16) } as never;
  const { server, url } = await servePeers({ directory, records: { get: () => record }, now: world.clock.now }, 0);
  await addKiosk(world, operator.id, "school kiosk", url);
  await kiosk("late kiosk", chainOf("late kiosk", ROLE_KIOSK, true, { notAfter: world.clock.time + 100 }));
  await kiosk("stolen kiosk", chainOf("stolen kiosk", ROLE_KIOSK, true));
  await directory.refresh();
  const ask = (name: string): Promise<unknown> =>
    askPeers(
      { directory, kioskId: deviceId(name), seed: kioskSeed(name), now: world.clock.now },
      { loanId: "ab".repeat(16), kioskId: operator.kioskId },
    );
  assert.equal([await ask("late kiosk"), await ask("stolen kiosk"), await ask("stranger")], [record, record, null]);
  world.clock.advance(101);
  await world.staff.call(admin.revokeKiosk, { params: { kioskId: deviceId("stolen kiosk") }, body: {} });
  await directory.refresh();
  assert.equal([await ask("late kiosk"), await ask("stolen kiosk")], [null, null]);
  server.close();
});

test.run();
