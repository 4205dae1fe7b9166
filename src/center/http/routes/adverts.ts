import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Type, type Static } from "typebox";
import * as api from "../../api/advert-routes.js";
import { PICTURE_LIMIT, type AreaBody } from "../../api/delivery-messages.js";
import { ProblemError } from "../../api/problems.js";
import type { Input } from "../../api/route.js";
import { notEmpty } from "../../catalog/intake.js";
import { transact } from "../../db/database.js";
import { advertSection } from "../../loans/adverts.js";
import { countClicks, currentAdverts } from "../../orders/adverts.js";
import { registrationAfter, setLocalAdverts } from "../../orders/permission.js";
import { audit, toHex } from "../../scope.js";
import { actorOf, forCenter, forOperator } from "../access.js";
import { command, options, query, type CommandScope } from "../commands.js";
import type { Parts } from "../parts.js";
import { sendRange } from "../range.js";
import { kioskOf } from "./rentals.js";

/** Operators' adverts: pictures with icons that lead somewhere. */
export function advertRoutes(app: FastifyInstance, parts: Parts): void {
  creation(app, parts);
  command(app, parts, api.withdrawAdvert, async (scope, { params: { advertId } }) => {
    const row = await scope.trx.selectFrom("adverts").select("operator_id").where("id", "=", advertId).forUpdate().executeTakeFirst();
    if (row === undefined) throw unknown(advertId);
    forOperator(scope.principal, row.operator_id);
    await scope.trx.updateTable("adverts").set({ withdrawn_at: scope.now }).where("id", "=", advertId).execute();
    await audit(scope, "advert withdrawn", advertId);
    return { id: advertId };
  });
  query(app, parts, api.listAdverts, ({ db, principal }, { params: { operatorId }, query: { contentId } }) => {
    forOperator(principal, operatorId);
    return currentAdverts(db, operatorId, contentId);
  });
  command(app, parts, api.setLocalAdverts, async (scope, { params: { deviceId }, body: { allowed } }) => {
    forCenter(scope.principal);
    await setLocalAdverts(scope, deviceId, allowed);
    return { id: deviceId, allowed };
  });
  query(app, parts, api.newestRegistration, ({ principal }, { params: { deviceId }, query: { after } }) =>
    transact(parts.db, (trx) => {
      const scope = { trx, now: parts.clock.now(), authority: parts.authority, actor: actorOf(principal) };
      return registrationAfter(scope, deviceId, Number(after));
    }),
  );
  command(app, parts, api.reportClicks, async (scope, { body: { clicks } }) => {
    kioskOf(scope.principal);
    await countClicks(scope.trx, clicks);
    return { reported: clicks.length };
  });
  query(app, parts, api.keptClicks, ({ db }) =>
    db.selectFrom("advert_clicks").select(["advert_id as advertId", "count"]).orderBy("advert_id").execute(),
  );
  pictureRoutes(app, parts);
  sectionRoute(app, parts);
}

/** Adding an advert, once it is known where its icons lead. */
function creation(app: FastifyInstance, parts: Parts): void {
  const targets = async (input: { body: { areas: AreaBody[] } }): Promise<string | null> => {
    const refusals = await Promise.all(input.body.areas.map(({ address }) => parts.outgoing.refusalByName(address)));
    return refusals.find((refusal) => refusal !== null) ?? null;
  };
  const create = async (
    scope: CommandScope,
    { params: { operatorId }, body: { name, contentId, areas } }: Input<typeof api.createAdvert>,
    refusal: string | null = null,
  ): Promise<{ id: string }> => {
    forOperator(scope.principal, operatorId);
    if (refusal !== null) throw new ProblemError("address-refused", refusal);
    for (const { left, top, right, bottom } of areas)
      if (right < left || bottom < top)
        throw new ProblemError("conflict", "An icon's right and bottom are not before its left and top; turn the bounds around.");
    const id = toHex(randomBytes(8));
    await scope.trx
      .insertInto("adverts")
      .values({ id, operator_id: operatorId, content_id: contentId ?? null, name, created_at: scope.now })
      .execute();
    for (const [number, { left, top, right, bottom, address }] of areas.entries())
      await scope.trx
        .insertInto("advert_areas")
        .values({ advert_id: id, number, left_at: left, top_at: top, right_at: right, bottom_at: bottom, address })
        .execute();
    await audit(scope, "advert added", id, { operatorId, contentId });
    return { id };
  };
  command(app, parts, api.createAdvert, create, targets);
}

