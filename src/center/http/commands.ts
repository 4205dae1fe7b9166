import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type } from "typebox";
import { ProblemError } from "../api/problems.js";
import type { Input, Output, Route } from "../api/route.js";
import { ProblemBody } from "../api/schema.js";
import { transact, type Database, type Trx } from "../db/database.js";
import type { Scope } from "../scope.js";
import { actorOf, type Principal } from "./access.js";
import type { Parts } from "./parts.js";

export interface CommandScope extends Scope {
  principal: Principal;
}

export interface QueryScope {
  db: Database;
  principal: Principal;
  now: number;
}

const CommandHeaders = Type.Object({
  "idempotency-key": Type.String({
    pattern: "^[A-Za-z0-9_-]{8,64}$",
    description: "Names this command: repeated, it answers the same and does nothing more",
  }),
});

const SECURITY = {
  kiosk: [{ kiosk: [] }],
  server: [{ server: [] }],
  staff: [{ staff: [] }],
  any: [{ kiosk: [] }, { server: [] }, { staff: [] }],
  terminal: [{ terminal: [] }],
  customer: [{ terminal: [] }, { staff: [] }],
};

/** What Fastify shall know of a route: schema for checking and for the OpenAPI document, and who may call. */
export function options(route: Route, headers = false): object {
  const schema = {
    summary: route.summary,
    tags: [route.tag],
    ...(route.params && { params: route.params }),
    ...(route.query && { querystring: route.query }),
    ...(route.body && { body: route.body }),
    ...(headers && { headers: CommandHeaders }),
    ...(route.access !== "open" && { security: SECURITY[route.access] }),
    response: {
      200: route.response,
      default: { description: "Problem details", content: { "application/problem+json": { schema: ProblemBody } } },
    },
  };
  return { method: route.method, url: route.url, schema, config: { access: route.access } };
}

/** Adds a route that only looks. */
export function query<R extends Route>(
  app: FastifyInstance,
  parts: Parts,
  route: R,
  run: (scope: QueryScope, input: Input<R>) => Promise<Output<R>>,
): void {
  app.route({
    ...(options(route) as { method: "GET"; url: string }),
    handler: (request) => run({ db: parts.db, principal: request.principal, now: parts.clock.now() }, inputOf<R>(request)),
  });
}

/** What a command needs of elsewhere; it is asked for before the transaction begins. */
type Prepare<R extends Route, P> = (input: Input<R>) => Promise<P>;

/**
 * Adds a route that changes something: one transaction, in which the command's idempotency key, its effects and its answer are written together. The
 * same key again answers the same, from whatever moment and in parallel; for another command it is refused.
 */
export function command<R extends Route, P = undefined>(
  app: FastifyInstance,
  parts: Parts,
  route: R,
  run: (scope: CommandScope, input: Input<R>, prepared: P | undefined) => Promise<Output<R>>,
  prepare?: Prepare<R, P>,
): void {
  app.route({
    ...(options(route, true) as { method: "POST"; url: string }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { principal } = request;
      parts.step?.("received", route.url);
      const actor = actorOf(principal);
      const key = String(request.headers["idempotency-key"]);
      const fingerprint = createHash("sha256").update(`${route.method}\n${request.url}\n`).update(request.rawBody).digest("hex");
      const input = inputOf<R>(request);
      const prepared = await prepare?.(input);
      const answer = await transact(parts.db, async (trx) => {
        const now = parts.clock.now();
        const before = await claim(trx, actor, key, fingerprint, now);
        if (before !== undefined) return before;
        const result = await run({ trx, now, authority: parts.authority, actor, principal }, input, prepared);
        const body = JSON.stringify(result);
        await trx.updateTable("idempotency").set({ status: 200, body }).where("principal", "=", actor).where("key", "=", key).execute();
        parts.step?.("worked", route.url);
        return body;
      });
      parts.step?.("committed", route.url);
      return reply.type("application/json; charset=utf-8").send(answer);
    },
  });
}

/** Takes the key for this command; answers the earlier answer where it was taken before. A parallel request waits here for the first to end. */
async function claim(trx: Trx, principal: string, key: string, fingerprint: string, at: number): Promise<string | undefined> {
  const taken = await trx
    .insertInto("idempotency")
    .values({ principal, key, fingerprint, status: 0, body: "", at })
    .onConflict((conflict) => conflict.doNothing())
    .returning("key")
    .executeTakeFirst();
  if (taken !== undefined) return undefined;
  const before = await trx
    .selectFrom("idempotency")
    .select(["fingerprint", "body"])
    .where("principal", "=", principal)
    .where("key", "=", key)
    .executeTakeFirstOrThrow();
  if (before.fingerprint !== fingerprint)
    throw new ProblemError("idempotency-key-reused", `The idempotency key ${key} stands for another command; draw a new one.`);
  return before.body;
}

function inputOf<R extends Route>(request: FastifyRequest): Input<R> {
  return { params: request.params, query: request.query, body: request.body } as unknown as Input<R>;
}
