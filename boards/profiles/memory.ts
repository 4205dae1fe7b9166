/** What the firmware needs of Espruino's variables, as measured on the engine itself (test/engine), and which boards have that many. */
import type { BoardProfile, Role } from "./profile.js";

export interface Need {
  /** Held between two commands. */
  readonly resting: number;
  /** Held at the deepest point: an authentication by certificates, for a reader the play. */
  readonly deepest: number;
}

/** Variables of 13 bytes, by role, measured on the engine after each event (test/engine/held.ts); the client is not measured yet. The reader's rest is that after a play. */
export const NEEDED: Readonly<Partial<Record<Role, Need>>> = {
  card: { resting: 1260, deepest: 2230 },
  cartridge: { resting: 2380, deepest: 3610 },
  reader: { resting: 3990, deepest: 4500 },
};

/** Variables that must be left at the deepest point. */
export const SPARE = 400;

/** True when `profile` has the variables that `role` needs, or as much heap; undefined where that was not measured. */
export function fits(profile: BoardProfile, role: Role): boolean | undefined {
  const need = NEEDED[role];
  if (profile.variableBytes === null) return true;
  return need && profile.variables.value >= need.deepest + SPARE;
}
