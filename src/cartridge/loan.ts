import type { Board } from "../../boards/board.js";
import { equal, get32, put32, scratch } from "../core/bytes.js";
import type { Device } from "../core/device/device.js";
import { SLOT_HEARTBEAT, SLOT_LOAN } from "../core/device/identity.js";
import { journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH } from "../core/link/apdu.js";
import { CUSTODY_CARD } from "../core/protocol/constants.js";
import {
  ACTIVATION_SEALED,
  CAUSE_DEADLINE,
  CAUSE_LOST,
  CAUSE_NEVER_ACTIVATED,
  CAUSE_POWER_FAIL,
  KEY_LOAD_LENGTH,
  KEY_LOAD_SEALED,
  LOAD_CONTENT,
  LOAD_COUNTER,
  LOAD_KEY,
  LOAD_PURPOSE,
  MESSAGE_ACKNOWLEDGE,
  MESSAGE_ACTIVATION,
  MESSAGE_HELD,
  MESSAGE_KEY_LOAD,
  MESSAGE_RECEIPT,
  RECEIPT_LENGTH,
  RECEIPT_SIGNED,
  openFor,
  prove,
  proven,
} from "../core/protocol/loan.js";
import { FLAG_READ_PROGRAM, TERMS_CUSTODY, TERMS_DURATION, TERMS_FLAGS } from "../core/protocol/terms.js";
import { randomFill } from "../core/random.js";
import { rest } from "../core/rest.js";
import { programFits } from "./program.js";

/**
 * The loan that a cartridge holds, as its journal knows it: 104 bytes.
 *
 * | offset | bytes | field                                                  |
 * | ------ | ----- | ------------------------------------------------------ |
 * | 0      | 1     | state                                                  |
 * | 1      | 1     | cause of the erasure                                   |
 * | 2      | 1     | exactness, as in a receipt                             |
 * | 4      | 4     | highest loan counter ever accepted                     |
 * | 8      | 16    | loan id                                                |
 * | 24     | 16    | content id                                             |
 * | 40     | 48    | terms                                                  |
 * | 88     | 4     | activation, center's time                              |
 * | 92     | 4     | seconds from the connection to the activation          |
 * | 96     | 4     | earliest moment of erasure, seconds after activation   |
 * | 100    | 4     | latest                                                 |
 */
export const LOAN_LENGTH = 104;
export const LOAN_ID = 8;
export const LOAN_CONTENT = 24;
export const LOAN_TERMS = 40;
const LOAN_STATE = 0;
const LOAN_CAUSE = 1;
const LOAN_EXACTNESS = 2;
const LOAN_COUNTER = 4;
const LOAN_ACTIVATION = 88;
const LOAN_CONNECTION = 92;
const LOAN_EARLIEST = 96;
const LOAN_LATEST = 100;

export const STATE_EMPTY = 0;
export const STATE_PENDING = 1;
export const STATE_ARMED = 2;
export const STATE_ERASED = 3;

/** Key memory: key 32, license version and play id of the last release 20, read program from 64 on. */
const KEY_ANCHOR = 32;
export const KEY_PROGRAM = 64;

/** A key that nobody activates dies after two minutes. */
const PENDING_MILLISECONDS = 120000;
const HEARTBEAT_MILLISECONDS = 3600000;

export interface Loan {
  device: Device;
  board: Board;
  record: Uint8Array;
  /** Capacitor-backed memory. */
  keyMemory: Uint8Array;
  challenge: Uint8Array;
  /** True from PREPARE until the challenge has been used up. */
  prepared: boolean;
  /** Board time of the activation, and of the deadline. */
  activatedAt: number;
  deadlineAt: number;
  timer: number;
  /** What the timer calls: one closure for good, since one of a command's own would keep all that answers commands in memory for as long as a key is held. */
  wake: () => void;
  /** False while an erasure at power-fail is known to memory only. */
  written: boolean;
}

const plain = scratch(KEY_LOAD_LENGTH);
const heartbeat = new Uint8Array(4);
const evidence = scratch(36);

function deviceKey(loan: Loan): Uint8Array {
  return loan.device.memory.deviceKey;
}

function store(loan: Loan): boolean {
  loan.written = journalPut(loan.device.memory.journal, SLOT_LOAN, 0, loan.record);
  return loan.written;
}

export function loanState(loan: Loan): number {
  return loan.record[LOAN_STATE];
}

/** Seconds since activation. */
export function elapsed(loan: Loan): number {
  return ((loan.board.now() - loan.activatedAt) / 1000) >>> 0;
}

/** The center's time as this cartridge vouches for it; 0 unless a loan is armed. */
export function vouchedTime(loan: Loan): number {
  return loan.record[LOAN_STATE] === STATE_ARMED ? get32(loan.record, LOAN_ACTIVATION) + elapsed(loan) : 0;
}

