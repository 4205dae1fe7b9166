/** The rules of T=1 (ISO/IEC 7816-3, 11.6) for a device, and what a host does alike; host.ts has the rest. */
import {
  LINK_RESYNCHED,
  LINK_RESTARTED,
  INF,
  TRIES,
  HOOK_MESSAGE,
  HOOK_RESET,
  HOST_MISS,
  HOST_CONTROL,
  HOST_SEND,
  HOST_RESET,
  RESYNCH,
  IFS,
  ABORT,
  WTX,
  RESET,
  ANSWER,
  IDLE,
  WAIT,
  BUSY,
  type Link,
  fold,
  linkTimer,
  linkWait,
} from "./line.js";

const out = new Uint8Array(272);
const outWords = new Uint32Array(out.buffer);

/**
 * TS T0, TD1 (T=1), TD2 (T=1), TA3 (IFSC), TB3 (BWI 3, CWI 13), historical bytes: category, pre-issuing data of 8 bytes: name, then (not in
 * this constant) version and role; TCK.
 */
export const atr = new Uint8Array([0x3b, 0x8a, 0x81, 0x31, INF, 0x3d, 0x80, 0x68, 76, 69, 89, 68, 69, 78, 1]);
export const ATR_LENGTH = 17;

/** Sends one block. INF is `count` bytes of the message from `from`, or for an S-block the byte `from`. */
function put(link: Link, pcb: number, from: number, count: number): void {
  const end = 3 + count;
  out[0] = 0;
  out[1] = pcb;
  out[2] = count;
  if (pcb < 0x80) out.set(link.buf.subarray(from, from + count), 3);
  else out[3] = from;
  out.fill(0, end, (end + 16) & ~15);
  out[end] = fold(outWords, end);
  link.pcb = pcb;
  link.inf = from;
  link.port.write(out.subarray(0, end + 1));
  linkWait(link, 1);
}

/** Sends the block of the message at `pos`. */
export function putMessage(link: Link): void {
  const rest = link.len - link.pos;
  link.size = rest > link.ifs ? link.ifs : rest;
  put(link, (link.ns << 6) | (rest > link.ifs ? 0x20 : 0), link.pos, link.size);
}

/** Sends an R-block that asks for the block expected; `why` 0 acknowledges, 1 is a wrong LRC, 2 any other error. */
export function putReady(link: Link, why: number): void {
  put(link, 0x80 | (link.nr << 4) | why, 0, 0);
}

export function putControl(link: Link, pcb: number, inf: number): void {
  put(link, pcb, inf, (pcb & 13) === 1 ? 1 : 0);
}

/** Sends again what was sent last. */
function repeat(link: Link): void {
  if (link.pcb < 0x80 && link.len) putMessage(link);
  else if (link.pcb >= 0xc0) putControl(link, link.pcb, link.inf);
  else putReady(link, 0);
}

/** Both ends are at their start. */
export function clear(link: Link): void {
  link.phase = IDLE;
  link.ns = link.nr = link.len = link.pos = link.got = link.bad = link.wtx = link.due = 0;
  link.ifs = INF;
  link.pcb = 0x80;
  linkTimer(link, 0);
  if (link.idle && link.hook) link.hook.event(link, HOOK_RESET);
}

/** A block that cannot be read, or that no rule allows. */
export function invalid(link: Link): void {
  if (link.host) link.host(link, HOST_MISS, 0);
  else if (link.phase === BUSY) linkWait(link, 1);
  else putReady(link, 1);
}

/** The device asks for more time. */
export function extend(link: Link): void {
  link.wtx = 1;
  putControl(link, WTX, 1);
}

/** The peer has the block sent last. */
export function acknowledged(link: Link): void {
  link.ns ^= 1;
  link.pos += link.size;
  link.bad = 0;
}

/**
 * Sends the message that is now in the first `length` bytes of `buf`: a device its answer, a host a command. False when it is not this end's turn
 * (a host has an unanswered exchange or a bulk transfer; a device has no message to answer) or the length is not 1 to that of `buf`.
 */
export function linkSend(link: Link, length: number): boolean {
  if (link.idle || link.phase !== (link.role ? BUSY : IDLE) || length < 1 || length > link.buf.length) return false;
  link.hook = null;
  link.len = length;
  link.pos = link.bad = 0;
  if (link.host) link.host(link, HOST_SEND, 0);
  else if (link.wtx) link.due = 1;
  else {
    link.phase = link.due = 0;
    putMessage(link);
  }
  return true;
}

