import { get16, get32 } from "../core/bytes.js";

/**
 * The read program: where on the medium the blocks of the content lie. The kiosk puts it into key memory with the key, and it is lost with the key.
 *
 * | offset     | bytes | field                                    |
 * | ---------- | ----- | ---------------------------------------- |
 * | 0          | 1     | version, 1                               |
 * | 1          | 1     | number n of instructions                 |
 * | 2          | 2     | entries w of the block map, at least 1   |
 * | 4          | 5 n   | instructions: operation 1, operand 4     |
 * | 4 + 5 n    | w     | block map: places in a run of w blocks   |
 *
 * The program begins with the number of a block of the content and ends with the number of its place. Operations: 1 add, 2 multiply, 3 remainder, 4 put in the place that the
 * map names within its run of w, 5 end when not below the operand.
 */
export const PROGRAM_BLOCK = 512;
const CODE = 4;
const OPERATION_MAP = 4;

/** True when lengths agree and no operation divides by nothing. */
export function programFits(program: Uint8Array): boolean {
  const end = program.length < CODE ? 0 : CODE + 5 * program[1];
  if (end === 0 || program[0] !== 1 || get16(program, 2) < 1 || program.length !== end + get16(program, 2)) return false;
  for (let at = CODE; at < end; at += 5) if (program[at] < 1 || program[at] > 5 || get32(program, at + 1) === 0) return false;
  return true;
}

/** Place of block `block`. */
export function runProgram(program: Uint8Array, block: number): number {
  const end = CODE + 5 * program[1];
  const width = get16(program, 2);
  let place = block;
  let operation = 0;
  let operand = 0;
  for (let at = CODE; at < end; at += 5) {
    operation = program[at];
    operand = get32(program, at + 1);
    if (operation === 1) place += operand;
    else if (operation === 2) place *= operand;
    else if (operation === 3) place %= operand;
    else if (operation === OPERATION_MAP) {
      operand = place % width;
      place += program[end + operand] - operand;
    } else if (place >= operand) return place;
  }
  return place;
}
