import type { FastifyInstance } from "fastify";
import { sql } from "kysely";
import { Type } from "typebox";
import { ProblemError } from "../../api/problems.js";
import { route } from "../../api/route.js";
import { query } from "../commands.js";
import type { Parts } from "../parts.js";

const live = route({
  method: "GET",
  url: "/health/live",
  access: "open",
  tag: "Health",
  summary: "The process answers",
  response: Type.Object({ status: Type.Literal("live") }),
});

const ready = route({
  method: "GET",
  url: "/health/ready",
  access: "open",
  tag: "Health",
  summary: "Database, content folder and keys answer",
  response: Type.Object({ status: Type.Literal("ready"), generation: Type.Integer() }),
});

async function depends<T>(name: string, look: () => Promise<T> | T): Promise<T> {
  try {
    return await look();
  } catch {
    throw new ProblemError("not-ready", `The ${name} did not answer; look at the center's log.`);
  }
}

export function healthRoutes(app: FastifyInstance, parts: Parts): void {
  query(app, parts, live, () => Promise.resolve({ status: "live" as const }));
  query(app, parts, ready, async () => {
    await depends("database", () => sql`select 1`.execute(parts.db));
    await depends("content folder", () => parts.contents.check());
    const generation = await depends("key provider", () => parts.authority.generation());
    return { status: "ready" as const, generation };
  });
}
