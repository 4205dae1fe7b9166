import { ROLE_CLIENT } from "../../core/protocol/constants.js";
import { registrationOf } from "../household/clients.js";
import { goodDevice } from "../loans/view.js";
import { audit, toHex, type Scope } from "../scope.js";
import { localAdvertsOf } from "./adverts.js";

/** What a client takes to have what the center says about it in force: sealed for it alone. */
export interface ClientRegistration {
  serial: number;
  treeKeys: string[];
  registration: string;
}

/** Permits that adverts lead a client into the local network, or forbids it again. The client knows of it when its terminal next asks. */
export async function setLocalAdverts(scope: Scope, deviceId: string, allowed: boolean): Promise<void> {
  const { trx } = scope;
  await goodDevice(scope, deviceId, ROLE_CLIENT, "client");
  const registered = await trx
    .updateTable("clients")
    .set((eb) => ({ registration_serial: eb("registration_serial", "+", 1) }))
    .where("device_id", "=", deviceId)
    .returning("registration_serial")
    .executeTakeFirst();
  const serial = registered?.registration_serial ?? (await localAdvertsOf(trx, deviceId)).serial + 1;
  await trx
    .insertInto("local_adverts")
    .values({ device_id: deviceId, allowed, serial })
    .onConflict((conflict) => conflict.column("device_id").doUpdateSet({ allowed, serial }))
    .execute();
  await audit(scope, allowed ? "local adverts permitted" : "local adverts forbidden", deviceId);
}

/** The newest registration of a client, with its license server where it has one; null when none has a serial above `after`. */
export async function registrationAfter(scope: Scope, deviceId: string, after: number): Promise<ClientRegistration | null> {
  const device = await goodDevice(scope, deviceId, ROLE_CLIENT, "client");
  const own = await scope.trx
    .selectFrom("clients")
    .select("registration_serial")
    .where("device_id", "=", deviceId)
    .where("removed_at", "is", null)
    .executeTakeFirst();
  const { allowed, serial } = await localAdvertsOf(scope.trx, deviceId);
  const newest = own?.registration_serial ?? serial;
  if (newest <= after) return null;
  const { treeKeys, registration } = own
    ? await registrationOf(scope, deviceId)
    : scope.authority.clients.register(device, { serial, localAdverts: allowed });
  return { serial: newest, treeKeys: treeKeys.map(toHex), registration: toHex(registration) };
}
