import { banglejs2 } from "./banglejs2.js";
import { esp32 } from "./esp32.js";
import { espruinowifi } from "./espruinowifi.js";
import { jerryhost } from "./jerryhost.js";
import { mdbt42q } from "./mdbt42q.js";
import { microbit2 } from "./microbit2.js";
import { pico } from "./pico.js";
import { pico2 } from "./pico2.js";
import type { BoardProfile, Role } from "./profile.js";
import { puckjs } from "./puckjs.js";

/** Every board that the project knows. */
export const profiles: readonly BoardProfile[] = [puckjs, pico, espruinowifi, banglejs2, mdbt42q, microbit2, esp32, pico2, jerryhost];

/** The board on which a role's bundle is built unless told otherwise. */
export const DEFAULT_BOARD: Readonly<Record<Role, string>> = { card: "puckjs", cartridge: "pico", reader: "pico", client: "espruinowifi" };

/** The profile called `name`; undefined when there is none. */
export function profileOf(name: string): BoardProfile | undefined {
  return profiles.find((profile) => profile.name === name);
}
