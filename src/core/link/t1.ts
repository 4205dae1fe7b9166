/**
 * T=1 (ISO/IEC 7816-3, clause 11) over a UART, 8N1: what both ends have in common. The host end (host.ts) speaks first and drives all
 * recovery; the device end answers. Blocks are NAD 0, PCB, LEN, up to 254 bytes INF, LRC. Besides, the wire carries the answer to reset, which a device sends by itself when it
 * starts, and the bulk frames of bulk.ts; both are told apart by their first byte.
 *
 * A frame that breaks off, a wrong LRC or any other noise is swallowed until the wire has been silent for `SILENCE`, and is then answered as T=1
 * prescribes for an invalid block.
 */

import {
  type Port,
  type Timers,
  INF,
  FRAME,
  SILENCE,
  LONGEST,
  BULK,
  HOOK_NOISE,
  HOOK_FRAME,
  HOOK_TIMER,
  HOST_MISS,
  HOST_SEEK,
  IDLE,
  BUSY,
  type Link,
  fold,
  linkTimer,
  linkWait,
} from "./line.js";
import { ATR_LENGTH, atr, invalid, extend, block } from "./rules.js";

export { linkReset, linkSend } from "./rules.js";
export { BLOCK_FRAME, FRAME } from "./line.js";
export type { Link, Port, Timers } from "./line.js";
export { LINK_ABORTED, LINK_BUSY, LINK_LOST, LINK_NO_ANSWER, LINK_RESTARTED, LINK_RESYNCHED, LINK_TOO_LONG } from "./line.js";

/** A run of bytes in no frame: `rx` keeps enough of it for an answer to reset. */
function noise(link: Link): void {
  if (link.host) link.host(link, HOST_SEEK, 0);
  const room = link.rx.length;
  if (link.have === room) {
    link.rx.set(link.rx.subarray(room - 32), 0);
    link.have = 32;
  }
}

/** The frame is whole: back from its timer to what the link waits for. */
function unwatch(link: Link): void {
  if (link.cut) {
    link.cut = 0;
    linkWait(link, 1);
  }
}

/** `need` bytes are in `rx`: a frame's head, or all of it; or what may be an answer to reset, which is looked at as noise is. */
function frame(link: Link): void {
  const rx = link.rx;
  let count = link.need;
  if (rx[0] === atr[0]) link.need = 0;
  else if (rx[0] === 0) {
    if (count === 3) {
      link.need = rx[2] > INF ? 0 : 4 + rx[2];
      return;
    }
    rx.fill(0, count, (count + 15) & ~15);
    if (fold(link.words, count)) {
      link.need = 0;
      return;
    }
    link.have = 0;
    unwatch(link);
    block(link);
  } else if (count === 4) {
    count = (rx[2] << 8) | rx[3];
    link.need = count > 512 || rx.length < FRAME ? 0 : 12 + count;
  } else {
    unwatch(link);
    if (link.hook && !link.hook.event(link, HOOK_FRAME)) link.need = 0;
    else link.have = 0;
  }
}

/** Received bytes, in any portions. */
function receive(link: Link, bytes: Uint8Array): void {
  let at = 0;
  let count = 0;
  link.last = link.time.now();
  while (at < bytes.length && !link.full) {
    if (!link.have) {
      link.from = link.last;
      // What may be an answer to reset ends where that would: in the same burst a frame can follow it.
      link.need = bytes[at] === 0 ? 3 : bytes[at] === BULK ? 4 : bytes[at] === atr[0] && link.host ? ATR_LENGTH : 0;
    }
    count = (link.need || link.rx.length) - link.have;
    if (count > bytes.length - at) count = bytes.length - at;
    link.rx.set(bytes.subarray(at, at + count), link.have);
    at += count;
    link.have += count;
    if (link.have === link.need) frame(link);
    if (link.need === 0 && link.have) noise(link);
  }
  if (link.have && !link.cut && !link.full) {
    linkTimer(link, SILENCE);
    link.cut = 1;
  }
}

/** The timer: a frame broke off, more time is needed, or an answer did not come. */
function expire(link: Link): void {
  const now = link.time.now();
  const quiet = now - link.last;
  link.id = 0;
  if (link.cut) {
    link.cut = 0;
    if (quiet < SILENCE && now - link.from < LONGEST) {
      // One more, since what is left may be too little for the clock to advance.
      linkTimer(link, SILENCE - quiet + 1);
      link.cut = 1;
      return;
    }
    if (link.host) link.host(link, HOST_SEEK, 1);
    if (link.have) {
      link.have = 0;
      if (link.idle && link.hook) link.hook.event(link, HOOK_NOISE);
      else invalid(link);
    }
  } else if (link.idle && link.hook) link.hook.event(link, HOOK_TIMER);
  else if (link.host) link.host(link, HOST_MISS, 0);
  else if (link.phase === BUSY) extend(link);
}

/**
 * The device end of a wire, listening. It allocates all it needs now: about 300 bytes besides `buffer` and the longest frame.
 *
 * @param role - role of this device, 1 to 255
 * @param port - its receiver becomes this link
 * @param buffer - holds each message whole, both ways; at least 524 bytes where bulk transfers are used
 * @param onMessage - a message has come, to be answered by `linkSend`, at once or later
 * @param room - longest frame that it takes: `FRAME`, or `BLOCK_FRAME` where bulk transfers are not used, whose frames are noise then
 */
export function createLink(
  role: number,
  port: Port,
  timers: Timers,
  buffer: Uint8Array,
  onMessage: (length: number) => void,
  room = FRAME,
): Link {
  const rx = new Uint8Array(room);
  const link: Link = {
    role: role,
    port: port,
    time: timers,
    buf: buffer,
    onMessage: onMessage,
    onFailure: null,
    onReset: null,
    host: null,
    hook: null,
    idle: 0,
    rx: rx,
    words: new Uint32Array(rx.buffer),
    have: 0,
    need: 0,
    from: 0,
    last: 0,
    full: 0,
    phase: IDLE,
    ns: 0,
    nr: 0,
    len: 0,
    pos: 0,
    size: 0,
    got: 0,
    ifs: INF,
    pcb: 0x80,
    inf: 0,
    bad: 0,
    wtx: 0,
    due: 0,
    sync: 0,
    why: 0,
    id: 0,
    cut: 0,
    tick: function () {
      expire(link);
    },
  };
  port.onReceive(function (bytes: Uint8Array) {
    receive(link, bytes);
  });
  return link;
}
