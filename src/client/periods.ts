import { equal, get16, get32, put16, put32 } from "../core/bytes.js";
import { SLOT_PERIOD, STATE_FLOOR } from "../core/device/identity.js";
import { storeState } from "../core/device/party.js";
import { journalDelete, journalGet, journalPut, journalRecycle } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_NOT_FOUND, SW_NO_ROOM } from "../core/link/apdu.js";
import {
  MESSAGE_PERIOD_ENDED,
  MESSAGE_PERIOD_HELD,
  MESSAGE_PERIOD_KEY,
  PERIOD_END,
  PERIOD_KEY,
  PERIOD_LENGTH,
  PERIOD_OVER,
  PERIOD_RECEIPT_SIGNED,
  PERIOD_RETURNED,
  PERIOD_START,
} from "../core/protocol/client.js";
import { KEY_PERIOD } from "../core/protocol/derive.js";
import { openFor } from "../core/protocol/loan.js";
import { about, answerProof, plain, type Client, type Outcome } from "./state.js";
import { latest } from "./time.js";

/** Periods that a client keeps, receipts that wait to be settled included. */
export const PERIODS = 6;

/**
 * A period in the journal, 80 bytes: as it was loaded (72), its key zeros once it is over | state 1 | cause 1 | times played 2 | destroyed at 4. One that was
 * given back before its end stays, settled, until the end: else its key could be loaded again.
 */
const LENGTH = PERIOD_LENGTH + 8;
const STATE = 72;
const CAUSE = 73;
const PLAYED = 74;
const DESTROYED = 76;
export const PERIOD_HELD = 1;
const STATE_OVER = 2;
const STATE_SETTLED = 3;

/** The period read last; whoever reads one that is held wipes it. */
export const period = new Uint8Array(LENGTH);
const none = new Uint8Array(0);
const HOUR = 3600000;

/** Reads the period at `place`; answers its state, 0 where there is none. */
export function readPeriod(client: Client, place: number): number {
  return journalGet(client.device.memory.journal, SLOT_PERIOD, place, period) === LENGTH ? period[STATE] : 0;
}

/** The place of an order, its period read; or -1. */
export function seekPeriod(client: Client, order: Uint8Array): number {
  for (let i = 0; i < PERIODS; i++) if (readPeriod(client, i) > 0 && equal(period.subarray(0, 16), order)) return i;
  return -1;
}

function store(client: Client, place: number): boolean {
  return journalPut(client.device.memory.journal, SLOT_PERIOD, place, period);
}

/** Raises the floor of time to `time`, durably. */
function raise(client: Client, time: number): boolean {
  const memory = client.device.memory;
  if (memory.party.floor() < time) put32(memory.state, STATE_FLOOR, time);
  return storeState(memory);
}

/** Destroys the key of the period that was read last, from flash too, and keeps what its receipt tells. */
function destroy(client: Client, place: number, cause: number): boolean {
  if (cause === PERIOD_OVER && !raise(client, get32(period, PERIOD_END))) return false;
  period.fill(0, PERIOD_KEY, PERIOD_LENGTH);
  period[STATE] = STATE_OVER;
  period[CAUSE] = cause;
  put32(period, DESTROYED, latest(client));
  return store(client, place) && journalRecycle(client.device.memory.journal);
}

/** Ends what is over, and sleeps until the next end; an hour at most, since the time may be stated anew. */
export function expire(client: Client): void {
  const time = latest(client);
  let wait = HOUR;
  let end = 0;
  let state = 0;
  for (let i = 0; i < PERIODS; i++) {
    state = readPeriod(client, i);
    end = get32(period, PERIOD_END);
    if (state === PERIOD_HELD && time >= end) destroy(client, i, PERIOD_OVER);
    else if (state === STATE_SETTLED && time >= end && raise(client, end)) journalDelete(client.device.memory.journal, SLOT_PERIOD, i);
    else if (state === PERIOD_HELD && client.stated !== 0 && (end - time) * 1000 < wait) wait = (end - time) * 1000;
  }
  period.fill(0);
  client.board.cancel(client.timer);
  client.timer = client.board.after(wait, client.wake);
}

