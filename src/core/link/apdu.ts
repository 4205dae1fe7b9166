import { get16, put16 } from "../bytes.js";

/** Status words (ISO/IEC 7816-4, 5.6). */
export const SW_OK = 0x9000;
/** 0x63C0 + n: n further tries are allowed. */
export const SW_TRIES = 0x63c0;
/** No authentication, or one that failed: nothing was changed. */
export const SW_AUTHENTICATION = 0x6300;
/** The device cannot go on; nothing was changed. */
export const SW_FAILURE = 0x6400;
/** Flash did not take what was written; the state before stands. */
export const SW_MEMORY = 0x6581;
/** The command APDU has a length that its content does not explain, or data of a wrong length. */
export const SW_LENGTH = 0x6700;
/** Chained commands are not supported. */
export const SW_CHAINING = 0x6884;
/** This command is refused until the two have authenticated, or to this peer at all. */
export const SW_SECURITY = 0x6982;
/** Refused for now, after failed authentications. */
export const SW_BLOCKED = 0x6983;
/** Not in this state. */
export const SW_CONDITIONS = 0x6985;
/** The session's check of this command failed, or there is no session. */
export const SW_SECURE_MESSAGING = 0x6988;
/** The data are not what this command takes. */
export const SW_DATA = 0x6a80;
export const SW_NOT_FOUND = 0x6a82;
/** No memory is left for it. */
export const SW_NO_ROOM = 0x6a84;
export const SW_PARAMETERS = 0x6a86;
export const SW_INSTRUCTION = 0x6d00;
export const SW_CLASS = 0x6e00;

/** A command APDU, taken apart. `offset` and `length` say where its data are in the message buffer; `le` is 0 where no answer data is expected. */
export interface Command {
  cla: number;
  ins: number;
  p1: number;
  p2: number;
  offset: number;
  length: number;
  /** Most bytes of data that the answer may have: 0 to 65,536. */
  le: number;
}

/** The one record that `decodeCommand` fills again and again. */
export function createCommand(): Command {
  return { cla: 0, ins: 0, p1: 0, p2: 0, offset: 0, length: 0, le: 0 };
}

/**
 * Decodes cases 1 to 4, short and extended (ISO/IEC 7816-3, 12.1.3).
 *
 * @param length - bytes of `message` that were received; none beyond is read
 * @returns `SW_OK`; `SW_LENGTH` where the length fits no case; `SW_CLASS` for the invalid class 0xFF
 */
export function decodeCommand(command: Command, message: Uint8Array, length: number): number {
  let head = 5;
  let lc = 0;
  let rest = 0;
  command.offset = command.length = command.le = 0;
  if (length < 4) return SW_LENGTH;
  command.cla = message[0];
  command.ins = message[1];
  command.p1 = message[2];
  command.p2 = message[3];
  if (command.cla === 255) return SW_CLASS;
  if (length === 4) return SW_OK;
  lc = message[4];
  if (length === 5) {
    command.le = lc || 256;
    return SW_OK;
  }
  if (lc === 0) {
    if (length < 7) return SW_LENGTH;
    lc = get16(message, 5);
    if (length === 7) {
      command.le = lc || 65536;
      return SW_OK;
    }
    if (lc === 0) return SW_LENGTH;
    head = 7;
  }
  rest = length - head - lc;
  if (rest === 1 && head === 5) command.le = message[length - 1] || 256;
  else if (rest === 2 && head === 7) command.le = get16(message, length - 2) || 65536;
  else if (rest !== 0) return SW_LENGTH;
  command.offset = head;
  command.length = lc;
  return SW_OK;
}

/**
 * Writes a command APDU to the start of `message`, in the short form where it fits.
 *
 * @param header - class, instruction, P1 and P2 as one 32-bit number
 * @param data - up to 65,535 bytes, which may lie anywhere, in `message` too; null for none
 * @param le - most bytes of data wanted back; 0 for none
 * @returns length of the command in bytes
 */
export function encodeCommand(message: Uint8Array, header: number, data: Uint8Array | null, le: number): number {
  const lc = data ? data.length : 0;
  const wide = lc > 255 || le > 256;
  let length = 4;
  if (lc) {
    length = wide ? 7 : 5;
    message.set(data as Uint8Array, length);
    if (wide) {
      message[4] = 0;
      put16(message, 5, lc);
    } else message[4] = lc;
    length += lc;
  } else if (wide) message[length++] = 0;
  message[0] = header >>> 24;
  message[1] = header >>> 16;
  message[2] = header >>> 8;
  message[3] = header;
  if (le) {
    if (wide) message[length++] = le >>> 8;
    message[length++] = le;
  }
  return length;
}

/** Ends a response APDU whose data are the first `length` bytes of `message`; answers its whole length. */
export function endResponse(message: Uint8Array, length: number, status: number): number {
  put16(message, length, status);
  return length + 2;
}

/** Status word of a response APDU of `length` bytes; 0 where it is too short to have one. */
export function statusWord(message: Uint8Array, length: number): number {
  return length < 2 ? 0 : get16(message, length - 2);
}
