import type { Board, ContentStore } from "../../boards/board.js";
import { get16, get32, isZero, put32 } from "../core/bytes.js";
import { redock, startDevice, type Device } from "../core/device/device.js";
import { SLOT_CLICKS, SLOT_ENVELOPE, SLOT_MAILBOX, SLOT_RECOMMENDATIONS } from "../core/device/identity.js";
import { journalDelete, journalGet, journalPut } from "../core/journal.js";
import {
  SW_CONDITIONS,
  SW_DATA,
  SW_FAILURE,
  SW_INSTRUCTION,
  SW_LENGTH,
  SW_NOT_FOUND,
  SW_NO_ROOM,
  SW_OK,
  SW_SECURITY,
} from "../core/link/apdu.js";
import { BULK_CONTENT, bulkReceive, bulkSend } from "../core/link/bulk.js";
import {
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_ERASE,
  INS_GET_DATA,
  INS_GET_KEY,
  INS_GET_LOAN,
  INS_LOAD_KEY,
  INS_LOAD_PROGRAM,
  INS_PREPARE,
  INS_PUT_DATA,
  INS_READ_CHUNKS,
  INS_RECORD,
  ROLE_CARTRIDGE,
  ROLE_CENTER,
  ROLE_CLIENT,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_CLICKS,
  TAG_MAILBOX,
  TAG_RECEIPT,
  TAG_RECOMMENDATIONS,
} from "../core/protocol/constants.js";
import { sectionAt } from "../core/protocol/adverts.js";
import { CAUSE_POWER_FAIL, CAUSE_RETURNED, CAUSE_TAMPER, ENVELOPE_LENGTH, KEY_LOAD_SEALED } from "../core/protocol/loan.js";
import { HEADER_CONTENT, HEADER_LENGTH } from "../core/stream/header.js";
import { PROGRAM_BLOCK, runProgram } from "./program.js";
import {
  KEY_PROGRAM,
  LOAN_ID,
  LOAN_TERMS,
  STATE_ARMED,
  STATE_EMPTY,
  STATE_PENDING,
  acknowledge,
  activate,
  createLoan,
  eraseKey,
  holdKey,
  loadKey,
  loadProgram,
  loanState,
  needsProgram,
  prepare,
  receipt,
  releaseKey,
  remaining,
  settle,
  vouchedTime,
  type Loan,
} from "./loan.js";

/** What is recorded: stream header, loan envelope, sealed length 4, sample rate 4. */
const RECORDED_LENGTH = HEADER_LENGTH + ENVELOPE_LENGTH + 8;
const RECORDED_ENVELOPE = HEADER_LENGTH;
/** RECORD's data without adverts, and with them. */
const RECORD_SHORT = HEADER_LENGTH + 8;
const RECORD_LONG = RECORD_SHORT + 4;
const RECORDED_SIZE = HEADER_LENGTH + ENVELOPE_LENGTH;

/** Longest mailbox or recommendations record. */
const NOTE = 240;
const NOTES = 4;

interface Cartridge {
  loan: Loan;
  store: ContentStore;
  recorded: Uint8Array;
  /** Bytes of content and adverts that are to arrive, and that have. */
  total: number;
  received: number;
}

/** No loan is held, and no receipt is owed: whoever comes may leave a parcel here, content that moves between a household's clients (docs/format.md). */
function isFree(cartridge: Cartridge): boolean {
  return loanState(cartridge.loan) === STATE_EMPTY;
}

/** What is recorded may be read: a loan is armed, or it is a parcel, which no LOAD KEY has given an envelope. */
function isReadable(cartridge: Cartridge): boolean {
  return (
    loanState(cartridge.loan) === STATE_ARMED ||
    (isFree(cartridge) && isZero(cartridge.recorded.subarray(RECORDED_ENVELOPE, RECORDED_SIZE)))
  );
}

/**
 * RECORD: stream header, sealed length 4, sample rate 4, and where there are any the length of the adverts 4; then the sealed content comes as bulk frames, with zeros up
 * to the next block of 512 bytes and the adverts behind it. Only while no key is held. What the adverts are is nothing to the cartridge.
 */
function record(cartridge: Cartridge, device: Device, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  const recorded = cartridge.recorded;
  const adverts = data.length === RECORD_LONG ? get32(data, RECORD_SHORT) : 0;
  let length = 0;
  let stored = false;
  if (data.length !== RECORD_SHORT && data.length !== RECORD_LONG) return respond(SW_LENGTH, 0);
  length = get32(data, HEADER_LENGTH);
  if (adverts > 0) length = sectionAt(length) + adverts;
  if (loanState(cartridge.loan) === STATE_ARMED || loanState(cartridge.loan) === STATE_PENDING) return respond(SW_CONDITIONS, 0);
  if (length > cartridge.store.capacity || !cartridge.store.reset(length)) return respond(SW_NO_ROOM, 0);
  cartridge.received = 0;
  cartridge.total = length;
  recorded.fill(0);
  recorded.set(data.subarray(0, HEADER_LENGTH));
  recorded.set(data.subarray(HEADER_LENGTH, RECORD_SHORT), RECORDED_SIZE);
  stored = journalPut(device.memory.journal, SLOT_ENVELOPE, 0, recorded);
  respond(stored ? SW_OK : SW_FAILURE, 0);
  if (stored)
    bulkReceive(
      device.link,
      function (_index, bytes, release) {
        if (cartridge.received + bytes.length > length || !cartridge.store.write(cartridge.received, bytes)) return false;
        cartridge.received += bytes.length;
        release();
        return true;
      },
      function () {
        // A transfer that was cut leaves `received` short, and the kiosk begins anew.
      },
    );
}

