import { crc32 } from "../../src/core/hash/crc32.js";
import { bulkReceive, bulkSend } from "../../src/core/link/bulk.js";
import { createHostLink } from "../../src/core/link/host.js";
import { createLink, linkReset, linkSend, type Link } from "../../src/core/link/t1.js";
import { Clock, block, generator } from "./wire.js";

const PCBS = [0x00, 0x20, 0x40, 0x60, 0x80, 0x81, 0x82, 0x90, 0x91, 0x92, 0xc0, 0xc1, 0xc2, 0xc3, 0xcf, 0xe0, 0xe1, 0xe2, 0xe3, 0xef];
const ATR = Uint8Array.from([0x3b, 0x8a, 0x81, 0x31, 0xfe, 0x3d, 0x80, 0x68, ...Buffer.from("LEYDEN"), 1, 1, 0]);
ATR[16] = ATR.subarray(1).reduce((sum, byte) => sum ^ byte, 0);

/**
 * One frame that an attacker or a bad wire might send: valid and out of place, malformed, cut short, or plain noise. Half of the I-blocks carry the N(S) that is
 * expected, `nr`; where a host waits for the response to the S-block `phase`, a quarter of the blocks are that.
 */
export function hostileFrame(draw: () => number, nr: number, phase = 0): Uint8Array {
  const random = (length: number): Uint8Array => Uint8Array.from({ length }, () => draw() & 255);
  const kind = draw() % 16;
  let frame: Uint8Array;
  if (kind < 7) {
    const chosen = draw() % 8 ? PCBS[draw() % PCBS.length] : draw() & 255;
    const awaited = phase >= 0xc0 && draw() % 4 === 0;
    const pcb = awaited ? phase | 0x20 : chosen < 0x80 && draw() & 1 ? (chosen & 0x20) | (nr << 6) : chosen;
    const fit = pcb < 0x80 ? draw() % (draw() % 4 ? 20 : 255) : (pcb & 0xcd) === 0xc1 ? 1 : 0;
    frame = block(pcb, random(draw() % 16 ? fit : draw() % 255));
  } else if (kind < 12) {
    const length = draw() % 4 ? 0 : draw() % (draw() % 4 ? 30 : 513);
    frame = new Uint8Array(12 + length);
    const view = new DataView(frame.buffer);
    frame.set(random(length), 8);
    frame[0] = 0xb5;
    frame[1] = [1, 1, 2, 3, 4, 5, 0x10, 0x11, 0x12, 0x1f, 0x20, 0x21, 0x22, 0x2f, draw() & 255][draw() % 15];
    view.setUint16(2, draw() % 32 ? length : draw());
    view.setUint32(4, draw() % 8 ? draw() % 6 : draw());
    view.setUint32(8 + length, crc32(frame.subarray(0, 8 + length)));
  } else if (kind === 12) frame = ATR.slice();
  else frame = random(draw() % 40);
  if (draw() % 12 === 0) frame = frame.subarray(0, draw() % (frame.length + 1));
  if (draw() % 12 === 0 && frame.length) frame[draw() % frame.length] ^= 1 << (draw() & 7);
  return frame;
}

export interface Outcome {
  frames: number;
  /** Messages that reached the firmware. */
  messages: number;
  transfers: number;
  /** Frames sent by the end under attack. */
  sent: number;
}

/** Either end. */
function create(role: number, ...rest: Parameters<typeof createHostLink>): Link {
  return role ? createLink(role, ...rest) : createHostLink(...rest);
}

/**
 * Sends `count` hostile frames to one end, `role` 0 for a host. After every thousand an honest peer must get through. Throws where an exception escapes, a transfer
 * or exchange does not end, or an end talks more than its peer makes it.
 */
export function attack(role: number, count: number, seed: number): Outcome {
  const clock = new Clock();
  const draw = generator(seed);
  const outcome: Outcome = { frames: 0, messages: 0, transfers: 0, sent: 0 };
  let receiver: (bytes: Uint8Array) => void = () => undefined;
  let peer: (bytes: Uint8Array) => void = () => undefined;
  const port = {
    write(bytes: Uint8Array): void {
      const copy = bytes.slice();
      outcome.sent++;
      clock.after(1, () => {
        peer(copy);
      });
    },
    onReceive: (to: typeof receiver) => void (receiver = to),
  };
  let busy = false;
  const transfer = (): void => {
    busy = true;
    const done = (): void => {
      busy = false;
      outcome.transfers++;
    };
    if (draw() & 1) bulkSend(link, draw() % 6, (_index, content) => content.fill(7, 0, 100).length && 100, done);
    else
      bulkReceive(
        link,
        (_index, _content, release) => {
          if (draw() & 1) release();
          else clock.after(draw() % 50, release);
          return draw() % 16 > 0;
        },
        done,
      );
  };
  const link: Link = create(role, port, clock, new Uint8Array(640), (length) => {
    outcome.messages++;
    if (length < 1 && role) link.buf[0] = 0;
    if (role && draw() % 4 === 0) return void clock.after(draw() % 1000, () => linkSend(link, 1));
    if (role) linkSend(link, 1 + (draw() % 600));
    if (draw() % 4 === 0 && !busy) transfer();
  });
  const honest = (): void => {
    const other = create(
      role ? 0 : 1,
      {
        write: (bytes) => {
          const copy = bytes.slice();
          clock.after(1, () => {
            receiver(copy);
          });
        },
        onReceive: (to) => void (peer = to),
      },
      clock,
      new Uint8Array(640),
      () => {
        if (other.role) linkSend(other, 3);
        else heard++;
      },
    );
    let heard = 0;
    const before = outcome.messages;
    if (role) {
      linkReset(other);
      clock.run(5000);
      linkSend(other, 3);
    } else {
      clock.run(30_000);
      linkReset(other);
      clock.run(500);
      if (!linkSend(link, 3)) throw new Error(`the host end is not free, phase ${link.phase}, idle ${link.idle}`);
    }
    clock.run(20_000);
    if (role ? heard === 0 : outcome.messages === before) throw new Error("an honest peer did not get through");
    clock.run(20_000);
    peer = () => undefined;
    if (clock.pending > 1) throw new Error(`${String(clock.pending)} timers are left running`);
  };
  for (; outcome.frames < count; outcome.frames++) {
    if (!role && link.phase === 0 && !link.idle) {
      if (draw() % 3 === 0) linkReset(link);
      else linkSend(link, 1 + (draw() % 600));
    }
    const before = outcome.sent;
    receiver(hostileFrame(draw, link.nr, role ? 0 : link.phase));
    if (outcome.sent > before + 8) throw new Error(`${String(outcome.sent - before)} frames in answer to one`);
    if (link.have && draw() % 4) clock.run(102);
    else if (draw() % 8 === 0) clock.run(draw() % (draw() % 8 ? 120 : 1500));
    if (outcome.frames % 1000 === 999) honest();
  }
  return outcome;
}
