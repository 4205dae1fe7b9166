import type { FileStore } from "../catalog/files.js";
import type { Database } from "../db/database.js";
import type { LoanRow } from "../db/tables.js";
import type { DeviceAuthority } from "../device-authority.js";
import { currentAdverts } from "../orders/adverts.js";
import { encodeDirectory, fitting } from "./section.js";
import { loanReference } from "./view.js";

/**
 * What the operator of a loan's kiosk adds to the content on the cartridge: its adverts for this content or for all, the oldest first, as many as there is room for. The directory is
 * authentic under the loan's key, so that neither kiosk nor cartridge can put another address or picture there.
 *
 * @param room - bytes that there are behind the content
 * @returns the section as `core/protocol/adverts.ts` lays it out; empty where there is no advert that fits
 */
export async function advertSection(
  db: Database,
  pictures: FileStore,
  authority: DeviceAuthority,
  loan: LoanRow,
  room: number,
): Promise<Uint8Array> {
  const chosen = fitting(await currentAdverts(db, loan.operator_id, loan.content_id), room);
  if (chosen.length === 0) return new Uint8Array(0);
  const head = encodeDirectory(chosen, authority.loanKey(loanReference(loan)).loanKey);
  return Buffer.concat([head, ...(await Promise.all(chosen.map(({ sha256 }) => pictures.whole(sha256))))]);
}