/** Seconds until the deadline; 0 when it has passed. */
export function remaining(loan: Loan): number {
  const milliseconds = loan.deadlineAt - loan.board.now();
  return milliseconds > 0 ? (milliseconds / 1000) >>> 0 : 0;
}

/**
 * Overwrites the key, then says so in the journal; at power-fail it writes nothing, because flash must not be programmed at a falling voltage, and
 * the record follows at the next command that finds power. Erasing again changes nothing.
 */
export function eraseKey(loan: Loan, cause: number): void {
  const record = loan.record;
  const armed = record[LOAN_STATE] === STATE_ARMED;
  loan.keyMemory.fill(0);
  loan.prepared = false;
  if (!armed && record[LOAN_STATE] !== STATE_PENDING) return;
  loan.board.cancel(loan.timer);
  record[LOAN_STATE] = STATE_ERASED;
  record[LOAN_CAUSE] = armed || cause === CAUSE_LOST ? cause : CAUSE_NEVER_ACTIVATED;
  record[LOAN_EXACTNESS] = 0;
  put32(record, LOAN_LATEST, armed ? elapsed(loan) : 0);
  put32(record, LOAN_EARLIEST, get32(record, LOAN_LATEST));
  loan.written = false;
  if (cause !== CAUSE_POWER_FAIL) store(loan);
  loan.board.led(false);
}

/** Wakes at the deadline, or hourly to leave a sign of life and to look at the capacitor. */
function tick(loan: Loan): void {
  const left = loan.deadlineAt - loan.board.now();
  if (left <= 0) {
    eraseKey(loan, CAUSE_DEADLINE);
    return;
  }
  if (elapsed(loan) !== get32(heartbeat, 0)) {
    put32(heartbeat, 0, elapsed(loan));
    journalPut(loan.device.memory.journal, SLOT_HEARTBEAT, 0, heartbeat);
  }
  loan.timer = loan.board.after(left < HEARTBEAT_MILLISECONDS ? left : HEARTBEAT_MILLISECONDS, loan.wake);
}

/** The timer: a pending key was not activated, or an armed one has its deadline or its hour. */
function wake(loan: Loan): void {
  if (loan.record[LOAN_STATE] === STATE_PENDING) eraseKey(loan, CAUSE_NEVER_ACTIVATED);
  else tick(loan);
  rest(loan.device);
}

/** Nothing is held and a deadline has not slipped by while the processor was busy: called before every command. */
export function settle(loan: Loan): void {
  if (loan.record[LOAN_STATE] === STATE_ARMED && loan.board.now() >= loan.deadlineAt) eraseKey(loan, CAUSE_DEADLINE);
  if (!loan.written) store(loan);
}

/**
 * PREPARE: a fresh challenge over which the center seals the key. Refused while a loan is held or its receipt waits for the center.
 *
 * @returns 23: challenge 16 | highest loan counter 4 | capacitor, millivolts 2 | 1 when that counts as charged; or a negative status word
 */
export function prepare(loan: Loan, out: Uint8Array): number {
  const state = loan.record[LOAN_STATE];
  const supply = loan.board.keySupply;
  const millivolts = supply === undefined ? 0 : supply.millivolts();
  if (state === STATE_ARMED || state === STATE_ERASED) return -SW_CONDITIONS;
  if (!randomFill(loan.challenge)) return -SW_CONDITIONS;
  loan.prepared = true;
  out.set(loan.challenge);
  put32(out, 16, get32(loan.record, LOAN_COUNTER));
  out[20] = millivolts >>> 8;
  out[21] = millivolts;
  out[22] = supply !== undefined && millivolts >= supply.charged ? 1 : 0;
  return 23;
}

/** True when the key load in `plain` is that of the pending key, said again. */
function isPending(loan: Loan): boolean {
  return loan.record[LOAN_STATE] === STATE_PENDING && get32(plain, LOAD_COUNTER) === get32(loan.record, LOAN_COUNTER);
}

/**
 * LOAD KEY, checked: opens what the center sealed over this cartridge's challenge, for `holdKey`. The capacitor must be charged.
 *
 * @param contentId - of the content that is recorded
 * @returns 0, and `holdKey` must follow; or a negative status word, and all is as it was
 */
