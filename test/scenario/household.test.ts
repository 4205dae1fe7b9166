/** A household's own clients: center, two license servers and two clients are processes of their own; terminals are commands that carry what they cannot read. */
import { createHmac, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createCustomer } from "../../src/center/api/admin-routes.js";
import * as api from "../../src/center/api/household-routes.js";
import { registerTerminal } from "../../src/center/api/order-routes.js";
import { publicEd25519 } from "../../src/center/api/signature.js";
import { CenterClient } from "../../src/center/client.js";
import { MESSAGE_MOVE_REQUEST } from "../../src/core/protocol/client.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { prove } from "../../src/core/protocol/loan.js";
import { HouseholdProblem, LicenseServerClient } from "../../src/host/household.js";
import { ParcelCartridge } from "../../src/host/parcel.js";
import type { DeviceError } from "../../src/host/session.js";
import { openTcp } from "../../src/host/tcp.js";
import { Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";
import { addOperator, enrollBoard } from "./support/delivery.js";
import { ReadersService, carried, hex, refusedBy, unhex, type LicenseServer, type Reader } from "./support/readers.js";
import { contentsOf, secretsOf } from "./support/service-secrets.js";
import { until, type Board } from "./support/service.js";

const test = suite("household");
const service = new ReadersService();
test.after(() => service.end());

async function onCartridge<T>(board: Board, run: (carrier: ParcelCartridge) => Promise<T>): Promise<T> {
  const transport = new Transport(await openTcp(board.addresses.home));
  try {
    await transport.reset();
    return await run(new ParcelCartridge(transport));
  } finally {
    await transport.close();
  }
}

const terminal = ({ board, folder }: Reader): string[] => ["--client", board.addresses.host, "--data", folder];
const household = (reader: Reader, ...words: string[]): Promise<string> =>
  service.run("household", ...words, ...terminal(reader), "--server", reader.server.url);

async function deviceRefuses(work: Promise<unknown>, what: string, reason?: number): Promise<void> {
  await work.then(
    () => assert.unreachable(what),
    (error: unknown) => {
      const { status, data } = error as DeviceError;
      assert.is(status, 0x6a80, what);
      if (reason !== undefined) assert.is(data[0], reason, what);
    },
  );
}

const [, ...boards] = await Promise.all([
  service.center(),
  ...["kitchen", "study", "foreign"].map((name) => service.board("client", name)),
  service.board("cartridge", "cartridge"),
]);
let cartridge = boards[3];
const operatorId = await addOperator(service.staff, "publisher");
const tune = await service.title("tune", operatorId);
const song = await service.title("song", operatorId);
const customer = (await service.staff.call(createCustomer, { body: { name: "Ada" } })).id;
const stranger = (await service.staff.call(createCustomer, { body: { name: "Bob" } })).id;
const [one, two] = await Promise.all(["server one", "server two"].map((name) => service.licenseServer(name)));
const kitchen = await service.reader("kitchen", boards[0], customer, one);
const study = await service.reader("study", boards[1], customer, two);
const foreign = await service.reader("foreign", boards[2], stranger, two);
await enrollBoard(service, cartridge);

const state = (): ReturnType<typeof service.staff.call<typeof api.listHousehold>> =>
  service.staff.call(api.listHousehold, { params: { customerId: customer } });

test("[E1][E2][E3] clients are registered, and get contents and licenses only as registered clients that got the content", async () => {
  assert.match(await household(kitchen, "register"), /is registered/);
  for (const other of [study, foreign]) await service.at(other, (home) => home.register());
  const clients = await service.staff.call(api.listClients, { params: { customerId: customer } });
  assert.equal(
    clients.map(({ id, leaf, licenseServerId, name }) => [id, leaf, licenseServerId, name]),
    [
      [kitchen.id, 0, one.id, "kitchen"],
      [study.id, 1, two.id, "study"],
    ],
  );
  await service.at(kitchen, async (home) => {
    assert.is(Buffer.from((await home.client.registration())?.server ?? []).toString("hex"), one.id);
    await refusedBy(home.license(tune.id), "content-not-supplied");
  });
  assert.equal((await state()).licenses, [], "a refusal writes nothing");
  await service.at({ ...kitchen, server: two }, (home) => refusedBy(home.fetch(tune.id), "other-license-server"));
  assert.match(await household(kitchen, "get", tune.id), /License [0-9a-f]{32} of content/);
  const { contents, licenses } = await state();
  assert.equal([contents.map(({ clientId, contentId }) => [clientId, contentId])], [[[kitchen.id, tune.id]]]);
  assert.equal(
    licenses.map(({ contentId, clientId }) => [contentId, clientId]),
    [[tune.id, kitchen.id]],
  );
  await household(kitchen, "play", tune.id);
  await until(() => service.played("kitchen").length > 0, "playing");
  assert.equal(service.played("kitchen")[0], tune.plain);
});

test("[E4][E5][E6][E8] a license moves on a cartridge, and the destination takes content and license in without any network", async () => {
  const to = ["--to", study.id, "--to-server", two.url, "--cartridge", cartridge.addresses.home];
  await service.run("move", tune.id, ...terminal(kitchen), ...to);
  assert.not.ok(await service.plays(kitchen, tune), "the first can no longer play");
  // No network at the destination: both license servers are gone. The cartridge had no power on the way: all that lived in its memory is gone too.
  await Promise.all([one, two].map(({ part }) => part.kill()));
  await cartridge.kill();
  cartridge = await service.board("cartridge", "cartridge");
  const slot = cartridge.addresses.home;
  const { parcel } = await onCartridge(cartridge, (carrier) => carrier.read());
  assert.is(parcel.content.contentId, tune.id);
  for (const [at8, what] of [
    [4 * 8, "server"],
    [100 * 8 + 3, "sealed license"],
    [300 * 8 + 1, "signature"],
  ] as const) {
    const certificate = unhex(parcel.certificate);
    certificate[at8 >> 3] ^= 1 << (at8 & 7);
    const altered = { ...parcel, certificate: Buffer.from(certificate).toString("hex") };
    await service.at(study, (home) => deviceRefuses(home.takeIn(carried(altered, kitchen)), `a bit of the ${what} was flipped`));
  }
  await service.run("take", "--cartridge", slot, ...terminal(study));
  assert.ok(await service.plays(study, tune));
  const held = await service.at(study, async (home) => {
    await home.client.takeCopy(unhex(parcel.certificate));
    return home.client.licenses();
  });
  assert.is(held.length, 1, "the same certificate again is the same license");
  await service.at(foreign, (home) => deviceRefuses(home.client.takeCopy(unhex(parcel.certificate)), "taken by another", 2));
  await Promise.all([one, two].map((server) => service.restart(server)));
});

test("[E5] a copy certificate signed by the source's server is refused", async () => {
  // The license goes back, and the wrong server is asked for it.
  await service.at(study, (home) => refusedBy(home.give(tune.id, kitchen.id, new LicenseServerClient(two.url)), "other-license-server"));
  const parcel = await service.at(study, (home) => home.give(tune.id, kitchen.id, new LicenseServerClient(one.url)));
  const keys = JSON.parse(readFileSync(two.identity, "utf8")) as { signingSeed: string };
  const { signCopyCertificate } = await import("../../src/center/keys/client-authority.js");
  const forged = signCopyCertificate(
    new Uint8Array(Buffer.from(keys.signingSeed, "hex")),
    new Uint8Array(Buffer.from(parcel.certificate, "hex").subarray(0, 252)),
  );
  await service.at(kitchen, async (home) => {
    await home.client.enable(unhex(parcel.slice));
    await deviceRefuses(home.client.takeCopy(forged), "signed by the source's server", 7);
    await home.client.takeCopy(unhex(parcel.certificate));
  });
  assert.ok(await service.plays(kitchen, tune));
});

/** Asks for a move as this client's firmware would, whatever it holds: with its own proof over license and destination. */
async function asked(licenseId: string, from: Reader, destination: string, server: LicenseServer, spoil = false): Promise<unknown> {
  const nonce = new Uint8Array(randomBytes(16));
  const proof = new Uint8Array(16);
  const deviceKey = service.keys.keys.deviceKey(ROLE_CLIENT, unhex(from.id), 1);
  prove(proof, deviceKey, MESSAGE_MOVE_REQUEST, Buffer.concat([unhex(licenseId), unhex(destination), nonce]));
  if (spoil) proof[0] ^= 1;
  const body = { licenseId, sourceId: from.id, destinationId: destination, nonce: hex(nonce), proof: hex(proof) };
  return new LicenseServerClient(server.url).ask("/v1/moves", body);
}

const lastOutcome = async (): Promise<string | undefined> => (await state()).moves.at(-1)?.outcome;

test("[E6][E7] each refusal of the inquiry is its own, the history keeps them, and license and copy are billed at their prices", async () => {
  const [license] = (await state()).licenses;
  await refusedBy(asked(license.id, kitchen, foreign.id, two), "other-owner");
  const before = await state();
  assert.is(before.moves.at(-1)?.outcome, "other-owner");
  // The kitchen holds it, and not the study.
  await refusedBy(asked(license.id, study, kitchen.id, one), "license-not-held");
  assert.is(await lastOutcome(), "license-not-held");
  await refusedBy(asked(license.id, kitchen, study.id, two, true), "device-refused");
  await refusedBy(asked(license.id, kitchen, study.id, one), "other-license-server");
  assert.is(
    (await state()).moves.length,
    before.moves.length + 1,
    "only what the client asked itself, and its destination's server, is history",
  );
  assert.equal(
    before.owed.map(({ amount }) => amount),
    [300 + 2 * 40],
    "one license, two copies",
  );
  // A license that another client holds: the client is asked over the wire, and the customer information knows better.
  await service.get(study, song);
  const songs = (await state()).licenses.filter(({ contentId }) => contentId === song.id);
  await service.at(study, async (home) => {
    await home.give(song.id, kitchen.id, new LicenseServerClient(one.url));
  });
  assert.is((await state()).licenses.find(({ id }) => id === songs[0].id)?.clientId, kitchen.id);
  const { moves, owed } = await state();
  assert.is(moves.filter(({ outcome }) => outcome === "granted").length, 3);
  assert.is(owed[0].amount, 2 * 300 + 3 * 40);
});

/** The study's license server behind a network that fails at one of its addresses. */
function cutOffAt(path: string): LicenseServerClient {
  const server = new LicenseServerClient(two.url);
  const ask = server.ask.bind(server);
  server.ask = async (asked: string, body?: object) => {
    if (asked.endsWith(path)) throw new HouseholdProblem("not-ready", "cut off");
    return ask(asked, body);
  };
  return server;
}

test("[E4][E8] whatever is cut off in a move, on either side, the license ends at exactly one client", async () => {
  const again = async (who: Reader): Promise<void> => {
    await who.board.kill();
    const back = await service.board("client", who.name);
    who.board = back;
  };
  for (const path of ["/v1/moves", "/removal"]) {
    await service.at(kitchen, (home) => refusedBy(home.give(tune.id, study.id, cutOffAt(path)), "not-ready"));
    const holds = await service.plays(kitchen, tune);
    assert.is(holds, path === "/v1/moves", "before the removal the source still has it, after it nobody");
    await again(kitchen);
  }
  const parcel = await service.at(kitchen, (home) => home.give(tune.id, study.id, new LicenseServerClient(two.url)));
  await again(kitchen);
  assert.not.ok(await service.plays(kitchen, tune));
  await again(study);
  await service.at(study, async (home) => {
    for (let time = 0; time < 2; time++) await home.takeIn(carried(parcel, kitchen));
  });
  await again(study);
  assert.ok(await service.plays(study, tune));
  assert.not.ok(await service.plays(kitchen, tune));
  const back = await service.at(study, (home) => home.give(tune.id, kitchen.id, new LicenseServerClient(one.url)));
  await service.at(kitchen, async (home) => {
    await home.client.enable(unhex(back.slice));
    await home.client.takeCopy(unhex(back.certificate));
  });
  assert.ok(await service.plays(kitchen, tune));
});

test("[E4][E8] until its copy certificate is made, a license that has left goes to another client of the customer's, or back", async () => {
  const before = await state();
  await service.at(kitchen, (home) => refusedBy(home.give(tune.id, study.id, cutOffAt("/removal")), "not-ready"));
  assert.not.ok(await service.plays(kitchen, tune));
  const useId = (await state()).moves.at(-1)?.useId ?? "";
  await service.at(kitchen, (home) => refusedBy(home.give(tune.id, foreign.id, new LicenseServerClient(two.url)), "other-owner"));
  assert.is(await lastOutcome(), "other-owner");
  const redirection = `/v1/moves/${useId}/redirection`;
  const forged = new LicenseServerClient(one.url).ask(redirection, { destinationId: kitchen.id, removed: "00".repeat(28) });
  await refusedBy(forged, "device-refused");
  const back = ["--to", kitchen.id, "--to-server", one.url, "--to-client", kitchen.board.addresses.host, "--to-data", kitchen.folder];
  await service.run("move", tune.id, ...terminal(kitchen), ...back);
  assert.ok(await service.plays(kitchen, tune));
  const after = await state();
  assert.is(after.licenses.find(({ contentId }) => contentId === tune.id)?.clientId, kitchen.id);
  assert.is(after.owed[0].amount, before.owed[0].amount + 40, "one copy certificate, billed once");
  // The first destination gets nothing any more, and what has been certified goes nowhere else.
  const { removed } = JSON.parse(readFileSync(join(kitchen.folder, `${tune.id}.given`), "utf8")) as { removed: string };
  await refusedBy(new LicenseServerClient(two.url).ask(`/v1/moves/${useId}/removal`, { removed }), "conflict");
  await refusedBy(new LicenseServerClient(two.url).ask(redirection, { destinationId: study.id, removed }), "conflict");
});

/** A machine of a customer's, and the file that it is known by. */
async function customerTerminal(customerId: string): Promise<{ client: CenterClient; file: string }> {
  const seed = new Uint8Array(randomBytes(32));
  const body = { name: "customer terminal", publicKey: Buffer.from(publicEd25519(seed)).toString("hex") };
  const { id: terminalId } = await service.staff.call(registerTerminal, { params: { customerId }, body });
  const file = join(service.folder, `${customerId} identity`);
  writeFileSync(file, JSON.stringify({ terminalId, seed: Buffer.from(seed).toString("hex") }));
  return { client: new CenterClient({ url: service.url, credential: { terminalId, seed } }), file };
}

test("[E1][E2][E9] customers see and remove their own clients alone; a removed one opens nothing issued afterwards, and others do", async () => {
  const [ada, bob] = await Promise.all([customer, stranger].map(customerTerminal));
  const own = ["--identity", ada.file, "--center", service.url];
  assert.match(await service.run("household", "list", ...own), new RegExp(`^${study.id}  study, since .*Z$`, "m"));
  for (const route of [api.listClients, api.listHousehold])
    await bob.client.call(route, { params: { customerId: customer } }).then(
      () => assert.unreachable("another customer's household"),
      (error: unknown) => assert.is((error as { problem?: string }).problem, "not-allowed"),
    );
  await bob.client.call(api.removeClient, { params: { clientId: study.id }, body: {} }).then(
    () => assert.unreachable("another customer's client"),
    (error: unknown) => assert.is((error as { problem?: string }).problem, "not-found"),
  );
  const before = await state();
  assert.match(await service.run("household", "remove", study.id, ...own), /opens nothing that is issued from epoch 2 on/);
  assert.is((await ada.client.call(api.removeClient, { params: { clientId: study.id }, body: {} })).epoch, 2, "once");
  const { clients, moves, licenses, contents } = await ada.client.call(api.ownHousehold, {});
  assert.equal(
    clients.map(({ id, removedAt }) => [id, removedAt !== null]),
    [
      [kitchen.id, false],
      [study.id, true],
    ],
  );
  assert.equal([moves, licenses, contents], [before.moves, before.licenses, before.contents], "the history stays");
  const later = await service.title("later", operatorId);
  await service.at(study, (home) => refusedBy(home.fetch(later.id), "client-not-registered"));
  await service.at(kitchen, (home) => refusedBy(home.give(tune.id, study.id, new LicenseServerClient(two.url)), "other-owner"));
  await service.get(kitchen, later);
  assert.ok(await service.plays(kitchen, later));
  await refusedBy(asked(tune.id, study, kitchen.id, one), "source-not-legal");
  assert.is(await lastOutcome(), "source-not-legal");
  // Whoever steals the new content and another client's part of the enabling block brings nothing to the revoked one.
  const slice = await service.at(kitchen, async (home) => {
    const { nonce, proof } = await home.client.requestLicense(new Uint8Array(Buffer.from(later.id, "hex")));
    const answer = await new LicenseServerClient(one.url).ask<{ slice: string }>("/v1/contents", {
      clientId: kitchen.id,
      contentId: later.id,
      nonce: hex(nonce),
      proof: hex(proof),
    });
    return answer.slice;
  });
  await service.at(study, (home) => deviceRefuses(home.client.enable(unhex(slice)), "a revoked client opened the block"));
});

test("no secret is in what center, license servers, boards and commands have printed and logged, nor in a terminal's folder", async () => {
  const secrets = secretsOf(
    service,
    [kitchen, study, foreign].map(({ id }) => [ROLE_CLIENT, id]),
  );
  const { licenses } = await state();
  assert.ok(licenses.length > 0);
  for (const { id } of licenses)
    secrets.add("license key", createHmac("sha256", service.keys.keys.wrappingKey("client license keys")).update(unhex(id)).digest());
  assert.ok(secrets.kinds.length >= 12, secrets.kinds.join(", "));
  const token = readFileSync(service.token, "utf8").trim();
  assert.equal(secrets.in(`Wrong token ${token}.`), ["staff token"], "one that is printed is noticed");
  assert.match(service.transcript, /The center listens at/);
  assert.equal(secrets.in(service.transcript), []);
  for (const { folder } of [kitchen, study]) assert.equal(secrets.in(contentsOf(folder)), []);
});

test.run();