/** LOAD PERIOD KEY: takes it, once; answers the proof that it is held. */
export function loadPeriod(client: Client, data: Uint8Array): Outcome {
  const memory = client.device.memory;
  const loaded = plain.subarray(0, PERIOD_LENGTH);
  const end = PERIOD_END;
  let place = 0;
  let status = 0;
  if (data.length !== 16 + PERIOD_LENGTH) return -SW_LENGTH;
  if (!openFor(loaded, memory.deviceKey, KEY_PERIOD, MESSAGE_PERIOD_KEY, memory.party.id, none, data)) return -SW_DATA;
  place = seekPeriod(client, loaded.subarray(0, 16));
  if (place >= 0) status = period[STATE] === PERIOD_HELD ? 0 : -SW_CONDITIONS;
  else if (get32(loaded, PERIOD_START) >= get32(loaded, end)) status = -SW_DATA;
  else if (get32(loaded, end) <= latest(client)) status = -SW_CONDITIONS;
  else {
    for (place = 0; place < PERIODS && readPeriod(client, place) > 0;) place++;
    period.fill(0);
    period.set(loaded);
    period[STATE] = PERIOD_HELD;
    if (place === PERIODS) status = -SW_NO_ROOM;
    else if (!store(client, place)) status = -SW_FAILURE;
  }
  about.set(loaded.subarray(0, 16));
  loaded.fill(0);
  expire(client);
  return status < 0 ? status : answerProof(client, MESSAGE_PERIOD_HELD, 16, 0);
}

/** The receipt of an order; with `giveBack` its key is destroyed before, if it still is there. */
export function periodReceipt(client: Client, data: Uint8Array, giveBack: boolean): Outcome {
  let place = -1;
  if (data.length !== 16) return -SW_LENGTH;
  place = seekPeriod(client, data);
  if (place < 0) return -SW_NOT_FOUND;
  if (period[STATE] === PERIOD_HELD && giveBack && !destroy(client, place, PERIOD_RETURNED)) return -SW_FAILURE;
  if (period[STATE] === PERIOD_HELD) {
    period.fill(0);
    return -SW_CONDITIONS;
  }
  about[0] = 1;
  about[1] = period[CAUSE];
  about.set(period.subarray(PLAYED, PLAYED + 2), 2);
  about.set(period.subarray(0, 16), 4);
  about.set(client.device.memory.party.id, 20);
  about.set(period.subarray(PERIOD_END, PERIOD_KEY), 28);
  about.set(period.subarray(DESTROYED, DESTROYED + 4), 32);
  client.device.data.set(about.subarray(0, PERIOD_RECEIPT_SIGNED));
  return answerProof(client, MESSAGE_PERIOD_ENDED, PERIOD_RECEIPT_SIGNED, PERIOD_RECEIPT_SIGNED);
}

/** The server has the receipt of `order`: 0, or a negative status word; 1 where there is no such order. */
export function settlePeriod(client: Client, order: Uint8Array): Outcome {
  const place = seekPeriod(client, order);
  let state = 0;
  let stored = false;
  if (place < 0) return 1;
  state = period[STATE];
  period[STATE] = STATE_SETTLED;
  stored = state !== PERIOD_HELD && store(client, place);
  period.fill(0);
  if (stored) expire(client);
  return stored ? 0 : state === PERIOD_HELD ? -SW_CONDITIONS : -SW_FAILURE;
}

/** Counts a play of the period at `place`. */
export function countPlay(client: Client, place: number): void {
  if (readPeriod(client, place) === PERIOD_HELD) {
    put16(period, PLAYED, get16(period, PLAYED) + 1);
    store(client, place);
  }
  period.fill(0);
}

/** Tells the period at a place: 1 held or 2 over | order id 16 | content id 16 | start 4 | end 4; nothing where there is none. */
export function describePeriod(client: Client, place: number): Outcome {
  const out = client.device.data;
  const state = place < PERIODS ? readPeriod(client, place) : 0;
  if (place >= PERIODS) return -SW_NOT_FOUND;
  if (state !== 0) {
    out[0] = state === PERIOD_HELD ? 1 : 2;
    out.set(period.subarray(0, PERIOD_KEY), 1);
  }
  period.fill(0);
  return state === 0 ? 0 : 1 + PERIOD_KEY;
}

/** At the start: what was superseded may hold a key that a cut kept from being erased. */
export function cleanPeriods(client: Client): boolean {
  let over = false;
  for (let i = 0; i < PERIODS; i++) if (readPeriod(client, i) === STATE_OVER) over = true;
  period.fill(0);
  return over;
}
