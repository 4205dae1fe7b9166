/** What the firmware needs of Espruino's variables, as measured on the engine itself (test/engine), and which boards have that many. */
import type { BoardProfile, Role } from "./profile.js";

export interface Need {
  /** Held once it has started, blank: at most half of what the default board has (test/engine/variables.test.ts). */
  readonly boot: number;
  /** Held between two commands. */
  readonly resting: number;
  /** Held at most between two events: in an authentication by certificates, by a reader in the play. */
  readonly deepest: number;
  /** Held at most inside an event, as an engine counted at every allocation outside of the bench's own calls; with some 35 more for the engine's own timers and ports in place of the bench's. */
  readonly inside: number;
}

/** Variables of 13 bytes, by role, measured on the engine after each event (test/engine/held.ts). The reader's rest is that after a play. */
export const NEEDED: Readonly<Record<Role, Need>> = {
  card: { boot: 1312, resting: 1320, deepest: 1870, inside: 2180 },
  cartridge: { boot: 1620, resting: 1600, deepest: 2340, inside: 2940 },
  reader: { boot: 2390, resting: 2530, deepest: 3860, inside: 4390 },
  client: { boot: 2920, resting: 2820, deepest: 4910, inside: 5980 },
};

/** Held by the engine itself where no program runs: `process.memory().usage` of a Linux build, 48. */
export const ENGINE = 50;

/** Variables that must be left at the deepest moment inside an event. */
export const SPARE = 400;

/** True when `profile` has the variables that `role` needs, or as much heap. */
export function fits(profile: BoardProfile, role: Role): boolean {
  return profile.variableBytes === null || profile.variables.value >= ENGINE + NEEDED[role].inside + SPARE;
}
