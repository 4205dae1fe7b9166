import type { Board } from "../board.js";

declare function getTime(): number;
declare function setTimeout(handler: () => void, milliseconds: number): number;
declare function clearTimeout(id: number): void;

/**
 * Milliseconds since this call, never falling. The engine's `setTime` moves `getTime`: a step back costs the time since the last
 * reading and then goes on; a step forward cannot be told from a long sleep and only makes time limits end early.
 */
export function monotonicClock(): () => number {
  let base = getTime();
  let last = 0;
  return function now(): number {
    const time = Math.floor((getTime() - base) * 1000);
    if (time < last) {
      base -= (last - time) / 1000;
    } else {
      last = time;
    }
    return last;
  };
}

/** `Board.after`. */
export function after(milliseconds: number, handler: () => void): number {
  return setTimeout(handler, milliseconds);
}

/** `Board.cancel`; the engine would take a missing id for "all timers". */
export function cancel(id: number): void {
  if (id) clearTimeout(id);
}

/** What every board of this engine has alike. */
export type Timing = Pick<Board, "now" | "after" | "cancel">;
