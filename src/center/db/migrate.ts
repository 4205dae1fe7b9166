import { DEFAULT_MIGRATION_TABLE, Migrator, sql, type Kysely, type Migration } from "kysely";
import type { Tables } from "./tables.js";
import { catalog } from "./migrations/01-catalog.js";
import { loans } from "./migrations/02-loans.js";
import { ledger } from "./migrations/03-ledger.js";
import { customers } from "./migrations/04-customers.js";
import { clients } from "./migrations/05-clients.js";
import { orders } from "./migrations/06-orders.js";
import { adverts } from "./migrations/08-adverts.js";

/** In this order, each once. A migration that has been released is never changed; what comes later is a new one. */
const migrations: Record<string, Migration> = {
  "01-catalog": catalog,
  "02-loans": loans,
  "03-ledger": ledger,
  "04-customers": customers,
  "05-clients": clients,
  "06-orders": orders,
  "08-adverts": adverts,
};

/** Brings the tables to the newest version, in one transaction. */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  if (await newest(db)) return;
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw error instanceof Error
      ? error
      : new Error("The database's tables could not be brought to this version; restore a backup, or run the version that wrote them.");
}

/** One look, where the migrator would take some hundred milliseconds to find nothing to do. */
async function newest(db: Kysely<Tables>): Promise<boolean> {
  const table = sql.id(DEFAULT_MIGRATION_TABLE);
  const { rows: found } = await sql<{ there: boolean }>`select to_regclass(${DEFAULT_MIGRATION_TABLE}) is not null as there`.execute(db);
  if (!found[0].there) return false;
  const { rows } = await sql<{ name: string }>`select name from ${table}`.execute(db);
  return (
    rows
      .map(({ name }) => name)
      .sort()
      .join() === Object.keys(migrations).join()
  );
}
