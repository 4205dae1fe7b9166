/**
 * Bulk transfer: one end sends frames of up to 512 bytes, the other grants as many as it has room for. It begins after a command that was answered with
 * 9000, and the host end speaks first in either direction, so that the device's answer is known to have arrived; it ends by an END that is answered, after
 * which the wire speaks T=1 again. A message from the host, a resynchronization or a reset end it at any time.
 *
 * Frame: 0xB5 | kind 1 | length of the content 2 | index 4 | content | CRC-32 of all before 4.
 */
import { get32, put16, put32 } from "../bytes.js";
import { crc32 } from "../hash/crc32.js";
import { BULK, HOOK_FRAME, HOOK_MESSAGE, HOOK_NOISE, HOOK_RESET, SILENCE, linkTimer, type Hook, type Link } from "./line.js";
import { acknowledged } from "./rules.js";

/** Every frame has arrived in order; at the sender: was granted beyond. */
export const BULK_OK = 0;
/** The peer fell silent. */
export const BULK_TIMEOUT = 1;
/** The peer gave up. */
export const BULK_ABORTED = 2;
/** The link went back to T=1, or the peer has reset. */
export const BULK_BROKEN = 3;
/** This end gave up: the sender answered -1, or `bulkAbort`. */
export const BULK_FAILED = 4;

/** Most bytes of content in one frame. */
export const BULK_CONTENT = 512;

/** Frames that a receiver has room for: one that is worked on, one that comes in meanwhile. */
const ROOM = 2;

/** Kinds of frames. GRANT and AGAIN carry in their low bits how many frames from `index` on may be sent; AGAIN asks for those once more. */
const DATA = 1;
const ASK = 2;
const END = 3;
const ENDED = 4;
const ABORT = 5;
const GRANT = 0x10;
const AGAIN = 0x20;

/** A receiver asks again, a sender asks what is missing, when nothing came for so many milliseconds; each so often before it gives up. */
const RECEIVER_WAIT = 400;
const SENDER_WAIT = 1000;
const TRIES = 8;

interface Bulk extends Hook {
  /** Sends; else it receives. */
  supply: ((index: number, content: Uint8Array) => number) | null;
  take: ((index: number, content: Uint8Array, release: () => void) => boolean) | null;
  release: (() => void) | null;
  done: ((status: number) => void) | null;
  /** False until the host has spoken. */
  open: boolean;
  /** Sender: frames acknowledged. Receiver: frames accepted. */
  base: number;
  /** Sender: next frame; frames granted; frames in all. */
  next: number;
  limit: number;
  count: number;
  /** Receiver: 1 while the message buffer holds a frame that is not released; 1 when END waits for that. */
  held: number;
  end: number;
  /** Timeouts in a row. */
  tries: number;
}

const head = new Uint8Array(12);

function put(link: Link, kind: number, index: number): void {
  head[0] = BULK;
  head[1] = kind;
  put16(head, 2, 0);
  put32(head, 4, index);
  put32(head, 8, crc32(head.subarray(0, 8)));
  link.port.write(head);
}

function finish(link: Link, bulk: Bulk, status: number): void {
  const done = bulk.done;
  link.idle = link.full = 0;
  if (!bulk.take || status !== BULK_OK) link.hook = null;
  // A receiver stays, to answer END once more; but what its closures hold goes.
  bulk.supply = bulk.take = bulk.release = bulk.done = null;
  linkTimer(link, 0);
  if (done) done(status);
}

/** Sends what is granted, or END after all. */
function send(link: Link, bulk: Bulk): void {
  const frame = link.buf;
  let length = 0;
  while (bulk.next < bulk.limit && bulk.supply) {
    length = bulk.supply(bulk.next, frame.subarray(8, 8 + BULK_CONTENT));
    if (length < 0) return bulkAbort(link);
    frame[0] = BULK;
    frame[1] = DATA;
    put16(frame, 2, length);
    put32(frame, 4, bulk.next);
    length += 8;
    put32(frame, length, crc32(frame.subarray(0, length)));
    link.port.write(frame.subarray(0, length + 4));
    bulk.next++;
  }
  if (bulk.base === bulk.count) put(link, END, bulk.count);
  linkTimer(link, link.idle);
}

/** A frame for the sender. */
function atSender(link: Link, bulk: Bulk, kind: number, index: number): void {
  if (kind === ENDED && index === bulk.count && bulk.base === index) return finish(link, bulk, BULK_OK);
  if (kind >= GRANT && index >= bulk.base && index <= bulk.next) {
    bulk.tries = 0;
    bulk.base = index;
    if (kind >= AGAIN) bulk.next = index;
    bulk.limit = index + (kind & 15);
    if (bulk.limit > bulk.count) bulk.limit = bulk.count;
    send(link, bulk);
  } else linkTimer(link, link.idle);
}

/** Says what was accepted and how much more there is room for. */
function grant(link: Link, bulk: Bulk, kind: number): void {
  put(link, kind + ROOM - bulk.held - link.full, bulk.base);
  linkTimer(link, link.idle);
}

/** Hands the frame in `rx` out, out of the way of the next one. */
function take(link: Link, bulk: Bulk, index: number): void {
  const length = (link.rx[2] << 8) | link.rx[3];
  link.buf.set(link.rx.subarray(8, 8 + length));
  bulk.held = 1;
  if (link.full) {
    link.full = 0;
    grant(link, bulk, GRANT);
  }
  if (bulk.take && bulk.release && !bulk.take(index, link.buf.subarray(0, length), bulk.release) && link.hook === bulk) bulkAbort(link);
}

