import { AREAS, DIRECTORY_HEAD, DIRECTORY_PROOF, PICTURE_ENTRY, SECTION_BLOCK, directoryProof } from "../../core/protocol/adverts.js";
import { put16, put32 } from "../../core/bytes.js";
import type { Static } from "typebox";
import type { AdvertView } from "../api/advert-routes.js";
import type { FileStore } from "../catalog/files.js";
import type { Database } from "../db/database.js";
import type { LoanRow } from "../db/tables.js";
import type { DeviceAuthority } from "../device-authority.js";
import { currentAdverts } from "../orders/adverts.js";
import { fromHex } from "../scope.js";
import { loanReference } from "./view.js";

/** Media types by their number in a directory. */
const TYPES = ["", "image/png", "image/jpeg", "image/webp", "image/gif"];

/** An area's length, advert id and bounds. */
const AREA_ENTRY = 13;

type Advert = Static<typeof AdvertView>;

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
  const chosen: Advert[] = [];
  let left = Math.min(room, 0xffffffff) - SECTION_BLOCK;
  let places = AREAS;
  let directory = SECTION_BLOCK - DIRECTORY_HEAD;
  for (const advert of await currentAdverts(db, loan.operator_id, loan.content_id)) {
    const entries = PICTURE_ENTRY + advert.areas.reduce((sum, { address }) => sum + AREA_ENTRY + address.length, 0);
    if (advert.length > left || advert.areas.length > places || entries > directory) continue;
    chosen.push(advert);
    left -= advert.length;
    places -= advert.areas.length;
    directory -= entries;
  }
  if (chosen.length === 0) return new Uint8Array(0);
  const head = encodeDirectory(chosen, authority.loanKey(loanReference(loan)).loanKey);
  return Buffer.concat([head, ...(await Promise.all(chosen.map(({ sha256 }) => pictures.whole(sha256))))]);
}

function encodeDirectory(adverts: Advert[], loanKey: Uint8Array): Uint8Array {
  const block = new Uint8Array(SECTION_BLOCK);
  const proof = new Uint8Array(32);
  let at = DIRECTORY_HEAD;
  block[0] = 1;
  for (const { id, areas } of adverts)
    for (const { left, top, right, bottom, address } of areas) {
      block[1]++;
      block[at] = AREA_ENTRY - 1 + address.length;
      block.set(fromHex(id), at + 1);
      block.set([left, top, right, bottom], at + 9);
      block.set(Buffer.from(address, "latin1"), at + 13);
      at += AREA_ENTRY + address.length;
    }
  for (const { id, mediaType, length, sha256 } of adverts) {
    block.set(fromHex(id), at);
    block[at + 8] = TYPES.indexOf(mediaType);
    put32(block, at + 9, length);
    block.set(fromHex(sha256), at + 13);
    at += PICTURE_ENTRY;
  }
  put16(block, 2, at);
  directoryProof(proof, loanKey, block.subarray(0, at));
  block.set(proof.subarray(0, 16), DIRECTORY_PROOF);
  return block;
}