/** LOAD KEY: what the center sealed, then the loan envelope, which takes the place of the one before if the key is good. The content must be complete. */
function load(cartridge: Cartridge, device: Device, data: Uint8Array): number {
  const recorded = cartridge.recorded;
  let status = -SW_CONDITIONS;
  if (data.length !== KEY_LOAD_SEALED + ENVELOPE_LENGTH) return -SW_LENGTH;
  if (cartridge.received === cartridge.total)
    status = loadKey(cartridge.loan, data.subarray(0, KEY_LOAD_SEALED), recorded.subarray(HEADER_CONTENT, HEADER_CONTENT + 16));
  if (status < 0) return status;
  recorded.set(data.subarray(KEY_LOAD_SEALED), RECORDED_ENVELOPE);
  return holdKey(cartridge.loan, journalPut(device.memory.journal, SLOT_ENVELOPE, 0, recorded), device.data);
}

/** GET LOAN: loan id 16 | terms 48 | what is recorded | vouched time 4 | seconds left 4. */
function describeLoan(cartridge: Cartridge, device: Device): number {
  const out = device.data;
  const held = cartridge.loan.record;
  if (loanState(cartridge.loan) !== STATE_ARMED) return -SW_NOT_FOUND;
  out.set(held.subarray(LOAN_ID, LOAN_ID + 16));
  out.set(held.subarray(LOAN_TERMS, LOAN_TERMS + 48), 16);
  out.set(cartridge.recorded, 64);
  put32(out, 64 + RECORDED_LENGTH, vouchedTime(cartridge.loan));
  put32(out, 68 + RECORDED_LENGTH, remaining(cartridge.loan));
  return 72 + RECORDED_LENGTH;
}

/** Fills `out` with what is recorded from `from` on; the content block by block where only the read program knows their places. */
function readContent(cartridge: Cartridge, from: number, out: Uint8Array): boolean {
  const loan = cartridge.loan;
  const program = loan.keyMemory.subarray(KEY_PROGRAM);
  let done = 0;
  let block = 0;
  let rest = 0;
  let end = 0;
  if (!needsProgram(loan) || from >= get32(cartridge.recorded, RECORDED_SIZE)) return cartridge.store.read(from, out);
  while (done < out.length) {
    block = Math.floor((from + done) / PROGRAM_BLOCK);
    rest = from + done - block * PROGRAM_BLOCK;
    end = Math.min(out.length, done + PROGRAM_BLOCK - rest);
    if (!cartridge.store.read(runProgram(program, block) * PROGRAM_BLOCK + rest, out.subarray(done, end))) return false;
    done = end;
  }
  return true;
}

/** READ CHUNKS: offset 4 | bytes in a frame 2 | frames 4. The answer is followed by that many bulk frames of sealed content, the last one maybe shorter. */
function readChunks(cartridge: Cartridge, device: Device, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  let total = get32(cartridge.recorded, RECORDED_SIZE);
  const offset = data.length === 10 ? get32(data, 0) : 0;
  const size = data.length === 10 ? get16(data, 4) : 0;
  const count = data.length === 10 ? get32(data, 6) : 0;
  if (data.length !== 10) return respond(SW_LENGTH, 0);
  if (!isReadable(cartridge)) return respond(SW_CONDITIONS, 0);
  if (offset >= total) total = cartridge.total;
  if (size < 1 || size > BULK_CONTENT || count < 1 || offset + size * (count - 1) >= total) return respond(SW_DATA, 0);
  respond(SW_OK, 0);
  bulkSend(
    device.link,
    count,
    function (index, buffer) {
      const from = offset + index * size;
      const length = total - from < size ? total - from : size;
      if (!isReadable(cartridge) || !readContent(cartridge, from, buffer.subarray(0, length))) return -1;
      return length;
    },
    function () {
      settle(cartridge.loan);
    },
  );
}

