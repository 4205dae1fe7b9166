import { put16, put32, scratch } from "../bytes.js";
import {
  SW_CLASS,
  SW_CONDITIONS,
  SW_DATA,
  SW_INSTRUCTION,
  SW_LENGTH,
  SW_NOT_FOUND,
  SW_OK,
  SW_PARAMETERS,
  SW_SECURE_MESSAGING,
  SW_SECURITY,
  SW_BLOCKED,
  createCommand,
  decodeCommand,
  type Command,
} from "../link/apdu.js";
import { BLOCK_FRAME, FRAME, LINK_RESTARTED, createLink, linkReset, linkSend, type Link, type Port, type Timers } from "../link/t1.js";
import { createJournal, journalGet, journalPut, type Flash } from "../journal.js";
import {
  INS_END_PLAY,
  INS_GENERAL_AUTHENTICATE,
  INS_GENERATE_KEY_PAIR,
  INS_GET_DATA,
  INS_PLAY,
  INS_PUT_DATA,
  INS_REQUEST_KEY,
  INS_SELECT,
  MESSAGE_LENGTH,
  PROTOCOL_VERSION,
  ROLE_CARD,
  TAG_DEVICE,
  TAG_REVOKED,
  TAG_TICKET,
} from "../protocol/constants.js";
import {
  HANDSHAKE_MALFORMED,
  HANDSHAKE_UNKNOWN_PAIR,
  abandonHandshake,
  createHandshake,
  handshakeStep,
  type Handshake,
} from "../protocol/handshake.js";
import { natives } from "../natives.js";
import { closeChannel, createChannel, openMessage, sealMessage, type Channel } from "../protocol/session.js";
import { releaseArithmetic, releaseCommands } from "../phase.js";
import { rest, type Holder } from "../rest.js";
import { randomFill, randomStart } from "../random.js";
import { AHEAD, BEGINS, FREE, WORKS, listen, makeAhead, whenIdle, workDone } from "./arithmetic.js";
import { SLOT_RANDOM, IDENTITY_GENERATION, STATE_FAILURES, STATE_FLOOR } from "./identity.js";
import type { Party } from "../protocol/handshake.js";
import { createMemory, storeState, type Memory } from "./party.js";
import { finishJob, personalizationCommand } from "./personalization.js";

/** What every device needs of its board: the required part of `Board`, in core's own words. */
export interface DeviceBoard {
  now(): number;
  after(milliseconds: number, handler: () => void): number;
  cancel(id: number): void;
  entropy(out: Uint8Array): void;
  readonly entropyQuality: number;
  readonly journal: Flash;
  readonly suites: number;
  /** Name of the board profile, ASCII, at most 16 bytes. */
  readonly name: Uint8Array;
}

/** Data of commands and answers begin here in the message buffer, in the same place; the 16 bytes before are for a session's tag. */
export const DATA = 16;

/** A device-specific command, inside a session or not. Reads `data`, writes its answer over it, and calls `respond` once. */
export type Handler = (device: Device, ins: number, tag: number, data: Uint8Array, respond: (sw: number, length: number) => void) => void;

