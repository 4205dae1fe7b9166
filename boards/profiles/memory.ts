/** What the firmware needs of Espruino's variables, as measured on the engine itself (test/engine), and which boards have that many. */
import type { BoardProfile, Role } from "./profile.js";

export interface Need {
  /** Held once it has started, blank: at most half of what the default board has (test/engine/variables.test.ts). */
  readonly boot: number;
  /** Held between two commands. */
  readonly resting: number;
  /** Held at the deepest point: an authentication by certificates, for a reader the play. */
  readonly deepest: number;
  /**
   * Held at most inside an event: by a card, as the engine itself counted at every allocation; by the others where the bundle uses hardware, an inner product, a
   * hash or a cipher, with the bench's own calls.
   */
  readonly inside: number;
}

/** Variables of 13 bytes, by role, measured on the engine after each event (test/engine/held.ts). The reader's rest is that after a play; the client's figures are without one. */
export const NEEDED: Readonly<Record<Role, Need>> = {
  card: { boot: 1310, resting: 1320, deepest: 2200, inside: 2380 },
  cartridge: { boot: 1580, resting: 2470, deepest: 3360, inside: 3680 },
  reader: { boot: 2370, resting: 2590, deepest: 4260, inside: 4570 },
  client: { boot: 3710, resting: 3640, deepest: 5690, inside: 6020 },
};

/** Variables that must be left at the deepest point between events. */
export const SPARE = 400;

/** True when `profile` has the variables that `role` needs, or as much heap. */
export function fits(profile: BoardProfile, role: Role): boolean {
  const { deepest, inside } = NEEDED[role];
  return profile.variableBytes === null || profile.variables.value >= Math.max(deepest + SPARE, inside);
}
