/**
 * A double-layer capacitor after Zubieta and Bonert (IEEE Trans. Industry Applications 36, 2000): an immediate branch whose capacitance
 * rises with its voltage, C(V) = C0 + kV, behind the series resistance; a slow branch R2-C2 into which charge settles over minutes; and a
 * leakage resistance that halves with every 10 K. Around it a load current, and a source with a resistance and a current limit.
 *
 * Solved by exponentials: for a fixed capacitance the network is linear with constant sources, and its solution exact over any time. A
 * step takes the capacitance at its middle, two half steps tell the error and improve the result; so a step may last days, and a
 * crossing of a voltage is found by bisection in the same solution.
 */

export interface CapacitorModel {
  /** C0 in farad and k in farad per volt. */
  farads: number;
  faradsPerVolt: number;
  /** Series resistance of the immediate branch, ohm. */
  esr: number;
  /** Slow branch, ohm and farad; 0 farad for none. */
  slowOhms: number;
  slowFarads: number;
  /** Leakage current in ampere at `ratedVolts` and 25 °C. */
  leakage: number;
  ratedVolts: number;
}

/** What charges it: an open-circuit voltage behind a resistance, never more than a current. */
export interface Source {
  volts: number;
  ohms: number;
  amperes: number;
}

export type Edge = "rising" | "falling";

interface State {
  /** Voltages inside the immediate and the slow branch. */
  v1: number;
  v2: number;
}

const SMALLEST_ESR = 1e-3;
/** Of the capacitance within one step. */
const LARGEST_CHANGE = 0.1;

export class Capacitor {
  readonly model: CapacitorModel;
  /** Error allowed in each step, volt. */
  readonly tolerance: number;
  #state: State;
  #load = 0;
  #source: Source | undefined;
  #celsius = 25;
  #steps = 0;

  constructor(model: CapacitorModel, volts = 0, tolerance = 1e-7) {
    if (!(model.farads > 0)) throw new Error(`capacitance must be above 0 farad, got ${String(model.farads)}`);
    this.model = { ...model, esr: Math.max(model.esr, SMALLEST_ESR) };
    this.tolerance = tolerance;
    this.#state = { v1: volts, v2: volts };
  }

