import { equal, get32, put32 } from "../core/bytes.js";
import { SLOT_CLICKS } from "../core/device/identity.js";
import { journalDelete, journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_PARAMETERS } from "../core/link/apdu.js";
import { ADVERT_ADDRESS, ADVERT_HEAD, FLAG_LOCAL_ADVERTS, REGISTRATION_FLAGS } from "../core/protocol/client.js";
import { AREAS, CLICK, CLICKS_LENGTH } from "../core/protocol/adverts.js";
import { ALL_AREAS, areaAt, keepClick } from "../reader/adverts.js";
import { registration } from "./registration.js";
import type { Client, Outcome } from "./state.js";

/** Icon areas, each: advert id 8 | left, top, right, bottom | length of the address 1 | address. */
const AREA = ADVERT_HEAD + 1 + ADVERT_ADDRESS;
const LENGTH = ADVERT_HEAD;
const ADDRESS = ADVERT_HEAD + 1;
const SHORTEST = 8;
const areas = new Uint8Array(AREA * AREAS);
/** Clicks that could not be sent: advert id 8 | count 4, each. */
const clicks = new Uint8Array(CLICKS_LENGTH);
const LOCAL_NAMES = [".local", ".localhost", ".internal", ".lan", ".home.arpa"];
let asking = false;

function text(bytes: Uint8Array): string {
  let out = "";
  for (let i = 0; i < bytes.length; i++) out += String.fromCharCode(bytes[i]);
  return out;
}

/** True when the bytes of `address` that end before `end` end with `name`, in any case of letters. */
function endsWith(address: Uint8Array, end: number, name: string): boolean {
  let i = name.length;
  if (i > end) return false;
  while (i > 0) {
    i--;
    if (lower(address[end - name.length + i]) !== name.charCodeAt(i)) return false;
  }
  return true;
}

function lower(code: number): number {
  return code > 64 && code < 91 ? code + 32 : code;
}

/** True for an address of the public network in four numbers of at most 255: not one of RFC 6890's special blocks. */
function isPublic(a: number, b: number, c: number, d: number): boolean {
  if (a < 1 || b > 255 || c > 255 || d > 255 || a === 10 || a === 127 || a > 223) return false;
  if (a === 100) return b < 64 || b > 127;
  if (a === 169) return b !== 254;
  if (a === 172) return b < 16 || b > 31;
  if (a === 192) return b !== 168 && (b !== 0 || c > 2);
  return a !== 198 || (b !== 18 && b !== 19);
}

const numbers = new Uint16Array(4);
const NO_NUMBER = 999;

/** True when `address` is one of http or https, in printable ASCII, whose host is a public one (any host with `local`). */
export function mayOpen(address: Uint8Array, local: boolean): boolean {
  let start = endsWith(address, 7, "http://") ? 7 : 0;
  let end = 0;
  let labels = 0;
  let code = 0;
  let number = 0;
  let first = 0;
  let i = 0;
  if (endsWith(address, 8, "https://")) start = 8;
  for (i = 0; i < address.length; i++) {
    code = address[i];
    if (code < 33 || code > 126 || code === 92) return false;
    // The host ends before the first of / ? #
    if (i >= start && end === 0 && (code === 47 || code === 63 || code === 35)) end = i;
    if (end === 0 && code === 64) return false;
  }
  if (end === 0) end = address.length;
  if (start === 0 || end === start) return false;
  if (local) return true;
  for (i = end; i > start;) {
    i--;
    if (address[i] === 58) end = i;
  }
  for (i = start; i <= end; i++) {
    code = i < end ? lower(address[i]) : 46;
    if (code === 46) {
      if (first === 0) return false;
      if (labels < 4) numbers[labels] = number;
      labels++;
      number = 0;
      if (i < end) first = 0;
    } else {
      if ((code < 97 || code > 122) && (code < 48 || code > 57) && code !== 45) return false;
      // Decimal, without zeros before, to 255; else no number.
      if (number > 255 || code > 57 || code === 45 || (first === 48 && number === 0)) number = NO_NUMBER;
      else number = number * 10 + code - 48;
      if (first === 0) first = code;
    }
  }
  // A last label that begins with a digit is no name: address parsers take it for a number in one notation or another.
  if (first < 58) return labels === 4 && isPublic(numbers[0], numbers[1], numbers[2], numbers[3]);
  for (i = 0; i < LOCAL_NAMES.length; i++) if (endsWith(address, end, LOCAL_NAMES[i])) return false;
  return labels > 1;
}

/** ADVERT: sets the icon area at `place`, or with FF removes all. */
export function setAdvert(tag: number, data: Uint8Array): Outcome {
  const place = tag >> 8;
  const length = data.length - ADVERT_HEAD;
  const local = (registration[REGISTRATION_FLAGS] & FLAG_LOCAL_ADVERTS) !== 0;
  if ((place >= AREAS && place !== ALL_AREAS) || (tag & 255) !== 0) return -SW_PARAMETERS;
  if (place === ALL_AREAS) {
    if (data.length !== 0) return -SW_LENGTH;
    areas.fill(0);
    return 0;
  }
  if (length < SHORTEST || length > ADVERT_ADDRESS) return -SW_LENGTH;
  if (!mayOpen(data.subarray(ADVERT_HEAD), local)) return -SW_DATA;
  areas.set(data.subarray(0, ADVERT_HEAD), place * AREA);
  areas[place * AREA + LENGTH] = length;
  areas.set(data.subarray(ADVERT_HEAD), place * AREA + ADDRESS);
  return 0;
}

/** A touch: the first icon area around it is opened. A board with a button alone says 0, 0, and means the first area there is. */
export function touched(client: Client, x: number, y: number): void {
  const network = client.board.network;
  const area = areaAt(areas, AREA, x, y);
  if (!area || asking) return;
  if (network === undefined) return keepClick(client.player, area.subarray(0, 8));
  asking = true;
  network.get(text(area.subarray(ADDRESS, ADDRESS + area[LENGTH])), function (status) {
    asking = false;
    if (status === 0) keepClick(client.player, area.subarray(0, 8));
  });
}

/** Clicks that could not be sent. */
export function describeClicks(client: Client): Outcome {
  const length = journalGet(client.device.memory.journal, SLOT_CLICKS, 0, client.device.data.subarray(0, clicks.length));
  return length < 0 ? 0 : length;
}

/** Takes clicks off the count that the host has reported: the same that it was told, less what has come since. */
export function clearClicks(client: Client, data: Uint8Array): Outcome {
  const journal = client.device.memory.journal;
  const length = journalGet(journal, SLOT_CLICKS, 0, clicks);
  let kept = 0;
  let count = 0;
  if (data.length > clicks.length || data.length % CLICK !== 0) return -SW_LENGTH;
  for (let at = 0; at < length; at += CLICK) {
    count = get32(clicks, at + 8);
    for (let i = 0; i < data.length; i += CLICK)
      if (equal(data.subarray(i, i + 8), clicks.subarray(at, at + 8))) {
        if (get32(data, i + 8) > count) return -SW_CONDITIONS;
        count -= get32(data, i + 8);
      }
    if (count > 0) {
      clicks.set(clicks.subarray(at, at + 8), kept);
      put32(clicks, kept + 8, count);
      kept += CLICK;
    }
  }
  if (length <= 0) return 0;
  if (kept > 0) return journalPut(journal, SLOT_CLICKS, 0, clicks.subarray(0, kept)) ? 0 : -SW_FAILURE;
  return journalDelete(journal, SLOT_CLICKS, 0) ? 0 : -SW_FAILURE;
}
