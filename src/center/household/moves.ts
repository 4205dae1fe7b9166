import { randomBytes } from "node:crypto";
import { COPY_CONTEXT } from "../../core/protocol/copy-certificate.js";
import { verifyEd25519 } from "../api/signature.js";
import { ProblemError } from "../api/problems.js";
import type { MoveOutcome, Tables } from "../db/tables.js";
import { knownDevice } from "../loans/view.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import { goodClient, licenseServer } from "./clients.js";
import { bill, enabled, grantKeys, storedContent } from "./supply.js";

/** Seconds for which a copy certificate is taken: it may travel by cartridge. */
const VALID = 90 * 86_400;

export interface MoveRequest {
  licenseId: string;
  sourceId: string;
  destinationId: string;
  /** The source's own request over license and destination. */
  nonce: string;
  proof: string;
}

export type MoveAnswer = { outcome: "granted"; useId: string; order: Uint8Array } | { outcome: Exclude<MoveOutcome, "granted"> };

export type Move = Tables["moves"];

/** Who asks is the source itself: else nothing is asked of the customer information. */
async function checkMove(scope: Scope, request: MoveRequest): Promise<void> {
  const source = await knownDevice(scope, request.sourceId);
  const [license, destination, nonce, proof] = [request.licenseId, request.destinationId, request.nonce, request.proof].map(fromHex);
  if (!scope.authority.clients.verifyMoveRequest(source, license, destination, nonce, proof))
    throw new ProblemError("device-refused", "The request was not made by this client; ask the client again.");
}

/**
 * The inquiry's last question, whether the destination belongs to this customer.
 *
 * @throws ProblemError for another license server's client, or one that is revoked: it could take no copy certificate, and the license would be nobody's
 */
export async function inquireDestination(
  scope: Scope,
  serverId: string,
  customerId: string,
  destinationId: string,
  contentId: string,
): Promise<"granted" | "other-owner"> {
  const destination = await scope.trx.selectFrom("clients").selectAll().where("device_id", "=", destinationId).executeTakeFirst();
  if (destination === undefined || destination.removed_at !== null || destination.customer_id !== customerId) return "other-owner";
  if (destination.license_server_id !== serverId)
    throw new ProblemError(
      "other-license-server",
      `The destination is registered with license server ${destination.license_server_id}; ask that one.`,
    );
  await enabled(scope, destinationId, contentId);
  return "granted";
}

/** The inquiry to the customer information: source legal, license held, same owner, in this order. */
async function inquire(scope: Scope, serverId: string, request: MoveRequest): Promise<MoveOutcome> {
  const legal = await goodClient(scope, request.sourceId).then(
    () => true,
    (error: unknown) => {
      if (error instanceof ProblemError) return false;
      throw error;
    },
  );
  if (!legal) return "source-not-legal";
  const held = await scope.trx
    .selectFrom("customer_licenses")
    .innerJoin("content_licenses", "content_licenses.id", "customer_licenses.license_id")
    .select(["device_id", "customer_id", "content_id"])
    .where("license_id", "=", request.licenseId)
    .executeTakeFirst();
  if (held?.device_id !== request.sourceId) return "license-not-held";
  return inquireDestination(scope, serverId, held.customer_id, request.destinationId, held.content_id);
}

/** Asked by the destination's license server. The history records the outcome, also a refusal; granted, the order for the source to remove its license. */
export async function beginMove(scope: Scope, serverId: string, request: MoveRequest): Promise<MoveAnswer> {
  await checkMove(scope, request);
  const before = await scope.trx.selectFrom("moves").select("ordered_use_id").where("nonce", "=", request.nonce).executeTakeFirst();
  if (before !== undefined)
    return { outcome: "granted", useId: before.ordered_use_id, order: await orderOf(scope, request, before.ordered_use_id) };
  // Asking to move a license further proves that it was taken.
  await scope.trx
    .updateTable("moves")
    .set({ taken_at: scope.now })
    .where("license_id", "=", request.licenseId)
    .where("destination_id", "=", request.sourceId)
    .where("certificate", "is not", null)
    .where("taken_at", "is", null)
    .execute();
  // An order that the source has not followed is void: it asks anew, with a new nonce.
  await scope.trx
    .updateTable("moves")
    .set({ taken_at: scope.now })
    .where("license_id", "=", request.licenseId)
    .where("removed_at", "is", null)
    .where("taken_at", "is", null)
    .execute();
  const outcome = await inquire(scope, serverId, request);
  const useId = await recordMove(scope, serverId, { ...request, outcome });
  if (outcome !== "granted") return { outcome };
  await scope.trx
    .insertInto("moves")
    .values({
      use_id: useId,
      license_id: request.licenseId,
      source_id: request.sourceId,
      destination_id: request.destinationId,
      ordered_use_id: useId,
      nonce: request.nonce,
    })
    .execute();
  return { outcome, useId, order: await orderOf(scope, request, useId) };
}

