import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import * as api from "../../api/household-routes.js";
import { ProblemError } from "../../api/problems.js";
import type { Output } from "../../api/route.js";
import type { Database } from "../../db/database.js";
import { transact } from "../../db/database.js";
import { addLicenseServer, registerClient, registrationOf, removeClient } from "../../household/clients.js";
import { beginMove, certify, completeMove, sourceRemoved } from "../../household/moves.js";
import { redirectMove } from "../../household/redirection.js";
import { completeLicense, issueLicense, supplyContent } from "../../household/supply.js";
import { audit, fromHex, toHex } from "../../scope.js";
import { actorOf, forCenter, type Principal } from "../access.js";
import { command, query } from "../commands.js";
import type { Parts } from "../parts.js";

/** Customers' own clients, what license servers do for them, and the key tree that locks clients out. */
export function householdRoutes(app: FastifyInstance, parts: Parts): void {
  staffRoutes(app, parts);
  serverRoutes(app, parts);
  query(app, parts, api.listLicenseServers, async ({ db }) => {
    const rows = await db.selectFrom("license_servers").selectAll().where("revoked_at", "is", null).orderBy("id").execute();
    return rows.map(({ id, name, address, public_key }) => ({ id, name, address, publicKey: public_key }));
  });
  query(app, parts, api.listClients, ({ db, principal }, { params: { customerId } }) => {
    forOwner(principal, customerId);
    return clientBodies(db, customerId);
  });
  query(app, parts, api.listHousehold, ({ db, principal }, { params: { customerId } }) => {
    forOwner(principal, customerId);
    return household(db, customerId);
  });
  query(app, parts, api.ownHousehold, async ({ db, principal }) => {
    if (principal.kind !== "terminal")
      throw new ProblemError("not-allowed", "Only a customer's terminal has a household of its own; sign as one.");
    const { customerId } = principal;
    return { customerId, clients: await clientBodies(db, customerId), ...(await household(db, customerId)) };
  });
}

/** @throws ProblemError unless the customer is this one, or the staff the center's */
function forOwner(principal: Principal, customerId: string): void {
  if (principal.kind !== "terminal") forCenter(principal);
  else if (principal.customerId !== customerId)
    throw new ProblemError("not-allowed", "This is another customer's household; ask for your own.");
}

async function clientBodies(db: Pick<Database, "selectFrom">, customerId: string): Promise<Static<typeof api.ClientBody>[]> {
  const rows = await db
    .selectFrom("clients")
    .innerJoin("client_leaves", "client_leaves.device_id", "clients.device_id")
    .selectAll("clients")
    .select("client_leaves.leaf")
    .where("customer_id", "=", customerId)
    .orderBy("client_leaves.leaf")
    .execute();
  return rows.map((row) => ({
    id: row.device_id,
    customerId: row.customer_id,
    licenseServerId: row.license_server_id,
    name: row.name,
    leaf: row.leaf,
    registeredAt: row.registered_at,
    removedAt: row.removed_at,
  }));
}

function staffRoutes(app: FastifyInstance, parts: Parts): void {
  command(app, parts, api.addLicenseServer, async (scope, { body: { name, chain, address } }) => {
    forCenter(scope.principal);
    return { id: await addLicenseServer(scope, name, chain, address) };
  });
  command(app, parts, api.registerClient, async (scope, { body: { clientId, licenseServerId, name } }) => {
    forCenter(scope.principal);
    const { customer_id } = await registerClient(scope, clientId, licenseServerId, name);
    const bodies = await clientBodies(scope.trx, customer_id);
    return bodies.filter(({ id }) => id === clientId)[0];
  });
  command(app, parts, api.removeClient, async (scope, { params: { clientId } }) => {
    const { principal } = scope;
    if (principal.kind !== "terminal") forCenter(principal);
    return { epoch: await removeClient(scope, clientId, principal.kind === "terminal" ? principal.customerId : undefined) };
  });
  command(app, parts, api.setHouseholdPrice, async (scope, { params: { contentId }, body }) => {
    forCenter(scope.principal);
    const values = { operator_id: body.operatorId, license_price: body.licensePrice, copy_price: body.copyPrice };
    await scope.trx
      .insertInto("household_prices")
      .values({ content_id: contentId, ...values })
      .onConflict((conflict) => conflict.column("content_id").doUpdateSet(values))
      .execute();
    await audit(scope, "household price set", contentId, body);
    return { contentId };
  });
}

function serverOf(principal: Principal): string {
  if (principal.kind !== "server") throw new ProblemError("not-allowed", "Only license servers may do this; sign as one.");
  return principal.id;
}

