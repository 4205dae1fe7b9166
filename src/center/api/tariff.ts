/** Prices of one kind of loan, in minor units of the operator's currency. */
export interface Tariff {
  /** Due for every loan that became active. */
  base: number;
  /** Due for every period that has started. */
  periodPrice: number;
  periodSeconds: number;
  /** Most that base and periods come to; null for no limit. */
  cap: number | null;
  /** Seconds after the deadline until a cartridge without a receipt counts as lost. */
  graceSeconds: number;
  /** Due, instead of the time, for a cartridge that counts as lost. */
  lostPrice: number;
}

/** When a key died, in seconds after activation, as a receipt tells it. */
export interface Death {
  /** 0: exactly at `latest`; 1: some time from `earliest` to `latest`; 2: some time from `earliest` on. */
  exactness: number;
  earliest: number;
  latest: number;
}

/** Most that one loan comes to without a cap: sums of thousands of them still are exact numbers. */
export const CHARGE_MAX = 1_000_000_000_000;

/** Seconds between two signs of life of a cartridge. */
export const HEARTBEAT = 3600;

/**
 * Instant at which the time that is charged for ends: ACTIVE plus the cartridge's elapsed ticks when they are known exactly; for an interval its early
 * end plus one heartbeat, in the customer's favor, though not beyond its late end. Always within [activated, min(deadline, now)].
 *
 * @param activated - seconds, the center's time at ACTIVE
 * @param deadline - seconds, when the key dies at the latest
 * @param now - seconds
 */
export function endOfCharge(activated: number, deadline: number, now: number, death: Death): number {
  const bound = Math.max(activated, Math.min(deadline, now));
  const early = death.earliest + HEARTBEAT;
  const elapsed =
    death.exactness === 0 ? death.latest : death.exactness === 1 ? Math.min(early, Math.max(death.earliest, death.latest)) : early;
  return Math.min(Math.max(activated + elapsed, activated), bound);
}

/** Periods that have started in `seconds`; one that ends exactly at its border has not started the next. */
export function startedPeriods(tariff: Tariff, seconds: number): number {
  return Math.ceil(Math.max(0, seconds) / tariff.periodSeconds);
}

/** What is due for the base price at ACTIVE: never more than the cap. */
export function baseCharge(tariff: Tariff): number {
  return tariff.cap === null ? tariff.base : Math.min(tariff.base, tariff.cap);
}

/** What is due for `seconds` of lending, on top of the base price. */
export function timeCharge(tariff: Tariff, seconds: number): number {
  const periods = startedPeriods(tariff, seconds);
  const room = Math.max(0, (tariff.cap ?? CHARGE_MAX) - baseCharge(tariff));
  // Dividing first: the product of two large numbers may be no safe integer.
  if (tariff.periodPrice > 0 && periods > Math.floor(room / tariff.periodPrice)) return room;
  return periods * tariff.periodPrice;
}
