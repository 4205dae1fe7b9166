import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { pino } from "pino";
import * as admin from "../../../src/center/api/admin-routes.js";
import * as catalog from "../../../src/center/api/catalog-routes.js";
import { CenterClient } from "../../../src/center/client.js";
import { Contact } from "../../../src/center/contact.js";
import { createDeviceAuthority } from "../../../src/center/device-authority.js";
import { startCenter, type Center, type CenterOptions } from "../../../src/center/main.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK } from "../../../src/core/protocol/constants.js";
import { removeFolder } from "../../support/folders.js";
import { emptyDatabase } from "./database.js";
import { ModelCard, ModelCartridge } from "./devices.js";
import { centerParty, chainOf, deviceId, issuerKey, keys, kioskSeed, roots } from "./keys.js";

/** A clock that only a test moves. */
export class TestClock {
  constructor(public time = 1_800_000_000) {}

  now = (): number => this.time;

  advance(seconds: number): void {
    this.time += seconds;
  }
}

export const authority = createDeviceAuthority(keys, roots);
/** The center as it meets cards, on that clock. */
export const contactOn = (now: () => number): Contact => new Contact(centerParty(now), [issuerKey]);

let databases = 0;

/** A new database on the server that LEYDEN_TEST_POSTGRES names; undefined without one. */
async function serverDatabase(): Promise<string | undefined> {
  const server = process.env.LEYDEN_TEST_POSTGRES;
  if (server === undefined) return undefined;
  const name = `leyden_${String(process.pid)}_${String(++databases)}`;
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  return new URL(name, server).href;
}

export interface World {
  center: Center;
  clock: TestClock;
  folder: string;
  options: CenterOptions;
  staff: CenterClient;
  /** Stops the center and starts it again on the same folder. */
  restart(): Promise<void>;
  end(): Promise<void>;
}

/**
 * A center of its own in a temporary folder, on PGlite unless a server's address is given.
 *
 * @param start - the center's program, or a copy of it that lacks something
 */
export async function startWorld(overrides: Partial<CenterOptions> = {}, start: typeof startCenter = startCenter): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-center-"));
  const clock = new TestClock();
  const databaseUrl = overrides.databaseUrl ?? (await serverDatabase());
  if (databaseUrl === undefined) await emptyDatabase(join(folder, "database"));
  const options: CenterOptions = {
    dataDir: folder,
    port: 0,
    authority,
    contact: contactOn(clock.now),
    clock,
    logger: pino({ level: process.env.LEYDEN_LOG ?? "silent" }),
    sweepSeconds: 0,
    deliverySeconds: 0,
    requestsPerMinute: 1_000_000,
    ...overrides,
    databaseUrl,
  };
  const center = await start(options);
  const world: World = {
    center,
    clock,
    folder,
    options,
    staff: staffOf(center, clock),
    restart: async () => {
      await world.center.stop();
      world.center = await start(options);
      world.staff = staffOf(world.center, clock);
    },
    end: async () => {
      await world.center.stop();
      removeFolder(folder);
    },
  };
  return world;
}

function staffOf(center: Center, clock: TestClock): CenterClient {
  const token = readFileSync(center.tokenFile, "utf8").trim();
  return new CenterClient({ url: center.url, credential: { token }, now: clock.now, attempts: 1, timeout: 60_000 });
}

export function kioskClient(url: string, name: string, now: () => number, attempts = 1): CenterClient {
  return new CenterClient({ url, credential: { kioskId: deviceId(name), seed: kioskSeed(name) }, now, attempts, timeout: 60_000 });
}

/** An operator with one kiosk, whose names are `name` and `name kiosk`. */
export async function addOperator(
  world: World,
  name: string,
  currency = "EUR",
): Promise<{ id: string; kiosk: CenterClient; kioskId: string }> {
  const { id } = await world.staff.call(admin.createOperator, { body: { name, currency } });
  const kiosk = await addKiosk(world, id, `${name} kiosk`);
  return { id, kiosk, kioskId: deviceId(`${name} kiosk`) };
}

export async function addKiosk(world: World, operatorId: string, name: string, address?: string): Promise<CenterClient> {
  await world.staff.call(admin.enrollKiosk, {
    body: { operatorId, name, chain: chainOf(name, ROLE_KIOSK, true), ...(address && { address }) },
  });
  return kioskClient(world.center.url, name, world.clock.now);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** A content of some bytes, sealed in suite 1, that nobody lends yet. */
export async function addContent(world: World, title: string, copies: number | null = null, length = 2000): Promise<string> {
  const { id } = await world.staff.call(catalog.createContent, {
    body: { title, type: "audio/pcm", description: "", producer: "somebody", copies },
  });
  const bytes = Uint8Array.from({ length }, (_, index) => (index * 31) & 255);
  await world.staff.put(`/v1/contents/${id}/sealed/1/1?sampleRate=8000`, "application/octet-stream", once(bytes));
  return id;
}

export interface OfferOptions {
  custody?: number;
  durationSeconds?: number;
  tariffId?: string | null;
}

export async function addOffer(world: World, operatorId: string, contentId: string, options: OfferOptions = {}): Promise<void> {
  const { custody = 1, durationSeconds = 30 * 86400, tariffId = null } = options;
  await world.staff.call(admin.setOffer, {
    params: { operatorId },
    body: { contentId, tariffId, custody, durationSeconds, plays: 0, windowSeconds: 0, totalSeconds: 0, readers: 0 },
  });
}

/** Base 100, 50 a day, at most 500, three days of grace, 2000 for a lost cartridge. */
export const TARIFF = { base: 100, periodPrice: 50, periodSeconds: 86400, cap: 500, graceSeconds: 3 * 86400, lostPrice: 2000 };

export async function addTariff(world: World, operatorId: string, changes: Partial<typeof TARIFF> = {}): Promise<string> {
  const { id } = await world.staff.call(admin.createTariff, { params: { operatorId }, body: { name: "usual", ...TARIFF, ...changes } });
  return id;
}

export async function addCartridge(world: World, name: string): Promise<ModelCartridge> {
  await world.staff.call(admin.enrollDevice, { body: { chain: chainOf(name, ROLE_CARTRIDGE, false), generation: 1 } });
  return new ModelCartridge(name, world.clock.now);
}

/** A customer with a card. */
export async function addCustomer(world: World, name: string): Promise<{ id: string; card: ModelCard }> {
  const { id } = await world.staff.call(admin.createCustomer, { body: { name } });
  await world.staff.call(admin.enrollDevice, { body: { chain: chainOf(`${name} card`, ROLE_CARD, false), generation: 1, customerId: id } });
  return { id, card: new ModelCard(`${name} card`, world.clock.now) };
}