function serverRoutes(app: FastifyInstance, parts: Parts): void {
  query(app, parts, api.getRegistration, ({ principal }, { params: { clientId } }) =>
    transact(parts.db, async (trx) => {
      const scope = { trx, now: parts.clock.now(), authority: parts.authority, actor: actorOf(principal) };
      const { treeKeys, registration } = await registrationOf(scope, clientId);
      return { treeKeys: treeKeys.map(toHex), registration: toHex(registration) };
    }),
  );
  command(app, parts, api.supplyContent, async (scope, { body: { suite, ...request } }) => {
    const { form, epoch, slice } = await supplyContent(scope, serverOf(scope.principal), request, suite);
    return {
      version: form.version,
      suite: form.suite,
      header: form.header,
      length: form.sealed_length,
      sha256: form.sha256,
      sampleRate: form.sample_rate,
      epoch,
      slice: toHex(slice),
    };
  });
  command(app, parts, api.issueLicense, async (scope, { body }) => {
    const { licenseId, license, enabling } = await issueLicense(scope, serverOf(scope.principal), body);
    return { licenseId, license: toHex(license), epoch: enabling.epoch, slice: toHex(enabling.slice) };
  });
  command(app, parts, api.completeLicense, async (scope, { params: { licenseId }, body: { clientId, proof } }) => {
    serverOf(scope.principal);
    await completeLicense(scope, clientId, licenseId, fromHex(proof));
    return { licenseId };
  });
  command(app, parts, api.beginMove, async (scope, { body }) => {
    const answer = await beginMove(scope, serverOf(scope.principal), body);
    return answer.outcome === "granted"
      ? { outcome: answer.outcome, useId: answer.useId, order: toHex(answer.order) }
      : { outcome: answer.outcome };
  });
  command(app, parts, api.sourceRemoved, async (scope, { params: { useId }, body: { removed } }) => ({
    certificate: toHex(await sourceRemoved(scope, serverOf(scope.principal), useId, fromHex(removed))),
  }));
  command(app, parts, api.certifyMove, async (scope, { params: { useId }, body: { certificate } }) => {
    const certified = await certify(scope, serverOf(scope.principal), useId, certificate);
    return { ...certified, settlement: toHex(certified.settlement), slice: toHex(certified.slice) };
  });
  command(app, parts, api.redirectMove, async (scope, { params: { useId }, body: { destinationId, removed } }) =>
    redirectMove(scope, serverOf(scope.principal), useId, { destinationId, removed: fromHex(removed) }),
  );
  command(app, parts, api.completeMove, async (scope, { params: { useId }, body: { proof } }) => {
    await completeMove(scope, serverOf(scope.principal), useId, fromHex(proof));
    return { useId };
  });
}

async function household(db: Database, customerId: string): Promise<Output<typeof api.listHousehold>> {
  const contents = await db
    .selectFrom("customer_contents")
    .selectAll()
    .where("customer_id", "=", customerId)
    .orderBy("downloaded_at")
    .execute();
  const licenses = await db
    .selectFrom("customer_licenses")
    .innerJoin("content_licenses", "content_licenses.id", "customer_licenses.license_id")
    .select(["id", "content_id", "device_id", "issued_at"])
    .where("customer_id", "=", customerId)
    .orderBy("issued_at")
    .execute();
  const moves = await db
    .selectFrom("copy_certificates")
    .innerJoin("clients", "clients.device_id", "copy_certificates.source_id")
    .selectAll("copy_certificates")
    .where("clients.customer_id", "=", customerId)
    .orderBy("at")
    .execute();
  const owed = await db
    .selectFrom("ledger_entries")
    .innerJoin("accounts", "accounts.id", "ledger_entries.account_id")
    .select(({ fn }) => ["accounts.operator_id", "accounts.currency", fn.sum<number>("ledger_entries.amount").as("amount")])
    .where("accounts.kind", "=", "receivable")
    .where("accounts.party", "=", customerId)
    .groupBy(["accounts.operator_id", "accounts.currency"])
    .execute();
  return {
    contents: contents.map((row) => ({
      clientId: row.device_id,
      contentId: row.content_id,
      version: row.version,
      suite: row.suite,
      downloadedAt: row.downloaded_at,
    })),
    licenses: licenses.map((row) => ({ id: row.id, contentId: row.content_id, clientId: row.device_id, issuedAt: row.issued_at })),
    moves: moves.map((row) => ({
      useId: row.use_id,
      licenseId: row.license_id,
      sourceId: row.source_id,
      destinationId: row.destination_id,
      outcome: row.outcome,
      at: row.at,
    })),
    owed: owed.map((row) => ({ operatorId: row.operator_id, currency: row.currency, amount: Number(row.amount) })),
  };
}
