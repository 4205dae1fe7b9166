import { CERTIFICATE_LENGTH } from "../../core/protocol/certificate.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK } from "../../core/protocol/constants.js";
import { ProblemError } from "../api/problems.js";
import { FIRST_EPOCH } from "../enrollment.js";
import { audit, type Scope } from "../scope.js";
import { goodDevice } from "./view.js";

/** Seconds for which a ticket is accepted: a card travels home within that. */
const TICKET_SECONDS = 7 * 86400;

export interface Tickets {
  tickets: [Uint8Array, Uint8Array];
  chains: [Uint8Array, Uint8Array];
}

/** Introduces a kiosk to a card or cartridge in its slot, and to nobody else: readers are introduced where the center has met their card. */
export async function introduceKiosk(scope: Scope, kioskId: string, firstId: string, secondId: string): Promise<Tickets> {
  if (firstId !== kioskId && secondId !== kioskId)
    throw new ProblemError("not-allowed", "A kiosk introduces itself only; name it and one device.");
  const { tickets, chains, roles } = await introduceDevices(scope, firstId, secondId);
  const other = roles[firstId === kioskId ? 1 : 0];
  if (!roles.includes(ROLE_KIOSK) || (other !== ROLE_CARD && other !== ROLE_CARTRIDGE))
    throw new ProblemError(
      "conflict",
      `A kiosk is introduced to cards and cartridges, not to a device of role ${String(other)}; name one.`,
    );
  return { tickets, chains };
}

/** One ticket each for two devices in good standing, over a new secret; each serial above the device's last. */
export async function introduceDevices(scope: Scope, firstId: string, secondId: string): Promise<Tickets & { roles: [number, number] }> {
  if (firstId === secondId) throw new ProblemError("conflict", "A device cannot be introduced to itself; name two.");
  const rows = await scope.trx.selectFrom("devices").select(["id", "role"]).where("id", "in", [firstId, secondId]).execute();
  const role = (id: string): number => rows.find((row) => row.id === id)?.role ?? 0;
  const first = await goodDevice(scope, firstId, role(firstId), "device");
  const second = await goodDevice(scope, secondId, role(secondId), "device");
  const serials: Record<string, number> = {};
  // In the order of the ids, whichever comes first in the request: two requests never wait for each other.
  for (const id of [firstId, secondId].sort()) {
    const { ticket_serial } = await scope.trx
      .updateTable("devices")
      .set((eb) => ({ ticket_serial: eb("ticket_serial", "+", 1) }))
      .where("id", "=", id)
      .returning("ticket_serial")
      .executeTakeFirstOrThrow();
    serials[id] = ticket_serial;
  }
  const { epoch } = await scope.trx
    .selectFrom("devices")
    .select((eb) => eb.fn.countAll<number>().as("epoch"))
    .where("revoked_at", "is not", null)
    .executeTakeFirstOrThrow();
  const { tickets } = scope.authority.introduce(
    [first, second],
    [first.chain.subarray(0, CERTIFICATE_LENGTH), second.chain.subarray(0, CERTIFICATE_LENGTH)],
    [serials[firstId], serials[secondId]],
    scope.now + TICKET_SECONDS,
    FIRST_EPOCH + Number(epoch),
  );
  await audit(scope, "devices introduced", firstId, { to: secondId });
  return { tickets, chains: [first.chain, second.chain], roles: [first.role, second.role] };
}
