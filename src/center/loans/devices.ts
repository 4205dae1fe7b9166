import { ProblemError } from "../api/problems.js";
import type { CertificateFacts } from "../device-authority.js";
import { audit, toHex, type Scope } from "../scope.js";

/**
 * Enters a device, or its renewed certificate; answers its id.
 *
 * @param chain - 256 bytes, hex, checked before
 * @throws ProblemError when the id is another role's or revoked, or the generation is yet to come
 */
export async function saveDevice(
  scope: Scope,
  facts: CertificateFacts,
  chain: string,
  generation: number,
  customerId: string | null,
): Promise<string> {
  if (generation > scope.authority.generation())
    throw new ProblemError(
      "conflict",
      `The newest generation is ${String(scope.authority.generation())}, not ${String(generation)}; rotate first.`,
    );
  const id = toHex(facts.subject);
  const values = { generation, chain, not_after: facts.notAfter, customer_id: customerId };
  const row = await scope.trx.selectFrom("devices").select(["role", "revoked_at"]).where("id", "=", id).forUpdate().executeTakeFirst();
  if (row !== undefined && (row.role !== facts.role || row.revoked_at !== null))
    throw new ProblemError("already-exists", `Device ${id} has another role or is revoked; give the device a new identity.`);
  await scope.trx
    .insertInto("devices")
    .values({ id, role: facts.role, created_at: scope.now, ...values })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(values))
    .execute();
  await audit(scope, "device enrolled", id, { role: facts.role, generation });
  return id;
}
