import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import * as api from "../../api/catalog-routes.js";
import { ProblemError } from "../../api/problems.js";
import { contentBodies, listContents } from "../../catalog/contents.js";
import { takeFile, takePicture } from "../../catalog/intake.js";
import { holdNext } from "../../loans/copies.js";
import { transact } from "../../db/database.js";
import { audit, toHex, type Scope } from "../../scope.js";
import { actorOf, forCenter } from "../access.js";
import { command, options, query } from "../commands.js";
import type { Parts } from "../parts.js";
import { sendRange } from "../range.js";

const PAGE = 100;

/** The catalog: contents, their sealed forms, their pictures. */
export function catalogRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.createContent, async (scope, { body }) => {
    forCenter(scope.principal);
    const { id: given, title, type, description, producer, copies } = body;
    const id = given ?? toHex(randomBytes(16));
    await scope.trx.insertInto("contents").values({ id, title, type, description, producer, copies, created_at: scope.now }).execute();
    await audit(scope, "content created", id, { title });
    return { id };
  });
  command(app, parts, api.setCopies, async (scope, { params: { contentId }, body: { copies } }) => {
    forCenter(scope.principal);
    const row = await scope.trx.updateTable("contents").set({ copies }).where("id", "=", contentId).returningAll().executeTakeFirst();
    if (row === undefined) throw unknown(contentId);
    await holdNext(scope, contentId);
    await audit(scope, "copies set", contentId, { copies });
    return (await contentBodies(scope.trx, [row]))[0];
  });
  command(app, parts, api.withdrawContent, async (scope, { params: { contentId } }) => {
    forCenter(scope.principal);
    const row = await scope.trx
      .updateTable("contents")
      .set({ withdrawn_at: scope.now })
      .where("id", "=", contentId)
      .returning("id")
      .executeTakeFirst();
    if (row === undefined) throw unknown(contentId);
    await audit(scope, "content withdrawn", contentId);
    return row;
  });
  query(app, parts, api.getContent, async ({ db }, { params: { contentId } }) => {
    const row = await db.selectFrom("contents").selectAll().where("id", "=", contentId).executeTakeFirst();
    if (row === undefined) throw unknown(contentId);
    return (await contentBodies(db, [row]))[0];
  });
  query(app, parts, api.listContents, ({ db }, { query: { after } }) => listContents(db, after ?? "", PAGE));
  byteRoutes(app, parts);
}

function unknown(contentId: string): ProblemError {
  return new ProblemError("not-found", `No content has the id ${contentId}; check the id.`);
}

/** Bytes as a route takes them: the stream itself, for a content type that is no JSON. */
function bytesOf(request: FastifyRequest): AsyncIterable<Uint8Array> {
  const body = request.body;
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body) return body as AsyncIterable<Uint8Array>;
  throw new ProblemError("media-type-not-supported", "This address takes bytes; send them with their content type.");
}

function byteRoutes(app: FastifyInstance, parts: Parts): void {
  const scoped = <T>(request: FastifyRequest, run: (scope: Scope) => Promise<T>): Promise<T> =>
    transact(parts.db, (trx) => run({ trx, now: parts.clock.now(), authority: parts.authority, actor: actorOf(request.principal) }));
  const sealed = { url: "/v1/contents/:contentId/sealed/:version/:suite", tag: "Catalog", params: api.SealedParams };
  app.route({
    ...(options({
      ...sealed,
      method: "PUT",
      access: "staff",
      summary: "Send a content's bytes; the center seals them under the title key of that version",
      query: api.SealedQuery,
      response: api.SealedAnswer,
    }) as { method: "PUT"; url: string }),
    bodyLimit: Number.MAX_SAFE_INTEGER,
    handler: async (request) => {
      forCenter(request.principal);
      const params = request.params as Static<typeof api.SealedParams>;
      const { sampleRate, sha256 } = request.query as Static<typeof api.SealedQuery>;
      const form = {
        contentId: params.contentId,
        version: Number(params.version),
        suite: Number(params.suite),
        sampleRate: Number(sampleRate ?? 0),
      };
      return takeFile(parts, (run) => scoped(request, run), bytesOf(request), form, sha256);
    },
  });
  app.route({
    ...(options({
      ...sealed,
      method: "GET",
      access: "any",
      summary: "Fetch a sealed content, whole or a range",
      response: Type.Unknown(),
    }) as {
      method: "GET";
      url: string;
    }),
    handler: async (request, reply) => {
      const { contentId, version, suite } = request.params as Static<typeof api.SealedParams>;
      const form = await parts.db
        .selectFrom("sealed_contents")
        .select(["sha256", "sealed_length"])
        .where("content_id", "=", contentId)
        .where("version", "=", Number(version))
        .where("suite", "=", Number(suite))
        .executeTakeFirst();
      if (form === undefined)
        throw new ProblemError("not-found", "The center has not sealed this content in that version and suite; look at the content.");
      return sendRange(request, reply, parts.contents, form.sha256, form.sealed_length, "application/octet-stream");
    },
  });
  pictureRoutes(app, parts, scoped);
}

function pictureRoutes(
  app: FastifyInstance,
  parts: Parts,
  scoped: <T>(request: FastifyRequest, run: (scope: Scope) => Promise<T>) => Promise<T>,
): void {
  const picture = { url: "/v1/contents/:contentId/pictures/:number", tag: "Catalog", params: api.PictureParams };
  app.route({
    ...(options({
      ...picture,
      method: "PUT",
      access: "staff",
      summary: "Send a picture of a content",
      response: Type.Object({ sha256: Type.String() }),
    }) as {
      method: "PUT";
      url: string;
    }),
    bodyLimit: 8 << 20,
    handler: async (request) => {
      forCenter(request.principal);
      const { contentId, number } = request.params as Static<typeof api.PictureParams>;
      const mediaType = (request.headers["content-type"] ?? "").split(";")[0];
      return takePicture(parts, (run) => scoped(request, run), bytesOf(request), contentId, Number(number), mediaType);
    },
  });
  app.route({
    ...(options({ ...picture, method: "GET", access: "any", summary: "Fetch a picture", response: Type.Unknown() }) as {
      method: "GET";
      url: string;
    }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { contentId, number } = request.params as Static<typeof api.PictureParams>;
      const row = await parts.db
        .selectFrom("pictures")
        .selectAll()
        .where("content_id", "=", contentId)
        .where("number", "=", Number(number))
        .executeTakeFirst();
      if (row === undefined) throw new ProblemError("not-found", "This content has no such picture; look at the content.");
      return sendRange(request, reply, parts.pictures, row.sha256, row.length, row.media_type);
    },
  });
}
