/** The engine's timers, on virtual time and the board's own oscillator. */
import type { Clock, Scheduled } from "../clock.js";

export interface TimerBoard {
  readonly clock: Clock;
  readonly localTime: number;
  /** Relative error of the board's clock; a fast clock fires early. */
  readonly clockError: number;
  /** A timer fired. */
  fired(handler: () => void): void;
}

interface Timer {
  event: Scheduled;
  interval: number | undefined;
  handler: () => void;
}

/** Shortest time of a timer, milliseconds (TIMER_MIN_INTERVAL in src/jsinteractive.h). */
const SHORTEST = 0.1;

export class Timers {
  readonly #board: TimerBoard;
  readonly #timers = new Map<number, Timer>();
  #next = 1;

  constructor(board: TimerBoard) {
    this.#board = board;
  }

  set(handler: () => void, milliseconds: number, repeat: boolean): number {
    const id = this.#next++;
    const interval = this.#interval(milliseconds);
    this.#arm(id, this.#board.localTime + interval, repeat ? interval : undefined, handler);
    return id;
  }

  clear(id: number): void {
    this.#board.clock.cancel(this.#timers.get(id)?.event);
    this.#timers.delete(id);
  }

  clearAll(): void {
    for (const id of [...this.#timers.keys()]) this.clear(id);
  }

  change(id: number, milliseconds: number): void {
    const timer = this.#timers.get(id);
    if (!timer) return;
    this.#board.clock.cancel(timer.event);
    const interval = this.#interval(milliseconds);
    this.#arm(id, this.#board.localTime + interval, timer.interval === undefined ? undefined : interval, timer.handler);
  }

  /** As after a reset. */
  reset(): void {
    this.clearAll();
    this.#next = 1;
  }

  #interval(milliseconds: number): number {
    return (Math.max(SHORTEST, milliseconds || 0) * 1000) / (1 + this.#board.clockError);
  }

  #arm(id: number, time: number, interval: number | undefined, handler: () => void): void {
    const event = this.#board.clock.at(time, () => {
      if (interval === undefined) this.#timers.delete(id);
      else this.#arm(id, time + interval, interval, handler);
      this.#board.fired(handler);
    });
    this.#timers.set(id, { event, interval, handler });
  }
}
