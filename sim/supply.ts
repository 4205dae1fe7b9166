/** The key capacitor in virtual time: it follows its load and its charger, calls out when its voltage passes a threshold, and records itself. */
import { Capacitor, type CapacitorModel, type Edge, type Source } from "./capacitor.js";
import type { Clock, Scheduled } from "./clock.js";
import type { Random } from "./random.js";
import type { Trace } from "./trace.js";

export interface KeyCellOptions {
  model: CapacitorModel;
  /** Voltage at the start. Default 0. */
  volts?: number;
  /** Forward voltage of the diode to the processor. Default 0.2. */
  diodeVolts?: number;
  /** Where the power-fail comparator trips. */
  warningVolts: number;
  /** Current of divider and comparator, always drawn, in ampere. Default 0.3e-6. */
  standby?: number;
  /** Relative spread over specimens of capacitance, leakage and series resistance, drawn by seed. Default 0.2, 0.5, 0.3. */
  scatter?: { farads: number; leakage: number; esr: number };
  /** Voltage between two samples in the trace. Default 0.05. */
  sampleVolts?: number;
}

interface Threshold {
  name: string;
  volts: number;
  handler: (edge: Edge) => void;
  above: boolean;
}

/** How far ahead a crossing is looked for, in seconds: briefly after a change, since the next will come soon, further while nothing changes. */
const SHORT_HORIZON = 3600;
const LONG_HORIZON = 7 * 86_400;
/** A passed threshold passes back only this much further on, so that noise and load steps do not ring. Volt. */
const HYSTERESIS = 0.01;

export class KeyCell {
  readonly diodeVolts: number;
  readonly warningVolts: number;
  readonly capacitor: Capacitor;
  /** Name in the trace; set by the board. */
  device = "";
  readonly #clock: Clock;
  readonly #trace: Trace;
  readonly #standby: number;
  readonly #sampleVolts: number;
  readonly #thresholds: Threshold[] = [];
  #load = 0;
  #syncedAt = 0;
  #sampled: number | undefined;
  #event: Scheduled | undefined;
  #firing = false;
  #horizon = SHORT_HORIZON;

  constructor(clock: Clock, trace: Trace, random: Random, options: KeyCellOptions) {
    const scatter = options.scatter ?? { farads: 0.2, leakage: 0.5, esr: 0.3 };
    const vary = (value: number, spread: number): number => value * random.between(1 - spread, 1 + spread);
    const size = vary(1, scatter.farads);
    const model: CapacitorModel = {
      ...options.model,
      farads: options.model.farads * size,
      faradsPerVolt: options.model.faradsPerVolt * size,
      slowFarads: options.model.slowFarads * size,
      leakage: vary(options.model.leakage, scatter.leakage),
      esr: vary(options.model.esr, scatter.esr),
    };
    this.#clock = clock;
    this.#trace = trace;
    this.diodeVolts = options.diodeVolts ?? 0.2;
    this.warningVolts = options.warningVolts;
    this.#standby = options.standby ?? 0.3e-6;
    this.#sampleVolts = options.sampleVolts ?? 0.05;
    this.capacitor = new Capacitor(model, options.volts ?? 0);
    this.capacitor.load = this.#standby;
    this.#syncedAt = clock.now;
  }

  get volts(): number {
    this.#sync();
    return this.capacitor.volts;
  }

  /** Current that the processor draws, ampere. */
  set load(amperes: number) {
    if (amperes === this.#load && this.#event) return;
    this.#change("change", () => {
      this.#load = amperes;
      this.capacitor.load = amperes + this.#standby;
    });
  }

  get load(): number {
    return this.#load;
  }

  set celsius(celsius: number) {
    this.#change("change", () => {
      this.capacitor.celsius = celsius;
    });
    this.#trace.add(this.device, "temperature", { celsius });
  }

  /** Connects a charger, or takes it away. */
  charge(source: Source | undefined): void {
    this.#change("change", () => {
      this.capacitor.source = source;
    });
    this.#trace.add(this.device, "charge", { on: source !== undefined, volts: round(this.capacitor.volts) });
  }

  /** Takes a charge out at once, in coulomb. */
  drain(coulombs: number): void {
    this.#change(undefined, () => {
      this.capacitor.drain(coulombs);
    });
  }

  /** Calls `handler` whenever the voltage passes `volts`. */
  watch(name: string, volts: number, handler: (edge: Edge) => void): void {
    this.#thresholds.push({ name, volts, handler, above: this.volts > volts });
    this.#trace.add(this.device, "threshold", { name, volts: round(volts) });
    this.#plan();
  }

  #change(why: "change" | undefined, change: () => void): void {
    this.#sync();
    const before = this.capacitor.volts;
    change();
    if (why && (this.#sampled === undefined || Math.abs(before - this.#sampled) > 1e-3))
      this.#sample(this.#sampled === undefined ? "start" : why, before);
    if (why && Math.abs(this.capacitor.volts - before) > 1e-3) this.#sample(why);
    if (!this.#firing) this.#fire();
    this.#horizon = SHORT_HORIZON;
    this.#plan();
  }

  #sync(): void {
    const seconds = (this.#clock.now - this.#syncedAt) / 1e6;
    this.#syncedAt = this.#clock.now;
    if (seconds > 0) this.capacitor.advance(seconds);
  }

  #sample(why: "start" | "step" | "change", volts = this.capacitor.volts): void {
    this.#sampled = volts;
    this.#trace.add(this.device, "voltage", { volts: round(volts), why });
  }

  /** Reports what has been passed by now. */
  #fire(): void {
    this.#firing = true;
    const volts = this.capacitor.volts;
    for (const threshold of this.#thresholds) {
      if (threshold.above ? volts >= threshold.volts : volts <= threshold.volts + HYSTERESIS) continue;
      threshold.above = !threshold.above;
      const edge = threshold.above ? "rising" : "falling";
      this.#sampled = volts;
      this.#trace.add(this.device, "voltage", { volts: round(volts), why: "cross", threshold: threshold.name, edge });
      threshold.handler(edge);
    }
    this.#firing = false;
  }

  /** Puts the next crossing, or the next sample, into the clock. */
  #plan(): void {
    this.#clock.cancel(this.#event);
    const { capacitor } = this;
    const sampled = this.#sampled ?? capacitor.volts;
    let falling = sampled - this.#sampleVolts;
    let rising = sampled + this.#sampleVolts;
    for (const { above, volts } of this.#thresholds) {
      if (above) falling = Math.max(falling, volts);
      else rising = Math.min(rising, volts + HYSTERESIS);
    }
    const down = falling > 0 ? capacitor.timeTo(falling, "falling", this.#horizon) : undefined;
    const up = down === undefined || capacitor.source ? capacitor.timeTo(rising, "rising", down ?? this.#horizon) : undefined;
    const next = up ?? down;
    const idle = next === undefined && !capacitor.source && capacitor.volts < 0.01;
    if (idle) {
      this.#event = undefined;
      return;
    }
    this.#event = this.#clock.after((next ?? this.#horizon) * 1e6, () => {
      this.#sync();
      if (Math.abs(this.capacitor.volts - (this.#sampled ?? Infinity)) >= this.#sampleVolts - 1e-6) this.#sample("step");
      this.#fire();
      this.#horizon = Math.min(LONG_HORIZON, 4 * this.#horizon);
      this.#plan();
    });
  }
}

function round(volts: number): number {
  return Math.round(volts * 1e6) / 1e6;
}
