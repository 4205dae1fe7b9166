/**
 * Contracts a second at the center, with a thousand and with a million licenses in its tables, on PGlite and on PostgreSQL: each contract is a whole one,
 * from the agreed loan to the active one, over HTTP with signed requests. Half a dozen kiosks work at a time, in the center's own process. Also what the process
 * keeps in memory, and how long a start of the center takes on the same tables.
 */
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
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

const KIOSKS = 6;
const SIZES = [1_000, 1_000_000];
/** Contracts before the first that counts: code is translated and plans are made at the first ones. */
const WARM = 60;

/** Collects what is garbage; answers what is left. */
function kept(): NodeJS.MemoryUsage {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage();
}

/** One center, filled step by step; every size is measured in the same run. */
async function benchDatabase(name: string, url: string | undefined, sizes: number[], contracts: number): Promise<CenterBench[]> {
  const world = await startWorld({ databaseUrl: url });
  try {
    const operator = await addOperator(world, "bench");
    const contentId = await addContent(world, "a tune");
    await addOffer(world, operator.id, contentId, { custody: 3, tariffId: await addTariff(world, operator.id) });
    const port = Number(new URL(world.center.url).port);
    const names = Array.from({ length: KIOSKS }, (_, index) => `bench kiosk ${String(index)}`);
    for (const kiosk of names) await addKiosk(world, operator.id, kiosk);
    const rentOnce = async (kiosk: CenterClient, cartridge: ModelCartridge, card: ModelCard): Promise<string> => {
      const loan = await kiosk.call(prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
      await contract(kiosk, loan, card);
      await arm(kiosk, loan, cartridge);
      return loan.id;
    };
    /** Answers the milliseconds of each contract, ascending, and the seconds of all. */
    const rentMany = async (what: string, count: number): Promise<{ times: number[]; seconds: number }> => {
      const kiosks = names.map((kiosk) => kioskClient(world.center.url, kiosk, world.clock.now));
      // Each kiosk has its card: two at a time at one card would mix their contracts up.
      const customers = await Promise.all(kiosks.map((_, index) => addCustomer(world, `${what} ${String(index)}`)));
      const cartridges = await Promise.all(
        Array.from({ length: count }, (_, index) => addCartridge(world, `${what} cartridge ${String(index)}`)),
      );
      const times: number[] = [];
      const begun = performance.now();
      await Promise.all(
        kiosks.map(async (kiosk, index) => {
          for (let cartridge = cartridges.pop(); cartridge !== undefined; cartridge = cartridges.pop()) {
            const start = performance.now();
            await rentOnce(kiosk, cartridge, customers[index].card);
            times.push(performance.now() - start);
          }
        }),
      );
      return { times: times.sort((a, b) => a - b), seconds: (performance.now() - begun) / 1000 };
    };
    const { card } = await addCustomer(world, "bench customer");
    const source = await rentOnce(operator.kiosk, await addCartridge(world, `${name} source`), card);
    await prepareSeeding(world.center.db, contentId);
    await rentMany(`${name} warm`, WARM);
    const results: CenterBench[] = [];
    let seeded = 0;
    for (const licenses of sizes) {
      await seed(world.center.db, seeded, licenses, source);
      seeded = licenses;
      // PGlite has kept this process busy: connections that idled too long are closed now, before they are used again.
      await setTimeout(500);
      const { times, seconds } = await rentMany(`${name} ${String(licenses)}`, contracts);
      const { heapUsed, external, arrayBuffers } = kept();
      await world.center.stop();
      results.push({
        database: name,
        licenses,
        contractsPerSecond: contracts / seconds,
        median: times[Math.floor(times.length / 2)],
        p99: times[Math.floor(times.length * 0.99)],
        heap: heapUsed / 1e6,
        buffers: (external + arrayBuffers) / 1e6,
        startSeconds: await startSeconds(world.folder, url),
      });
      world.center = await startCenter({ ...world.options, port });
    }
    return results;
  } finally {
    await world.end();
  }
}

/**
 * Measures and prints; answers the numbers.
 *
 * @param sizes - licenses in the tables, ascending
 * @param contracts - how many are made at each size
 */
export async function benchCenter(sizes: number[] = SIZES, contracts = 300): Promise<CenterBench[]> {
  const results: CenterBench[] = [];
  for (const { name, url, reason } of databases()) {
    if (url === null) {
      console.log(`center on ${name}: left out, ${reason}`);
      continue;
    }
    const measured = await benchDatabase(name, url, sizes, contracts);
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
