// Kysely: typed SQL that stays SQL, one dialect each for PGlite and PostgreSQL, and a migrator that takes a lock; no schema language of its own.
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";
import { Kysely, PostgresDialect, type Transaction } from "kysely";
import pg from "pg";
import { lockFolder } from "../../host/lock.js";
import { migrate } from "./migrate.js";
import { PGliteDialect } from "./pglite-dialect.js";
import type { Tables } from "./tables.js";
import { DatabaseUnfit } from "./unfit.js";

export type Database = Kysely<Tables>;
export type Trx = Transaction<Tables>;

/** Connections to a PostgreSQL server that one center keeps. */
const CONNECTIONS = 10;

/** Object identifier of PostgreSQL's type `bigint`. */
const INT8 = 20;

/** Amounts and instants are far below 2^53; a number beyond would be wrong silently, so it is refused. */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`The database holds ${text} where a whole number below 2^53 is expected.`);
  return value;
}

/**
 * Opens the database and brings its tables to the newest version.
 *
 * @param folder - where PGlite keeps its files; made when absent
 * @param url - of a PostgreSQL server; then `folder` is not used
 * @throws DatabaseUnfit when there is no such server, or what is there is of another version; Locked when another process has the folder
 */
export async function openDatabase(folder: string, url?: string): Promise<Database> {
  const db = url === undefined ? await openEmbedded(folder) : openServer(url);
  try {
    await migrate(db);
  } catch (error) {
    await db.destroy();
    throw url === undefined || error instanceof DatabaseUnfit ? error : unreachable(url, error);
  }
  return db;
}

/** Major version of PostgreSQL's files that PGlite reads. */
const FILES_VERSION = "18";

/** Memory that it keeps pages in. Each start clears it: with the 128 MB of a server that is more than half of the start. */
const BUFFERS = "32MB";

async function openEmbedded(folder: string): Promise<Database> {
  const release = await lockFolder(dirname(folder), `${basename(folder)}.lock`);
  try {
    const version = join(folder, "PG_VERSION");
    const found = existsSync(version) ? readFileSync(version, "utf8").trim() : FILES_VERSION;
    if (found !== FILES_VERSION)
      throw new DatabaseUnfit(
        `The database in ${folder} is of PostgreSQL ${found}, not ${FILES_VERSION}; run the version of Leyden that wrote it, or name another folder.`,
      );
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const engine = await PGlite.create({
      dataDir: folder,
      parsers: { [INT8]: parseInt8 },
      startParams: [...PGlite.defaultStartParams, "-c", `shared_buffers=${BUFFERS}`],
    });
    return new Kysely<Tables>({ dialect: new PGliteDialect(engine, release) });
  } catch (error) {
    await release();
    throw error;
  }
}

/** What a server's or a driver's error means for whoever gave the address; the address may hold a password and is not repeated. */
function unreachable(url: string, error: unknown): Error {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  const { host, pathname, username } = new URL(url);
  const reasons: Record<string, string> = {
    "3D000": `has no database ${pathname.slice(1)}; create it`,
    "28P01": `does not take ${username}'s password; mend it`,
    "28000": `does not let ${username} in; mend name or permissions`,
  };
  if (!Object.hasOwn(reasons, code) && /^[0-9A-Z]{5}$/.test(code)) return error instanceof Error ? error : new Error(message);
  const reason = reasons[code] ?? `does not answer as PostgreSQL (${code === "" ? message : code}); start it, or mend DATABASE_URL`;
  return new DatabaseUnfit(`The server ${host} that DATABASE_URL names ${reason}.`);
}

function openServer(url: string): Database {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol))
    throw new DatabaseUnfit("DATABASE_URL is no address of a PostgreSQL server; write postgres://user:password@host:port/database.");
  const types = new pg.TypeOverrides();
  types.setTypeParser(INT8, parseInt8);
  const pool = new pg.Pool({ connectionString: url, max: CONNECTIONS, types, connectionTimeoutMillis: 5000 });
  // A connection that breaks while idle is replaced by the pool; without a listener Node would end the process.
  pool.on("error", () => undefined);
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}

/** SQLSTATEs after which the same transaction may simply be tried again: serialization failure, deadlock. */
const AGAIN = new Set(["40001", "40P01"]);
const ATTEMPTS = 4;

/** Runs `work` in one transaction; repeats it when the server chose it as the victim of a conflict. */
export async function transact<T>(db: Database, work: (trx: Trx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await db.transaction().execute(work);
    } catch (error) {
      if (attempt >= ATTEMPTS || !AGAIN.has(sqlState(error))) throw error;
    }
  }
}

/** SQLSTATE of an error from either driver; "" for any other error. */
export function sqlState(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Name of the constraint that was violated; "" for any other error. */
export function violated(error: unknown): string {
  return typeof error === "object" && error !== null && "constraint" in error && typeof error.constraint === "string"
    ? error.constraint
    : "";
}
