/** The board module that a bundle is built for; the build resolves it to one of the files in boards/espruino/boards or boards/jerryscript/boards. */
declare module "leyden:board" {
  import type { Board } from "../board.js";
  /** The pin of the button that lets the console back, its level when pressed, and the console's device. */
  export const BUTTON: string;
  export const PRESSED: number;
  export const CONSOLE: string;
  export function card(): Board;
  export function cartridge(): Board;
  export function reader(): Board;
  export function client(): Board;
}