/** The frame handed out is done with; the next may come. */
function release(link: Link, bulk: Bulk): void {
  if (!link.idle || link.hook !== bulk || !bulk.held) return;
  bulk.held = bulk.tries = 0;
  if (link.full) take(link, bulk, bulk.base - 1);
  else if (bulk.end) {
    put(link, ENDED, bulk.base);
    finish(link, bulk, BULK_OK);
  } else grant(link, bulk, GRANT);
}

/** A frame for the receiver. */
function atReceiver(link: Link, bulk: Bulk, kind: number, index: number): void {
  linkTimer(link, link.idle);
  if (kind === DATA) {
    if (index !== bulk.base) return linkTimer(link, SILENCE);
    bulk.tries = 0;
    bulk.base++;
    if (bulk.held) link.full = 1;
    else take(link, bulk, index);
  } else if (kind === ASK) grant(link, bulk, AGAIN);
  else if (kind === END) {
    if (index !== bulk.base) grant(link, bulk, AGAIN);
    else if (bulk.held) bulk.end = 1;
    else {
      put(link, ENDED, index);
      finish(link, bulk, BULK_OK);
    }
  }
}

function timeout(link: Link, bulk: Bulk): void {
  const waiting = bulk.supply !== null || (!bulk.end && bulk.held + link.full < ROOM);
  if (waiting && bulk.tries++ >= TRIES) return finish(link, bulk, bulk.supply && bulk.base === bulk.count ? BULK_OK : BULK_TIMEOUT);
  if (!bulk.open) return linkTimer(link, link.idle);
  if (bulk.take) grant(link, bulk, waiting ? AGAIN : GRANT);
  else {
    put(link, bulk.base === bulk.count ? END : ASK, bulk.base);
    linkTimer(link, link.idle);
  }
}

function event(link: Link, what: number): boolean {
  const bulk = link.hook as Bulk;
  const rx = link.rx;
  const length = link.need - 4;
  const kind = rx[1];
  if (what === HOOK_FRAME) {
    if (crc32(rx.subarray(0, length)) !== get32(rx, length)) return false;
    if (!link.idle) {
      if (kind === END && get32(rx, 4) === bulk.base) put(link, ENDED, bulk.base);
      return true;
    }
    // The peer has begun, so it has the answer before; its buffer is free now.
    bulk.open = true;
    if (link.len) acknowledged(link);
    link.len = 0;
    if (kind === ABORT) finish(link, bulk, BULK_ABORTED);
    else if (bulk.supply) atSender(link, bulk, kind, get32(rx, 4));
    else atReceiver(link, bulk, kind, get32(rx, 4));
  } else if (what === HOOK_MESSAGE || what === HOOK_RESET)
    finish(link, bulk, what === HOOK_MESSAGE && bulk.supply && bulk.base === bulk.count ? BULK_OK : BULK_BROKEN);
  else if (what === HOOK_NOISE && bulk.take && bulk.open && bulk.held + link.full < ROOM) grant(link, bulk, AGAIN);
  else if (what === HOOK_NOISE) linkTimer(link, link.idle);
  else timeout(link, bulk);
  return true;
}

function begin(link: Link, bulk: Bulk, wait: number): void {
  link.hook = bulk;
  link.idle = wait;
  link.full = 0;
  if (link.role) linkTimer(link, wait);
  else if (bulk.take) grant(link, bulk, AGAIN);
  else {
    put(link, ASK, 0);
    linkTimer(link, wait);
  }
}

function createBulk(link: Link, count: number, done: (status: number) => void): Bulk {
  return {
    event: event,
    supply: null,
    take: null,
    release: null,
    done: done,
    open: !link.role,
    base: 0,
    next: 0,
    limit: 0,
    count: count,
    held: 0,
    end: 0,
    tries: 0,
  };
}

/**
 * Sends `count` frames. A device calls this right after `linkSend` of its answer, a host when that answer has come.
 *
 * @param fill - writes the content of frame `index` (from 0) and answers its length, 0 to 512, or -1 to give up; it may be asked for one of the
 *   last two frames again
 * @param done - called once with a status above; the link is in T=1 again
 */
export function bulkSend(
  link: Link,
  count: number,
  fill: (index: number, content: Uint8Array) => number,
  done: (status: number) => void,
): void {
  const bulk = createBulk(link, count, done);
  bulk.supply = fill;
  begin(link, bulk, SENDER_WAIT);
}

/**
 * Receives frames until the sender ends. Frames come in order, each once.
 *
 * @param take - has the content of frame `index` until it calls `release`, at once or later, for as long as it takes; answers true, or false to
 *   give up. Content that is not released when `done` is called is void
 * @param done - as in `bulkSend`
 */
export function bulkReceive(
  link: Link,
  take: (index: number, content: Uint8Array, release: () => void) => boolean,
  done: (status: number) => void,
): void {
  const bulk = createBulk(link, 0, done);
  bulk.take = take;
  bulk.release = function () {
    release(link, bulk);
  };
  begin(link, bulk, RECEIVER_WAIT);
}

/** Gives up: tells the peer, and ends with `BULK_FAILED`. Nothing happens where no transfer is under way. */
export function bulkAbort(link: Link): void {
  const bulk = link.hook as Bulk | null;
  if (!link.idle || !bulk) return;
  put(link, ABORT, 0);
  finish(link, bulk, BULK_FAILED);
}
