import { equal, get32 } from "../core/bytes.js";
import {
  ORDER_CONTEXT,
  PERIOD_CONTENT,
  PERIOD_END,
  PERIOD_KEY,
  PERIOD_LENGTH,
  PERIOD_START,
  orderContext,
  titleContext,
} from "../core/protocol/client.js";
import {
  LICENSE_CONTENT,
  LICENSE_ID,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_OPEN,
  LICENSE_PLAY,
  LICENSE_TERMS,
  USE_ALLOWED,
  USE_TIME_UNKNOWN,
  USE_TOO_EARLY,
  USE_TOO_LATE,
  debitPlay,
} from "../core/protocol/license.js";
import { TERMS_NOT_BEFORE } from "../core/protocol/terms.js";
import { randomFill } from "../core/random.js";
import { open } from "../core/seal.js";
import { beginStream } from "../reader/player.js";
import { LOAN_RATE, LOAN_SIZE, REASON_KEY, REASON_LICENSE } from "../reader/state.js";
import { OWN_EPOCH, OWN_LENGTH, OWN_TITLE, own, seekOwn, storeOwn } from "./licenses.js";
import { PERIOD_HELD, countPlay, period, readPeriod, seekPeriod } from "./periods.js";
import { type Client, RIGHT_CARD, RIGHT_LICENSE, RIGHT_PERIOD, WANTED_ENVELOPE } from "./state.js";
import { REASON_RIGHT, fetch, refuse } from "./streaming.js";
import { earliest, latest } from "./time.js";

const context = new Uint8Array(ORDER_CONTEXT);
const playId = new Uint8Array(16);

/** The right to what is wanted, with what it says about times; false, and refused, where there is none. */
export function chooseRight(client: Client): boolean {
  const wanted = client.wanted;
  const content = wanted.subarray(0, 16);
  let place = client.given ? seekPeriod(client, wanted.subarray(16, 32)) : -1;
  let late = 0;
  client.right = RIGHT_CARD;
  if (place >= 0) {
    client.right = RIGHT_PERIOD;
    client.end = get32(period, PERIOD_END);
    if (!equal(period.subarray(PERIOD_CONTENT, PERIOD_START), content)) late = 7;
    else if (readPeriod(client, place) !== PERIOD_HELD || latest(client) >= client.end) late = USE_TOO_LATE;
    else if (earliest(client) === 0) late = USE_TIME_UNKNOWN;
    else if (earliest(client) < get32(period, PERIOD_START)) late = USE_TOO_EARLY;
    period.fill(0);
  } else if (!client.given) {
    place = seekOwn(client, LICENSE_CONTENT, content, OWN_LENGTH);
    own.fill(0);
    if (place >= 0) client.right = RIGHT_LICENSE;
  }
  client.place = place;
  if (late === 0 && (client.right !== RIGHT_CARD || client.player.card.present)) return true;
  refuse(client, REASON_RIGHT, late < 7 ? late : 0, 0);
  return false;
}

/** Starts the stream with the title key in `player.other`. */
function startStream(client: Client): void {
  if (beginStream(client.player)) fetch(client);
  else refuse(client, REASON_KEY, 0, 0);
}

/**
 * Starts the stream with the title key in the order's envelope.
 *
 * @param digest - SHA-256 of the stream header, 32 bytes
 * @returns false when the envelope is not for this content
 */
export function openByPeriod(client: Client, digest: Uint8Array): boolean {
  const player = client.player;
  const loan = player.loan;
  let genuine = false;
  readPeriod(client, client.place);
  orderContext(
    context,
    digest,
    period.subarray(0, 16),
    client.device.memory.party.id,
    period.subarray(PERIOD_START, PERIOD_KEY),
    get32(loan, LOAN_SIZE),
    get32(loan, LOAN_RATE),
  );
  genuine = open(player.other, period.subarray(PERIOD_KEY, PERIOD_LENGTH), context, client.wanted.subarray(WANTED_ENVELOPE));
  period.fill(0);
  if (!genuine) return false;
  countPlay(client, client.place);
  startStream(client);
  return true;
}

/** As `openByPeriod`, with the title key in the license. A play is debited, durably, before anything is released. */
export function openByLicense(client: Client, digest: Uint8Array): boolean {
  const player = client.player;
  const memory = client.device.memory;
  const loan = player.loan;
  const license = own.subarray(0, LICENSE_LENGTH);
  const time = earliest(client);
  let status = USE_ALLOWED;
  seekOwn(client, LICENSE_CONTENT, client.wanted.subarray(0, 16), OWN_LENGTH);
  titleContext(
    context,
    digest,
    own.subarray(LICENSE_ID, LICENSE_ID + 16),
    get32(loan, LOAN_SIZE),
    get32(loan, LOAN_RATE),
    own.subarray(OWN_EPOCH, OWN_TITLE),
  );
  if (!open(player.other, own.subarray(LICENSE_KEY, LICENSE_LENGTH), context.subarray(0, 60), own.subarray(OWN_TITLE, OWN_TITLE + 48))) {
    own.fill(0);
    return false;
  }
  if (license[LICENSE_OPEN] === 1) playId.set(license.subarray(LICENSE_PLAY, LICENSE_PLAY + 16));
  else if (!randomFill(playId)) status = USE_TIME_UNKNOWN;
  if (time !== 0 && time < get32(license, LICENSE_TERMS + TERMS_NOT_BEFORE)) status = USE_TOO_EARLY;
  if (status === USE_ALLOWED) status = debitPlay(license, memory.party.id, playId, time === 0 ? 0 : latest(client), memory.party.floor());
  player.license.set(license);
  if (status === USE_ALLOWED && !storeOwn(client, client.place, OWN_LENGTH)) status = -1;
  own.fill(0);
  if (status === USE_ALLOWED) startStream(client);
  else refuse(client, status < 0 ? REASON_KEY : REASON_LICENSE, status < 0 ? 0 : status, 0);
  return true;
}
