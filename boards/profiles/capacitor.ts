/**
 * The key capacitor for N days. A double-layer capacitor loses charge to its load and through itself; with the self-discharge as a
 * resistance R such that R * C is a time constant tau, C dV/dt = -I - V C / tau, so that after time T
 *   V(T) = (V0 + I tau / C) exp(-T / tau) - I tau / C,
 * and the least C that still holds V1 is  I tau (1 - exp(-T / tau)) / (V0 exp(-T / tau) - V1).
 */
import type { BoardProfile } from "./profile.js";

/** Voltage to which the kiosk charges, in volts: a 5.5 V part with headroom. */
export const CHARGED = 5.0;
/**
 * Self-discharge time constant at its worst, in seconds: 64 days, 1 microampere at 5.5 V for each farad (Panasonic EECS5R5 class after 100
 * hours of charging; a freshly charged one is worse).
 */
export const TIME_CONSTANT = 5.5e6;
/** Divider (2 x 10 megaohm), comparator with reference (MCP65R41 class) and regulator (TPS7A02 class) together, in microamperes. */
export const SUPERVISION = 3.5;
/** Drop of the regulator and margin for the overwrite after the warning, in volts. */
export const MARGIN = 0.3;
/** Capacitors are sold with minus 20 percent. */
export const TOLERANCE = 0.8;

/** Nominal farads that hold the key of `profile` for `days`; null where that capacitor class cannot. */
export function capacitorFor(profile: BoardProfile, days: number): number | null {
  if (profile.standby === null || profile.brownout === null) return null;
  const current = (profile.standby.value + SUPERVISION) * 1e-6;
  const decay = Math.exp((-days * 86400) / TIME_CONSTANT);
  const left = CHARGED * decay - (profile.brownout.value / 1000 + MARGIN);
  if (left <= 0) return null;
  return (current * TIME_CONSTANT * (1 - decay)) / left / TOLERANCE;
}

/** The most whole days that any capacitor of this class holds. */
export function longestDays(profile: BoardProfile): number {
  if (profile.brownout === null) return 0;
  return Math.floor((TIME_CONSTANT * Math.log(CHARGED / (profile.brownout.value / 1000 + MARGIN))) / 86400);
}
