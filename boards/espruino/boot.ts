/**
 * How every device starts. The engine's console would let anyone on USB, Bluetooth or a wire stop the program and read memory, so it is
 * closed before anything else runs. The way back is the board's button, held at power-on: all secrets are erased first.
 */
import type { Board } from "../board.js";
import { adoptNatives } from "../../src/core/natives.js";
import { releaseCommands } from "../../src/core/phase.js";
import type { EngineE, Pin } from "./engine.js";

declare const E: EngineE;
declare function digitalRead(pin: Pin): number;

/** Nobody has the console, and no plugging in or connecting gives it to anybody. */
export function closeConsole(): void {
  E.setConsole(null, { force: true });
}

/**
 * Starts `start` on the board that `make` gives. With `button` at `pressed` (0 or 1) it erases the journal instead and gives the console
 * to `console`. Key memory needs no erasing here: this runs after a reset. A bundle holds no code of its own for what its engine has
 * natively, so a device whose engine computes wrongly does not start.
 */
export function boot(button: Pin, pressed: number, console: string, make: () => Board, start: (board: Board) => void): void {
  closeConsole();
  const board = make();
  if (digitalRead(button) === pressed) {
    board.journal.erase(0);
    board.journal.erase(1);
    E.setConsole(console);
  } else {
    board.closeConsole();
    if (adoptNatives(board.natives) === 0) start(board);
    releaseCommands();
  }
}