/** What card, cartridge, reader and client have in common: a link, an identity, authentication, and sessions. */
export interface Device extends Holder {
  board: DeviceBoard;
  /** Role that this firmware plays. */
  role: number;
  memory: Memory;
  channel: Channel;
  handshake: Handshake;
  link: Link;
  /** Message buffer of the link. */
  buffer: Uint8Array;
  /** `buffer` from `DATA` on. */
  data: Uint8Array;
  /** Largest sealed content that the device stores; 0 for none. */
  capacity: number;
  /** Set by the firmware as soon as `startDevice` has returned. */
  handler: Handler | null;
  /** Whether long arithmetic is under way: one of `FREE`, `BEGINS`, `WORKS`, `AHEAD`. */
  busy: number;
  /** An authentication that waits for its end. */
  waiting: (() => void) | null;
  /** Begins with the message at `data`, `size` bytes, of turn `asked`; ends with its answer's length or a negative status, for turn `answering`, 0 for none. */
  authenticate: () => void;
  authenticated: (answer: number) => void;
  size: number;
  asked: number;
  answering: number;
  /** What else than an authentication computes, see personalization.ts, negative once its arithmetic has ended; 0 for nothing. */
  job: number;
  /** Length of the message in `buffer` that is not looked at yet; 0 for none, below 0 for one that is void. */
  received: number;
  /** Does what is due, as an event of its own: takes that message, begins the arithmetic that waits, or sees whether it is quiet. What brought it there has returned then, and left its memory and its part of the stack. */
  proceed: () => void;
  /** A look for quiet is due. */
  listening: boolean;
  /** Counts messages and resynchronizations from 1 on, so that an answer to a message that is void is never sent. */
  turn: number;
  /** Board time at which the device was last put into a slot, or started. */
  connectedAt: number;
  /** Board time until which authentication is refused. */
  blockedUntil: number;
}

const command: Command = createCommand();
const header = scratch(4);
let secured = false;

/** Runs `step` slice by slice, letting timers and serial ports work in between. */
function createRunner(board: DeviceBoard): Party["run"] {
  return function (step: (() => boolean | number) | null, done) {
    const slice = function (): void {
      const result = step !== null && step();
      if (result) {
        // Nothing of what has ended is held while what comes next may begin, by a parameter neither.
        step = null;
        releaseArithmetic();
        done(result);
        releaseCommands();
      } else board.after(0, slice);
    };
    // Everything that leads here returns first, and leaves its memory.
    board.after(0, slice);
  };
}

/** Counts a failed authentication; from the fourth in a row on each doubles the wait before the next, up to about four minutes. */
export function countFailure(device: Device): void {
  const state = device.memory.state;
  if (state[STATE_FAILURES] < 11) state[STATE_FAILURES]++;
  storeState(device.memory);
  slowDown(device);
}

function slowDown(device: Device): void {
  const failures = device.memory.state[STATE_FAILURES];
  device.blockedUntil = device.board.now() + (failures > 3 ? 1000 << (failures - 3) : 0);
}

/** Sends the answer: data at `DATA`, sealed when the command came in a session. */
function respondWith(device: Device, sw: number, length: number): void {
  const buffer = device.buffer;
  let total = length;
  if (secured && device.channel.open) {
    header[0] = 0;
    header[1] = 0;
    put16(header, 2, sw);
    total += 16;
    sealMessage(device.channel, header, buffer.subarray(0, total));
  } else buffer.set(buffer.subarray(DATA, DATA + length));
  put16(buffer, total, sw);
  linkSend(device.link, total + 2);
}

/** What anyone may know: version, role, state (bit 0: personalized; above: REFUSED_ bits of natives), suites, id, generation, floor, epoch, capacity, board name. */
function describe(device: Device, out: Uint8Array): number {
  const memory = device.memory;
  const name = device.board.name;
  out[0] = PROTOCOL_VERSION;
  out[1] = device.role;
  out[2] = (memory.party.role === 0 ? 0 : 1) | (natives.only ? 0 : natives.refused << 1);
  out[3] = memory.party.suites;
  out.set(memory.party.id, 4);
  out.set(memory.identity.subarray(IDENTITY_GENERATION, IDENTITY_GENERATION + 4), 12);
  out.set(memory.state.subarray(STATE_FLOOR, STATE_FLOOR + 8), 16);
  put32(out, 24, device.capacity);
  out.set(name, 28);
  return 28 + name.length;
}

/** Takes message `step` of an authentication, `length` bytes at `device.data`; answers it when the arithmetic that this takes has ended. */
function authenticate(device: Device, step: number, length: number, respond: (sw: number, length: number) => void): void {
  const h = device.handshake;
  if (device.memory.party.role === 0) return respond(SW_CONDITIONS, 0);
  if (device.board.now() < device.blockedUntil) return respond(SW_BLOCKED, 0);
  if (step === 1) {
    closeChannel(device.channel);
    if (h.step !== 0) abandonHandshake(h);
    h.initiator = false;
    h.expectedRole = 0;
  } else if (step !== h.step) return respond(SW_CONDITIONS, 0);
  device.size = length;
  device.asked = device.turn;
  whenIdle(device, device.authenticate);
}

