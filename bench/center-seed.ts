/** Fills a center's tables as so many customers would have left them: loans that have run their course, with licenses, charges, entries in the ledger and payments. */
import { sql } from "kysely";
import type { Database } from "../src/center/db/database.js";

const BATCH = 50_000;
const CUSTOMERS = 10_000;
const CONTENTS = 200;

/** Customers, contents and two accounts, for loans to name. */
export async function prepareSeeding(db: Database, contentId: string): Promise<void> {
  await sql`insert into customers (id, name, created_at)
    select md5('customer ' || n), 'customer', 0 from generate_series(0, ${sql.lit(CUSTOMERS - 1)}) n`.execute(db);
  await sql`insert into contents (id, title, type, description, producer, created_at)
    select md5('content ' || n), 'content', 'audio/pcm', '', 'producer', 0 from generate_series(0, ${sql.lit(CONTENTS - 1)}) n`.execute(db);
  await sql`insert into content_versions select c.id, v.version, v.title_key, v.created_at from contents c, content_versions v
    where v.content_id = ${contentId} and c.id <> ${contentId}`.execute(db);
  await sql`insert into sealed_contents (content_id, version, suite, header, sealed_length, sha256, sample_rate, created_at)
    select c.id, s.version, s.suite, s.header, s.sealed_length, s.sha256, s.sample_rate, s.created_at from contents c, sealed_contents s
    where s.content_id = ${contentId} and c.id <> ${contentId}`.execute(db);
  await sql`insert into accounts (operator_id, kind, party, currency)
    select id, kind, 'seeded', 'EUR' from operators, (values ('receivable'), ('revenue'), ('cash')) k(kind)`.execute(db);
}

/**
 * Makes so many loans like the loan `source`.
 *
 * The checks of single rows and of the ledger's balance are left out: what they would look at is the same a million times.
 */
export async function seed(db: Database, count: number, source: string): Promise<void> {
  for (let start = 0; start < count; start += BATCH) {
    const end = Math.min(count, start + BATCH) - 1;
    await db.transaction().execute(async (trx) => {
      await sql`set local session_replication_role = replica`.execute(trx);
      const range = sql`generate_series(${sql.lit(start)}::int, ${sql.lit(end)}::int) n`;
      await sql`insert into loans (id, state, operator_id, kiosk_id, customer_id, content_id, version, suite, cartridge_id, card_id, custody, terms,
          tariff_id, counter, copy_taken, prepared_at, activated_at, deadline_at, ended_at, returned_at, closed_at)
        select md5('loan ' || n), 'CLOSED', operator_id, kiosk_id, md5('customer ' || (n % ${sql.lit(CUSTOMERS)})),
          md5('content ' || (n % ${sql.lit(CONTENTS)})), 1, 1, cartridge_id, card_id, custody, terms, tariff_id, n, false,
          prepared_at - n, prepared_at - n, prepared_at, prepared_at, prepared_at, prepared_at
        from loans, ${range} where id = ${source}`.execute(trx);
      await sql`insert into licenses (id, loan_id, holder_id, nonce, issued_at, completed_at)
        select md5('license ' || n), md5('loan ' || n), holder_id, nonce, issued_at, completed_at
        from licenses, ${range} where loan_id = ${source}`.execute(trx);
      await sql`insert into ledger_transactions (reference, at)
        select part || md5('loan ' || n), n from ${range}, (values ('charge '), ('payment ')) p(part)`.execute(trx);
      const transaction = (part: string) =>
        sql`(select id from ledger_transactions where reference = ${sql.lit(part)} || md5('loan ' || n))`;
      const account = (kind: string) => sql`(select id from accounts where party = 'seeded' and kind = ${sql.lit(kind)})`;
      for (const [part, debit, credit] of [
        ["charge ", "receivable", "revenue"],
        ["payment ", "cash", "receivable"],
      ])
        await sql`insert into ledger_entries (transaction_id, account_id, amount)
          select ${transaction(part)}, account, amount from ${range}, (values (${account(debit)}, 100), (${account(credit)}, -100)) e(account, amount)`.execute(
          trx,
        );
      await sql`insert into charges (loan_id, kind, amount, at, transaction_id)
        select md5('loan ' || n), 'base', 100, n, ${transaction("charge ")} from ${range}`.execute(trx);
      await sql`insert into payments (id, loan_id, kiosk_id, method, amount, reference, at, transaction_id)
        select md5('payment ' || n), md5('loan ' || n), kiosk_id, 'cash', 100, 'till', n, ${transaction("payment ")}
        from loans, ${range} where id = ${source}`.execute(trx);
    });
  }
  await sql`analyze`.execute(db);
}