/** Writes an inquiry and its outcome into the history; answers its new use id. */
export async function recordMove(
  scope: Scope,
  serverId: string,
  asked: Pick<MoveRequest, "licenseId" | "sourceId" | "destinationId"> & { outcome: MoveOutcome },
): Promise<string> {
  const useId = toHex(randomBytes(16));
  await scope.trx
    .insertInto("copy_certificates")
    .values({
      use_id: useId,
      license_id: asked.licenseId,
      source_id: asked.sourceId,
      destination_id: asked.destinationId,
      license_server_id: serverId,
      outcome: asked.outcome,
      at: scope.now,
    })
    .execute();
  await audit(scope, "move asked", asked.licenseId, {
    source: asked.sourceId,
    destination: asked.destinationId,
    outcome: asked.outcome,
  });
  return useId;
}

async function orderOf(scope: Scope, request: MoveRequest, useId: string): Promise<Uint8Array> {
  const source = await knownDevice(scope, request.sourceId);
  return scope.authority.clients.sealMove(
    source,
    fromHex(request.licenseId),
    fromHex(request.destinationId),
    fromHex(request.nonce),
    fromHex(useId),
  );
}

async function moveOf(scope: Scope, serverId: string, useId: string): Promise<Move> {
  const move = await scope.trx.selectFrom("moves").selectAll().where("use_id", "=", useId).forUpdate().executeTakeFirst();
  const asked = await scope.trx.selectFrom("copy_certificates").select("license_server_id").where("use_id", "=", useId).executeTakeFirst();
  if (move === undefined || asked?.license_server_id !== serverId)
    throw new ProblemError("not-found", `This license server has no move ${useId}; ask for the move first.`);
  if (move.removed_at !== null && move.taken_at !== null && move.certificate === null)
    throw new ProblemError("conflict", `Move ${useId} goes to another client now; redirect it again to come back to this one.`);
  return move;
}

/** The source has removed its license: from here on the destination may have it. Answers the copy certificate for the destination's server to sign. */
export async function sourceRemoved(scope: Scope, serverId: string, useId: string, removed: Uint8Array): Promise<Uint8Array> {
  const move = await moveOf(scope, serverId, useId);
  const conditions = await conditionsOf(scope, move, removed);
  if (move.removed_at === null) {
    Object.assign(move, await removal(scope, move.destination_id, conditions));
    const { removed_at, serial, conditions: kept, expiry } = move;
    await scope.trx.updateTable("moves").set({ removed_at, serial, conditions: kept, expiry }).where("use_id", "=", useId).execute();
    await takeFromSource(scope, move);
  }
  return unsignedCertificate(scope, serverId, move);
}

/** What the license's conditions were when the source removed it. @throws ProblemError when the proof is not the source's */
export async function conditionsOf(scope: Scope, move: Move, removed: Uint8Array): Promise<string> {
  const source = await knownDevice(scope, move.source_id);
  const conditions = scope.authority.clients.openRemoved(source, fromHex(move.license_id), fromHex(move.ordered_use_id), removed);
  if (conditions === null) throw new ProblemError("device-refused", "The proof of removal is not the source's; ask the source again.");
  return toHex(conditions);
}

/** Columns of a move whose license has left its source, with the next serial of its destination. */
export async function removal(
  scope: Scope,
  destinationId: string,
  conditions: string,
): Promise<Pick<Move, "removed_at" | "serial" | "conditions" | "expiry">> {
  const { copy_serial } = await scope.trx
    .updateTable("clients")
    .set((eb) => ({ copy_serial: eb("copy_serial", "+", 1) }))
    .where("device_id", "=", destinationId)
    .returning("copy_serial")
    .executeTakeFirstOrThrow();
  return { removed_at: scope.now, serial: copy_serial, conditions, expiry: scope.now + VALID };
}

/** Nobody has the license any more. */
export async function takeFromSource(scope: Scope, move: Move): Promise<void> {
  await scope.trx
    .updateTable("customer_licenses")
    .set({ device_id: null, since: scope.now })
    .where("license_id", "=", move.license_id)
    .execute();
  await audit(scope, "license removed", move.license_id, { source: move.source_id });
}