/** A message has been taken, with `answer` as its result; or something else been computed, an ephemeral key made ahead too, for which nobody waits. */
function authenticated(device: Device, answer: number): void {
  const state = device.memory.state;
  const turn = device.answering;
  const ahead = device.busy === AHEAD;
  let length = answer;
  if (device.job > 0) {
    // It ends as an event of its own, without what authenticates.
    device.job = -device.job;
    device.board.after(0, device.proceed);
    return;
  }
  device.answering = 0;
  if (device.job < 0) length = finishJob(device);
  else if (answer === HANDSHAKE_UNKNOWN_PAIR) length = -SW_NOT_FOUND;
  else if (answer === HANDSHAKE_MALFORMED) length = -SW_DATA;
  else if (answer < 0) {
    countFailure(device);
    length = -SW_SECURITY;
  } else if (device.channel.open && state[STATE_FAILURES] !== 0) {
    state[STATE_FAILURES] = 0;
    storeState(device.memory);
  }
  if (turn === device.turn) respondWith(device, length < 0 ? -length : SW_OK, length < 0 ? 0 : length);
  workDone(device);
  // A message that came meanwhile has waited.
  if (ahead && device.received !== 0) device.board.after(0, device.proceed);
  if (device.channel.open) listen(device);
}

/** Whether a command may be one that makes a device somebody, or introduces it: what answers those is not made for others. */
function personalizes(ins: number, tag: number): boolean {
  return ins < INS_REQUEST_KEY || ins === INS_GENERATE_KEY_PAIR || (ins === INS_PUT_DATA && (tag === TAG_TICKET || tag === TAG_REVOKED));
}

/** One command APDU, `length` bytes at the start of the buffer. */
function receive(device: Device, length: number): void {
  const buffer = device.buffer;
  const status = decodeCommand(command, buffer, length);
  let size = command.length;
  const turn = device.turn;
  secured = false;
  const respond = function (sw: number, answer: number): void {
    if (device.turn === turn) respondWith(device, sw, answer);
  };
  if (status !== SW_OK) return respond(status, 0);
  if ((command.cla & 0x7c) !== 0 && (command.cla & 0x7f) !== 0x0c) return respond(SW_CLASS, 0);
  secured = (command.cla & 0x0c) === 0x0c;
  if (secured) {
    header.set(buffer.subarray(0, 4));
    buffer.set(buffer.subarray(command.offset, command.offset + size));
    if (!openMessage(device.channel, header, buffer.subarray(0, size))) {
      secured = false;
      return respond(SW_SECURE_MESSAGING, 0);
    }
    size -= 16;
  } else {
    // What comes in clear is not from the peer of a session, which ends: nobody on the wire speaks in the peer's name.
    closeChannel(device.channel);
    buffer.set(buffer.subarray(command.offset, command.offset + size), DATA);
  }
  const ins = command.ins;
  const tag = (command.p1 << 8) | command.p2;
  // The standard's instructions have class 00, ours 80; of ours below the client's only END PLAY has a parameter.
  const standard = (command.cla & 0x80) === 0;
  const data = device.data.subarray(0, size);
  // These two take no data, of any device.
  if (standard && size > 0 && (ins === INS_GET_DATA || ins === INS_GENERATE_KEY_PAIR)) respond(SW_LENGTH, 0);
  else if (standard && ins === INS_SELECT) respond(SW_OK, describe(device, device.data));
  else if (standard && ins === INS_GET_DATA && tag === TAG_DEVICE) respond(SW_OK, describe(device, device.data));
  else if (standard && ins === INS_GENERAL_AUTHENTICATE) {
    if (secured || command.p1 !== PROTOCOL_VERSION) respond(SW_PARAMETERS, 0);
    else authenticate(device, command.p2, size, respond);
  } else if (standard !== (ins > 127 || ins === INS_GENERATE_KEY_PAIR)) respond(SW_INSTRUCTION, 0);
  else if (!standard && ins < INS_PLAY && tag > (ins === INS_END_PLAY ? 1 : 0)) respond(SW_PARAMETERS, 0);
  else if (!personalizes(ins, tag) || !personalizationCommand(device, ins, tag, data, respond)) {
    if (device.handler) device.handler(device, ins, tag, data, respond);
  }
}

