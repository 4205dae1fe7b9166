/** The boards as they are built: a Puck.js as card, Picos as cartridge and reader, an Espruino WiFi as client, with what is soldered to them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expectOne, expectPositive, expectText } from "../src/core/check.js";
import { PROJECT } from "../src/host/project.js";
import type { KeyCellOptions } from "./supply.js";
import type { BoardOptions } from "./espruino/options.js";
import { ESPRUINOWIFI, PICO, PUCKJS } from "./espruino/profile.js";
import { JERRY_HOST } from "./jerry.js";

export type DeviceName = "card" | "cartridge" | "reader" | "client";
export type EngineName = "espruino" | "jerryscript";
export type Specimen = Pick<BoardOptions, "name" | "profile" | "wiring"> & { keyCell?: KeyCellOptions };

const DAY = 86_400;
/** Full charge at the kiosk's contact, and where the power-fail comparator of the cartridge trips, volt. */
export const CHARGE_VOLTS = 5;
const WARNING_VOLTS = 2.6;

/** Capacitance that holds the cartridge for `days` with half as much again in reserve, farad. */
export function capacitorFor(days: number): number {
  expectPositive("days", days);
  const amperes = PICO.sleepAmperes + PICO.wakeCoulombs / 3600 + 2e-6;
  return Math.max(0.1, (amperes * days * DAY * 1.5) / (CHARGE_VOLTS - 0.2 - WARNING_VOLTS));
}

/**
 * What a board of this role is made of; with JerryScript three machines with our host program, and the same parts around them.
 *
 * @param days - that the cartridge's capacitor is sized for
 */
export function specimen(name: DeviceName, days: number, engine: EngineName = "espruino"): Specimen {
  expectOne("name", name, ["card", "cartridge", "reader", "client"]);
  expectPositive("days", days);
  expectOne("engine", engine, ["espruino", "jerryscript"]);
  if (engine === "jerryscript") {
    const { wiring, ...rest } = specimen(name, days);
    return { ...rest, profile: JERRY_HOST, wiring: { ...wiring, led: "B2" } };
  }
  if (name === "card") return { name, profile: PUCKJS, wiring: { led: "D5" } };
  if (name === "reader")
    return { name, profile: PICO, wiring: { led: "B2", nor: { A4: 0x100000 }, decoder: { select: "B9", request: "B8" } } };
  if (name === "client")
    return {
      name,
      profile: ESPRUINOWIFI,
      wiring: { led: "B2", nor: { A4: 0x100000 }, decoder: { select: "B9", request: "B8" } },
    };
  const farads = capacitorFor(days);
  return {
    name,
    profile: PICO,
    wiring: {
      led: "B2",
      capacitor: { pin: "A0", ratio: 2 },
      powerFail: "A1",
      tamper: "B3",
      contact: "A8",
      nor: { A4: 0x100000 },
      card: { select: "B10", capacity: 0x40000000 },
    },
    keyCell: {
      model: {
        farads: farads * 0.8,
        faradsPerVolt: farads * 0.05,
        esr: 0.5,
        slowOhms: 100,
        slowFarads: farads * 0.05,
        leakage: farads * 0.1e-6,
        ratedVolts: 5.5,
      },
      warningVolts: WARNING_VOLTS,
    },
  };
}

function built(file: string): string {
  const path = join(PROJECT, "dist", file);
  if (!existsSync(path)) throw new Error(`There is no dist/${file}; make the bundles with npm run build.`);
  return readFileSync(path, "latin1");
}

/**
 * The script of a bundle, as text.
 *
 * @throws Error when it has not been built
 */
export function builtBundle(name: string): string {
  expectText("name", name);
  return built(`${name}.js`);
}

/**
 * What the flashing tool puts on a board, a character a byte: on Espruino a bundle in the engine's tokens, for JerryScript its script.
 *
 * @throws Error when it has not been built
 */
export function storedBundle(name: string): string {
  expectText("name", name);
  return built(name.startsWith("jerryscript/") ? `${name}.js` : `${name}.boot0`);
}
