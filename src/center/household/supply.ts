import { randomBytes } from "node:crypto";
import { TERMS_LENGTH } from "../../core/protocol/terms.js";
import { CONDITIONS_LENGTH } from "../../core/protocol/client.js";
import { ProblemError } from "../api/problems.js";
import type { Tables } from "../db/tables.js";
import type { GrantKeys, StoredContent } from "../keys/client-authority.js";
import { post } from "../money/ledger.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import { goodClient, type ClientRow } from "./clients.js";
import { enable, type Enabling } from "./tree.js";

type Form = Tables["sealed_contents"];

/** A client asks for itself: `proof` over content id and nonce is its own. */
export interface ClientRequest {
  clientId: string;
  contentId: string;
  nonce: string;
  proof: string;
}

export interface Supplied extends Enabling {
  form: Form;
  slice: Uint8Array;
}

async function formOf(scope: Scope, contentId: string, suite?: number): Promise<Form> {
  const form = await scope.trx
    .selectFrom("sealed_contents")
    .innerJoin("contents", "contents.id", "sealed_contents.content_id")
    .selectAll("sealed_contents")
    .where("content_id", "=", contentId)
    .where("contents.withdrawn_at", "is", null)
    .$if(suite !== undefined, (query) => query.where("suite", "=", suite ?? 0))
    .orderBy("version", "desc")
    .orderBy("suite")
    .limit(1)
    .executeTakeFirst();
  if (form === undefined) throw new ProblemError("not-found", `The center has no content ${contentId} in that form; choose another.`);
  return form;
}

/** @throws ProblemError when the client is not this server's, or the request not its own */
async function checkRequest(scope: Scope, serverId: string, request: ClientRequest): Promise<ClientRow> {
  const { row, device } = await goodClient(scope, request.clientId);
  if (row.license_server_id !== serverId)
    throw new ProblemError(
      "other-license-server",
      `Client ${request.clientId} is registered with license server ${row.license_server_id}; ask that one.`,
    );
  if (!scope.authority.clients.verifyLicenseRequest(device, fromHex(request.contentId), fromHex(request.nonce), fromHex(request.proof)))
    throw new ProblemError("device-refused", "The request was not made by this client; ask the client again.");
  return row;
}

/** @throws ProblemError for a client that the key tree has revoked */
export async function enabled(scope: Scope, clientId: string, contentId: string): Promise<Enabling & { slice: Uint8Array }> {
  const enabling = await enable(scope, clientId, fromHex(contentId));
  if (enabling.slice === null)
    throw new ProblemError("client-revoked", `Client ${clientId} is revoked; it opens nothing that is issued now.`);
  return { ...enabling, slice: enabling.slice };
}

/** A content goes to a client that asks for it; who has it is written down in the same transaction. */
export async function supplyContent(scope: Scope, serverId: string, request: ClientRequest, suite?: number): Promise<Supplied> {
  const row = await checkRequest(scope, serverId, request);
  const form = await formOf(scope, request.contentId, suite);
  const enabling = await enabled(scope, request.clientId, request.contentId);
  await scope.trx
    .insertInto("customer_contents")
    .values({
      customer_id: row.customer_id,
      device_id: request.clientId,
      content_id: form.content_id,
      version: form.version,
      suite: form.suite,
      downloaded_at: scope.now,
    })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await audit(scope, "content supplied", request.contentId, { client: request.clientId });
  return { form, ...enabling };
}

/** Stored form as what is sealed is bound to it. */
export function storedContent(form: Form): StoredContent {
  return { header: fromHex(form.header), sealedLength: form.sealed_length, rate: form.sample_rate };
}

/** Keys that open a license's content, for as long as it takes to seal them. */
export async function grantKeys(scope: Scope, licenseId: string, form: Form, enabling: Enabling): Promise<GrantKeys> {
  const { title_key } = await scope.trx
    .selectFrom("content_versions")
    .select("title_key")
    .where("content_id", "=", form.content_id)
    .where("version", "=", form.version)
    .executeTakeFirstOrThrow();
  return {
    licenseKey: scope.authority.household.licenseKey(fromHex(licenseId)),
    mediaKey: enabling.mediaKey,
    epoch: enabling.epoch,
    titleKey: scope.authority.openTitleKey(fromHex(form.content_id), form.version, fromHex(title_key)),
  };
}

