/** What both halves of the T=1 engine share: the state of one end, its numbers and its timer. */

/** One UART, as boards/board.ts has it. `write` copies, and calls nobody back before it returns. */
export interface Port {
  write(bytes: Uint8Array): void;
  onReceive(receiver: (bytes: Uint8Array) => void): void;
}

/** Monotonic milliseconds and one-shot timers; a `Board` is one. */
export interface Timers {
  now(): number;
  after(milliseconds: number, handler: () => void): number;
  cancel(id: number): void;
}

/** Nothing came back, resynchronization included. The next message begins with one. */
export const LINK_NO_ANSWER = 1;
/** The exchange was lost, and the ends are in step again: whether the device carried it out is unknown. */
export const LINK_LOST = 2;
/** The device has no room for a message that long. */
export const LINK_ABORTED = 3;
/** The answer is longer than the buffer. */
export const LINK_TOO_LONG = 4;
/** The device went on asking for time, and did not end. */
export const LINK_BUSY = 5;
/** Device end: the host began anew; work on an unanswered message must stop. */
export const LINK_RESYNCHED = 6;
/** Device end: the host reset this device; sessions must end too. */
export const LINK_RESTARTED = 7;

/** Longest INF field that either end takes (IFSC and IFSD). */
export const INF = 254;
/** Longest frame: a bulk frame of 512 bytes. A multiple of 16, see `fold`. */
export const FRAME = 528;
/** Longest frame of an end that takes no bulk frames: a block. A multiple of 16 as well. */
export const BLOCK_FRAME = 272;
/** A frame's bytes follow each other within this many milliseconds (character waiting time). */
export const SILENCE = 100;
/** No frame and no noise lasts longer than this. */
export const LONGEST = 2000;
/** The device's answer, or its request for more time, begins within this many milliseconds (block waiting time). */
export const BLOCK_WAIT = 800;
/** A device asks for more time this often. */
export const EXTENSION = 300;
/** Requests for more time that one message may take: about 20 minutes. */
export const EXTENSIONS = 4096;
/** Tries of one block before resynchronization, and of that. */
export const TRIES = 3;

/** First byte of a bulk frame. */
export const BULK = 0xb5;
/** What a bulk hook is told: noise, a frame in `rx` (false: its CRC is wrong), its timer, the host sent a message, an end started anew. */
export const HOOK_NOISE = 0;
export const HOOK_FRAME = 1;
export const HOOK_TIMER = 2;
export const HOOK_MESSAGE = 3;
export const HOOK_RESET = 4;

/**
 * What the host's rules are told: an answer is missing or invalid (value 0) or not the one awaited (1); an S-block came; a message is to be sent; the device is to
 * reset; `rx` may hold an answer to reset, at its start (0) or anywhere (1).
 */
export const HOST_MISS = 0;
export const HOST_CONTROL = 1;
export const HOST_SEND = 2;
export const HOST_RESET = 3;
export const HOST_SEEK = 4;

/** S-blocks: requests; with `ANSWER` added, responses. */
export const RESYNCH = 0xc0;
export const IFS = 0xc1;
export const ABORT = 0xc2;
export const WTX = 0xc3;
/** Software reset: a code that ISO leaves open, used as in GlobalPlatform's T=1'. It is answered by the answer to reset. */
export const RESET = 0xcf;
export const ANSWER = 0x20;

/**
 * `phase`: nothing outstanding; host: waiting for an answer; device: a message is unanswered. While the host waits for the response to its RESYNCH, ABORT
 * or RESET, `phase` is that code.
 */
export const IDLE = 0;
export const WAIT = 1;
export const BUSY = 2;

/** What t1.ts knows of a bulk transfer: it is told one of the above. */
export interface Hook {
  event(link: Link, what: number): boolean;
}

/**
 * One end of a wire. Firmware sets the three callbacks and reads `buf`; all else belongs to this file and bulk.ts. Names are short because each costs memory on a
 * board.
 */
export interface Link {
  /** 0 for the host end, else the role that this device states in its answer to reset. */
  role: number;
  port: Port;
  time: Timers;
  /** The one message, coming or going. */
  buf: Uint8Array;
  /** The message now in `buf` has this many bytes. A device answers it by `linkSend`, at once or later. */
  onMessage: (length: number) => void;
  /** One of the reasons above. */
  onFailure: ((reason: number) => void) | null;
  /** Host end: a device has started. `atr` is valid during the call only; an unanswered exchange is void. */
  onReset: ((atr: Uint8Array, role: number) => void) | null;
  /** What the host end does besides, see host.ts; null at a device. It is told one of `HOST_...`, and a value. */
  host: ((link: Link, what: number, value: number) => void) | null;
  /** Bulk transfer, see bulk.ts; it is in charge of the wire while `idle`, its waiting time in milliseconds, is not 0. */
  hook: Hook | null;
  idle: number;

  /** Bytes of the frame that is coming in, and their words. */
  rx: Uint8Array;
  words: Uint32Array;
  /** Bytes in `rx`; bytes that the frame will have, 0 for noise. */
  have: number;
  need: number;
  /** When the frame began, and when its last byte came. */
  from: number;
  last: number;
  /** 1 while `rx` holds a frame that bulk.ts cannot take yet. */
  full: number;

  phase: number;
  /** N(S) of the block to send, and of the block expected. */
  ns: number;
  nr: number;
  /** Outgoing message: length (0 when its last block was acknowledged), start and size of the block sent last. */
  len: number;
  pos: number;
  size: number;
  /** Incoming message: bytes so far. */
  got: number;
  /** Largest INF that the peer takes. */
  ifs: number;
  /** PCB and, for S-blocks, INF of what was sent last. */
  pcb: number;
  inf: number;
  /** Failures in a row; tries left of a reset. */
  bad: number;
  /** Requests for more time in this message. Device: 1 while one is unanswered. */
  wtx: number;
  /** Device: the answer is ready, but must wait for the reply to a request for more time. Host: to be sent after resynchronization. */
  due: number;
  /** Host: 1 when both ends are known to be in step. Else the next message begins with resynchronization. */
  sync: number;
  /** Host: reason to give after resynchronization. */
  why: number;
  /** Timer, and whether it watches for the end of a frame. */
  id: number;
  cut: number;
  tick: () => void;
}

/** Exclusive or of the first `length` bytes, 16 at a time; bytes up to the next multiple of 16 must be zero. */
export function fold(words: Uint32Array, length: number): number {
  let i = ((length + 15) >> 4) << 2;
  let sum = 0;
  while (i) {
    i -= 4;
    sum ^= words[i] ^ words[i + 1] ^ words[i + 2] ^ words[i + 3];
  }
  sum ^= sum >>> 16;
  return (sum ^ (sum >>> 8)) & 255;
}

/** Sets the link's one timer, in place of what it was set to; 0 stops it. While a frame is coming in the timer is its alone. */
export function linkTimer(link: Link, milliseconds: number): void {
  if (link.cut) return;
  if (link.id) link.time.cancel(link.id);
  link.id = milliseconds ? link.time.after(milliseconds, link.tick) : 0;
}

/** Sets the timer for what the link waits for now; a host waits `factor` block waiting times. */
export function linkWait(link: Link, factor: number): void {
  linkTimer(link, link.idle || (link.role ? (link.phase === BUSY ? EXTENSION : 0) : link.phase ? BLOCK_WAIT * factor : 0));
}
