/** What only the host end of T=1 does: it begins, waits, tries again, resynchronizes, and finds out when a device starts. */
import {
  type Port,
  type Timers,
  LINK_NO_ANSWER,
  LINK_LOST,
  LINK_ABORTED,
  LINK_TOO_LONG,
  LINK_BUSY,
  INF,
  EXTENSIONS,
  TRIES,
  HOST_MISS,
  HOST_CONTROL,
  HOST_SEND,
  HOST_SEEK,
  RESYNCH,
  IFS,
  ABORT,
  WTX,
  RESET,
  ANSWER,
  IDLE,
  WAIT,
  type Link,
  linkTimer,
  linkWait,
} from "./line.js";
import { atr, ATR_LENGTH, putMessage, putReady, putControl, clear, acknowledged, linkSend } from "./rules.js";
import { createLink } from "./t1.js";

/** Ends the host's exchange with `reason`. */
function fail(link: Link, reason: number): void {
  link.phase = IDLE;
  link.len = link.got = link.due = 0;
  linkTimer(link, 0);
  if (link.onFailure) link.onFailure(reason);
}

function resynchronize(link: Link, why: number): void {
  link.phase = RESYNCH;
  link.why = why;
  link.bad = 0;
  putControl(link, RESYNCH, 0);
}

/** An answer is missing or invalid; or is not what it should be (`quiet`), in which case the right one may still come. */
function miss(link: Link, quiet: number): void {
  if (link.phase === IDLE) return;
  link.bad++;
  if (link.bad > TRIES) {
    if (link.phase === RESYNCH || link.phase === RESET) {
      link.sync = 0;
      fail(link, LINK_NO_ANSWER);
    } else resynchronize(link, LINK_LOST);
  } else if (quiet) linkWait(link, 1);
  else if (link.phase !== WAIT) putControl(link, link.phase, 0);
  else putReady(link, 2);
}

/** An S-block. */
function control(link: Link, pcb: number): void {
  const inf = link.rx[3];
  const length = link.due ? link.len : 0;
  if (pcb === (RESYNCH | ANSWER) && link.phase === RESYNCH) {
    clear(link);
    link.sync = 1;
    if (length) linkSend(link, length);
    else if (link.onFailure) link.onFailure(link.why);
  } else if (pcb === (ABORT | ANSWER) && link.phase === ABORT) fail(link, LINK_TOO_LONG);
  else if (link.phase !== WAIT || pcb & ANSWER) miss(link, 1);
  else if (link.wtx++ > EXTENSIONS) resynchronize(link, LINK_BUSY);
  else if (pcb === WTX && inf) {
    link.bad = 0;
    putControl(link, WTX | ANSWER, inf);
    linkWait(link, inf);
  } else if (pcb === IFS && inf > 0 && inf <= INF) {
    link.ifs = inf;
    putControl(link, IFS | ANSWER, inf);
  } else if (pcb === ABORT) {
    if (link.len) acknowledged(link);
    putControl(link, ABORT | ANSWER, 0);
    fail(link, LINK_ABORTED);
  } else miss(link, 0);
}

/** Begins the exchange of a message of `len` bytes; resynchronizes before, unless both ends are known to be in step. */
function send(link: Link): void {
  link.wtx = 0;
  link.due = 1 - link.sync;
  if (link.due) return resynchronize(link, 0);
  link.phase = WAIT;
  putMessage(link);
}

/** Looks for an answer to reset at the start of `rx`, or (`seek`) anywhere. */
function find(link: Link, seek: number): void {
  const rx = link.rx;
  let at = 0;
  let i = 0;
  let sum = 0;
  for (; at + ATR_LENGTH <= link.have; at++) {
    for (i = 0; i < atr.length && rx[at + i] === atr[i];) i++;
    if (i === atr.length) {
      for (sum = 0, i = 1; i < ATR_LENGTH; i++) sum ^= rx[at + i];
      if (sum === 0) {
        link.have = link.cut = 0;
        // A device that starts says so again when its slot makes contact: it may have had a command in between, whose answer is still to come.
        link.sync = link.phase === IDLE || link.phase === RESET ? 1 : 0;
        clear(link);
        if (link.onReset) link.onReset(rx.subarray(at, at + ATR_LENGTH), rx[at + 15]);
        return;
      }
    }
    if (!seek) return;
  }
}

/** All of the above, as `Link.host`. */
function host(link: Link, what: number, value: number): void {
  if (what === HOST_MISS) miss(link, value);
  else if (what === HOST_CONTROL) control(link, value);
  else if (what === HOST_SEND) send(link);
  else if (what === HOST_SEEK) find(link, value);
  else {
    link.sync = 0;
    link.phase = RESET;
    putControl(link, RESET, 0);
  }
}

/**
 * The host end of a wire, listening.
 *
 * @param onMessage - the answer has come
 */
export function createHostLink(port: Port, timers: Timers, buffer: Uint8Array, onMessage: (length: number) => void): Link {
  const link = createLink(0, port, timers, buffer, onMessage);
  link.host = host;
  return link;
}

/** Host end: the wire is gone, so what was under way is void, without a call of `onFailure`; the next message begins with resynchronization. */
export function linkDrop(link: Link): void {
  link.have = link.cut = link.sync = 0;
  clear(link);
}
