/**
 * How every device starts. The engine's console would let anyone on USB, Bluetooth or a wire stop the program and read memory, so it is
 * closed before anything else runs. The way back is the board's button, held at power-on: all secrets are erased first.
 */
import type { Board } from "../board.js";
import { adoptNatives } from "../../src/core/adopt.js";
import { natives } from "../../src/core/natives.js";
import { releaseCommands } from "../../src/core/phase.js";
import type { EngineE, Pin } from "./engine.js";

declare const E: EngineE;
declare function digitalRead(pin: Pin): number;

/** Nobody has the console, and no plugging in or connecting gives it to anybody. */
export function closeConsole(): void {
  E.setConsole(null, { force: true });
}

function blink(board: Board, on: boolean): void {
  board.led(on);
  board.after(500, function () {
    blink(board, !on);
  });
}

/**
 * Starts `start` on the board that `make` gives. With `button` at `pressed` (0 or 1) it erases the journal instead and gives the console
 * to `console`. Key memory needs no erasing here: this runs after a reset. Where the engine computes wrongly, core's own code goes on and the
 * device says so in its description; a bundle that has no room for that code does not start, and blinks.
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
    if (adoptNatives(board.natives) === 0 || !natives.only) start(board);
    else blink(board, true);
    releaseCommands();
  }
}
