/** The center's time is the time. Tests put a clock of their own in its place. */
export interface Clock {
  /** Seconds since 1970. */
  now(): number;
}

export const systemClock: Clock = { now: () => Math.floor(Date.now() / 1000) };
