/**
 * The key capacitor for N days. A double-layer capacitor loses charge to its load and through itself; with the self-discharge as a
 * resistance R such that R * C is a time constant tau, C dV/dt = -I - V C / tau, so that after time T
 *   V(T) = (V0 + I tau / C) exp(-T / tau) - I tau / C,
 * and the least C that still holds V1 is  I tau (1 - exp(-T / tau)) / (V0 exp(-T / tau) - V1).
 *
 * It feeds all of V+: the key is in the processor's own RAM, so processor, journal flash and whatever else is on V+ count, not the key's bytes alone.
 */
import { CASE_PULL_UP, DIVIDER } from "./parts.js";
import type { BoardProfile } from "./profile.js";

/** Voltage to which the kiosk charges, in volts: a 5.5 V part with headroom. */
export const CHARGED = 5.0;
/**
 * Self-discharge time constant at its worst, in seconds: 64 days, 1 microampere at 5.5 V for each farad (Panasonic EECS5R5 class after 100
 * hours of charging; a freshly charged one is worse).
 */
export const TIME_CONSTANT = 5.5e6;
/** Reference of the comparator, in volts (Microchip MCP65R41 data sheet, 1.21 V option). */
const REFERENCE = 1.21;
/** Relative spread of the warning: reference, offset, and two resistors of 1 percent. */
export const SPREAD = 0.04;
/** Voltage of the capacitor at which the comparator warns and the key is erased, in volts. */
export const WARNING = (REFERENCE * (DIVIDER.upper + DIVIDER.middle + DIVIDER.lower)) / DIVIDER.lower;
/**
 * What the key supply itself takes, in microamperes: divider, comparator (MCP65R41, 4 at most), case switch, and what leaks back through D2 (BAT54, 2) and
 * into the regulator (TPS7A02, 0.1).
 */
export const SUPERVISION = Math.ceil((CHARGED / (DIVIDER.upper + DIVIDER.middle + DIVIDER.lower) + 3 / CASE_PULL_UP) * 1e6 + 4 + 2 + 0.1);
/** Capacitors are sold with minus 20 percent. */
export const TOLERANCE = 0.8;

/** Where a capacitor stops holding a key: the highest voltage at which a comparator warns, in volts. */
export const EMPTY = WARNING * (1 + SPREAD);

/** Nothing larger is built of such capacitors for 5.5 V, in farads. */
export const LARGEST = 1000;

/** Nominal farads that hold the key of `profile` for `days`; null where that capacitor class cannot. */
export function capacitorFor(profile: BoardProfile, days: number): number | null {
  if (profile.standby === null) return null;
  const current = (profile.standby.value + SUPERVISION) * 1e-6;
  const decay = Math.exp((-days * 86400) / TIME_CONSTANT);
  const left = CHARGED * decay - EMPTY;
  if (left <= 0) return null;
  const farads = (current * TIME_CONSTANT * (1 - decay)) / left / TOLERANCE;
  return farads > LARGEST ? null : farads;
}

/** The most whole days that any capacitor of this class holds the key of `profile`; 0 where not even one. */
export function longestDays(profile: BoardProfile): number {
  let days = 0;
  while (capacitorFor(profile, days + 1) !== null) days++;
  return days;
}