async function unsignedCertificate(scope: Scope, serverId: string, move: Move): Promise<Buffer> {
  const { device } = await goodClient(scope, move.destination_id);
  const license = await scope.trx.selectFrom("content_licenses").selectAll().where("id", "=", move.license_id).executeTakeFirstOrThrow();
  const form = await scope.trx
    .selectFrom("sealed_contents")
    .selectAll()
    .where("content_id", "=", license.content_id)
    .where("version", "=", license.version)
    .where("suite", "=", license.suite)
    .executeTakeFirstOrThrow();
  const enabling = await enabled(scope, move.destination_id, license.content_id);
  const keys = await grantKeys(scope, move.license_id, form, enabling);
  const fields = {
    server: fromHex(serverId),
    source: fromHex(move.source_id),
    destination: fromHex(move.destination_id),
    license: fromHex(move.license_id),
    content: fromHex(license.content_id),
    use: fromHex(move.use_id),
    serial: move.serial ?? 0,
    issued: move.removed_at ?? scope.now,
    expiry: move.expiry ?? scope.now,
  };
  const grant = { terms: fromHex(license.terms), issued: license.issued_at, conditions: fromHex(move.conditions ?? "") };
  const certificate = scope.authority.clients.sealCopyCertificate(device, fields, grant, keys, storedContent(form));
  keys.titleKey.fill(0);
  return Buffer.from(certificate);
}

export interface Certified {
  certificate: string;
  /** For the source: the move is settled. */
  settlement: Uint8Array;
  epoch: number;
  /** The destination's part of the enabling block, which travels along. */
  slice: Uint8Array;
}

/** The signed certificate comes back: it is checked, kept, billed, and from now on the license is the destination's. A later one of the same use answers the first. */
export async function certify(scope: Scope, serverId: string, useId: string, certificate: string): Promise<Certified> {
  const move = await moveOf(scope, serverId, useId);
  const server = await licenseServer(scope, serverId);
  const license = await scope.trx.selectFrom("content_licenses").selectAll().where("id", "=", move.license_id).executeTakeFirstOrThrow();
  if (move.removed_at === null) throw new ProblemError("conflict", "The source still has the license; have it removed first.");
  const made = await unsignedCertificate(scope, serverId, move);
  let kept = move.certificate;
  // A certificate of before a revocation opens nothing any more: it is made again, for the same one use and without a second charge.
  if (kept === null || !made.equals(fromHex(kept).subarray(0, made.length))) {
    const signature = fromHex(certificate).subarray(made.length);
    const genuine =
      made.equals(fromHex(certificate).subarray(0, made.length)) &&
      verifyEd25519(fromHex(server.public_key), Buffer.concat([COPY_CONTEXT, made]), signature);
    if (!genuine)
      throw new ProblemError(
        "device-refused",
        "The certificate is not the one that was made, signed by this license server; have it made and sign it again.",
      );
    await scope.trx
      .updateTable("moves")
      .set({ certificate, certified_at: move.certified_at ?? scope.now })
      .where("use_id", "=", useId)
      .execute();
    if (kept === null) await handOver(scope, move, license.content_id);
    kept = certificate;
  }
  const source = await knownDevice(scope, move.source_id);
  const enabling = await enabled(scope, move.destination_id, license.content_id);
  return {
    certificate: kept,
    settlement: scope.authority.clients.settle(source, fromHex(move.ordered_use_id)),
    epoch: enabling.epoch,
    slice: enabling.slice,
  };
}

/** From now on the license is the destination's, and the copy is billed. */
async function handOver(scope: Scope, move: Move, contentId: string): Promise<void> {
  const { customer_id } = await scope.trx
    .updateTable("customer_licenses")
    .set({ device_id: move.destination_id, since: scope.now })
    .where("license_id", "=", move.license_id)
    .returning("customer_id")
    .executeTakeFirstOrThrow();
  await bill(scope, contentId, customer_id, "copy", move.use_id);
  await audit(scope, "copy certificate issued", move.license_id, { destination: move.destination_id });
}

/** The destination proves that it holds the license. It need not: it may have no network. */
export async function completeMove(scope: Scope, serverId: string, useId: string, proof: Uint8Array): Promise<void> {
  const move = await moveOf(scope, serverId, useId);
  const destination = await knownDevice(scope, move.destination_id);
  if (!scope.authority.clients.verifyLicenseHeld(destination, fromHex(move.license_id), fromHex(useId), proof))
    throw new ProblemError("device-refused", "The proof is not the destination's; ask it again.");
  if (move.taken_at === null) await scope.trx.updateTable("moves").set({ taken_at: scope.now }).where("use_id", "=", useId).execute();
}
