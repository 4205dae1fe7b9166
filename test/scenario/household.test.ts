/** A household's own clients: center, two license servers and two clients are processes of their own; terminals are commands that carry what they cannot read. */
import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createCustomer, listOperators } from "../../src/center/api/admin-routes.js";
import * as api from "../../src/center/api/household-routes.js";
import { writeIdentity } from "../../src/center/keys/identity.js";
import { ROLE_CLIENT, ROLE_LICENSE_SERVER } from "../../src/core/protocol/constants.js";
import { ClientDevice } from "../../src/host/client-device.js";
import { DeviceError } from "../../src/host/session.js";
import { ContentFolder, HouseholdProblem, HouseholdTerminal, LicenseServerClient, type Parcel } from "../../src/host/household.js";
import { openTcp } from "../../src/host/tcp.js";
import { Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";
import { Service, until, type Board, type Part } from "./support/service.js";

const test = suite("household");
const service = new Service();
test.after(() => service.end());
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Server {
  id: string;
  url: string;
  part: Part;
  identity: string;
}

async function licenseServer(name: string): Promise<Server> {
  const identity = join(service.folder, `${name}.json`);
  const now = Math.floor(Date.now() / 1000);
  const made = service.keys.makeIdentity(ROLE_LICENSE_SERVER, { notBefore: now - 60, notAfter: now + 86_400 });
  writeIdentity(identity, made);
  const chain = Buffer.from(made.signingChain).toString("hex");
  const { id } = await service.staff.call(api.addLicenseServer, { body: { name, chain, address: "http://127.0.0.1:1" } });
  return { id, identity, ...(await startServer(identity)) };
}

async function startServer(identity: string, port = "0"): Promise<{ url: string; part: Part }> {
  const part = service.start("license server", "license-server", "--identity", identity, "--center", service.url, "--port", port);
  const [, url] = await part.says(/listens at (http:\S+)\.$/);
  return { url, part };
}

interface Reader {
  name: string;
  board: Board;
  id: string;
  folder: string;
  server: Server;
}

async function reader(name: string, customerId: string, server: Server): Promise<Reader> {
  const board = await service.board("client", name);
  const id = await service.enroll(board, ROLE_CLIENT, customerId);
  await service.staff.call(api.registerClient, { body: { clientId: id, licenseServerId: server.id, name } });
  return { name, board, id, folder: join(service.folder, `${name} contents`), server };
}

/** A terminal of this test, for what no command does. */
async function at<T>(reader: Reader, run: (home: HouseholdTerminal) => Promise<T>): Promise<T> {
  const transport = new Transport(await openTcp(reader.board.addresses.host));
  try {
    await transport.reset();
    return await run(
      new HouseholdTerminal(new ClientDevice(transport), new LicenseServerClient(reader.server.url), new ContentFolder(reader.folder)),
    );
  } finally {
    await transport.close();
  }
}

const terminal = ({ board, folder }: Reader): string[] => ["--client", board.addresses.host, "--data", folder];
const household = (reader: Reader, ...words: string[]): Promise<string> =>
  service.run("household", ...words, ...terminal(reader), "--server", reader.server.url);

async function plays(reader: Reader, title: { id: string; plain: Uint8Array }): Promise<boolean> {
  const before = service.played(reader.name).length;
  try {
    await household(reader, "play", title.id);
  } catch {
    return false;
  }
  await until(() => service.played(reader.name).length > before, "playing");
  assert.is(sha256(service.played(reader.name).at(-1) ?? new Uint8Array(0)), sha256(title.plain));
  return true;
}

async function refusedBy(work: Promise<unknown>, problem: string): Promise<void> {
  await work.then(
    () => assert.unreachable(`not refused: ${problem}`),
    (error: unknown) => {
      assert.instance(error, HouseholdProblem);
      assert.is((error as HouseholdProblem).problem, problem);
    },
  );
}

await service.center();
await service.run("operator", "publisher", ...service.flags);
const [operator] = await service.staff.call(listOperators, {});
const tune = await service.produce("tune", randomBytes(3000), "publisher");
const song = await service.produce("song", randomBytes(2000), "publisher");
for (const { id } of [tune, song])
  await service.staff.call(api.setHouseholdPrice, {
    params: { contentId: id },
    body: { operatorId: operator.id, licensePrice: 300, copyPrice: 40 },
  });
const customer = (await service.staff.call(createCustomer, { body: { name: "Ada" } })).id;
const stranger = (await service.staff.call(createCustomer, { body: { name: "Bob" } })).id;
const one = await licenseServer("server one");
const two = await licenseServer("server two");
const kitchen = await reader("kitchen", customer, one);
const study = await reader("study", customer, two);
const foreign = await reader("foreign", stranger, two);

const state = (): ReturnType<typeof service.staff.call<typeof api.listHousehold>> =>
  service.staff.call(api.listHousehold, { params: { customerId: customer } });

test("[E1][E2][E3] clients are registered, and get contents and licenses only as registered clients that got the content", async () => {
  for (const home of [kitchen, study, foreign]) assert.match(await household(home, "register"), /is registered/);
  const clients = await service.staff.call(api.listClients, { params: { customerId: customer } });
  assert.equal(
    clients.map(({ id, leaf, licenseServerId, name }) => [id, leaf, licenseServerId, name]),
    [
      [kitchen.id, 0, one.id, "kitchen"],
      [study.id, 1, two.id, "study"],
    ],
  );
  await at(kitchen, async (home) => {
    assert.is(Buffer.from((await home.client.registration())?.server ?? []).toString("hex"), one.id);
    await refusedBy(home.license(tune.id), "content-not-supplied");
  });
  assert.equal((await state()).licenses, [], "a refusal writes nothing");
  await at({ ...kitchen, server: two }, (home) => refusedBy(home.fetch(tune.id), "other-license-server"));
  assert.match(await household(kitchen, "get", tune.id), /License [0-9a-f]{32} of content/);
  const { contents, licenses } = await state();
  assert.equal([contents.map(({ clientId, contentId }) => [clientId, contentId])], [[[kitchen.id, tune.id]]]);
  assert.equal(
    licenses.map(({ contentId, clientId }) => [contentId, clientId]),
    [[tune.id, kitchen.id]],
  );
  assert.ok(await plays(kitchen, tune));
});

test("[E4][E5][E6][E8] a license moves by a copy certificate of the destination's server, and the destination plays without any network", async () => {
  const parcelFile = join(service.folder, "tune.parcel");
  await service.run("move", tune.id, ...terminal(kitchen), "--to", study.id, "--to-server", two.url, "--parcel", parcelFile);
  assert.not.ok(await plays(kitchen, tune), "the first can no longer play");
  const parcel = JSON.parse(readFileSync(parcelFile, "utf8")) as Parcel;
  // No network at the destination: both license servers and the center are gone.
  for (const { part } of [one, two]) await part.kill();
  await at(study, async (home) => {
    for (const [bit, what] of [
      [4 * 8, "server"],
      [100 * 8 + 3, "sealed license"],
      [300 * 8 + 1, "signature"],
    ] as const) {
      const certificate = Buffer.from(parcel.certificate, "hex");
      certificate[bit >> 3] ^= 1 << (bit & 7);
      const altered = { ...parcel, certificate: certificate.toString("hex") };
      const bytes = readFileSync(join(kitchen.folder, `${tune.id}.sealed`));
      const once = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes;
      };
      await home.takeIn(altered, once()).then(
        () => assert.unreachable(`a bit of the ${what} was flipped`),
        (error: unknown) => assert.is((error as DeviceError).status, 0x6a80),
      );
    }
  });
  await service.run("take", parcelFile, ...terminal(study));
  assert.ok(await plays(study, tune));
  const used = await at(study, async (home) => {
    await home.client.takeCopy(new Uint8Array(Buffer.from(parcel.certificate, "hex")));
    return (await home.client.licenses()).length;
  });
  assert.is(used, 1, "the same certificate again is the same license");
  await at(foreign, async (home) => {
    await home.client.takeCopy(new Uint8Array(Buffer.from(parcel.certificate, "hex"))).then(
      () => assert.unreachable("taken by another"),
      (error: unknown) => assert.is((error as DeviceError).status, 0x6a80),
    );
  });
  for (const server of [one, two]) Object.assign(server, await startServer(server.identity, new URL(server.url).port));
});

