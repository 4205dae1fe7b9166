/** `kill -9` of the center and of either license server at every step of a move; the clients' boards, the servers and the center are processes of their own. */
import * as assert from "uvu/assert";
import { createCustomer } from "../../src/center/api/admin-routes.js";
import * as api from "../../src/center/api/household-routes.js";
import type { Moment } from "../../src/center/http/parts.js";
import { HouseholdProblem, LicenseServerClient } from "../../src/host/household.js";
import { suite } from "../suite.js";
import { addOperator } from "./support/delivery.js";
import { ReadersService, carried, hex, type LicenseServer, type Reader } from "./support/readers.js";
import type { Part } from "./support/service.js";

const test = suite("household kill");
/** Milliseconds from a death to the end of the move, at most. */
const BOUND = 30_000;

/** A service whose center kills whom it is told, at the moment that it is told. */
class MortalService extends ReadersService {
  centerPart: Part | undefined;

  override async center(port = this.url === "" ? "0" : new URL(this.url).port): Promise<Part> {
    const part = this.launch("center", "test/scenario/support/mortal-center.ts", await this.centerData(), this.keys.path, port);
    this.url = (await part.says(/^The center listens at (http:\S+);/))[1];
    this.centerPart = part;
    return part;
  }

  async dies(victim: number, moment: Moment, url: string): Promise<void> {
    this.centerPart?.tell(JSON.stringify({ moment, url, victim }));
    await this.centerPart?.says(/Ready to kill/);
  }
}

const service = new MortalService();
test.after(() => service.end());
const [, ...boards] = await Promise.all([service.center(), ...["kitchen", "study"].map((name) => service.board("client", name))]);
const customer = (await service.staff.call(createCustomer, { body: { name: "Ada" } })).id;
const title = await service.title("tune", await addOperator(service.staff, "publisher"));
const [one, two] = await Promise.all(["server one", "server two"].map((name) => service.licenseServer(name)));
const kitchen = await service.reader("kitchen", boards[0], customer, one);
const study = await service.reader("study", boards[1], customer, two);
await Promise.all([kitchen, study].map((reader) => service.at(reader, (home) => home.register())));
await service.get(kitchen, title);

/** How many of the two hold the license: never both. */
async function holders(): Promise<string[]> {
  const held = await Promise.all(
    [kitchen, study].map((reader) =>
      service.at(reader, async (home) => ((await home.client.licenses()).some(({ moved }) => moved === null) ? [reader.name] : [])),
    ),
  );
  assert.ok(held.flat().length < 2, "two hold one license");
  return held.flat();
}

/** One whole move, as its terminals make it; what was done before a death is done again. */
async function move(from: Reader, to: Reader): Promise<void> {
  const server = new LicenseServerClient(to.server.url);
  const parcel = await service.at(from, (home) => home.give(title.id, to.id, server));
  const proof = await service.at(to, (home) => home.takeIn(carried(parcel, from)));
  await server.ask(`/v1/moves/${parcel.useId}/completion`, { proof: hex(proof) });
}

/** Moves while `victim` dies at each of the places; `revive` brings it back. */
async function moveThrough(
  from: Reader,
  to: Reader,
  places: (readonly [Moment, { url: string }])[],
  victim: () => number,
  revive: () => Promise<unknown>,
): Promise<void> {
  let died = 0;
  let deaths = 0;
  for (const [moment, { url }] of places) {
    await service.dies(victim(), moment, url);
    await move(from, to).then(
      () => assert.unreachable(`nobody died at ${moment} of ${url}`),
      (error: unknown) => {
        assert.instance(error, HouseholdProblem);
        assert.is((error as HouseholdProblem).problem, "not-ready", `${moment} of ${url}: ${String(error)}`);
      },
    );
    died = Date.now();
    deaths++;
    await holders();
    await revive();
  }
  await move(from, to);
  assert.ok(Date.now() - died < BOUND, `${String(Date.now() - died)} ms`);
  assert.is(deaths, places.length);
  assert.equal(await holders(), [to.name]);
  assert.ok(await service.plays(to, title));
  assert.not.ok(await service.plays(from, title));
}

const owed = async (): Promise<number> =>
  (await service.staff.call(api.listHousehold, { params: { customerId: customer } })).owed[0].amount;

test("[E4][E8] the center dies at every step of a move, and the license ends at exactly one client, billed once", async () => {
  const places = [
    ["committed", api.beginMove],
    ["committed", api.sourceRemoved],
    // Before that nothing is written: the same as a death before the command came.
    ["worked", api.certifyMove],
    ["committed", api.certifyMove],
    ["committed", api.completeMove],
  ] as const;
  await moveThrough(
    kitchen,
    study,
    [...places],
    () => 0,
    () => service.center(),
  );
  assert.is(await owed(), 300 + 40);
});

test("[E4][E8] the destination's license server dies at every step of a move, and the source's is not needed", async () => {
  const dies =
    (server: LicenseServer): Parameters<typeof moveThrough>[3] =>
    () =>
      server.part.child.pid ?? 0;
  await two.part.kill();
  await moveThrough(
    study,
    kitchen,
    [
      ["committed", api.beginMove],
      ["committed", api.sourceRemoved],
      ["committed", api.certifyMove],
      ["committed", api.completeMove],
    ],
    dies(one),
    () => service.restart(one),
  );
  assert.is(await owed(), 300 + 2 * 40);
});

test.run();
