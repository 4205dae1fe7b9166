/** Whoever holds the other end of a device's wire: sends noise, malformed blocks, and commands, made up or heard before, in blocks that the device takes. */
import { INS_ERASE } from "../../src/core/protocol/constants.js";
import { hostileFrame } from "../link/hostile.js";
import { block } from "../link/wire.js";

const MORE = 0x20;
const RESYNCH = 0xc0;
const RESYNCHED = 0xe0;
/** INF field of one block. */
const INF = 254;
const CLASSES = [0x00, 0x0c, 0x80, 0x8c];
const INSTRUCTIONS = [
  0x46, 0x86, 0xa4, 0xca, 0xda, 0x10, 0x12, 0x14, 0x20, 0x22, 0x30, 0x32, 0x34, 0x40, 0x42, 0x44, 0x48, 0x4a, 0x4c, 0x50, 0x52, 0x54, 0x60,
  0x62, 0x64, 0x66, 0x68, 0x6a, 0x6c, 0x6e, 0x70, 0x72, 0x74, 0x76, 0x78, 0x7a, 0x7c,
];
const TAGS = [0x0101, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150, 0x0160, 0x0170, 0x0180, 0x0190, 0x0200, 0x0300];

/** Messages that one end of a wire sent, put together again out of its blocks. */
export class Heard {
  readonly messages: Uint8Array[] = [];
  #parts: Uint8Array[] = [];

  frame(bytes: Uint8Array): void {
    for (let at = 0; at + 4 <= bytes.length && bytes[at] === 0; at += bytes[at + 2] + 4) {
      const pcb = bytes[at + 1];
      if (pcb & 0x80) continue;
      this.#parts.push(bytes.slice(at + 3, at + 3 + bytes[at + 2]));
      if (pcb & MORE) continue;
      this.messages.push(new Uint8Array(Buffer.concat(this.#parts)));
      this.#parts = [];
    }
  }
}

/** At the host's end of a wire that leads to a device, or, with `answering`, in a slot of a device that gives commands itself. */
export class Attacker {
  /** N(S) of the next I-block that the device takes. */
  #number = 0;
  #blocks: Uint8Array[] = [];
  readonly #draw: () => number;
  readonly #heard: readonly Uint8Array[];
  readonly #answering: boolean;

  constructor(draw: () => number, heard: readonly Uint8Array[], answering: boolean) {
    this.#draw = draw;
    this.#heard = heard;
    this.#answering = answering;
  }

  /** The next frame. Never an ERASE: anyone may erase, and that would end the loan, and with it what there is to find. */
  next(): Uint8Array {
    for (;;) {
      const frame = this.#next();
      if (frame[0] !== 0 || frame[1] >= 0x80 || frame[4] !== INS_ERASE) return frame;
      this.#blocks = [];
    }
  }

  #next(): Uint8Array {
    const draw = this.#draw;
    const waiting = this.#blocks.shift();
    if (waiting) return waiting;
    if (draw() % 3 === 0) return hostileFrame(draw, this.#number);
    if (draw() % 4 === 0) {
      this.#number = 0;
      return block(this.#answering ? RESYNCHED : RESYNCH, new Uint8Array(0));
    }
    const message = draw() % 2 && this.#heard.length ? this.#changed(this.#heard[draw() % this.#heard.length]) : this.#made();
    for (let at = 0; at === 0 || at < message.length; at += INF) {
      const more = at + INF < message.length;
      this.#blocks.push(block((this.#number << 6) | (more ? MORE : 0), message.subarray(at, at + INF)));
      this.#number ^= 1;
    }
    return this.#blocks.shift() ?? new Uint8Array(0);
  }

  #made(): Uint8Array {
    return this.#answering ? this.#answer() : this.#command();
  }

  /** A message that was heard, as it was or with something about it changed. */
  #changed(heard: Uint8Array): Uint8Array {
    const draw = this.#draw;
    const message = heard.slice();
    const kind = draw() % 6;
    if (kind === 1) message[draw() % message.length] ^= 1 << (draw() & 7);
    if (kind === 2) message[draw() % Math.min(5, message.length)] = draw() & 255;
    if (kind === 3) return message.subarray(0, 1 + (draw() % message.length));
    if (kind === 4 && message.length > 5) message.fill(draw() & 255, 5 + (draw() % (message.length - 5)));
    if (kind === 5) {
      const other = this.#heard[draw() % this.#heard.length];
      message.set(other.subarray(5, Math.max(5, message.length)), Math.min(5, message.length));
    }
    return message;
  }

  /** A response of any length and status. */
  #answer(): Uint8Array {
    const draw = this.#draw;
    const data = Array.from({ length: draw() % (draw() % 8 ? 70 : 630) }, () => draw() & 255);
    const status = draw() % 2 ? [0x90, 0] : [0x60 | (draw() & 15), draw() & 255];
    return Uint8Array.from([...data, ...status]);
  }

  /** A command of this house with data that nobody has seen: right or wrong in its length. */
  #command(): Uint8Array {
    const draw = this.#draw;
    const length = draw() % (draw() % 8 ? 70 : 620);
    const long = length > 255 || draw() % 16 === 0;
    const tag = draw() % 4 ? TAGS[draw() % TAGS.length] : draw() & 0xffff;
    const head = [
      draw() % 16 ? CLASSES[draw() % 4] : draw() & 255,
      draw() % 16 ? INSTRUCTIONS[draw() % INSTRUCTIONS.length] : draw() & 255,
      draw() % 2 ? tag >> 8 : draw() % 4,
      draw() % 2 ? tag & 255 : draw() % 4,
    ];
    if (length > 0 || draw() % 2) head.push(...(long ? [0, length >> 8, length & 255] : [length]));
    const data = Array.from({ length: draw() % 16 ? length : draw() % (length + 1) }, () => draw() & 255);
    const expected = draw() % 3 ? [] : long ? [draw() & 255, draw() & 255] : [draw() & 255];
    return Uint8Array.from([...head, ...data, ...expected]);
  }
}
