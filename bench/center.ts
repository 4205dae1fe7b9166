/**
 * Contracts a second at the center, with a thousand and with a million licenses in its tables, on PGlite and on PostgreSQL: each contract is a whole one,
 * from the agreed loan to the active one, over HTTP with signed requests. Half a dozen kiosks work at a time, in the center's own process. Also what the process
 * keeps in memory, and how long a start of the center takes on the same tables.
 */
import { rmSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import pg from "pg";
import { prepareLoan } from "../src/center/api/rental-routes.js";
import type { CenterClient } from "../src/center/client.js";
import { startCenter } from "../src/center/main.js";
import { databases } from "../test/center/support/databases.js";
import type { ModelCard, ModelCartridge } from "../test/center/support/devices.js";
import { arm, contract } from "../test/center/support/steps.js";
import {
  addCartridge,
  addContent,
  addCustomer,
  addKiosk,
  addOffer,
  addOperator,
  addTariff,
  kioskClient,
  startWorld,
  type World,
} from "../test/center/support/world.js";
import { prepareSeeding, seed } from "./center-seed.js";
import { startSeconds } from "./center-start.js";

export interface CenterBench {
  database: string;
  licenses: number;
  contractsPerSecond: number;
  /** Milliseconds, of a whole contract of five commands. */
  median: number;
  p99: number;
  /** What the process keeps after the run, in megabytes: objects, and buffers outside of the heap, among them all of PGlite's memory. */
  heap: number;
  buffers: number;
  startSeconds: number;
}

const KIOSKS = Array.from({ length: 6 }, (_, index) => `bench kiosk ${String(index)}`);
const SIZES = [1_000, 1_000_000];
/** Contracts before the first that counts: code is translated and plans are made at the first ones. */
const WARM = 60;
const ROUNDS = 5;

/** Collects what is garbage; answers what is left. */
function kept(): NodeJS.MemoryUsage {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage();
}

/** A center with so many licenses in its tables, and kiosks that work at it. */
class Side {
  readonly times: number[] = [];
  seconds = 0;
  private made = 0;

  private constructor(
    readonly licenses: number,
    private readonly world: World,
    private readonly contentId: string,
    private readonly url: string | undefined,
  ) {}

  static async fill(licenses: number, url: string | undefined): Promise<Side> {
    const world = await startWorld({ databaseUrl: url });
    const operator = await addOperator(world, "bench");
    const contentId = await addContent(world, "a tune");
    await addOffer(world, operator.id, contentId, { custody: 3, tariffId: await addTariff(world, operator.id) });
    for (const kiosk of KIOSKS) await addKiosk(world, operator.id, kiosk);
    const side = new Side(licenses, world, contentId, url);
    const { card } = await addCustomer(world, "bench customer");
    const source = await side.rentOnce(operator.kiosk, await addCartridge(world, "source"), card);
    await prepareSeeding(world.center.db, contentId);
    await seed(world.center.db, licenses, source);
    return side;
  }

  /** Six kiosks at a time make so many contracts; `counts` unless they only warm up. */
  async rent(count: number, counts = true): Promise<void> {
    const { world } = this;
    // PGlite may have kept this process busy: connections that idled too long are closed now, before they are used again.
    await setTimeout(500);
    const what = `visit ${String(this.made++)}`;
    const kiosks = KIOSKS.map((kiosk) => kioskClient(world.center.url, kiosk, world.clock.now));
    // Each kiosk has its card: two at a time at one card would mix their contracts up.
    const customers = await Promise.all(kiosks.map((_, index) => addCustomer(world, `${what} ${String(index)}`)));
    const cartridges = await Promise.all(
      Array.from({ length: count }, (_, index) => addCartridge(world, `${what} cartridge ${String(index)}`)),
    );
    const begun = performance.now();
    await Promise.all(
      kiosks.map(async (kiosk, index) => {
        for (let cartridge = cartridges.pop(); cartridge !== undefined; cartridge = cartridges.pop()) {
          const start = performance.now();
          await this.rentOnce(kiosk, cartridge, customers[index].card);
          if (counts) this.times.push(performance.now() - start);
        }
      }),
    );
    if (counts) this.seconds += (performance.now() - begun) / 1000;
  }

  async start(): Promise<void> {
    this.world.center = await startCenter({ ...this.world.options, port: Number(new URL(this.world.center.url).port) });
  }

  stop(): Promise<void> {
    return this.world.center.stop();
  }

  startSeconds(): Promise<number> {
    return startSeconds(this.world.folder, this.url);
  }

  remove(): void {
    rmSync(this.world.folder, { recursive: true, force: true });
  }

  private async rentOnce(kiosk: CenterClient, cartridge: ModelCartridge, card: ModelCard): Promise<string> {
    const loan = await kiosk.call(prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId: this.contentId } });
    await contract(kiosk, loan, card);
    await arm(kiosk, loan, cartridge);
    return loan.id;
  }
}

