/**
 * An audio decoder of the VS1053 class behind SPI (VLSI VS1053b data sheet, 7.3): a FIFO of 2,048 bytes that raises its request pin while at least 32 more
 * fit. A WAV drains at its byte rate; anything else drains as fast as it comes. What went in is what was played.
 */
import { createHash } from "node:crypto";
import type { Clock, Scheduled } from "./clock.js";
import type { Trace } from "./trace.js";

const FIFO = 2048;
const ROOM = 32;
/** A content has ended when nothing came for so long, in microseconds. */
const QUIET = 2e6;
/** Bytes between two progress events. */
const PROGRESS = 65_536;

export interface DecoderPlace {
  clock: Clock;
  trace: Trace;
  name: string;
  /** Drives the request pin. */
  request(level: boolean): void;
  /** Somebody outside may be waiting for the end of a content. */
  wake(): void;
}

export class Decoder {
  /** Contents that have ended, oldest first. */
  readonly contents: Uint8Array[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #level = 0;
  #rate = 0;
  #last = 0;
  #asking = true;
  #ready: Scheduled | undefined;

  constructor(private readonly place: DecoderPlace) {
    place.request(true);
  }

  /** Bytes that came over SPI at local time `now`. */
  take(bytes: Uint8Array, now: number): void {
    const { clock, trace, name } = this.place;
    if (this.#bytes === 0) {
      trace.add(name, "sink", { op: "begin", name: "decoder", bytes: 0 });
      this.#rate = byteRate(bytes);
      this.#level = 0;
      clock.after(QUIET, () => {
        this.#finish();
      });
    }
    this.#drain(now);
    const before = Math.floor(this.#bytes / PROGRESS);
    this.#parts.push(bytes.slice());
    this.#bytes += bytes.length;
    this.#level += this.#rate > 0 ? bytes.length : 0;
    this.#last = now;
    if (Math.floor(this.#bytes / PROGRESS) > before) trace.add(name, "sink", { op: "bytes", name: "decoder", bytes: this.#bytes });
    if (this.#asking && this.#level > FIFO - ROOM) {
      this.#ask(false);
      this.#ready = clock.at(now + ((this.#level - FIFO / 2) / this.#rate) * 1e6, () => {
        this.#drain(clock.now);
        this.#ask(true);
      });
    }
  }

  /** A content without bytes has been played to its end: nothing came over SPI, and that is all of it. */
  playNothing(): void {
    const { trace, name } = this.place;
    this.contents.push(new Uint8Array(0));
    trace.add(name, "sink", { op: "begin", name: "decoder", bytes: 0 });
    trace.add(name, "sink", { op: "end", name: "decoder", bytes: 0, sha256: createHash("sha256").digest("hex") });
  }

  /** The board lost its power: what was in the FIFO is not played, what came before has been heard. */
  powerOff(): void {
    this.place.clock.cancel(this.#ready);
    this.#ask(true);
  }

  #ask(level: boolean): void {
    this.#asking = level;
    this.place.request(level);
  }

  #drain(now: number): void {
    if (this.#rate > 0) this.#level = Math.max(0, this.#level - ((now - this.#last) / 1e6) * this.#rate);
    this.#last = now;
  }

  #finish(): void {
    const { clock, trace, name } = this.place;
    const end = this.#last + QUIET + (this.#rate > 0 ? (this.#level / this.#rate) * 1e6 : 0);
    if (clock.now < end - 1) {
      clock.at(end, () => {
        this.#finish();
      });
      return;
    }
    const content = Uint8Array.from(Buffer.concat(this.#parts));
    this.contents.push(content);
    this.#parts = [];
    this.#bytes = 0;
    trace.add(name, "sink", {
      op: "end",
      name: "decoder",
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    });
    this.place.wake();
  }
}

/** Bytes a second of a PCM WAV by the start of its header; 0 for anything else. */
function byteRate(start: Uint8Array): number {
  const text = (from: number): string => Buffer.from(start.subarray(from, from + 4)).toString("latin1");
  if (start.length < 32 || text(0) !== "RIFF" || text(8) !== "WAVE") return 0;
  return Buffer.from(start).readUInt32LE(28);
}
