import { sql } from "kysely";
import type { RecommendationBody } from "../api/schema.js";
import type { Database, Trx } from "../db/database.js";

type Queries = Database | Trx;

/** Latest borrowers of a content that are looked at: more would change little and cost with every loan there ever was. */
const NEIGHBORS = 500;
/** Latest contents of the customer from which the search begins. */
const BASIS = 8;
/** Weight of a loan without a rating, between the worst (1) and the best (5). */
const UNRATED = 3;

/**
 * Item to item: of the latest borrowers of what the customer has borrowed, how many borrowed each other content, each weighed by how they rated it and
 * by how the customer rated the content that leads there. What the customer had before is left out; the rest is filled with what was borrowed most by
 * anybody of late. The same loans and ratings give the same list.
 *
 * @param recentFirst - content ids that count as the customer's latest, besides the customer's own loans
 */
export async function recommend(
  trx: Queries,
  customerId: string,
  limit: number,
  recentFirst: string[] = [],
): Promise<RecommendationBody[]> {
  const own = await trx
    .selectFrom("loans")
    .leftJoin("ratings", "ratings.loan_id", "loans.id")
    .select(["loans.content_id", "ratings.stars", "loans.activated_at"])
    .where("loans.customer_id", "=", customerId)
    .where("loans.activated_at", "is not", null)
    .orderBy("loans.activated_at", "desc")
    .orderBy("loans.id")
    .limit(200)
    .execute();
  const had = new Set([...recentFirst, ...own.map((loan) => loan.content_id)]);
  const stars = new Map(own.flatMap((loan) => (loan.stars === null ? [] : [[loan.content_id, loan.stars] as const])));
  const scores = new Map<string, { score: number; through: string; borrowers: number }>();
  for (const basis of [...had].slice(0, BASIS)) {
    const liking = (stars.get(basis) ?? UNRATED) / 5;
    for (const { content_id, borrowers, weight } of await neighbors(trx, basis, customerId)) {
      if (had.has(content_id)) continue;
      const share = liking * weight;
      const before = scores.get(content_id);
      const best = before !== undefined && before.borrowers >= borrowers ? before : { through: basis, borrowers };
      scores.set(content_id, { score: (before?.score ?? 0) + share, through: best.through, borrowers: best.borrowers });
    }
  }
  const titles = await titlesOf(trx, [...scores.keys(), ...had]);
  const list = [...scores]
    .filter(([id]) => titles.get(id)?.available === true)
    .sort(([a, x], [b, y]) => y.score - x.score || (a < b ? -1 : 1))
    .slice(0, limit)
    .map(([id, { score, through, borrowers }]) => ({
      contentId: id,
      title: titles.get(id)?.title ?? "",
      score: Math.round(score * 1000) / 1000,
      reason: `${String(borrowers)} of the latest borrowers of “${titles.get(through)?.title ?? ""}” borrowed it too.`,
    }));
  if (list.length < limit) list.push(...(await popular(trx, limit - list.length, [...had, ...list.map((entry) => entry.contentId)])));
  return list;
}

interface Neighbor {
  content_id: string;
  borrowers: number;
  /** Sum over those borrowers of their stars, a fifth each. */
  weight: number;
}

async function neighbors(trx: Queries, contentId: string, customerId: string): Promise<Neighbor[]> {
  const result = await sql<{ content_id: string; borrowers: number; weight: number }>`
    with borrowers as (
      select distinct customer_id from (
        select customer_id from loans
        where content_id = ${contentId} and activated_at is not null and customer_id <> ${customerId}
        order by activated_at desc, id limit ${sql.lit(NEIGHBORS)}
      ) latest
    ), pairs as (
      select loans.customer_id, loans.content_id, max(coalesce(ratings.stars, ${sql.lit(UNRATED)})) as stars
      from borrowers
      join loans on loans.customer_id = borrowers.customer_id and loans.activated_at is not null and loans.content_id <> ${contentId}
      left join ratings on ratings.loan_id = loans.id
      group by loans.customer_id, loans.content_id
    )
    select content_id, count(*)::int as borrowers, sum(stars)::int as weight from pairs
    group by content_id order by weight desc, content_id limit 200`.execute(trx);
  return result.rows.map((row) => ({ ...row, weight: row.weight / 5 }));
}

async function titlesOf(trx: Queries, ids: string[]): Promise<Map<string, { title: string; available: boolean }>> {
  if (ids.length === 0) return new Map();
  const rows = await trx.selectFrom("contents").select(["id", "title", "withdrawn_at"]).where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, { title: row.title, available: row.withdrawn_at === null }]));
}

/** What was borrowed most among the latest loans; after that the newest contents. */
async function popular(trx: Queries, limit: number, without: string[]): Promise<RecommendationBody[]> {
  const excluded = without.length > 0 ? sql`and contents.id not in (${sql.join(without)})` : sql``;
  const result = await sql<{ id: string; title: string; loans: number }>`
    with latest as (select content_id from loans where activated_at is not null order by prepared_at desc, id limit 1000)
    select contents.id, contents.title, count(latest.content_id)::int as loans
    from contents left join latest on latest.content_id = contents.id
    where contents.withdrawn_at is null ${excluded}
    group by contents.id, contents.title, contents.created_at
    order by loans desc, contents.created_at desc, contents.id limit ${limit}`.execute(trx);
  return result.rows.map(({ id, title, loans }) => ({
    contentId: id,
    title,
    score: 0,
    reason: loans > 0 ? `Borrowed ${String(loans)} times of late.` : "New in the catalog.",
  }));
}
