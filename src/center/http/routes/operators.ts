import { randomBytes } from "node:crypto";
import type { FastifyInstance } from "fastify";
import * as api from "../../api/admin-routes.js";
import { ProblemError } from "../../api/problems.js";
import { ALGORITHM_ED25519, ALGORITHM_X25519 } from "../../../core/protocol/certificate.js";
import { ROLE_KIOSK } from "../../../core/protocol/constants.js";
import type { CertificateFacts } from "../../device-authority.js";
import { saveDevice } from "../../loans/devices.js";
import { audit, fromHex, toHex, type Scope } from "../../scope.js";
import { forCenter, forOperator, hashToken } from "../access.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";

const REFUSALS = {
  malformed: "The chain is not of two certificates of this version; export it again.",
  foreign: "The chain does not lead to a root of this center; enroll with this center.",
  signature: "The certificate was not signed by the issuer that comes with it; export the chain again.",
  expired: "The certificate or its issuer's is not valid at this time; renew it.",
  role: "The certificate is for another role; present the right one.",
};

/** @throws ProblemError when anything about the chain does not check */
export function checkedChain(scope: Scope, chain: string, role: number): CertificateFacts {
  const facts = scope.authority.verifyChain(fromHex(chain), role, scope.now);
  if (typeof facts === "string") throw new ProblemError("certificate-refused", REFUSALS[facts]);
  return facts;
}

/** Operators, their staff and kiosks, what they lend at which price. */
export function operatorRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.createOperator, async (scope, { body }) => {
    forCenter(scope.principal);
    const id = toHex(randomBytes(16));
    await scope.trx
      .insertInto("operators")
      .values({ id, ...body, created_at: scope.now })
      .execute();
    await audit(scope, "operator created", id, body);
    return { id };
  });
  query(app, parts, api.listOperators, ({ db }) => db.selectFrom("operators").select(["id", "name", "currency"]).orderBy("id").execute());
  command(app, parts, api.createStaff, async (scope, { body: { name, operatorId } }) => {
    if (operatorId === undefined) forCenter(scope.principal);
    else forOperator(scope.principal, operatorId);
    const token = toHex(randomBytes(32));
    const id = toHex(randomBytes(16));
    await scope.trx
      .insertInto("staff")
      .values({ id, name, operator_id: operatorId ?? null, token_hash: hashToken(token), created_at: scope.now })
      .execute();
    await audit(scope, "staff created", id, { name });
    return { id, token };
  });
  command(app, parts, api.disableStaff, async (scope, { params: { staffId } }) => {
    const row = await scope.trx.selectFrom("staff").selectAll().where("id", "=", staffId).forUpdate().executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `Nobody has the id ${staffId}; check the id.`);
    if (row.operator_id === null) forCenter(scope.principal);
    else forOperator(scope.principal, row.operator_id);
    if (row.disabled_at === null) await scope.trx.updateTable("staff").set({ disabled_at: scope.now }).where("id", "=", staffId).execute();
    await audit(scope, "staff disabled", staffId);
    return { id: staffId };
  });
  kioskRoutes(app, parts);
  command(app, parts, api.createTariff, async (scope, { params: { operatorId }, body }) => {
    forOperator(scope.principal, operatorId);
    if (body.cap !== null && body.cap < body.base)
      throw new ProblemError(
        "conflict",
        `The cap ${String(body.cap)} is below the base price ${String(body.base)}; raise it or leave it out.`,
      );
    const id = toHex(randomBytes(16));
    await scope.trx
      .insertInto("tariffs")
      .values({
        id,
        operator_id: operatorId,
        name: body.name,
        base: body.base,
        period_price: body.periodPrice,
        period_seconds: body.periodSeconds,
        cap: body.cap,
        grace_seconds: body.graceSeconds,
        lost_price: body.lostPrice,
        created_at: scope.now,
      })
      .execute();
    await audit(scope, "tariff created", id, body);
    return { id };
  });
  command(app, parts, api.setOffer, async (scope, { params: { operatorId }, body }) => {
    forOperator(scope.principal, operatorId);
    if (body.tariffId !== null) {
      const tariff = await scope.trx.selectFrom("tariffs").select("operator_id").where("id", "=", body.tariffId).executeTakeFirst();
      if (tariff?.operator_id !== operatorId) throw new ProblemError("not-found", "This operator has no such tariff; create it first.");
    }
    const values = {
      tariff_id: body.tariffId,
      custody: body.custody,
      duration_seconds: body.durationSeconds,
      plays: body.plays,
      window_seconds: body.windowSeconds,
      total_seconds: body.totalSeconds,
      readers: body.readers,
    };
    await scope.trx
      .insertInto("offers")
      .values({ operator_id: operatorId, content_id: body.contentId, created_at: scope.now, ...values })
      .onConflict((conflict) => conflict.columns(["operator_id", "content_id"]).doUpdateSet(values))
      .execute();
    await audit(scope, "offer set", body.contentId, body);
    return body;
  });
}

