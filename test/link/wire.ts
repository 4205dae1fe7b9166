import type { Port, Timers } from "../../src/core/link/t1.js";

/** Virtual milliseconds: events happen in the order of their time. */
export class Clock implements Timers {
  time = 0;
  #events: { at: number; id: number; run: () => void }[] = [];
  #id = 0;

  now(): number {
    return this.time;
  }
  after(milliseconds: number, run: () => void): number {
    const event = { at: this.time + milliseconds, id: ++this.#id, run };
    const place = this.#events.findIndex((other) => other.at > event.at);
    this.#events.splice(place < 0 ? this.#events.length : place, 0, event);
    return event.id;
  }
  cancel(id: number): void {
    this.#events = this.#events.filter((event) => event.id !== id);
  }
  /** Runs what happens in the next `milliseconds`; stops early when `done` says so. True when it did. */
  run(milliseconds: number, done: () => boolean = () => false): boolean {
    const end = this.time + milliseconds;
    while (this.#events.length && this.#events[0].at <= end) {
      if (done()) return true;
      const event = this.#events.shift();
      if (!event) break;
      this.time = event.at;
      event.run();
    }
    if (done()) return true;
    this.time = end;
    return false;
  }
  get pending(): number {
    return this.#events.length;
  }
}

/** What a wire makes of one byte: none, the same, another, or several. */
export type Disturb = (byte: number) => number[];

/** One direction of a wire at `baud`, 10 bits a byte; bytes arrive in runs of up to `run` bytes, the time of their last byte. */
class Line {
  receiver: (bytes: Uint8Array) => void = () => undefined;
  disturb: Disturb | undefined;
  cut = false;
  bytes = 0;
  #free = 0;

  constructor(
    readonly clock: Clock,
    readonly baud: number,
    readonly run: () => number,
  ) {}

  write(bytes: Uint8Array): void {
    const copy = bytes.slice();
    let at = 0;
    this.#free = Math.max(this.#free, this.clock.time);
    this.bytes += bytes.length;
    while (at < copy.length) {
      const part = copy.subarray(at, at + this.run());
      at += part.length;
      this.#free += (part.length * 10_000) / this.baud;
      this.clock.after(this.#free - this.clock.time, () => {
        if (this.cut) return;
        const heard = this.disturb ? Uint8Array.from([...part].flatMap(this.disturb)) : part;
        if (heard.length) this.receiver(heard);
      });
    }
  }
}

/** Two ports and the wire between them. */
export class Wire {
  readonly up: Line;
  readonly down: Line;
  readonly host: Port;
  readonly device: Port;

  constructor(clock: Clock, baud = 115_200, run: () => number = () => 64) {
    const down = new Line(clock, baud, run);
    const up = new Line(clock, baud, run);
    this.down = down;
    this.up = up;
    this.host = { write: (bytes) => down.write(bytes), onReceive: (receiver) => (up.receiver = receiver) };
    this.device = { write: (bytes) => up.write(bytes), onReceive: (receiver) => (down.receiver = receiver) };
  }
  set cut(cut: boolean) {
    this.up.cut = this.down.cut = cut;
  }
  set disturb(disturb: Disturb | undefined) {
    this.up.disturb = this.down.disturb = disturb;
  }
}

/** A small generator (xorshift32) for reproducible noise. */
export function generator(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) | 1;
  const draw = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  for (let i = 0; i < 8; i++) draw();
  return draw;
}

/** A block of T=1. */
export function block(pcb: number, inf: Uint8Array | number[] = []): Uint8Array {
  const bytes = [0, pcb, inf.length, ...inf];
  return Uint8Array.from([...bytes, bytes.reduce((sum, byte) => sum ^ byte, 0)]);
}
