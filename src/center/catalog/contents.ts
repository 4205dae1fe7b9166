import type { ContentBody } from "../api/schema.js";
import type { Database, Trx } from "../db/database.js";
import type { Tables } from "../db/tables.js";
import type { Selectable } from "kysely";

type Queries = Database | Trx;
type ContentRow = Selectable<Tables["contents"]>;

/** Contents as the interface shows them. */
export async function contentBodies(db: Queries, rows: ContentRow[]): Promise<ContentBody[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const sealed = await db
    .selectFrom("sealed_contents")
    .selectAll()
    .where("content_id", "in", ids)
    .orderBy("version")
    .orderBy("suite")
    .execute();
  const pictures = await db.selectFrom("pictures").selectAll().where("content_id", "in", ids).orderBy("number").execute();
  return rows.map((row) => ({
    id: row.id,
    title: row.title,
    type: row.type,
    description: row.description,
    producer: row.producer,
    copies: row.copies,
    available: row.copies === null ? null : row.copies - row.copies_out - row.copies_held,
    pictures: pictures
      .filter((picture) => picture.content_id === row.id)
      .map(({ number, media_type, length, sha256 }) => ({ number, mediaType: media_type, length, sha256 })),
    sealed: sealed
      .filter((form) => form.content_id === row.id)
      .map(({ version, suite, header, sealed_length, sha256, sample_rate }) => ({
        version,
        suite,
        header,
        length: sealed_length,
        sha256,
        sampleRate: sample_rate,
      })),
  }));
}

/** Contents on offer, ordered by id; `operatorId` leaves those that this operator lends. */
export async function listContents(db: Queries, after: string, limit: number, operatorId?: string): Promise<ContentBody[]> {
  let query = db.selectFrom("contents").selectAll("contents").where("withdrawn_at", "is", null).where("contents.id", ">", after);
  if (operatorId !== undefined)
    query = query.where("contents.id", "in", (sub) => sub.selectFrom("offers").select("content_id").where("operator_id", "=", operatorId));
  return contentBodies(db, await query.orderBy("contents.id").limit(limit).execute());
}
