import { CERTIFICATE_LENGTH } from "../../core/protocol/certificate.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_CLIENT, ROLE_KIOSK, ROLE_READER } from "../../core/protocol/constants.js";
import { ProblemError } from "../api/problems.js";
import { audit, toHex, type Scope } from "../scope.js";
import { goodDevice } from "./view.js";

/** Seconds for which a ticket is accepted: a card travels home within that. */
const TICKET_SECONDS = 7 * 86400;

/** Who may be introduced to whom. */
const PAIRS = [
  [ROLE_KIOSK, ROLE_CARD],
  [ROLE_KIOSK, ROLE_CARTRIDGE],
  [ROLE_CARD, ROLE_READER],
  [ROLE_CARTRIDGE, ROLE_READER],
  [ROLE_CARD, ROLE_CLIENT],
  [ROLE_CARTRIDGE, ROLE_CLIENT],
];

/** One ticket each for two devices in good standing, over a new secret; each serial above the device's last. A kiosk may name itself or others' devices, no other kiosk. */
export async function introduceDevices(
  scope: Scope,
  kioskId: string,
  firstId: string,
  secondId: string,
): Promise<{ tickets: [Uint8Array, Uint8Array]; chains: [Uint8Array, Uint8Array] }> {
  if (firstId === secondId) throw new ProblemError("conflict", "A device cannot be introduced to itself; name two.");
  const rows = await scope.trx.selectFrom("devices").select(["id", "role"]).where("id", "in", [firstId, secondId]).execute();
  const role = (id: string): number => rows.find((row) => row.id === id)?.role ?? 0;
  const first = await goodDevice(scope, firstId, role(firstId), "device");
  const second = await goodDevice(scope, secondId, role(secondId), "device");
  if (!PAIRS.some(([a, b]) => (a === first.role && b === second.role) || (b === first.role && a === second.role)))
    throw new ProblemError(
      "conflict",
      `Roles ${String(first.role)} and ${String(second.role)} have nothing to say to each other; name other devices.`,
    );
  if ([first, second].some((device) => device.role === ROLE_KIOSK && toHex(device.id) !== kioskId))
    throw new ProblemError("not-allowed", "A kiosk introduces itself only, no other kiosk.");
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
    Number(epoch),
  );
  await audit(scope, "devices introduced", firstId, { to: secondId });
  return { tickets, chains: [first.chain, second.chain] };
}