/**
 * Device end: drops what was under way and sends the answer to reset; firmware calls it once when it has started. Host end: asks the device for
 * that, which ends in `onReset` or in `onFailure` with `LINK_NO_ANSWER`, after 3.2 s at most.
 */
export function linkReset(link: Link): void {
  clear(link);
  if (link.host) return link.host(link, HOST_RESET, 0);
  out.set(atr);
  out[15] = link.role;
  out.fill(0, 16, 32);
  out[16] = fold(outWords, 16) ^ atr[0];
  link.port.write(out.subarray(0, ATR_LENGTH));
}

/** An I-block with `count` bytes INF. */
function information(link: Link, pcb: number, count: number): void {
  const more = pcb & 0x20;
  // No message is empty, while a broken wire shows zeros, whose LRC is right.
  if (pcb & 0x1f || !count) return invalid(link);
  if (link.host) {
    if (link.phase !== WAIT || pcb >> 6 !== link.nr || link.pos + link.size < link.len) return link.host(link, HOST_MISS, 1);
  } else if (link.phase === BUSY) return linkWait(link, 1);
  else if (pcb >> 6 !== link.nr) return repeat(link);
  if (link.len) {
    acknowledged(link);
    link.len = link.got = 0;
  }
  link.bad = 0;
  link.nr ^= 1;
  if (link.got + count > link.buf.length) {
    link.got = 0;
    if (!link.role) link.phase = ABORT;
    return putControl(link, ABORT, 0);
  }
  link.buf.set(link.rx.subarray(3, 3 + count), link.got);
  link.got += count;
  if (more) return putReady(link, 0);
  count = link.got;
  link.got = link.wtx = 0;
  link.phase = link.role ? BUSY : IDLE;
  linkWait(link, 1);
  link.onMessage(count);
}

/** An R-block. */
function ready(link: Link, pcb: number): void {
  if (pcb & 0x2c || link.rx[2]) return invalid(link);
  if (link.host) {
    if (link.phase !== WAIT || link.bad >= TRIES) return link.host(link, HOST_MISS, 1);
    link.bad++;
  } else if (link.phase === BUSY) return extend(link);
  if (!link.len || link.pcb >= 0xc0) repeat(link);
  else if (((pcb >> 4) & 1) === link.ns) putMessage(link);
  else if (link.pos + link.size < link.len) {
    acknowledged(link);
    putMessage(link);
  } else putReady(link, 0);
}

/** An S-block at a device. */
function control(link: Link, pcb: number): void {
  const inf = link.rx[3];
  if (pcb === (WTX | ANSWER)) {
    link.wtx = 0;
    if (link.due) linkSend(link, link.len);
    else linkWait(link, 1);
  } else if (pcb === RESYNCH) {
    clear(link);
    putControl(link, RESYNCH | ANSWER, 0);
    if (link.onFailure) link.onFailure(LINK_RESYNCHED);
  } else if (pcb === RESET) {
    linkReset(link);
    if (link.onFailure) link.onFailure(LINK_RESTARTED);
  } else if (pcb === ABORT) {
    if (link.phase !== BUSY && link.len) {
      acknowledged(link);
      link.len = 0;
    }
    link.got = 0;
    putControl(link, ABORT | ANSWER, 0);
  } else if (pcb === (ABORT | ANSWER)) putReady(link, 0);
  else if (pcb === IFS && inf > 0 && inf <= INF) {
    link.ifs = inf;
    putControl(link, IFS | ANSWER, inf);
  } else invalid(link);
}

/** A whole block with a right LRC is in `rx`. */
export function block(link: Link): void {
  const pcb = link.rx[1];
  if (link.idle) {
    // The host is in charge: its message ends a transfer, while one from a device is a repeated answer.
    if (!link.role) return;
    if (pcb < 0x80 && link.hook) link.hook.event(link, HOOK_MESSAGE);
  }
  if (pcb < 0x80) information(link, pcb, link.rx[2]);
  else if (pcb < 0xc0) ready(link, pcb);
  else if (link.rx[2] !== ((pcb & 13) === 1 ? 1 : 0)) invalid(link);
  else if (link.host) link.host(link, HOST_CONTROL, pcb);
  else control(link, pcb);
}
