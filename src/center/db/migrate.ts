import { DEFAULT_MIGRATION_TABLE, Migrator, sql, type Kysely, type Migration } from "kysely";
import { DatabaseUnfit } from "./unfit.js";
import type { Tables } from "./tables.js";
import { catalog } from "./migrations/01-catalog.js";
import { loans } from "./migrations/02-loans.js";
import { ledger } from "./migrations/03-ledger.js";
import { customers } from "./migrations/04-customers.js";
import { clients } from "./migrations/05-clients.js";
import { orders } from "./migrations/06-orders.js";
import { adverts } from "./migrations/08-adverts.js";
import { standing } from "./migrations/09-standing.js";

/** In this order, each once. A migration that has been released is never changed; what comes later is a new one. */
const migrations: Record<string, Migration> = {
  "01-catalog": catalog,
  "02-loans": loans,
  "03-ledger": ledger,
  "04-customers": customers,
  "05-clients": clients,
  "06-orders": orders,
  "08-adverts": adverts,
  "09-standing": standing,
};

/** Brings the tables to the newest version, in one transaction. @throws DatabaseUnfit when they are of a version yet to come */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const done = await migrated(db);
  const unknown = done.filter((name) => !Object.hasOwn(migrations, name));
  if (unknown.length > 0)
    throw new DatabaseUnfit(
      `The tables were written by a newer version, with ${unknown.join(", ")}; run that version, or restore a backup.`,
    );
  if (done.length === Object.keys(migrations).length) return;
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw error instanceof Error
      ? error
      : new Error("The database's tables could not be brought to this version; restore a backup, or run the version that wrote them.");
}

/** Names of the migrations that the tables have had: one look, where the migrator would take some hundred milliseconds to find nothing to do. */
async function migrated(db: Kysely<Tables>): Promise<string[]> {
  const table = sql.id(DEFAULT_MIGRATION_TABLE);
  const { rows: found } = await sql<{ there: boolean }>`select to_regclass(${DEFAULT_MIGRATION_TABLE}) is not null as there`.execute(db);
  if (!found[0].there) return [];
  const { rows } = await sql<{ name: string }>`select name from ${table} order by name`.execute(db);
  return rows.map(({ name }) => name);
}
