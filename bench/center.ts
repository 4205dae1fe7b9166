/**
 * Contracts a second at the center, with a thousand and with a million licenses in its tables, on PGlite and on PostgreSQL: each contract is a whole one,
 * from the agreed loan to the active one, over HTTP with signed requests. Half a dozen kiosks work at a time.
 */
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { sql } from "kysely";
import { prepareLoan } from "../src/center/api/rental-routes.js";
import type { CenterClient } from "../src/center/client.js";
import type { Database } from "../src/center/db/database.js";
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
  startWorld,
} from "../test/center/support/world.js";

export interface CenterBench {
  database: string;
  licenses: number;
  contractsPerSecond: number;
  /** Milliseconds, of a whole contract of five commands. */
  median: number;
  p99: number;
  /** Resident megabytes of the process after the run; PGlite keeps its own memory in it. */
  megabytes: number;
}

const KIOSKS = 6;
const SIZES = [1_000, 1_000_000];
const BATCH = 50_000;
const SEEDED_CUSTOMERS = 10_000;
const SEEDED_CONTENTS = 200;

/** Loans that have run their course, with their licenses, charges and entries, as so many customers would have left them. */
async function seed(db: Database, from: number, to: number, source: string): Promise<void> {
  for (let start = from; start < to; start += BATCH) {
    const end = Math.min(to, start + BATCH) - 1;
    await db.transaction().execute(async (trx) => {
      const range = sql`generate_series(${sql.lit(start)}::int, ${sql.lit(end)}::int) n`;
      await sql`insert into loans (id, state, operator_id, kiosk_id, customer_id, content_id, version, suite, cartridge_id, card_id, custody, terms,
          tariff_id, counter, copy_taken, prepared_at, activated_at, deadline_at, ended_at, returned_at, closed_at)
        select md5('loan ' || n), 'CLOSED', operator_id, kiosk_id, md5('customer ' || (n % ${sql.lit(SEEDED_CUSTOMERS)})),
          md5('content ' || (n % ${sql.lit(SEEDED_CONTENTS)})), 1, 1, cartridge_id, card_id, custody, terms, tariff_id, n, false,
          prepared_at - n, prepared_at - n, prepared_at, prepared_at, prepared_at, prepared_at
        from loans, ${range} where id = ${source}`.execute(trx);
      await sql`insert into licenses (id, loan_id, holder_id, nonce, issued_at, completed_at)
        select md5('license ' || n), md5('loan ' || n), holder_id, nonce, issued_at, completed_at
        from licenses, ${range} where loan_id = ${source}`.execute(trx);
      await sql`insert into charges (loan_id, kind, amount, at) select md5('loan ' || n), 'base', 0, 0 from ${range}`.execute(trx);
    });
  }
  await sql`analyze`.execute(db);
}

async function prepareSeeding(db: Database, contentId: string): Promise<void> {
  await sql`insert into customers (id, name, created_at)
    select md5('customer ' || n), 'customer', 0 from generate_series(0, ${sql.lit(SEEDED_CUSTOMERS - 1)}) n`.execute(db);
  await sql`insert into contents (id, title, type, description, producer, created_at)
    select md5('content ' || n), 'content', 'audio/pcm', '', 'producer', 0 from generate_series(0, ${sql.lit(SEEDED_CONTENTS - 1)}) n`.execute(
    db,
  );
  await sql`insert into content_versions select c.id, v.version, v.title_key, v.created_at from contents c, content_versions v
    where v.content_id = ${contentId} and c.id <> ${contentId}`.execute(db);
  await sql`insert into sealed_contents (content_id, version, suite, header, sealed_length, sha256, sample_rate, created_at)
    select c.id, s.version, s.suite, s.header, s.sealed_length, s.sha256, s.sample_rate, s.created_at from contents c, sealed_contents s
    where s.content_id = ${contentId} and c.id <> ${contentId}`.execute(db);
}

/** One center, filled step by step; every size is measured in the same run. */
async function benchDatabase(name: string, url: string | undefined, sizes: number[], contracts: number): Promise<CenterBench[]> {
  const world = await startWorld({ databaseUrl: url });
  try {
    const operator = await addOperator(world, "bench");
    const contentId = await addContent(world, "a tune");
    await addOffer(world, operator.id, contentId, { custody: 3, tariffId: await addTariff(world, operator.id) });
    const kiosks = await Promise.all(
      Array.from({ length: KIOSKS }, (_, index) => addKiosk(world, operator.id, `bench kiosk ${String(index)}`)),
    );
    const rentOnce = async (kiosk: CenterClient, cartridge: ModelCartridge, card: ModelCard): Promise<string> => {
      const loan = await kiosk.call(prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
      await contract(kiosk, loan, card);
      await arm(kiosk, loan, cartridge);
      return loan.id;
    };
    const { card } = await addCustomer(world, "bench customer");
    const source = await rentOnce(kiosks[0], await addCartridge(world, `${name} source`), card);
    await prepareSeeding(world.center.db, contentId);
    const results: CenterBench[] = [];
    let seeded = 0;
    for (const licenses of sizes) {
      await seed(world.center.db, seeded, licenses, source);
      seeded = licenses;
      // PGlite has kept this process busy: connections that idled too long are closed now, before they are used again.
      await setTimeout(500);
      // Each kiosk has its card: two at a time at one card would mix their contracts up.
      const customers = await Promise.all(kiosks.map((_, index) => addCustomer(world, `${name} ${String(licenses)} ${String(index)}`)));
      const cartridges = await Promise.all(
        Array.from({ length: contracts }, (_, index) => addCartridge(world, `${name} ${String(licenses)} cartridge ${String(index)}`)),
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
      const elapsed = (performance.now() - begun) / 1000;
      times.sort((a, b) => a - b);
      results.push({
        database: name,
        licenses,
        contractsPerSecond: contracts / elapsed,
        median: times[Math.floor(times.length / 2)],
        p99: times[Math.floor(times.length * 0.99)],
        megabytes: process.memoryUsage().rss / 1e6,
      });
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
    for (const { licenses, contractsPerSecond, median, p99, megabytes } of measured)
      console.log(
        `center on ${name}, ${String(licenses)} licenses: ${contractsPerSecond.toFixed(1)} contracts/s, median ${median.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, ${megabytes.toFixed(0)} MB`,
      );
    const ratio = measured[measured.length - 1].contractsPerSecond / measured[0].contractsPerSecond;
    console.log(
      `center on ${name}: ${ratio.toFixed(2)} times as fast at ${String(sizes[sizes.length - 1])} licenses as at ${String(sizes[0])}; 0.5 is asked for`,
    );
    results.push(...measured);
  }
  return results;
}
