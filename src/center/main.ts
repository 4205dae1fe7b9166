import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FastifyInstance } from "fastify";
import { pino, type Logger } from "pino";
import { FileStore } from "./catalog/files.js";
import { systemClock, type Clock } from "./clock.js";
import { openDatabase, transact, type Database } from "./db/database.js";
import type { Contact } from "./contact.js";
import type { DeviceAuthority } from "./device-authority.js";
import { hashToken } from "./http/access.js";
import { buildApp } from "./http/app.js";
import type { Parts } from "./http/parts.js";
import { BATCH, sweep } from "./loans/sweep.js";
import { Meetings } from "./meetings.js";
import { Outgoing, type Resolver } from "../host/outgoing.js";
import { Dispatcher } from "./orders/dispatcher.js";
import { toHex } from "./scope.js";

/** Milliseconds that a center which stops gives to requests under way. Whoever does not take an answer within them asks again. */
const LAST_ANSWERS = 3000;

export interface CenterOptions {
  /** Where database, sealed contents, pictures and the first staff token are kept. */
  dataDir: string;
  /** 0 for a free one. */
  port: number;
  host?: string;
  /** Of a PostgreSQL server; without it PGlite keeps the tables in `dataDir`. */
  databaseUrl?: string;
  authority: DeviceAuthority;
  /** The center as it meets cards itself. */
  contact: Contact;
  clock?: Clock;
  logger?: Logger;
  requestsPerMinute?: number;
  /** Seconds between two sweeps for what is due by the clock alone; 0 for none. */
  sweepSeconds?: number;
  /** Seconds between two looks for deliveries that are due; 0 for none. */
  deliverySeconds?: number;
  /** Names, addresses and networks that terminals, stores and adverts may be at although they are not of the Internet. */
  allowLocal?: string[];
  /** Looks up names of terminals, stores and adverts; this machine's own unless given. */
  resolve?: Resolver;
  step?: Parts["step"];
}

export interface Center {
  readonly url: string;
  readonly app: FastifyInstance;
  readonly db: Database;
  /** File with the token of the first member of staff, written at the first start. */
  readonly tokenFile: string;
  /** Does now what is due by the clock. */
  sweep(): Promise<void>;
  /** Delivers now what orders name for this moment; answers the number of tries. */
  deliver(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts the center: opens the database, brings its tables up to date, listens, and sweeps now and then. */
export async function startCenter(options: CenterOptions): Promise<Center> {
  const { dataDir, port, host = "127.0.0.1", databaseUrl, authority, clock = systemClock } = options;
  const logger = options.logger ?? pino();
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const db = await openDatabase(join(dataDir, "database"), databaseUrl);
  try {
    const tokenFile = join(dataDir, "staff-token");
    await firstStaff(db, clock, tokenFile);
    const parts: Parts = {
      db,
      authority,
      clock,
      contents: new FileStore(join(dataDir, "contents")),
      pictures: new FileStore(join(dataDir, "pictures")),
      meetings: new Meetings(options.contact, clock),
      outgoing: new Outgoing(options.allowLocal, options.resolve),
      step: options.step,
    };
    const app = await buildApp(parts, { logger, requestsPerMinute: options.requestsPerMinute ?? 6000 });
    const url = await app.listen({ port, host });
    const sweepNow = async (): Promise<void> => {
      while ((await transact(db, (trx) => sweep({ trx, now: clock.now(), authority, actor: "center" }))) >= BATCH);
    };
    const stopSweeping = sweepEvery(options.sweepSeconds ?? 60, sweepNow, logger);
    const dispatcher = new Dispatcher(parts, logger);
    const deliver = (): Promise<number> => dispatcher.run();
    const stopDelivering = sweepEvery(options.deliverySeconds ?? 1, deliver, logger);
    logger.info({ url, database: databaseUrl === undefined ? "PGlite" : "PostgreSQL" }, "the center listens");
    return {
      url,
      app,
      db,
      tokenFile,
      sweep: sweepNow,
      deliver,
      stop: async () => {
        await Promise.all([stopSweeping(), stopDelivering()]);
        await dispatcher.idle();
        parts.outgoing.close();
        const impatient = setTimeout(() => {
          app.server.closeAllConnections();
        }, LAST_ANSWERS);
        await app.close();
        clearTimeout(impatient);
        await db.destroy();
      },
    };
  } catch (error) {
    await db.destroy();
    throw error;
  }
}

/** The first start makes one member of staff, whose token is nowhere but in this file. */
async function firstStaff(db: Database, clock: Clock, tokenFile: string): Promise<void> {
  const anybody = await db.selectFrom("staff").select("id").limit(1).executeTakeFirst();
  if (anybody !== undefined) return;
  const token = toHex(randomBytes(32));
  writeFileSync(tokenFile, `${token}\n`, { mode: 0o600, flush: true });
  await db
    .insertInto("staff")
    .values({ id: toHex(randomBytes(16)), name: "first staff", token_hash: hashToken(token), created_at: clock.now() })
    .execute();
}

/** Answers how to stop; that waits for a run under way. While one takes longer than `seconds`, no other begins. */
function sweepEvery(seconds: number, run: () => Promise<unknown>, logger: Logger): () => Promise<void> {
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  if (seconds === 0) return () => running;
  const timer = setInterval(() => {
    if (busy) return;
    busy = true;
    running = run()
      .then(() => undefined)
      .catch((error: unknown) => {
        logger.error({ err: error }, "a run for what is due failed; the next one tries again");
      })
      .finally(() => {
        busy = false;
      });
  }, seconds * 1000);
  timer.unref();
  return () => {
    clearInterval(timer);
    return running;
  };
}