  /** Voltage at the terminals under the present load and source. */
  get volts(): number {
    return Math.max(0, this.#terminal(this.#state, this.#limited(this.#state)));
  }

  /** Steps computed so far, refused ones too: what the time it takes is made of. */
  get steps(): number {
    return this.#steps;
  }

  /** Voltages inside the two branches. */
  get branches(): [number, number] {
    return [this.#state.v1, this.#state.v2];
  }

  get load(): number {
    return this.#load;
  }

  set load(amperes: number) {
    this.#load = amperes;
  }

  get source(): Source | undefined {
    return this.#source;
  }

  set source(source: Source | undefined) {
    this.#source = source;
  }

  get celsius(): number {
    return this.#celsius;
  }

  set celsius(celsius: number) {
    this.#celsius = celsius;
  }

  /** Lets `seconds` pass. */
  advance(seconds: number): void {
    this.#walk(seconds, () => false);
  }

  /** Takes a charge out at once. */
  drain(coulombs: number): void {
    this.#state.v1 = Math.max(0, this.#state.v1 - coulombs / this.#capacitance(this.#state.v1));
  }

  /** Seconds until the terminal voltage goes through `volts` in the direction of `edge`, or undefined if not within `horizon`. Changes nothing. */
  timeTo(volts: number, edge: Edge, horizon: number): number | undefined {
    const before = { ...this.#state };
    const beyond = (state: State): boolean => {
      const now = this.#terminal(state, this.#limited(state));
      return edge === "falling" ? now < volts : now > volts;
    };
    let crossing: number | undefined;
    if (!beyond(before)) {
      let passed = 0;
      this.#walk(horizon, (from, step) => {
        if (!beyond(this.#state)) {
          passed += step;
          return false;
        }
        let low = 0;
        let high = step;
        for (let i = 0; i < 60 && high - low > 1e-7 && high - low > 1e-15 * passed; i++) {
          const middle = (low + high) / 2;
          if (beyond(this.#refined(from, middle))) high = middle;
          else low = middle;
        }
        crossing = passed + high;
        return true;
      });
    }
    this.#state = before;
    return crossing;
  }

  /** Steps through `seconds`; `seen` may stop it after a step of so many seconds from the state `from`. */
  #walk(seconds: number, seen: (from: State, step: number) => boolean): void {
    let left = seconds;
    let step = seconds;
    for (let rounds = 0; left > 0 && rounds < 100_000; rounds++) {
      step = Math.min(step, left);
      this.#steps++;
      const from = this.#state;
      const whole = this.#step(from, step);
      const half = this.#step(from, step / 2);
      const halves = this.#step(half, step / 2);
      const error = Math.max(Math.abs(whole.v1 - halves.v1), Math.abs(whole.v2 - halves.v2)) / 3;
      const switched = this.#limited(from) !== this.#limited(halves);
      // Over a large change of the capacitance the two results can agree by chance.
      const far = Math.abs(this.#capacitance(halves.v1) / this.#capacitance(from.v1) - 1) > LARGEST_CHANGE;
      if ((error > this.tolerance || far || (switched && step > 1e-6)) && step > 1e-9) {
        step *= switched || far ? 0.5 : Math.max(0.1, 0.8 * Math.cbrt(this.tolerance / error));
        continue;
      }
      this.#state = { v1: halves.v1 + (halves.v1 - whole.v1) / 3, v2: halves.v2 + (halves.v2 - whole.v2) / 3 };
      left -= step;
      if (seen(from, step)) return;
      step *= error > 0 ? Math.min(8, Math.max(1, 0.8 * Math.cbrt(this.tolerance / error))) : 8;
    }
  }

  /** The result of a step with the improvement by halving, as `#walk` takes it. */
  #refined(from: State, step: number): State {
    const whole = this.#step(from, step);
    const halves = this.#step(this.#step(from, step / 2), step / 2);
    return { v1: halves.v1 + (halves.v1 - whole.v1) / 3, v2: halves.v2 + (halves.v2 - whole.v2) / 3 };
  }

  #capacitance(v1: number): number {
    return this.model.farads + this.model.faradsPerVolt * Math.max(0, v1);
  }

  #leakOhms(): number {
    const { leakage, ratedVolts } = this.model;
    return leakage > 0 ? ratedVolts / (leakage * 2 ** ((this.#celsius - 25) / 10)) : Infinity;
  }

  /** The source gives its largest current rather than what its resistance lets through. */
  #limited(state: State): boolean {
    if (!this.#source) return false;
    return this.#terminal(state, true) < this.#source.volts - this.#source.amperes * this.#source.ohms;
  }

  /** Sum of conductances at the terminal and current into it, besides the two branches. */
  #around(limited: boolean): { conductance: number; current: number } {
    const source = this.#source;
    const leak = 1 / this.#leakOhms();
    if (!source) return { conductance: leak, current: -this.#load };
    if (limited || source.ohms === 0) return { conductance: leak, current: source.amperes - this.#load };
    return { conductance: leak + 1 / source.ohms, current: source.volts / source.ohms - this.#load };
  }

  #terminal(state: State, limited: boolean): number {
    const { esr, slowOhms, slowFarads } = this.model;
    const { conductance, current } = this.#around(limited);
    const g1 = 1 / esr;
    const g2 = slowFarads > 0 ? 1 / slowOhms : 0;
    return (g1 * state.v1 + g2 * state.v2 + current) / (g1 + g2 + conductance);
  }

  /** The exact solution after `time` for the capacitance in the middle of the step. */
  #step(from: State, time: number): State {
    const limited = this.#limited(from);
    const middle = this.#linear(from, time / 2, this.#capacitance(from.v1), limited);
    return this.#linear(from, time, this.#capacitance(middle.v1), limited);
  }

  #linear(from: State, time: number, farads: number, limited: boolean): State {
    const { esr, slowOhms, slowFarads } = this.model;
    const { conductance, current } = this.#around(limited);
    const g1 = 1 / esr;
    const g2 = slowFarads > 0 ? 1 / slowOhms : 0;
    const sum = g1 + g2 + conductance;
    // dv1/dt = g1 (vt - v1) / C, dv2/dt = g2 (vt - v2) / C2, vt = (g1 v1 + g2 v2 + current) / sum
    const a = (-g1 * (g2 + conductance)) / (sum * farads);
    const b = (g1 * g2) / (sum * farads);
    const c = slowFarads > 0 ? (g1 * g2) / (sum * slowFarads) : 0;
    const d = slowFarads > 0 ? (-g2 * (g1 + conductance)) / (sum * slowFarads) : 0;
    const p = (g1 * current) / (sum * farads);
    const q = slowFarads > 0 ? (g2 * current) / (sum * slowFarads) : 0;
    const spread = Math.sqrt((a - d) ** 2 + 4 * b * c);
    const fast = (a + d - spread) / 2;
    // The slow root by the product of both, which keeps its digits.
    const slow = fast ? (a * d - b * c) / fast : 0;
    if (spread === 0) {
      const rise = integral(a, time);
      return { v1: from.v1 * Math.exp(a * time) + p * rise, v2: from.v2 + q * time };
    }
    const along = (root: number, other: number): State => {
      const grown = Math.exp(root * time);
      const rise = integral(root, time);
      const x = grown * from.v1 + rise * p;
      const y = grown * from.v2 + rise * q;
      return { v1: ((a - other) * x + b * y) / (root - other), v2: (c * x + (d - other) * y) / (root - other) };
    };
    const first = along(fast, slow);
    const second = along(slow, fast);
    return { v1: Math.max(0, first.v1 + second.v1), v2: Math.max(0, first.v2 + second.v2) };
  }
}

/** Integral of exp(root * t) from 0 to `time`. */
function integral(root: number, time: number): number {
  return root === 0 ? time : Math.expm1(root * time) / root;
}
