import type { Trx } from "./db/database.js";
import type { DeviceAuthority } from "./device-authority.js";

/** What one command works with: its transaction, the one instant at which it happens, and who asks. */
export interface Scope {
  trx: Trx;
  now: number;
  authority: DeviceAuthority;
  /** "kiosk 0011…", "staff 0011…" or "center". */
  actor: string;
}

/** Adds to the audit log, in the same transaction as what it tells of. */
export async function audit(scope: Scope, action: string, subject: string, detail: Record<string, unknown> = {}): Promise<void> {
  await scope.trx
    .insertInto("audit")
    .values({ at: scope.now, actor: scope.actor, action, subject, detail: JSON.stringify(detail) })
    .execute();
}

export function fromHex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
