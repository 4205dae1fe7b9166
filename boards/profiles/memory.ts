/** What the firmware needs of Espruino's variables, as measured on the engine itself (test/engine), and which boards have that many. */
import type { BoardProfile, Role } from "./profile.js";

export interface Need {
  /** Held between two commands. */
  readonly resting: number;
  /** Held at the deepest point, which is an authentication by certificates. */
  readonly deepest: number;
}

/** Variables of 13 bytes, by role; the reader's deepest point is put at the card's and what more it holds, the client is not measured yet. */
export const NEEDED: Readonly<Partial<Record<Role, Need>>> = {
  card: { resting: 1250, deepest: 2600 },
  cartridge: { resting: 2310, deepest: 3560 },
  reader: { resting: 2550, deepest: 4600 },
};

/** Variables that must be left at the deepest point. */
export const SPARE = 400;

/** True when `profile` has the variables that `role` needs, or as much heap; undefined where that was not measured. */
export function fits(profile: BoardProfile, role: Role): boolean | undefined {
  const need = NEEDED[role];
  if (profile.variableBytes === null) return true;
  return need && profile.variables.value >= need.deepest + SPARE;
}
