/**
 * A UART wire, 8N1, between two ends: boards' ports or host programs. Bytes take their time (ten bits each) and arrive in bursts, as an
 * engine's event loop picks them up; the two directions are independent. Noise flips, drops and invents bytes by seed; pulling the plug
 * loses what is under way, and the byte it hits arrives whole, garbled or not at all.
 */
import { crc32 } from "node:zlib";
import type { Clock } from "./clock.js";
import type { Random } from "./random.js";
import type { Trace } from "./trace.js";

/** Probabilities for each byte on the wire. */
export interface Noise {
  flip: number;
  lose: number;
  insert: number;
}

export interface WireOptions {
  name: string;
  /** Longest time for which received bytes are gathered before the receiver sees them, in microseconds. Default 2,000. */
  burst?: number;
  noise?: Noise;
}

/** What is attached to an end. `receive` gets each burst at the time its last byte is complete; `bytes` is the receiver's to keep. */
export interface WireParty {
  readonly name: string;
  /** Bits a second, or 0 while not set up. */
  readonly baud: number;
  receive(bytes: Uint8Array): void;
}

interface Segment {
  bytes: Uint8Array;
  at: number;
  /** Time at which byte `at` begins. */
  start: number;
}

/** Bytes and losses of one direction. */
export interface WireCounts {
  sent: number;
  received: number;
  flipped: number;
  lost: number;
  inserted: number;
}

const BITS_PER_BYTE = 10;

class Direction {
  readonly counts: WireCounts = { sent: 0, received: 0, flipped: 0, lost: 0, inserted: 0 };
  from: WireParty | undefined;
  to: WireParty | undefined;
  /** Until when what was sent so far keeps the wire busy. */
  free = 0;
  readonly #wire: Wire;
  readonly #random: Random;
  readonly #index: 0 | 1;
  #queue: Segment[] = [];
  #scheduled = false;
  #generation = 0;
  #frame: { start: number; parts: Uint8Array[]; length: number } | undefined;
  #toNoise = Infinity;

  constructor(wire: Wire, random: Random, index: 0 | 1) {
    this.#wire = wire;
    this.#index = index;
    this.#random = random;
    this.noiseChanged();
  }

  noiseChanged(): void {
    const { flip, lose, insert } = this.#wire.noise;
    this.#toNoise = this.#random.gap(Math.min(1, flip + lose + insert));
  }