/** Clicks on adverts, which a reader adds to and a kiosk takes away; mailbox (introductions that travel home, sealed for the reader: anyone may fetch them) and recommendations: short notes that a kiosk leaves. */
function note(device: Device, ins: number, tag: number, data: Uint8Array, kiosk: boolean): number {
  const clicks = tag === TAG_CLICKS;
  const slot = clicks ? SLOT_CLICKS : (tag & 0xfff0) === TAG_MAILBOX ? SLOT_MAILBOX : SLOT_RECOMMENDATIONS;
  const index = tag & 15;
  let length = 0;
  if ((!clicks && (tag & 0xfff0) !== TAG_MAILBOX && (tag & 0xfff0) !== TAG_RECOMMENDATIONS) || index >= NOTES) return -SW_NOT_FOUND;
  if (ins === INS_GET_DATA) {
    length = journalGet(device.memory.journal, slot, index, device.data.subarray(0, NOTE));
    return length > 0 ? length : -SW_NOT_FOUND;
  }
  if (!kiosk && !clicks) return -SW_SECURITY;
  if (clicks && data.length === 0) return journalDelete(device.memory.journal, slot, index) ? 0 : -SW_FAILURE;
  if (data.length < 1 || data.length > NOTE) return -SW_LENGTH;
  return journalPut(device.memory.journal, slot, index, data) ? 0 : -SW_FAILURE;
}

function command(
  cartridge: Cartridge,
  device: Device,
  ins: number,
  tag: number,
  data: Uint8Array,
  respond: (sw: number, length: number) => void,
): void {
  const loan = cartridge.loan;
  const role = device.channel.open ? device.channel.peer[8] : 0;
  const kiosk = role === ROLE_KIOSK || role === ROLE_CENTER;
  const player = role === ROLE_READER || role === ROLE_CLIENT;
  let length = -SW_SECURITY;
  settle(loan);
  if (ins === INS_RECORD && (kiosk || isFree(cartridge))) return record(cartridge, device, data, respond);
  if (ins === INS_READ_CHUNKS && (player || isFree(cartridge))) return readChunks(cartridge, device, data, respond);
  if (data.length > 0 && (ins === INS_PREPARE || ins === INS_ERASE || ins === INS_GET_LOAN)) length = -SW_LENGTH;
  else if (ins === INS_PREPARE) length = kiosk ? prepare(loan, device.data) : length;
  else if (ins === INS_LOAD_KEY) length = kiosk ? load(cartridge, device, data) : length;
  else if (ins === INS_ACTIVATE) length = kiosk ? activate(loan, data, device.connectedAt) : length;
  else if (ins === INS_ACKNOWLEDGE) length = acknowledge(loan, data);
  else if (ins === INS_ERASE) {
    if (loanState(loan) === STATE_EMPTY) length = -SW_NOT_FOUND;
    else {
      eraseKey(loan, CAUSE_RETURNED);
      settle(loan);
      length = receipt(loan, device.data);
    }
  } else if (ins === INS_GET_LOAN) length = player || kiosk ? describeLoan(cartridge, device) : length;
  else if (ins === INS_GET_KEY) length = player ? releaseKey(loan, data, device.data) : length;
  else if (ins === INS_LOAD_PROGRAM) length = kiosk ? loadProgram(loan, data) : length;
  else if (ins === INS_GET_DATA && tag === TAG_RECEIPT) length = receipt(loan, device.data);
  else if (ins === INS_GET_DATA || ins === INS_PUT_DATA)
    length = role || (tag & 0xfff0) === TAG_MAILBOX ? note(device, ins, tag, data, kiosk) : length;
  else if (ins !== INS_RECORD && ins !== INS_READ_CHUNKS) length = -SW_INSTRUCTION;
  if (length >= 0) respond(SW_OK, length);
  else respond(-length, 0);
}

/**
 * Starts the cartridge: keeps sealed content, and the key that opens it in capacitor-backed memory until the deadline, the power-fail warning, a tamper
 * signal or a return destroys it; running dry destroys it without any help.
 *
 * @param board - its serial port 0 is the contact to kiosk or reader; key memory, key supply and content store must be present
 * @throws Error when one of them is absent
 */
export function startCartridge(board: Board): Device {
  const store = board.contentStore;
  const keyMemory = board.keyMemory;
  const supply = board.keySupply;
  if (store === undefined || keyMemory === undefined || supply === undefined)
    throw new Error("A cartridge needs key memory, a key supply and a content store; this board profile lacks one.");
  const device = startDevice(board, board.serial[0], ROLE_CARTRIDGE, store.capacity);
  // After any reset the content counts as incomplete: the key is gone, and the next loan records anew.
  const cartridge: Cartridge = {
    loan: createLoan(device, board, keyMemory),
    store,
    recorded: new Uint8Array(RECORDED_LENGTH),
    total: 0,
    received: -1,
  };
  journalGet(device.memory.journal, SLOT_ENVELOPE, 0, cartridge.recorded);
  device.handler = function (self, ins, tag, data, respond) {
    command(cartridge, self, ins, tag, data, respond);
  };
  supply.onPowerFail(function () {
    eraseKey(cartridge.loan, CAUSE_POWER_FAIL);
  });
  if (board.onTamper !== undefined)
    board.onTamper(function () {
      eraseKey(cartridge.loan, CAUSE_TAMPER);
    });
  if (board.onContact === undefined) return device;
  board.sleep(true);
  board.onContact(function (docked) {
    board.sleep(!docked);
    redock(device, docked);
  });
  return device;
}
