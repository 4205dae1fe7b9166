/**
 * When a bundle's code runs: one piece after the other, each at one moment of virtual time. A piece may spend time on hardware that makes
 * it wait; until that has passed, what else happens to the board waits in order.
 */
import type { Clock, Scheduled } from "../clock.js";

export class WorkQueue {
  readonly #clock: Clock;
  readonly #execute: (task: () => void) => void;
  #spent = 0;
  #running = false;
  #busyUntil = 0;
  #tasks: (() => void)[] = [];
  #drain: Scheduled | undefined;

  /** `execute` calls a task and deals with what it throws. */
  constructor(clock: Clock, execute: (task: () => void) => void) {
    this.#clock = clock;
    this.#execute = execute;
  }

  /** Time as running code sees it. */
  get localTime(): number {
    return this.#clock.now + (this.#running ? this.#spent : 0);
  }

  /** Runs `task` as soon as there is time for it. */
  run(task: () => void): void {
    if (this.#running || this.#tasks.length || this.#busyUntil > this.#clock.now) {
      this.#tasks.push(task);
      if (!this.#running) this.#schedule();
      return;
    }
    this.now(task);
  }

  /** Runs `task` at once. */
  now(task: () => void): void {
    this.#running = true;
    this.#spent = 0;
    this.#execute(task);
    this.#running = false;
    this.delay(this.#spent);
    if (this.#tasks.length) this.#schedule();
  }

  /** The running code takes this much longer, in microseconds. */
  spend(microseconds: number): void {
    this.#spent += microseconds;
  }

  /** Nothing runs for so many microseconds. */
  delay(microseconds: number): void {
    this.#busyUntil = Math.max(this.#busyUntil, this.#clock.now + microseconds);
  }

  /** As after a reset. */
  reset(): void {
    this.#clock.cancel(this.#drain);
    this.#drain = undefined;
    this.#tasks = [];
    this.#busyUntil = 0;
    this.#spent = 0;
  }

  #schedule(): void {
    if (this.#drain?.action) return;
    this.#drain = this.#clock.at(this.#busyUntil, () => {
      this.#drain = undefined;
      if (this.#busyUntil <= this.#clock.now) {
        const task = this.#tasks.shift();
        if (task) this.now(task);
      } else this.#schedule();
    });
  }
}
