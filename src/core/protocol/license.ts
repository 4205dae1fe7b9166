import { equal, get16, get32, isZero, none, put16, put32, scratch } from "../bytes.js";
import { hmac } from "../hash/hmac.js";
import { open, seal } from "../seal.js";
import { KEY_LICENSE_WRAP, KEY_TERMS, derive } from "./derive.js";
import {
  TERMS_LENGTH,
  TERMS_NOT_AFTER,
  TERMS_NOT_BEFORE,
  TERMS_PLAYS,
  TERMS_READER,
  TERMS_READERS,
  TERMS_TOTAL,
  TERMS_WINDOW,
} from "./terms.js";

/**
 * A license in clear: 220 bytes. Bytes 4 to 127 never change after issue and are authenticated by the center; the others are the use
 * conditions and the key.
 *
 * | offset | bytes | field                                                                   |
 * | ------ | ----- | ----------------------------------------------------------------------- |
 * | 0      | 4     | version: one more at every change                                       |
 * | 4      | 16    | license id                                                              |
 * | 20     | 16    | loan id                                                                 |
 * | 36     | 16    | content id                                                              |
 * | 52     | 8     | cartridge id                                                            |
 * | 60     | 48    | terms                                                                   |
 * | 108    | 4     | issued, center's time                                                   |
 * | 112    | 16    | first half of HMAC(terms key of the card, bytes 4 to 111)               |
 * | 128    | 2     | plays used                                                              |
 * | 130    | 1     | number of readers that have played                                      |
 * | 131    | 1     | 1 while a play is open                                                  |
 * | 132    | 4     | first use, vouched time; 0 never                                        |
 * | 136    | 4     | seconds played                                                          |
 * | 140    | 32    | up to four readers that have played                                     |
 * | 172    | 16    | play id of the open or the last play                                    |
 * | 188    | 32    | loan key, or share B, or zeros where the cartridge holds the key        |
 */
export const LICENSE_LENGTH = 220;
export const LICENSE_ID = 4;
export const LICENSE_LOAN = 20;
export const LICENSE_CONTENT = 36;
export const LICENSE_CARTRIDGE = 52;
export const LICENSE_TERMS = 60;
export const LICENSE_ISSUED = 108;
export const LICENSE_MAC = 112;
export const LICENSE_CONDITIONS = 128;
export const LICENSE_PLAYS = 128;
export const LICENSE_READER_COUNT = 130;
export const LICENSE_OPEN = 131;
export const LICENSE_FIRST_USE = 132;
export const LICENSE_SECONDS = 136;
export const LICENSE_READERS = 140;
export const LICENSE_PLAY = 172;
export const LICENSE_KEY = 188;
const READERS_MAX = 4;

/** As stored and sent: version 4 | license id 16 | tag and ciphertext of the whole license 236. */
export const LICENSE_RECORD = 20 + 16 + LICENSE_LENGTH;

const wrap = scratch(32);
const context = scratch(28);

/** Key that wraps one version of one license: PRF(license key of the card; device id, license id, version). */
export function licenseWrappingKey(
  out: Uint8Array,
  deviceKey: Uint8Array,
  deviceId: Uint8Array,
  licenseId: Uint8Array,
  version: number,
): void {
  context.set(deviceId);
  context.set(licenseId, 8);
  put32(context, 24, version);
  derive(wrap, deviceKey, KEY_LICENSE_WRAP, none);
  hmac(out, wrap, [context]);
  wrap.fill(0);
}

/** Seals `license` (220 bytes) under `wrappingKey` into `record` (256 bytes). */
export function sealLicense(record: Uint8Array, wrappingKey: Uint8Array, license: Uint8Array): void {
  record.set(license.subarray(0, 20));
  seal(record.subarray(20), wrappingKey, record.subarray(0, 20), license);
}

/** Opens `record` into `license`; false when it is not of this key, version and id, and then `license` holds zeros. */
export function openLicense(license: Uint8Array, wrappingKey: Uint8Array, record: Uint8Array): boolean {
  if (!open(license, wrappingKey, record.subarray(0, 20), record.subarray(20))) return false;
  if (equal(license.subarray(0, 20), record.subarray(0, 20))) return true;
  license.fill(0);
  return false;
}

/** The center's authentication of the part that never changes, 16 bytes. */
export function licenseMac(out: Uint8Array, deviceKey: Uint8Array, license: Uint8Array): void {
  derive(wrap, deviceKey, KEY_TERMS, none);
  hmac(wrap, wrap, [license.subarray(LICENSE_ID, LICENSE_MAC)]);
  out.set(wrap.subarray(0, 16));
  wrap.fill(0);
}

export const USE_ALLOWED = 0;
export const USE_TIME_UNKNOWN = 1;
export const USE_TOO_EARLY = 2;
export const USE_TOO_LATE = 3;
export const USE_NO_PLAYS = 4;
export const USE_NO_SECONDS = 5;
export const USE_OTHER_READER = 6;

