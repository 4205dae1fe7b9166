import { put16, put32 } from "../../core/bytes.js";
import { AREAS, DIRECTORY_HEAD, DIRECTORY_PROOF, PICTURE_ENTRY, SECTION_BLOCK, directoryProof } from "../../core/protocol/adverts.js";
import type { AdvertBody } from "../api/delivery-messages.js";
import { fromHex } from "../scope.js";

/** Media types by their number in a directory. */
const TYPES = ["", "image/png", "image/jpeg", "image/webp", "image/gif"];

/** An area's length, advert id and bounds. */
const AREA_ENTRY = 13;

/** Of some adverts, in their order, those that have room in one section of at most `room` bytes. */
export function fitting<A extends AdvertBody>(adverts: A[], room: number): A[] {
  let left = Math.min(room, 0xffffffff) - SECTION_BLOCK;
  let places = AREAS;
  let directory = SECTION_BLOCK - DIRECTORY_HEAD;
  return adverts.filter((advert) => {
    const entries = PICTURE_ENTRY + advert.areas.reduce((sum, { address }) => sum + AREA_ENTRY + address.length, 0);
    if (advert.length > left || advert.areas.length > places || entries > directory) return false;
    left -= advert.length;
    places -= advert.areas.length;
    directory -= entries;
    return true;
  });
}

/** First block of a section, 512 bytes: the directory of these adverts, authentic under the loan's key (32 bytes). */
export function encodeDirectory(adverts: AdvertBody[], loanKey: Uint8Array): Uint8Array {
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