test("[E5] a copy certificate signed by the source's server is refused", async () => {
  // The license goes back, and the wrong server is asked for it.
  await at(study, (home) => refusedBy(home.give(tune.id, kitchen.id, new LicenseServerClient(two.url)), "other-license-server"));
  const parcel = await at(study, (home) => home.give(tune.id, kitchen.id, new LicenseServerClient(one.url)));
  const keys = JSON.parse(readFileSync(two.identity, "utf8")) as { signingSeed: string };
  const { signCopyCertificate } = await import("../../src/center/keys/client-authority.js");
  const forged = signCopyCertificate(
    new Uint8Array(Buffer.from(keys.signingSeed, "hex")),
    new Uint8Array(Buffer.from(parcel.certificate, "hex").subarray(0, 252)),
  );
  await at(kitchen, async (home) => {
    await home.client.enable(new Uint8Array(Buffer.from(parcel.slice, "hex")));
    await home.client.takeCopy(forged).then(
      () => assert.unreachable("signed by the source's server"),
      (error: unknown) => {
        assert.equal([(error as DeviceError).status, (error as DeviceError).data[0]], [0x6a80, 7]);
      },
    );
    await home.client.takeCopy(new Uint8Array(Buffer.from(parcel.certificate, "hex")));
  });
  assert.ok(await plays(kitchen, tune));
});