/** True when the terms name an instant or a span, so that a time must be vouched for before anything opens. */
export function hasWindow(terms: Uint8Array): boolean {
  return get32(terms, TERMS_NOT_BEFORE) + get32(terms, TERMS_NOT_AFTER) + get32(terms, TERMS_WINDOW) !== 0;
}

/**
 * Debits one play for `reader`, once per play id, in the clear license in memory. The caller makes it durable before it releases a key.
 *
 * @param vouched - present time, 0 when nobody vouches for one
 * @param floor - seconds that have surely passed
 * @returns USE_ALLOWED, and the license changed; or why not, and the license as it was
 */
export function debitPlay(license: Uint8Array, reader: Uint8Array, playId: Uint8Array, vouched: number, floor: number): number {
  const terms = license.subarray(LICENSE_TERMS, LICENSE_TERMS + TERMS_LENGTH);
  const time = vouched > floor ? vouched : floor;
  const only = terms.subarray(TERMS_READER, TERMS_READER + 8);
  const readers = license[LICENSE_READER_COUNT];
  const limit = terms[TERMS_READERS];
  const firstUse = get32(license, LICENSE_FIRST_USE);
  const plays = get16(license, LICENSE_PLAYS);
  const notBefore = get32(terms, TERMS_NOT_BEFORE);
  const notAfter = get32(terms, TERMS_NOT_AFTER);
  const window = get32(terms, TERMS_WINDOW);
  const total = get32(terms, TERMS_TOTAL);
  let known = false;
  if (!isZero(only) && !equal(only, reader)) return USE_OTHER_READER;
  for (let r = 0; r < readers; r++) if (equal(license.subarray(LICENSE_READERS + 8 * r, LICENSE_READERS + 8 * r + 8), reader)) known = true;
  if (!known && limit !== 0 && (readers >= limit || readers >= READERS_MAX)) return USE_OTHER_READER;
  if (hasWindow(terms) && vouched === 0) return USE_TIME_UNKNOWN;
  if (notBefore !== 0 && time < notBefore) return USE_TOO_EARLY;
  if (notAfter !== 0 && time > notAfter) return USE_TOO_LATE;
  if (window !== 0 && firstUse !== 0 && time > firstUse + window) return USE_TOO_LATE;
  if (total !== 0 && get32(license, LICENSE_SECONDS) >= total) return USE_NO_SECONDS;
  if (license[LICENSE_OPEN] === 1 && equal(license.subarray(LICENSE_PLAY, LICENSE_PLAY + 16), playId)) return USE_ALLOWED;
  if (get16(terms, TERMS_PLAYS) !== 0 && plays >= get16(terms, TERMS_PLAYS)) return USE_NO_PLAYS;
  put16(license, LICENSE_PLAYS, plays < 65535 ? plays + 1 : plays);
  license[LICENSE_OPEN] = 1;
  license.set(playId, LICENSE_PLAY);
  if (firstUse === 0) put32(license, LICENSE_FIRST_USE, time);
  if (!known && readers < READERS_MAX) {
    license.set(reader, LICENSE_READERS + 8 * readers);
    license[LICENSE_READER_COUNT] = readers + 1;
  }
  put32(license, 0, get32(license, 0) + 1);
  return USE_ALLOWED;
}

/** Closes the open play in the clear license: a reader does this when playing ends, after `seconds` of playing. */
export function closePlay(license: Uint8Array, seconds: number): void {
  license[LICENSE_OPEN] = 0;
  put32(license, LICENSE_SECONDS, get32(license, LICENSE_SECONDS) + seconds);
  put32(license, 0, get32(license, 0) + 1);
}

/**
 * True when `next` may take the place of `current`: the next version, nothing changed that the center authenticates, nothing of the key, and no
 * condition better for the user than before.
 */
export function mayReplace(current: Uint8Array, next: Uint8Array): boolean {
  return (
    get32(next, 0) === get32(current, 0) + 1 &&
    equal(next.subarray(LICENSE_ID, LICENSE_PLAYS), current.subarray(LICENSE_ID, LICENSE_PLAYS)) &&
    get16(next, LICENSE_PLAYS) === get16(current, LICENSE_PLAYS) &&
    next[LICENSE_READER_COUNT] === current[LICENSE_READER_COUNT] &&
    next[LICENSE_OPEN] <= current[LICENSE_OPEN] &&
    get32(next, LICENSE_SECONDS) >= get32(current, LICENSE_SECONDS) &&
    equal(next.subarray(LICENSE_FIRST_USE, LICENSE_SECONDS), current.subarray(LICENSE_FIRST_USE, LICENSE_SECONDS)) &&
    equal(next.subarray(LICENSE_READERS, LICENSE_LENGTH), current.subarray(LICENSE_READERS, LICENSE_LENGTH))
  );
}