/** Centers of both sizes take turns, so that whatever else the machine does slows both down; then each is alone, for memory and start. */
async function benchDatabase(name: string, urls: (string | undefined)[], sizes: number[], contracts: number): Promise<CenterBench[]> {
  const sides: Side[] = [];
  for (const [index, licenses] of sizes.entries()) sides.push(await Side.fill(licenses, urls[index]));
  for (const side of sides) await side.rent(WARM, false);
  for (let round = 0; round < ROUNDS; round++) for (const side of sides) await side.rent(contracts / ROUNDS);
  for (const side of sides) await side.stop();
  const results: CenterBench[] = [];
  for (const side of sides) {
    await side.start();
    await side.rent(WARM, false);
    const { heapUsed, external } = kept();
    await side.stop();
    const times = side.times.sort((a, b) => a - b);
    results.push({
      database: name,
      licenses: side.licenses,
      contractsPerSecond: times.length / side.seconds,
      median: times[Math.floor(times.length / 2)],
      p99: times[Math.floor(times.length * 0.99)],
      heap: heapUsed / 1e6,
      buffers: external / 1e6,
      startSeconds: await side.startSeconds(),
    });
    side.remove();
  }
  return results;
}

/** A database for each size on that server. */
async function onServer(server: string, sizes: number[]): Promise<string[]> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  for (const size of sizes) await client.query(`create database bench_${String(size)}`);
  await client.end();
  return sizes.map((size) => new URL(`bench_${String(size)}`, server).href);
}

/**
 * Measures and prints; answers the numbers.
 *
 * @param sizes - licenses in the tables, ascending
 * @param contracts - how many are made at each size
 */
export async function benchCenter(sizes: number[] = SIZES, contracts = 300): Promise<CenterBench[]> {
  const results: CenterBench[] = [];
  for (const { name, url, reason } of databases(true)) {
    if (url === null) {
      console.log(`center on ${name}: left out, ${reason}`);
      continue;
    }
    const urls = url === undefined ? sizes.map(() => undefined) : await onServer(url, sizes);
    const measured = await benchDatabase(name, urls, sizes, contracts);
    for (const { licenses, contractsPerSecond, median, p99, heap, buffers, startSeconds } of measured)
      console.log(
        `center on ${name}, ${String(licenses)} licenses: ${contractsPerSecond.toFixed(1)} contracts/s, median ${median.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms; keeps ${heap.toFixed(0)} MB of objects and ${buffers.toFixed(0)} MB of buffers; starts in ${startSeconds.toFixed(2)} s`,
      );
    const ratio = measured[measured.length - 1].contractsPerSecond / measured[0].contractsPerSecond;
    console.log(
      `center on ${name}: ${ratio.toFixed(2)} times as fast at ${String(sizes[sizes.length - 1])} licenses as at ${String(sizes[0])}; 0.5 is asked for`,
    );
    results.push(...measured);
  }
  return results;
}
