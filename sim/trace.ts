/**
 * The one record of a run. Everything that is shown afterwards (story, report, summary, waveforms) is computed from it. It only grows,
 * in the order of time; the same seed and the same scenario give the same bytes.
 *
 * Secrets never enter it: bytes on a wire are represented by their number and CRC-32, unless a test asks for them with `wires`.
 */
import type { Clock } from "./clock.js";

export type Events = {
  /** Terminal voltage of a capacitor. `why`: "start", "step" (moved by a sample step), "cross" (a named threshold), "change" (source or load changed). */
  voltage: { volts: number; why: "start" | "step" | "cross" | "change"; threshold?: string; edge?: "rising" | "falling" };
  /** A threshold of the device, stated once. */
  threshold: { name: string; volts: number };
  /** The processor got or lost its supply. */
  power: { on: boolean; why: string };
  /** The bundle started (`bytes` long) or the engine found nothing to run. */
  boot: { bytes: number; count: number };
  dock: { to: string };
  undock: { from: string };
  charge: { on: boolean; volts: number };
  temperature: { celsius: number };
  /** A run of bytes without a pause on a wire, from `start` to this event's time. `bytes` (hexadecimal) only with the `wires` option. */
  frame: { wire: string; from: string; start: number; length: number; crc: number; bytes?: string };
  /** A command and its answer as seen on the wire: the clear header of a command APDU and the status word of its response. */
  apdu: { wire: string; to: string; cla: number; ins: number; p1: number; p2: number; sw: number; length: number };
  wire: { wire: string; plugged: boolean };
  /** A flash operation that was carried out, whole or torn. */
  flash: { op: "program" | "erase"; chip: string; address: number; length: number; torn?: boolean };
  compaction: { files: number };
  file: { op: "write" | "open" | "close"; name: string; offset: number; length: number };
  led: { pin: string; on: boolean };
  /** The device's key memory holds something (true) or nothing but zeroes. */
  key: { valid: boolean };
  /** What came out of a reader: "begin", "bytes" so far, and "end" with the hash of all of it. */
  sink: { op: "begin" | "bytes" | "end"; name: string; bytes: number; sha256?: string };
  /** A line that firmware printed. */
  log: { line: string };
  /** Something that went wrong, was injected, or that real hardware would not forgive; `what` names it. */
  fault: { what: string; detail?: string };
  /** What a party outside the boards (kiosk, center, customer) reports of its own doings. */
  note: { what: string; [detail: string]: string | number | boolean };
};

export type Kind = keyof Events;
export type TraceEvent<K extends Kind = Kind> = { [P in K]: { t: number; device: string; kind: P } & Events[P] }[K];

export interface TraceOptions {
  /** Puts the bytes of frames into the trace. For debugging with keys that protect nothing. */
  wires?: boolean;
  /** False tells the listeners only, for a simulation without an end. Default true. */
  keep?: boolean;
}

export class Trace {
  readonly events: TraceEvent[] = [];
  readonly options: TraceOptions;
  readonly #clock: Clock;
  readonly #listeners: ((event: TraceEvent) => void)[] = [];

  constructor(clock: Clock, options: TraceOptions = {}) {
    this.#clock = clock;
    this.options = options;
  }

  add<K extends Kind>(device: string, kind: K, data: Events[K]): void {
    const event = { t: Math.round(this.#clock.now * 1000) / 1000, device, kind, ...data } as unknown as TraceEvent;
    if (this.options.keep !== false) this.events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  /** Calls `listener` with every event as it is added. */
  onEvent(listener: (event: TraceEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** The events of one kind, of one device if named. */
  of<K extends Kind>(kind: K, device?: string): TraceEvent<K>[] {
    return this.events.filter(
      (event) => event.kind === kind && (device === undefined || event.device === device),
    ) as unknown as TraceEvent<K>[];
  }

  last<K extends Kind>(kind: K, device?: string): TraceEvent<K> | undefined {
    for (let i = this.events.length - 1; i >= 0; i--) {
      const event = this.events[i];
      if (event.kind === kind && (device === undefined || event.device === device)) return event as unknown as TraceEvent<K>;
    }
    return undefined;
  }

  /** One JSON object a line. */
  *lines(): Generator<string> {
    for (const event of this.events) yield JSON.stringify(event) + "\n";
  }

  toString(): string {
    return [...this.lines()].join("");
  }
}
