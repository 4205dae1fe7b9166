import type { Selectable } from "kysely";
import { ROLE_CLIENT, ROLE_LICENSE_SERVER } from "../../core/protocol/constants.js";
import { ALGORITHM_ED25519 } from "../../core/protocol/certificate.js";
import { ProblemError } from "../api/problems.js";
import type { Tables } from "../db/tables.js";
import type { DeviceReference } from "../device-authority.js";
import { goodDevice } from "../loans/view.js";
import { localAdvertsOf } from "../orders/adverts.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import { leafKeys, revokeLeaf, takeLeaf } from "./tree.js";

export type ClientRow = Selectable<Tables["clients"]>;

/** A license server comes in, or renews its certificate. */
export async function addLicenseServer(scope: Scope, name: string, chain: string, address: string): Promise<string> {
  const facts = scope.authority.verifyChain(fromHex(chain), ROLE_LICENSE_SERVER, scope.now);
  if (typeof facts === "string" || fromHex(chain)[1] !== ALGORITHM_ED25519)
    throw new ProblemError(
      "certificate-refused",
      "A license server comes with a certificate of this center for role 8 and an Ed25519 key; enroll it.",
    );
  const id = toHex(facts.subject);
  const values = { name, chain, public_key: toHex(facts.publicKey), address };
  await scope.trx
    .insertInto("license_servers")
    .values({ id, created_at: scope.now, ...values })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
    .execute();
  await audit(scope, "license server enrolled", id, { name });
  return id;
}

/** @throws ProblemError for a license server that is not known or is revoked */
export async function licenseServer(scope: Scope, id: string): Promise<Tables["license_servers"]> {
  const row = await scope.trx.selectFrom("license_servers").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined || row.revoked_at !== null)
    throw new ProblemError("not-found", `No license server has the id ${id}; register it first.`);
  return row;
}

/** Registers a customer's client with a license server, gives it a leaf of the key tree, and keeps its certificate. */
export async function registerClient(scope: Scope, deviceId: string, serverId: string, name: string): Promise<ClientRow> {
  const device = await goodDevice(scope, deviceId, ROLE_CLIENT, "client");
  await licenseServer(scope, serverId);
  if (device.customerId === null) throw new ProblemError("conflict", `Client ${deviceId} belongs to no customer; enroll it with one.`);
  const known = await scope.trx.selectFrom("clients").select("device_id").where("device_id", "=", deviceId).executeTakeFirst();
  if (known !== undefined)
    throw new ProblemError("already-exists", `Client ${deviceId} is registered already; look at it before adding another.`);
  const row = await scope.trx
    .insertInto("clients")
    .values({
      device_id: deviceId,
      customer_id: device.customerId,
      license_server_id: serverId,
      name,
      // Above that of a registration that said something about adverts only.
      registration_serial: (await localAdvertsOf(scope.trx, deviceId)).serial + 1,
      registered_at: scope.now,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await scope.trx
    .insertInto("client_certificates")
    .values({ device_id: deviceId, chain: toHex(device.chain), since: scope.now })
    .execute();
  const { leaf } = await takeLeaf(scope, deviceId);
  await audit(scope, "client registered", deviceId, { server: serverId, leaf });
  return row;
}

/** A client that is registered and not removed, and the device behind it. @throws ProblemError otherwise */
export async function goodClient(scope: Scope, deviceId: string): Promise<{ row: ClientRow; device: DeviceReference }> {
  const row = await scope.trx.selectFrom("clients").selectAll().where("device_id", "=", deviceId).executeTakeFirst();
  if (row === undefined || row.removed_at !== null)
    throw new ProblemError("client-not-registered", `Client ${deviceId} is not registered; register it first.`);
  return { row, device: await goodDevice(scope, deviceId, ROLE_CLIENT, "client") };
}

/** What the client takes to be registered: sealed for it, and the same whenever it is asked for. */
export async function registrationOf(scope: Scope, deviceId: string): Promise<{ treeKeys: Uint8Array[]; registration: Uint8Array }> {
  const { row, device } = await goodClient(scope, deviceId);
  const server = await licenseServer(scope, row.license_server_id);
  const { keys } = await leafKeys(scope, deviceId);
  const messages = scope.authority.clients.register(device, {
    serial: row.registration_serial,
    localAdverts: (await localAdvertsOf(scope.trx, deviceId)).allowed,
    server: { id: fromHex(server.id), publicKey: fromHex(server.public_key) },
    tree: { keys, signer: scope.authority.household.signer.publicKey },
  });
  keys.fill(0);
  return messages;
}

/**
 * Removes a client from its owner's, and locks it out of what is issued from now on. What it got, held and moved stays in the tables.
 *
 * @param customerId - who removes it, where that is not the staff: another's client is not found
 * @returns the epoch from which on it opens nothing
 */
export async function removeClient(scope: Scope, deviceId: string, customerId?: string): Promise<number> {
  const row = await scope.trx
    .selectFrom("clients")
    .select(["removed_at", "customer_id"])
    .where("device_id", "=", deviceId)
    .forUpdate()
    .executeTakeFirst();
  if (row === undefined || (customerId !== undefined && row.customer_id !== customerId))
    throw new ProblemError("not-found", `No client has the id ${deviceId}; check the id.`);
  if (row.removed_at === null) {
    await scope.trx.updateTable("clients").set({ removed_at: scope.now }).where("device_id", "=", deviceId).execute();
    await audit(scope, "client removed", deviceId);
  }
  return revokeLeaf(scope, deviceId);
}