/** The adverts that go onto a cartridge with a loan's content. */
function sectionRoute(app: FastifyInstance, parts: Parts): void {
  app.route({
    ...(options(api.loanAdverts) as { method: "GET"; url: string }),
    handler: async (request, reply) => {
      const { loanId } = request.params as Static<typeof api.loanAdverts.params>;
      const { room } = request.query as Static<typeof api.loanAdverts.query>;
      const loan = await parts.db.selectFrom("loans").selectAll().where("id", "=", loanId).executeTakeFirst();
      if (loan?.kiosk_id !== kioskOf(request.principal).id)
        throw new ProblemError("not-found", `No loan of this kiosk has the id ${loanId}; check the id.`);
      const section = await advertSection(parts.db, parts.pictures, parts.authority, loan, Number(room));
      return reply.type("application/octet-stream").send(Buffer.from(section));
    },
  });
}

function unknown(advertId: string): ProblemError {
  return new ProblemError("not-found", `No advert with a picture has the id ${advertId}; check the id.`);
}

function pictureRoutes(app: FastifyInstance, parts: Parts): void {
  const picture = { url: "/v1/adverts/:advertId/picture", tag: "Adverts", params: api.AdvertParams };
  app.route({
    ...(options({
      ...picture,
      method: "PUT",
      access: "staff",
      summary: "Send an advert's picture",
      response: Type.Object({ sha256: Type.String() }),
    }) as {
      method: "PUT";
      url: string;
    }),
    bodyLimit: 2 * PICTURE_LIMIT,
    handler: async (request) => {
      const { advertId } = request.params as Static<typeof api.AdvertParams>;
      const row = await parts.db.selectFrom("adverts").select("operator_id").where("id", "=", advertId).executeTakeFirst();
      if (row === undefined) throw unknown(advertId);
      forOperator(request.principal, row.operator_id);
      const mediaType = (request.headers["content-type"] ?? "").split(";")[0];
      const body = request.body;
      if (!mediaType.startsWith("image/") || typeof body !== "object" || body === null || !(Symbol.asyncIterator in body))
        throw new ProblemError("media-type-not-supported", "A picture is PNG, JPEG, WebP or GIF; send one of these.");
      const { length, sha256 } = await parts.pictures.put(notEmpty(body as AsyncIterable<Uint8Array>), PICTURE_LIMIT);
      await transact(parts.db, async (trx) => {
        await trx.updateTable("adverts").set({ media_type: mediaType, length, sha256 }).where("id", "=", advertId).execute();
        const scope = { trx, now: parts.clock.now(), authority: parts.authority, actor: actorOf(request.principal) };
        await audit(scope, "advert's picture stored", advertId, { sha256 });
      });
      return { sha256 };
    },
  });
  app.route({
    ...(options({ ...picture, method: "GET", access: "any", summary: "Fetch an advert's picture", response: Type.Unknown() }) as {
      method: "GET";
      url: string;
    }),
    handler: async (request: FastifyRequest, reply: FastifyReply) => {
      const { advertId } = request.params as Static<typeof api.AdvertParams>;
      const row = await parts.db.selectFrom("adverts").selectAll().where("id", "=", advertId).executeTakeFirst();
      if (row?.sha256 == null || row.length === null || row.media_type === null) throw unknown(advertId);
      return sendRange(request, reply, parts.pictures, row.sha256, row.length, row.media_type);
    },
  });
}
