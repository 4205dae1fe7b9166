import { equal, get16, get32, put32, scratch } from "../bytes.js";
import { hmac } from "../hash/hmac.js";
import { ADVERT_DIRECTORY } from "./derive.js";

/**
 * Adverts on a cartridge: a section behind the content. Its first block is the directory, at most 512 bytes, then zeros; then come the pictures.
 *
 * | offset | bytes | field                                                                                              |
 * | ------ | ----- | -------------------------------------------------------------------------------------------------- |
 * | 0      | 1     | version, 1                                                                                         |
 * | 1      | 1     | number of icon areas, at most 4                                                                    |
 * | 2      | 2     | length d of the directory                                                                          |
 * | 4      | 16    | first half of HMAC(loan key; 43 || bytes 0 to 3 || bytes 20 to d - 1)                              |
 * | 20     |       | areas: length 1 | advert id 8 | left, top, right, bottom 1 each | address                            |
 * |        |       | pictures, to d: advert id 8 | media type 1 (1 PNG, 2 JPEG, 3 WebP, 4 GIF) | length 4 | SHA-256 32  |
 */
export const SECTION_BLOCK = 512;
export const DIRECTORY_PROOF = 4;
export const DIRECTORY_HEAD = 20;
export const PICTURE_ENTRY = 45;
export const AREAS = 4;

/** Where the section begins on the medium: at the first block behind the content. */
export function sectionAt(sealedLength: number): number {
  return Math.ceil(sealedLength / SECTION_BLOCK) * SECTION_BLOCK;
}

const label = scratch(1);
const code = scratch(32);

/** Writes what the directory's proof must be to `out` (32 bytes, of which the first 16 count). */
export function directoryProof(out: Uint8Array, loanKey: Uint8Array, directory: Uint8Array): void {
  label[0] = ADVERT_DIRECTORY;
  hmac(out, loanKey, [label, directory.subarray(0, DIRECTORY_PROOF), directory.subarray(DIRECTORY_HEAD)]);
}

/** Length of the directory in `block`, when it is the center's for the loan of this key; 0 when it is not. */
export function openDirectory(block: Uint8Array, loanKey: Uint8Array): number {
  const length = get16(block, 2);
  if (block[0] !== 1 || block[1] > AREAS || length < DIRECTORY_HEAD || length > block.length) return 0;
  directoryProof(code, loanKey, block.subarray(0, length));
  return equal(code.subarray(0, 16), block.subarray(DIRECTORY_PROOF, DIRECTORY_HEAD)) ? length : 0;
}

/** Clicks that wait to be reported: advert id 8 | count 4, for each of at most four adverts. */
export const CLICK = 12;
export const CLICKS_LENGTH = CLICK * AREAS;

/** Adds to the count of an advert in a record of `length` bytes; answers its new length. Where four other adverts wait already the clicks are lost. */
export function addClicks(record: Uint8Array, length: number, advert: Uint8Array, count: number): number {
  let at = 0;
  while (at < length && !equal(record.subarray(at, at + 8), advert)) at += CLICK;
  if (at >= CLICKS_LENGTH) return length;
  if (at >= length) {
    record.set(advert, at);
    put32(record, at + 8, 0);
    length = at + CLICK;
  }
  put32(record, at + 8, get32(record, at + 8) + count);
  return length;
}
