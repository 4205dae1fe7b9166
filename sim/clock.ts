/**
 * Virtual time, in microseconds since the simulation's start. Events happen in the order of their time and, at one time, in the order in
 * which they were put in; nothing here reads the host's clock, so that a run depends on its inputs alone.
 */

export const SECOND = 1e6;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** An event to come. `time` is in microseconds; `action` is undefined once the event happened or was cancelled. */
export interface Scheduled {
  readonly time: number;
  readonly order: number;
  action: (() => void) | undefined;
}

/** Thrown by `step` at `stopAt`. */
export class Stopped extends Error {
  constructor() {
    super("the clock was stopped here");
  }
}

export class Clock {
  #now = 0;
  #order = 0;
  #heap: Scheduled[] = [];
  /** Events that have happened. */
  steps = 0;
  /** No event happens once this many have. */
  stopAt = Infinity;

  get now(): number {
    return this.#now;
  }

  /** Calls `action` at `time`, or now if that has passed. */
  at(time: number, action: () => void): Scheduled {
    if (!(time < Infinity)) throw new Error(`event time must be a finite number of microseconds, got ${time}`);
    const event: Scheduled = { time: Math.max(time, this.#now), order: this.#order++, action };
    this.#push(event);
    return event;
  }

  after(delay: number, action: () => void): Scheduled {
    return this.at(this.#now + delay, action);
  }

  cancel(event: Scheduled | undefined): void {
    if (event) event.action = undefined;
  }

  /** Time of the next event, or undefined when nothing is left to happen. */
  next(): number | undefined {
    while (this.#heap.length && !this.#heap[0].action) this.#pop();
    return this.#heap[0]?.time;
  }

  /** Lets the next event happen. False when there is none. */
  step(): boolean {
    if (this.next() === undefined) return false;
    if (this.steps >= this.stopAt) throw new Stopped();
    const event = this.#pop();
    const action = event.action as () => void;
    event.action = undefined;
    this.#now = event.time;
    this.steps++;
    action();
    return true;
  }

  /** All events up to `time`, included; afterwards it is `time`. */
  runUntil(time: number): void {
    for (let next = this.next(); next !== undefined && next <= time; next = this.next()) this.step();
    this.#now = Math.max(this.#now, time);
  }

  runFor(duration: number): void {
    this.runUntil(this.#now + duration);
  }

  /** Runs until nothing is left to happen before `limit`. True when that is so. */
  runUntilQuiet(limit: number): boolean {
    for (let next = this.next(); next !== undefined; next = this.next()) {
      if (next > limit) return false;
      this.step();
    }
    return true;
  }

  /** Runs until `done` holds, which is asked after every event. False when `limit` passed first or nothing was left to happen. */
  runUntilTrue(done: () => boolean, limit = Infinity): boolean {
    while (!done()) {
      const next = this.next();
      if (next === undefined || next > limit) return false;
      this.step();
    }
    return true;
  }

  #push(event: Scheduled): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): Scheduled {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop() as Scheduled;
    let at = 0;
    if (!heap.length) return first;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