export function loadKey(loan: Loan, sealed: Uint8Array, contentId: Uint8Array): number {
  const record = loan.record;
  const supply = loan.board.keySupply;
  let counter = 0;
  let again = false;
  if (sealed.length !== KEY_LOAD_SEALED) return -SW_LENGTH;
  if (!loan.prepared || supply === undefined || supply.millivolts() < supply.charged) return -SW_CONDITIONS;
  if (!openFor(plain, deviceKey(loan), LOAD_PURPOSE, MESSAGE_KEY_LOAD, loan.device.memory.party.id, loan.challenge, sealed))
    return -SW_DATA;
  counter = get32(plain, LOAD_COUNTER);
  again = isPending(loan);
  if ((!again && counter <= get32(record, LOAN_COUNTER)) || !equal(plain.subarray(LOAD_CONTENT, LOAD_CONTENT + 16), contentId)) {
    plain.fill(0);
    return -SW_CONDITIONS;
  }
  return 0;
}

/**
 * LOAD KEY, carried out: commits the loan counter, and holds the key PENDING. Safe to repeat while it is pending.
 *
 * @param kept - false where the loan's envelope could not be stored: then the key is dropped
 * @returns 16: proof for the center that the key is held; or a negative status word
 */
export function holdKey(loan: Loan, kept: boolean, out: Uint8Array): number {
  const record = loan.record;
  const again = isPending(loan);
  if (kept) {
    record.fill(0);
    record[LOAN_STATE] = STATE_PENDING;
    record.set(plain.subarray(0, LOAD_KEY), LOAN_COUNTER);
    if (!again && !store(loan)) {
      record[LOAN_STATE] = STATE_EMPTY;
      kept = false;
    }
  }
  if (!kept) {
    plain.fill(0);
    return -SW_FAILURE;
  }
  loan.keyMemory.set(plain.subarray(LOAD_KEY, KEY_LOAD_LENGTH));
  plain.fill(0);
  if (!again) loan.timer = loan.board.after(PENDING_MILLISECONDS, loan.wake);
  evidence.set(record.subarray(LOAN_ID, LOAN_ID + 16));
  evidence.set(loan.challenge, 16);
  evidence.set(record.subarray(LOAN_COUNTER, LOAN_COUNTER + 4), 32);
  prove(out, deviceKey(loan), MESSAGE_HELD, evidence);
  return 16;
}

/** The terms want the blocks put in order by the read program. */
export function needsProgram(loan: Loan): boolean {
  return (loan.record[LOAN_TERMS + TERMS_FLAGS] & FLAG_READ_PROGRAM) !== 0;
}

/** LOAD PROGRAM: the kiosk's read program (see `program.ts`) goes to key memory while the key is pending. Safe to repeat. */
export function loadProgram(loan: Loan, data: Uint8Array): number {
  if (!programFits(data) || data.length > loan.keyMemory.length - KEY_PROGRAM) return -SW_DATA;
  if (loan.record[LOAN_STATE] !== STATE_PENDING || !needsProgram(loan)) return -SW_CONDITIONS;
  loan.keyMemory.set(data, KEY_PROGRAM);
  return 0;
}

/**
 * ACTIVATE: the center has committed the loan. The cartridge arms: from here on the key may be given to a reader, and dies at the deadline, which
 * counts from the connection to the kiosk. Safe to repeat.
 *
 * @param connectedAt - board time at which the kiosk connected
 * @returns 0, or a negative status word
 */
export function activate(loan: Loan, sealed: Uint8Array, connectedAt: number): number {
  const record = loan.record;
  const state = record[LOAN_STATE];
  const activation = plain.subarray(0, ACTIVATION_SEALED - 16);
  if (sealed.length !== ACTIVATION_SEALED) return -SW_LENGTH;
  if (state !== STATE_PENDING && state !== STATE_ARMED) return -SW_CONDITIONS;
  if (!openFor(activation, deviceKey(loan), LOAD_PURPOSE, MESSAGE_ACTIVATION, loan.device.memory.party.id, loan.challenge, sealed))
    return -SW_DATA;
  if (!equal(activation.subarray(0, 16), record.subarray(LOAN_ID, LOAN_ID + 16)) || get32(activation, 16) !== get32(record, LOAN_COUNTER))
    return -SW_CONDITIONS;
  if (state === STATE_ARMED) return 0;
  if (needsProgram(loan) && loan.keyMemory[KEY_PROGRAM] === 0) return -SW_CONDITIONS;
  loan.activatedAt = loan.board.now();
  loan.deadlineAt = connectedAt + get32(record, LOAN_TERMS + TERMS_DURATION) * 1000;
  record[LOAN_STATE] = STATE_ARMED;
  record.set(activation.subarray(20, 24), LOAN_ACTIVATION);
  put32(record, LOAN_CONNECTION, ((loan.activatedAt - connectedAt) / 1000) >>> 0);
  put32(heartbeat, 0, 0);
  if (!journalPut(loan.device.memory.journal, SLOT_HEARTBEAT, 0, heartbeat) || !store(loan)) {
    record[LOAN_STATE] = STATE_PENDING;
    return -SW_FAILURE;
  }
  loan.board.cancel(loan.timer);
  loan.prepared = false;
  loan.board.led(true);
  tick(loan);
  return 0;
}