  send(bytes: Uint8Array, notBefore: number): void {
    const { clock } = this.#wire;
    const baud = this.from?.baud ?? 0;
    if (!bytes.length || !baud) return;
    this.counts.sent += bytes.length;
    const start = Math.max(clock.now, this.free, notBefore);
    this.free = start + (bytes.length * BITS_PER_BYTE * 1e6) / baud;
    const copy = bytes.slice();
    this.#queue.push({ bytes: copy, at: 0, start });
    this.#frame ??= { start, parts: [], length: 0 };
    this.#frame.parts.push(copy);
    this.#frame.length += copy.length;
    if (!this.#scheduled) this.#schedule();
  }

  /** Ends what is under way. */
  pull(): void {
    const { clock } = this.#wire;
    const head = this.#queue[0];
    const baud = this.from?.baud ?? 0;
    if (head && baud && clock.now > head.start) {
      const byteTime = (BITS_PER_BYTE * 1e6) / baud;
      const whole = Math.min(head.bytes.length - head.at, Math.floor((clock.now - head.start) / byteTime));
      const part = head.bytes.slice(head.at, head.at + whole);
      const hit = head.at + whole < head.bytes.length;
      if (part.length) this.#arrive(part);
      if (hit && this.#random.chance(0.5)) this.to?.receive(this.#random.bytes(1));
    }
    this.#queue = [];
    this.#scheduled = false;
    this.#generation++;
    this.free = clock.now;
    this.#closeFrame();
  }

  #schedule(): void {
    const { clock, burst } = this.#wire;
    const head = this.#queue[0];
    const byteTime = (BITS_PER_BYTE * 1e6) / (this.from?.baud || 1);
    const count = Math.min(head.bytes.length - head.at, Math.max(1, Math.floor(burst / byteTime)));
    const generation = this.#generation;
    this.#scheduled = true;
    clock.at(head.start + count * byteTime, () => {
      if (generation !== this.#generation) return;
      const part = head.bytes.slice(head.at, head.at + count);
      head.at += count;
      head.start += count * byteTime;
      if (head.at === head.bytes.length) this.#queue.shift();
      if (this.#queue.length) this.#schedule();
      else {
        this.#scheduled = false;
        this.#closeFrame();
      }
      this.#arrive(part);
    });
  }

  #closeFrame(): void {
    const frame = this.#frame;
    this.#frame = undefined;
    if (!frame) return;
    const bytes = frame.parts.length === 1 ? frame.parts[0] : Buffer.concat(frame.parts);
    const { trace, name } = this.#wire;
    const from = this.from?.name ?? "";
    trace.add(from, "frame", {
      wire: name,
      from,
      start: Math.round(frame.start * 1000) / 1000,
      length: frame.length,
      crc: crc32(bytes),
      ...(trace.options.wires ? { bytes: Buffer.from(bytes).toString("hex") } : {}),
    });
    this.#wire.onFrame?.(from, bytes, this.#index);
  }

  #arrive(bytes: Uint8Array): void {
    if (!this.to || !this.#wire.plugged) return;
    let delivered = this.#toNoise < bytes.length ? this.#disturb(bytes) : bytes;
    if (this.#toNoise !== Infinity && delivered === bytes) this.#toNoise -= bytes.length;
    if (this.to.baud !== (this.from?.baud ?? 0)) delivered = this.to.baud ? this.#random.bytes(delivered.length) : new Uint8Array(0);
    if (!delivered.length) return;
    this.counts.received += delivered.length;
    this.to.receive(delivered);
  }

  #disturb(bytes: Uint8Array): Uint8Array {
    const { flip, lose, insert } = this.#wire.noise;
    const out: number[] = [];
    for (const byte of bytes) {
      if (this.#toNoise-- > 0) {
        out.push(byte);
        continue;
      }
      const which = this.#random.unit() * (flip + lose + insert);
      if (which < flip) {
        this.counts.flipped++;
        out.push(byte ^ (1 << this.#random.below(8)));
      } else if (which < flip + lose) this.counts.lost++;
      else {
        this.counts.inserted++;
        out.push(this.#random.below(256), byte);
      }
      this.#toNoise = this.#random.gap(Math.min(1, flip + lose + insert));
    }
    return Uint8Array.from(out);
  }
}

/** One end of a wire, given to whoever is attached. */
export interface WireEnd {
  /** Queues `bytes` behind what is being sent; the first does not start before the time `notBefore`. */
  send(bytes: Uint8Array, notBefore?: number): void;
  /** The sender lost its supply: what it had not sent yet is gone. */
  cut(): void;
  /** Until when this end's sending keeps the wire busy. */
  readonly busyUntil: number;
}

export class Wire {
  readonly name: string;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly burst: number;
  plugged = true;
  /** Sees every frame as it was sent, before noise. */
  onFrame: ((from: string, bytes: Uint8Array, end: 0 | 1) => void) | undefined;
  /** Told after every change of `plugged`. */
  onPlug: ((plugged: boolean) => void) | undefined;
  #noise: Noise;
  readonly #directions: [Direction, Direction];

  constructor(clock: Clock, trace: Trace, random: Random, options: WireOptions) {
    this.name = options.name;
    this.clock = clock;
    this.trace = trace;
    this.burst = options.burst ?? 2000;
    this.#noise = options.noise ?? { flip: 0, lose: 0, insert: 0 };
    this.#directions = [new Direction(this, random.stream("there"), 0), new Direction(this, random.stream("back"), 1)];
  }

  get noise(): Noise {
    return this.#noise;
  }

  set noise(noise: Noise) {
    this.#noise = noise;
    for (const direction of this.#directions) direction.noiseChanged();
  }

  /** Bytes and losses from end 0 to end 1, and back. */
  get counts(): [WireCounts, WireCounts] {
    return [this.#directions[0].counts, this.#directions[1].counts];
  }

  /** Puts `party` on end 0 or 1. */
  attach(end: 0 | 1, party: WireParty): WireEnd {
    const direction = this.#directions[end];
    direction.from = party;
    this.#directions[1 - end].to = party;
    const isPlugged = (): boolean => this.plugged;
    return {
      send: (bytes, notBefore = 0) => {
        if (isPlugged()) direction.send(bytes, notBefore);
      },
      cut: () => {
        direction.pull();
      },
      get busyUntil() {
        return direction.free;
      },
    };
  }

  /** Who is on an end. */
  party(end: 0 | 1): WireParty | undefined {
    return this.#directions[end].from;
  }

  /** Takes whoever is on the end off it; what is under way is lost. */
  detach(end: 0 | 1): void {
    for (const direction of this.#directions) direction.pull();
    this.#directions[end].from = undefined;
    this.#directions[1 - end].to = undefined;
  }

  unplug(): void {
    if (!this.plugged) return;
    for (const direction of this.#directions) direction.pull();
    this.plugged = false;
    this.trace.add("", "wire", { wire: this.name, plugged: false });
    this.onPlug?.(false);
  }

  plug(): void {
    if (this.plugged) return;
    this.plugged = true;
    this.trace.add("", "wire", { wire: this.name, plugged: true });
    this.onPlug?.(true);
  }
}

/** A wire end in a host program: the same virtual time, callbacks instead of a chip. */
export class HostPort implements WireParty {
  readonly name: string;
  readonly baud: number;
  #end: WireEnd | undefined;
  #receiver: ((bytes: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  #onActivity: () => void;

  /** `onActivity` is called after each delivery, so that the world lets waiting promises go on. */
  constructor(name: string, baud: number, onActivity: () => void = () => undefined) {
    this.name = name;
    this.baud = baud;
    this.#onActivity = onActivity;
  }

  connect(wire: Wire, end: 0 | 1): this {
    this.#end = wire.attach(end, this);
    return this;
  }

  write(bytes: Uint8Array): void {
    this.#end?.send(bytes);
  }

  /** Installs the one receiver; what came before it is handed over at once. */
  onReceive(receiver: (bytes: Uint8Array) => void): void {
    this.#receiver = receiver;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) receiver(bytes);
  }

  receive(bytes: Uint8Array): void {
    if (this.#receiver) this.#receiver(bytes);
    else this.#early.push(bytes);
    this.#onActivity();
  }
}
