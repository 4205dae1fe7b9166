/**
 * Listens on a wire and puts what anyone listening could read into the trace: the clear header of each command APDU and the status word
 * of its response (ISO/IEC 7816-4), out of T=1 blocks (ISO/IEC 7816-3, 11). Data fields stay out. What noise made unreadable is passed over.
 */
import { BULK } from "../src/core/link/line.js";
import type { Trace } from "./trace.js";
import type { Wire } from "./wire.js";

const ANSWER_TO_RESET = 0x3b;
const MORE = 0x20;
const NUMBER = 0x40;

class Side {
  parts: Uint8Array[] = [];
  last: number | undefined;
}

export class ApduTap {
  readonly #trace: Trace;
  readonly #wire: string;
  readonly #sides = [new Side(), new Side()];
  #command: { header: Uint8Array; length: number } | undefined;

  /** End 0 of the wire gives the commands. */
  constructor(trace: Trace, wire: Wire) {
    this.#trace = trace;
    this.#wire = wire.name;
    wire.onFrame = (from, bytes, end) => {
      this.#frame(from, bytes, end);
    };
  }

  #frame(from: string, bytes: Uint8Array, end: 0 | 1): void {
    let at = 0;
    while (at < bytes.length) {
      if (bytes[at] === ANSWER_TO_RESET) {
        for (const side of this.#sides) Object.assign(side, new Side());
        return;
      }
      if (bytes[at] === BULK) {
        at += 12 + (bytes[at + 2] << 8) + bytes[at + 3];
        continue;
      }
      const length = bytes[at + 2];
      const block = bytes.subarray(at, at + length + 4);
      if (bytes[at] !== 0 || block.length !== length + 4 || block.reduce((sum, byte) => sum ^ byte, 0) !== 0) return;
      this.#block(from, block, end);
      at += block.length;
    }
  }

  #block(from: string, block: Uint8Array, end: 0 | 1): void {
    const control = block[1];
    const side = this.#sides[end];
    if (control === 0xe0) for (const other of this.#sides) other.last = undefined;
    if (control & 0x80 || side.last === (control & NUMBER)) return;
    side.last = control & NUMBER;
    side.parts.push(block.slice(3, -1));
    if (control & MORE) return;
    const message = Buffer.concat(side.parts);
    side.parts = [];
    if (end === 0) this.#command = message.length >= 4 ? { header: message.subarray(0, 4), length: message.length } : undefined;
    else if (this.#command && message.length >= 2) {
      const [cla, ins, p1, p2] = this.#command.header;
      const sw = message.readUInt16BE(message.length - 2);
      this.#trace.add(from, "apdu", { wire: this.#wire, to: from, cla, ins, p1, p2, sw, length: this.#command.length + message.length });
      this.#command = undefined;
    }
  }
}