/** Whatever is under way for the peer is void. */
function nextTurn(device: Device): void {
  device.turn++;
  if (device.received) device.received = -1;
}

/** Somebody has put the device into a slot (or taken it out): sessions end, and the slot hears the answer to reset. */
export function redock(device: Device, docked: boolean): void {
  nextTurn(device);
  closeChannel(device.channel);
  if (!docked) return;
  device.connectedAt = device.board.now();
  linkReset(device.link);
}

/**
 * Starts what all devices share. Returns with the link listening and the answer to reset sent; the caller sets `handler`.
 *
 * @param port - wire on which this device answers
 * @param role - role that the firmware plays; a journal personalized for another role counts as blank
 */
export function startDevice(board: DeviceBoard, port: Port, role: number, capacity: number): Device {
  const buffer = new Uint8Array(MESSAGE_LENGTH);
  const run = createRunner(board);
  const seed = buffer.subarray(0, 32);
  const fill = function (out: Uint8Array): void {
    randomFill(out);
  };
  const memory = createMemory(createJournal(board.journal), board.suites, fill, run);
  const channel = createChannel();
  const handshake = createHandshake(memory.party, channel);
  const timers: Timers = board;
  const device: Device = {
    board,
    role,
    memory,
    channel,
    handshake,
    link: createLink(
      role,
      port,
      timers,
      buffer,
      function (length: number) {
        device.turn++;
        if (!device.received && device.busy !== AHEAD) board.after(0, device.proceed);
        device.received = length;
      },
      role === ROLE_CARD ? BLOCK_FRAME : FRAME,
    ),
    buffer,
    data: buffer.subarray(DATA),
    capacity,
    handler: null,
    holds: null,
    busy: FREE,
    waiting: null,
    // Closures of this function, since those of others keep what answers commands in memory while arithmetic needs it.
    authenticate: function () {
      device.answering = device.asked;
      handshakeStep(handshake, device.data, device.size, device.authenticated);
    },
    authenticated: function (answer) {
      authenticated(device, answer);
    },
    size: 0,
    asked: 0,
    answering: 0,
    job: 0,
    received: 0,
    proceed: function () {
      const length = device.busy === AHEAD ? 0 : device.received;
      const begins = device.waiting;
      if (length !== 0) device.received = 0;
      if (length > 0) receive(device, length);
      else if (length === 0 && device.job < 0) authenticated(device, 0);
      else if (length === 0 && device.busy === BEGINS && begins) {
        // Here, so that what receives and answers messages is not made before there is an answer.
        device.busy = WORKS;
        device.waiting = null;
        begins();
      } else if (length === 0 && device.listening) makeAhead(device);
      rest(device);
    },
    listening: false,
    turn: 1,
    connectedAt: board.now(),
    blockedUntil: 0,
  };
  device.link.onFailure = function (reason: number) {
    nextTurn(device);
    if (reason === LINK_RESTARTED) {
      closeChannel(device.channel);
      if (handshake.step !== 0 && device.busy === FREE) abandonHandshake(handshake);
      releaseCommands();
    }
  };
  // The generator first: what a session goes through is not in memory yet.
  randomStart(board.entropy, board.entropyQuality, seed.subarray(0, journalGet(memory.journal, SLOT_RANDOM, 0, seed)), function (saved) {
    return journalPut(memory.journal, SLOT_RANDOM, 0, saved);
  });
  seed.fill(0);
  slowDown(device);
  linkReset(device.link);
  listen(device);
  return device;
}