test("[E6][E7] each refusal of the inquiry is its own, the history keeps them, and license and copy are billed at their prices", async () => {
  const asked = async (licenseId: string, from: Reader, destination: string, server: Server): Promise<unknown> =>
    at(from, async (home) => {
      const { nonce, proof } = await home.client.requestMove(
        new Uint8Array(Buffer.from(licenseId, "hex")),
        new Uint8Array(Buffer.from(destination, "hex")),
      );
      const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
      return new LicenseServerClient(server.url).ask("/v1/moves", {
        licenseId,
        sourceId: from.id,
        destinationId: destination,
        nonce: hex(nonce),
        proof: hex(proof),
      });
    });
  const [license] = (await state()).licenses;
  await refusedBy(asked(license.id, kitchen, foreign.id, two), "other-owner");
  const before = await state();
  assert.is(before.moves.at(-1)?.outcome, "other-owner");
  assert.equal(
    before.owed.map(({ amount }) => amount),
    [300 + 2 * 40],
    "one license, two copies",
  );
  // A license that another client holds: the client is asked over the wire, and the customer information knows better.
  await household(study, "get", song.id);
  const songs = (await state()).licenses.filter(({ contentId }) => contentId === song.id);
  await at(study, async (home) => {
    await home.give(song.id, kitchen.id, new LicenseServerClient(one.url));
  });
  assert.is((await state()).licenses.find(({ id }) => id === songs[0].id)?.clientId, kitchen.id);
  const { moves, owed } = await state();
  assert.is(moves.filter(({ outcome }) => outcome === "granted").length, 3);
  assert.is(owed[0].amount, 2 * 300 + 3 * 40);
});

test("[E4][E8] whatever is cut off in a move, on either side, the license ends at exactly one client", async () => {
  const hide = (path: string): LicenseServerClient => {
    const server = new LicenseServerClient(two.url);
    const ask = server.ask.bind(server);
    server.ask = async (asked: string, body?: object) => {
      if (asked.endsWith(path)) throw new HouseholdProblem("not-ready", "cut off");
      return ask(asked, body);
    };
    return server;
  };
  const again = async (who: Reader): Promise<void> => {
    await who.board.kill();
    const back = await service.board("client", who.name);
    who.board = back;
  };
  for (const path of ["/v1/moves", "/removal"]) {
    await at(kitchen, (home) => refusedBy(home.give(tune.id, study.id, hide(path)), "not-ready"));
    const holds = await plays(kitchen, tune);
    assert.is(holds, path === "/v1/moves", "before the removal the source still has it, after it nobody");
    await again(kitchen);
  }
  const parcel = await at(kitchen, (home) => home.give(tune.id, study.id, new LicenseServerClient(two.url)));
  await again(kitchen);
  assert.not.ok(await plays(kitchen, tune));
  await again(study);
  await at(study, async (home) => {
    for (let time = 0; time < 2; time++)
      await home.takeIn(
        parcel,
        (async function* () {
          yield readFileSync(join(kitchen.folder, `${tune.id}.sealed`));
        })(),
      );
  });
  await again(study);
  assert.ok(await plays(study, tune));
  assert.not.ok(await plays(kitchen, tune));
  const back = await at(study, (home) => home.give(tune.id, kitchen.id, new LicenseServerClient(one.url)));
  await at(kitchen, async (home) => {
    await home.client.enable(new Uint8Array(Buffer.from(back.slice, "hex")));
    await home.client.takeCopy(new Uint8Array(Buffer.from(back.certificate, "hex")));
  });
  assert.ok(await plays(kitchen, tune));
});

test("[E9] a client that is removed opens nothing that is issued afterwards, and others do", async () => {
  const { epoch } = await service.staff.call(api.removeClient, { params: { clientId: study.id }, body: {} });
  assert.is(epoch, 2);
  const later = await service.produce("later", randomBytes(1000), "publisher");
  await at(study, (home) => refusedBy(home.fetch(later.id), "client-not-registered"));
  await at(kitchen, (home) => refusedBy(home.give(tune.id, study.id, new LicenseServerClient(two.url)), "other-owner"));
  await household(kitchen, "get", later.id);
  assert.ok(await plays(kitchen, later));
  // Whoever steals the new content and another client's part of the enabling block brings nothing to the revoked one.
  const slice = await at(kitchen, async (home) => {
    const { nonce, proof } = await home.client.requestLicense(new Uint8Array(Buffer.from(later.id, "hex")));
    const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
    const answer = await new LicenseServerClient(one.url).ask<{ slice: string }>("/v1/contents", {
      clientId: kitchen.id,
      contentId: later.id,
      nonce: hex(nonce),
      proof: hex(proof),
    });
    return answer.slice;
  });
  writeFileSync(join(service.folder, "slice"), slice);
  await at(study, (home) =>
    home.client.enable(new Uint8Array(Buffer.from(slice, "hex"))).then(
      () => assert.unreachable("a revoked client opened the block"),
      (error: unknown) => assert.is((error as DeviceError).status, 0x6a80),
    ),
  );
});

test.run();
