/** The host end of a wire as docs/protocol.md describes it, on a line without noise: T=1 blocks, and bulk frames toward the host. */
import { crc32 } from "node:zlib";
import { join, read32, u16, u32, type Bytes } from "./keys.js";

/** Bytes to and from the wire, and time that passes. */
export interface Line {
  write(bytes: Bytes): void;
  onReceive(handler: (bytes: Bytes) => void): void;
  sleep(milliseconds: number): Promise<void>;
}

const RESYNCH = 0xc0;
const WTX = 0xc3;
const RESPONSE = 0x20;
const MORE = 0x20;
const FRAME = 0xb5;
const LIMIT = 60_000;

export class OutsideWire {
  #input: Bytes = new Uint8Array(0);
  #send = 0;
  #expect = 0;

  constructor(private readonly line: Line) {
    line.onReceive((bytes) => (this.#input = join(this.#input, bytes)));
  }

  /** Both ends count from 0 again; whatever was on the wire before is dropped. */
  async resynchronize(): Promise<void> {
    await this.line.sleep(200);
    this.#input = new Uint8Array(0);
    this.#block(RESYNCH, new Uint8Array(0));
    const { pcb } = await this.#nextBlock();
    if (pcb !== (RESYNCH | RESPONSE)) throw new Error(`the device answered S(RESYNCH) by ${pcb.toString(16)}`);
    this.#send = this.#expect = 0;
  }

  /** A command APDU out, its answer back. */
  async transmit(apdu: Bytes): Promise<Bytes> {
    let answer: Bytes = new Uint8Array(0);
    for (let at = 0; at < apdu.length; at += 254) {
      const more = at + 254 < apdu.length;
      this.#block((this.#send << 6) | (more ? MORE : 0), apdu.subarray(at, at + 254));
      this.#send ^= 1;
      if (!more) break;
      const { pcb } = await this.#nextBlock();
      if (pcb !== (0x80 | (this.#send << 4))) throw new Error(`the device did not acknowledge a part: ${pcb.toString(16)}`);
    }
    for (;;) {
      const { pcb, inf } = await this.#nextBlock();
      if (pcb >= 0x80 || pcb >> 6 !== this.#expect) throw new Error(`a block out of turn: ${pcb.toString(16)}`);
      this.#expect ^= 1;
      answer = join(answer, inf);
      if ((pcb & MORE) === 0) return answer;
      this.#block(0x80 | (this.#expect << 4), new Uint8Array(0));
    }
  }

  /** Takes the frames that follow a command which was answered 9000. */
  async receiveFrames(): Promise<Bytes[]> {
    const frames: Bytes[] = [];
    this.#frame(0x22, 0);
    for (;;) {
      const { kind, index, content } = await this.#nextFrame();
      if (kind === 1 && index === frames.length) {
        frames.push(content);
        this.#frame(0x12, frames.length);
      } else if (kind === 3 && index === frames.length) {
        this.#frame(4, index);
        return frames;
      } else if (kind === 2) this.#frame(0x12, frames.length);
      else if (kind === 5) throw new Error(`the device gave up after ${String(frames.length)} frames`);
    }
  }

  #block(pcb: number, inf: Bytes): void {
    const block = join([0, pcb, inf.length], inf);
    this.line.write(join(block, [block.reduce((sum, byte) => sum ^ byte, 0)]));
  }

  #frame(kind: number, index: number): void {
    const frame = join([FRAME, kind], u16(0), u32(index));
    this.line.write(join(frame, u32(crc32(frame))));
  }

  /** The next block; asks for more time are granted, an answer to reset that comes unasked is let pass. */
  async #nextBlock(): Promise<{ pcb: number; inf: Bytes }> {
    for (;;) {
      const block = await this.#next(3, (head) => (head[0] === 0x3b ? 17 : head[2] + 4));
      if (block[0] === 0x3b) continue;
      if (block[0] !== 0 || block.reduce((sum, byte) => sum ^ byte, 0) !== 0) throw new Error("noise on a line without noise");
      if (block[1] !== WTX) return { pcb: block[1], inf: block.slice(3, -1) };
      this.#block(WTX | RESPONSE, block.slice(3, -1));
    }
  }

  async #nextFrame(): Promise<{ kind: number; index: number; content: Bytes }> {
    const frame = await this.#next(4, (head) => ((head[2] << 8) | head[3]) + 12);
    if (frame[0] !== FRAME || crc32(frame.slice(0, -4)) !== read32(frame, frame.length - 4)) throw new Error("this is no frame");
    return { kind: frame[1], index: read32(frame, 4), content: frame.slice(8, -4) };
  }

  async #next(head: number, length: (bytes: Bytes) => number): Promise<Bytes> {
    for (let waited = 0; waited < LIMIT; waited += 5) {
      const size = this.#input.length >= head ? length(this.#input) : Infinity;
      if (this.#input.length >= size) {
        const taken = this.#input.slice(0, size);
        this.#input = this.#input.slice(size);
        return taken;
      }
      await this.line.sleep(5);
    }
    throw new Error("the device does not answer");
  }
}