/** The kiosk as devices meet it: an entry among them, so that the center can introduce it. */
async function enrollForSessions(scope: Scope, id: string, chain: string, generation: number): Promise<void> {
  const facts = checkedChain(scope, chain, ROLE_KIOSK);
  if (fromHex(chain)[1] !== ALGORITHM_X25519 || toHex(facts.subject) !== id)
    throw new ProblemError("certificate-refused", `The certificate is not kiosk ${id}'s for key agreement; send both of one identity.`);
  await saveDevice(scope, facts, chain, generation, null);
}

function kioskRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.enrollKiosk, async (scope, { body }) => {
    const { operatorId, name, chain, address } = body;
    forOperator(scope.principal, operatorId);
    const facts = checkedChain(scope, chain, ROLE_KIOSK);
    if (fromHex(chain)[1] !== ALGORITHM_ED25519)
      throw new ProblemError("certificate-refused", "The certificate is for key agreement; a kiosk signs with an Ed25519 key.");
    const id = toHex(facts.subject);
    const values = {
      name,
      address: address ?? null,
      chain,
      public_key: toHex(facts.publicKey),
      not_before: facts.notBefore,
      not_after: facts.notAfter,
    };
    const row = await scope.trx
      .selectFrom("kiosks")
      .select(["operator_id", "revoked_at"])
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (row !== undefined && (row.operator_id !== operatorId || row.revoked_at !== null))
      throw new ProblemError("already-exists", `Kiosk ${id} is another operator's or revoked; give the kiosk a new identity.`);
    await scope.trx
      .insertInto("kiosks")
      .values({ id, operator_id: operatorId, created_at: scope.now, ...values })
      .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
      .execute();
    if (body.deviceChain !== undefined) await enrollForSessions(scope, id, body.deviceChain, body.generation ?? 1);
    await audit(scope, "kiosk enrolled", id, { name });
    return { id };
  });
  query(app, parts, api.listKiosks, async ({ db }) => {
    const rows = await db.selectFrom("kiosks").selectAll().orderBy("id").execute();
    return rows.map(({ id, operator_id, name, address, chain, not_after, revoked_at }) => ({
      id,
      operatorId: operator_id,
      name,
      address,
      chain,
      notAfter: not_after,
      revokedAt: revoked_at,
    }));
  });
  command(app, parts, api.revokeKiosk, async (scope, { params: { kioskId } }) => {
    const row = await scope.trx
      .selectFrom("kiosks")
      .select(["operator_id", "revoked_at"])
      .where("id", "=", kioskId)
      .forUpdate()
      .executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-found", `No kiosk has the id ${kioskId}; check the id.`);
    forOperator(scope.principal, row.operator_id);
    if (row.revoked_at === null)
      for (const table of ["kiosks", "devices"] as const)
        await scope.trx.updateTable(table).set({ revoked_at: scope.now }).where("id", "=", kioskId).execute();
    await audit(scope, "kiosk revoked", kioskId);
    return { id: kioskId };
  });
}