/** Terms without limits: a license of one's own. */
function openTerms(): Uint8Array {
  const terms = new Uint8Array(TERMS_LENGTH);
  terms[0] = 1;
  return terms;
}

/** A license for a registered client that has got the content; license, owner and price are written in one transaction. The same request answers the same license. */
export async function issueLicense(
  scope: Scope,
  serverId: string,
  request: ClientRequest,
): Promise<{ licenseId: string; license: Uint8Array; enabling: Enabling & { slice: Uint8Array } }> {
  const row = await checkRequest(scope, serverId, request);
  const got = await scope.trx
    .selectFrom("customer_contents")
    .selectAll()
    .where("device_id", "=", request.clientId)
    .where("content_id", "=", request.contentId)
    .orderBy("downloaded_at", "desc")
    .limit(1)
    .executeTakeFirst();
  if (got === undefined)
    throw new ProblemError("content-not-supplied", `Client ${request.clientId} has not got content ${request.contentId}; fetch it first.`);
  const form = await formOf(scope, request.contentId, got.suite);
  const enabling = await enabled(scope, request.clientId, request.contentId);
  const before = await scope.trx.selectFrom("content_licenses").selectAll().where("request_nonce", "=", request.nonce).executeTakeFirst();
  const licenseId = before?.id ?? toHex(randomBytes(16));
  const terms = before === undefined ? openTerms() : fromHex(before.terms);
  const issued = before?.issued_at ?? scope.now;
  if (before === undefined) {
    await scope.trx
      .insertInto("content_licenses")
      .values({
        id: licenseId,
        content_id: form.content_id,
        version: form.version,
        suite: form.suite,
        terms: toHex(terms),
        epoch: enabling.epoch,
        request_nonce: request.nonce,
        issued_at: scope.now,
      })
      .execute();
    await scope.trx
      .insertInto("customer_licenses")
      .values({ license_id: licenseId, customer_id: row.customer_id, device_id: request.clientId, since: scope.now })
      .execute();
    await bill(scope, request.contentId, row.customer_id, "license", licenseId);
    await audit(scope, "license issued", licenseId, { client: request.clientId });
  }
  const keys = await grantKeys(scope, licenseId, form, enabling);
  const { device } = await goodClient(scope, request.clientId);
  const grant = { terms, issued, conditions: new Uint8Array(CONDITIONS_LENGTH) };
  const license = scope.authority.clients.sealClientLicense(
    device,
    fromHex(licenseId),
    fromHex(form.content_id),
    fromHex(request.nonce),
    grant,
    keys,
    storedContent(form),
  );
  keys.titleKey.fill(0);
  return { licenseId, license, enabling };
}

/** The client proves that it holds the license. */
export async function completeLicense(scope: Scope, clientId: string, licenseId: string, proof: Uint8Array): Promise<void> {
  const { device } = await goodClient(scope, clientId);
  const license = await scope.trx.selectFrom("content_licenses").selectAll().where("id", "=", licenseId).executeTakeFirst();
  if (license === undefined) throw new ProblemError("not-found", `No license has the id ${licenseId}; check the id.`);
  if (!scope.authority.clients.verifyLicenseHeld(device, fromHex(licenseId), fromHex(license.request_nonce), proof))
    throw new ProblemError("device-refused", "The proof is not this client's; ask the client again.");
  if (license.completed_at === null)
    await scope.trx.updateTable("content_licenses").set({ completed_at: scope.now }).where("id", "=", licenseId).execute();
}

/** Bills what has a price, once for each `reference`. */
export async function bill(
  scope: Scope,
  contentId: string,
  customerId: string,
  kind: "license" | "copy",
  reference: string,
): Promise<void> {
  const price = await scope.trx.selectFrom("household_prices").selectAll().where("content_id", "=", contentId).executeTakeFirst();
  const amount = kind === "license" ? price?.license_price : price?.copy_price;
  if (price === undefined || amount === undefined || amount === 0) return;
  await post(scope.trx, scope.now, `${kind} ${reference}`, [
    { operatorId: price.operator_id, kind: "receivable", party: customerId, amount },
    { operatorId: price.operator_id, kind: "revenue", party: "", amount: -amount },
  ]);
}