/**
 * The key, for a reader that has been authenticated and says for which play: license version 4 | play id 16. Key memory keeps the highest version: a card
 * whose flash was put back to an earlier state comes with one that was used, and gets nothing.
 *
 * @returns 32, or 0 where the card keeps the key; or a negative status word
 */
export function releaseKey(loan: Loan, data: Uint8Array, out: Uint8Array): number {
  const anchor = loan.keyMemory.subarray(KEY_ANCHOR, KEY_ANCHOR + 20);
  if (data.length !== 20) return -SW_LENGTH;
  if (loan.record[LOAN_STATE] !== STATE_ARMED) return -SW_CONDITIONS;
  if (get32(data, 0) <= get32(anchor, 0) && !equal(data, anchor)) return -SW_CONDITIONS;
  anchor.set(data);
  if (loan.record[LOAN_TERMS + TERMS_CUSTODY] === CUSTODY_CARD) return 0;
  out.set(loan.keyMemory.subarray(0, 32));
  return 32;
}

/** Erasure receipt for the center, 60 bytes; a negative status word while a key is held or where there is nothing to tell. */
export function receipt(loan: Loan, out: Uint8Array): number {
  const record = loan.record;
  if (record[LOAN_STATE] !== STATE_ERASED) return -SW_CONDITIONS;
  out.fill(0, 0, RECEIPT_LENGTH);
  out[0] = 1;
  out[1] = record[LOAN_CAUSE];
  out[2] = record[LOAN_EXACTNESS];
  out.set(loan.device.memory.party.id, 4);
  out.set(record.subarray(LOAN_ID, LOAN_ID + 16), 12);
  out.set(record.subarray(LOAN_COUNTER, LOAN_COUNTER + 4), 28);
  out.set(record.subarray(LOAN_EARLIEST, LOAN_LATEST + 4), 32);
  out.set(record.subarray(LOAN_ACTIVATION, LOAN_ACTIVATION + 4), 40);
  prove(out.subarray(RECEIPT_SIGNED), deviceKey(loan), MESSAGE_RECEIPT, out.subarray(0, RECEIPT_SIGNED));
  return RECEIPT_LENGTH;
}

/** The center has the receipt: proof 16 over loan id and counter. The cartridge is empty again; the counter stays. Safe to repeat. */
export function acknowledge(loan: Loan, data: Uint8Array): number {
  const record = loan.record;
  if (data.length !== 16) return -SW_LENGTH;
  if (record[LOAN_STATE] === STATE_EMPTY) return 0;
  if (record[LOAN_STATE] !== STATE_ERASED) return -SW_CONDITIONS;
  evidence.set(record.subarray(LOAN_ID, LOAN_ID + 16));
  evidence.set(record.subarray(LOAN_COUNTER, LOAN_COUNTER + 4), 16);
  if (!proven(data, deviceKey(loan), MESSAGE_ACKNOWLEDGE, evidence.subarray(0, 20))) return -SW_DATA;
  record[LOAN_STATE] = STATE_EMPTY;
  record.fill(0, LOAN_ID);
  return store(loan) ? 0 : -SW_FAILURE;
}

/** Reads the journal at start. A key that the journal says is held did not survive the reset: that is a loss, and is written down as one. */
export function createLoan(device: Device, board: Board, keyMemory: Uint8Array): Loan {
  const record = new Uint8Array(LOAN_LENGTH);
  const loan: Loan = {
    device,
    board,
    record,
    keyMemory,
    challenge: new Uint8Array(16),
    prepared: false,
    activatedAt: 0,
    deadlineAt: 0,
    timer: 0,
    wake: function () {
      wake(loan);
    },
    written: true,
  };
  let state = 0;
  if (journalGet(device.memory.journal, SLOT_LOAN, 0, record) !== LOAN_LENGTH) record.fill(0);
  state = record[LOAN_STATE];
  if (state === STATE_PENDING || state === STATE_ARMED) {
    if (journalGet(device.memory.journal, SLOT_HEARTBEAT, 0, heartbeat) !== 4) heartbeat.fill(0);
    record[LOAN_STATE] = STATE_ERASED;
    record[LOAN_CAUSE] = state === STATE_ARMED ? CAUSE_LOST : CAUSE_NEVER_ACTIVATED;
    record[LOAN_EXACTNESS] = state === STATE_ARMED ? 2 : 0;
    record.set(state === STATE_ARMED ? heartbeat : record.subarray(LOAN_LATEST, LOAN_LATEST + 4), LOAN_EARLIEST);
    record.set(record.subarray(LOAN_EARLIEST, LOAN_LATEST), LOAN_LATEST);
    store(loan);
  }
  return loan;
}
