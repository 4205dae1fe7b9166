/** Where a board's power comes from: named supplies from outside, and behind a diode the key capacitor, which carries the board only when there is no other. */
import type { KeyCell } from "../supply.js";
import type { Pins } from "./pins.js";
import type { EngineProfile, Wiring } from "./profile.js";

/** A board starts this much above its brownout voltage. */
export const START_MARGIN = 0.1;

export interface SuppliedBoard {
  readonly name: string;
  readonly profile: EngineProfile;
  readonly wiring: Wiring;
  readonly pins: Pins;
  readonly keyCell: KeyCell | undefined;
  readonly brownoutVolts: number;
  /** The capacitor passed a voltage at which the board may start or stop. */
  capacitorChanged(): void;
}

export class Supplies {
  readonly #board: SuppliedBoard;
  readonly #outside = new Map<string, number>();

  constructor(board: SuppliedBoard) {
    this.#board = board;
    const { keyCell: cell, wiring, pins, brownoutVolts } = board;
    if (!cell) return;
    const fail = wiring.powerFail;
    cell.device = board.name;
    if (fail) {
      pins.drive(fail, cell.volts > cell.warningVolts);
      cell.watch("power-fail warning", cell.warningVolts, (edge) => {
        pins.drive(fail, edge === "rising");
      });
    }
    for (const [name, volts] of [
      ["brownout", brownoutVolts],
      ["start", brownoutVolts + START_MARGIN],
    ] as const)
      cell.watch(name, volts + cell.diodeVolts, () => {
        board.capacitorChanged();
      });
  }

  /** Connects a supply, or takes it away (0). */
  set(from: string, volts: number): void {
    if (volts > 0) this.#outside.set(from, volts);
    else this.#outside.delete(from);
    const { contact } = this.#board.wiring;
    if (contact) this.#board.pins.drive(contact, this.outside);
  }

  has(from: string): boolean {
    return this.#outside.has(from);
  }

  /** Something other than the capacitor supplies the board. */
  get outside(): boolean {
    return this.#outside.size > 0;
  }

  get volts(): number {
    const cell = this.#board.keyCell;
    return Math.max(0, ...this.#outside.values(), cell ? cell.volts - cell.diodeVolts : 0);
  }

  /** 12-bit reading of the divided capacitor voltage against the supply; undefined on any other pin. */
  reading(pin: string): number | undefined {
    const { keyCell: cell, wiring } = this.#board;
    if (!cell || pin !== wiring.capacitor?.pin) return undefined;
    const fraction = cell.volts / wiring.capacitor.ratio / this.volts;
    return Math.min(1, Math.max(0, Math.round(fraction * 4095) / 4095));
  }

  /** What the board draws from now on, if it draws from the capacitor. */
  draw(on: boolean, listening: boolean): void {
    const { keyCell: cell, profile } = this.#board;
    if (cell) cell.load = on && !this.outside ? (listening ? profile.listenAmperes : profile.sleepAmperes) : 0;
  }

  /** The board woke up once. */
  wake(): void {
    const { keyCell: cell, profile } = this.#board;
    if (cell && !this.outside) cell.drain(profile.wakeCoulombs);
  }
}
