/** Pins of a simulated board: what the bundle drives, what the world drives, and watches on edges. */
import type { Clock } from "../clock.js";
import type { EngineContext } from "./context.js";

export interface PinBoard {
  readonly clock: Clock;
  readonly seconds: number;
  run(task: () => void): void;
  /** The bundle drives `pin`. */
  driven(pin: string, level: boolean): void;
  /** Fraction of the reference voltage on an analog pin, or undefined where nothing is connected. */
  analog(pin: string): number | undefined;
}

interface Watch {
  id: number;
  pin: string;
  edge: number;
  repeat: boolean;
  debounce: number;
  handler: (event: object) => void;
  settle: number;
}

export class Pins {
  readonly #board: PinBoard;
  readonly #names: Set<string>;
  /** Level driven from outside; stays over a power cut. */
  readonly #outside = new Map<string, boolean>();
  readonly #driven = new Map<string, boolean>();
  #watches: Watch[] = [];
  #nextWatch = 1;

  constructor(board: PinBoard, names: string[]) {
    this.#board = board;
    this.#names = new Set(names);
  }

  /** Drives `pin` from outside. Edges reach the watches of a running bundle. */
  drive(pin: string, level: boolean): void {
    const before = this.level(pin);
    this.#outside.set(pin, level);
    if (before === level) return;
    for (const watch of [...this.#watches]) {
      if (watch.pin !== pin || (watch.edge && watch.edge !== (level ? 1 : -1))) continue;
      if (!watch.debounce) this.#fire(watch, level);
      else {
        const mine = ++watch.settle;
        this.#board.clock.after(watch.debounce * 1000, () => {
          if (mine === watch.settle && this.level(pin) === level) this.#fire(watch, level);
        });
      }
    }
  }

  level(pin: string): boolean {
    return this.#outside.get(pin) ?? this.#driven.get(pin) ?? false;
  }

  powerOff(): void {
    this.#watches = [];
    this.#driven.clear();
  }

  /** Defines pin objects and the functions on pins in the context. */
  define(sandbox: EngineContext): void {
    const nameOf = (pin: unknown): string => {
      const name = typeof pin === "string" ? pin : String((pin as { toString(): string } | undefined)?.toString());
      if (!this.#names.has(name)) throw sandbox.error(`Invalid pin ${name}`);
      return name;
    };
    const write = (pin: unknown, value: unknown): void => {
      if (Array.isArray(pin)) {
        pin.forEach((one, i) => {
          write(one, (Number(value) >> (pin.length - 1 - i)) & 1);
        });
        return;
      }
      const name = nameOf(pin);
      this.#driven.set(name, Boolean(value));
      this.#board.driven(name, Boolean(value));
    };
    const read = (pin: unknown): number => (this.level(nameOf(pin)) ? 1 : 0);
    for (const name of this.#names) {
      sandbox.define(
        name,
        sandbox.object({
          toString: () => name,
          read: () => this.level(name),
          write: (value: unknown) => {
            write(name, value);
          },
          set: () => {
            write(name, true);
          },
          reset: () => {
            write(name, false);
          },
          toggle: () => {
            write(name, !this.level(name));
            return this.level(name);
          },
          mode: () => undefined,
          getMode: () => "input",
          getInfo: () => sandbox.object({ name }),
        }),
      );
    }
    sandbox.define("digitalWrite", write);
    sandbox.define("digitalRead", (pin: unknown) =>
      Array.isArray(pin) ? pin.reduce((sum: number, one) => sum * 2 + read(one), 0) : read(pin),
    );
    sandbox.define("digitalPulse", (pin: unknown, level: unknown) => {
      write(pin, level);
      write(pin, !level);
    });
    sandbox.define("analogWrite", (pin: unknown) => {
      nameOf(pin);
    });
    sandbox.define("pinMode", (pin: unknown) => {
      nameOf(pin);
    });
    sandbox.define("getPinMode", () => "input");
    sandbox.define("analogRead", (pin: unknown) => this.#board.analog(nameOf(pin)) ?? 0);
    sandbox.define(
      "setWatch",
      (handler: (event: object) => void, pin: unknown, options?: boolean | { repeat?: boolean; edge?: unknown; debounce?: number }) => {
        const name = nameOf(pin);
        if (this.#blocked(name)) return undefined;
        const button = name.startsWith("BTN");
        const detail = typeof options === "object" ? options : { repeat: Boolean(options) };
        const edge =
          detail.edge === "rising" || detail.edge === 1
            ? 1
            : detail.edge === "falling" || detail.edge === -1
              ? -1
              : detail.edge === undefined && button
                ? 1
                : 0;
        const watch: Watch = {
          id: this.#nextWatch++,
          pin: name,
          edge,
          repeat: detail.repeat ?? false,
          debounce: detail.debounce ?? (button ? 25 : 0),
          handler,
          settle: 0,
        };
        this.#watches.push(watch);
        return watch.id;
      },
    );
    sandbox.define("clearWatch", (...ids: number[]) => {
      this.#watches = ids.length ? this.#watches.filter((watch) => watch.id !== ids[0]) : [];
    });
    this.#event = (state) => sandbox.object({ state, time: this.#board.seconds, lastTime: this.#board.seconds });
  }

  /** A watch on `pin` (edge 1 rising, -1 falling, 0 both) outside the engine's own `setWatch`; answers its id. */
  watch(pin: string, edge: number, repeat: boolean, handler: (state: boolean) => void): number {
    const id = this.#nextWatch++;
    this.#watches.push({
      id,
      pin,
      edge,
      repeat,
      debounce: 0,
      handler: (event) => {
        handler((event as { state: boolean }).state);
      },
      settle: 0,
    });
    return id;
  }

  /**
   * True where the chip cannot watch `pin` any more: an STM32 has one interrupt line for all pins of a number, so that A1 keeps B1 from being watched, and
   * the engine only warns on its console (targets/stm32/jshardware.c, jshCanWatch).
   */
  #blocked(pin: string): boolean {
    const numberOf = (name: string): string | undefined => /^[A-Z](\d+)$/.exec(name)?.[1];
    const number = numberOf(pin);
    return number !== undefined && this.#watches.some((other) => other.pin !== pin && numberOf(other.pin) === number);
  }

  #event: (state: boolean) => object = () => ({});

  #fire(watch: Watch, state: boolean): void {
    if (!this.#watches.includes(watch)) return;
    if (!watch.repeat) this.#watches = this.#watches.filter((other) => other !== watch);
    this.#board.run(() => {
      watch.handler(this.#event(state));
    });
  }
}
