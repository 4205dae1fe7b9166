import { sql, type Kysely, type Migration } from "kysely";

/**
 * A migration of plain SQL statements, run in order. There is no way down: a backup is.
 *
 * @param statements - one command each, as both drivers prepare what they send
 */
export function statements(...statements: string[]): Migration {
  return {
    async up(db: Kysely<unknown>): Promise<void> {
      for (const statement of statements) await sql.raw(statement).execute(db);
    },
  };
}

/** Triggers by which rows of `table` are only ever added. */
export function appendOnly(table: string): string[] {
  return [
    `create trigger ${table}_rows before update or delete on ${table} for each row execute function refuse_change()`,
    `create trigger ${table}_all before truncate on ${table} for each statement execute function refuse_change()`,
  ];
}

/** Check that a column holds `bytes` bytes in lower-case hex. */
export function hex(column: string, bytes: number): string {
  return `check (length(${column}) = ${String(2 * bytes)} and ${column} ~ '^[0-9a-f]+$')`;
}
