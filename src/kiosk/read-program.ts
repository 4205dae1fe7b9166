import { randomBytes } from "node:crypto";

/** A read program for a cartridge, and the same order seen from the other side. */
export interface ReadProgram {
  /** What goes to key memory, byte by byte as the cartridge interprets it. */
  bytes: Uint8Array;
  /** Block of the content that lies at `place`. */
  blockAt(place: number): number;
}

/** Entries of the block map, at most. */
const RUN = 64;
const ADD = 1;
const MULTIPLY = 2;
const REMAINDER = 3;
const MAP = 4;
const END_FROM = 5;

/**
 * A new order of `blocks` blocks, all but the last, which may be shorter, in new places: spread over the whole medium by a multiplication, then shuffled within
 * runs by the block map.
 */
export function makeReadProgram(
  blocks: number,
  random: (length: number) => Uint8Array = (length) => new Uint8Array(randomBytes(length)),
): ReadProgram {
  const moved = Math.max(1, blocks - 1);
  const run = Math.min(RUN, moved);
  const whole = moved - (moved % run);
  const number = (): number => {
    const bytes = random(3);
    return (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
  };
  // Below 2^53 with any block number: both factors stay below 2^24.
  let factor = 1 + (number() % moved);
  while (divisor(factor, moved) !== 1) factor = 1 + (factor % moved);
  const shift = 1 + (number() % moved);
  const map = Uint8Array.from({ length: run }, (_, index) => index);
  for (let last = run - 1; last > 0; last--) {
    const other = number() % (last + 1);
    [map[last], map[other]] = [map[other], map[last]];
  }
  const code: [number, number][] = [
    [END_FROM, moved],
    [MULTIPLY, factor],
    [ADD, shift],
    [REMAINDER, moved],
    [END_FROM, whole],
    [MAP, 1],
  ];
  const bytes = new Uint8Array(4 + 5 * code.length + run);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint8(1, code.length);
  view.setUint16(2, run);
  code.forEach(([operation, operand], index) => {
    view.setUint8(4 + 5 * index, operation);
    view.setUint32(5 + 5 * index, operand);
  });
  bytes.set(map, 4 + 5 * code.length);
  const at = new Uint32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const spread = block < moved ? (block * factor + shift) % moved : block;
    at[spread < whole ? spread - (spread % run) + map[spread % run] : spread] = block;
  }
  return { bytes, blockAt: (place) => at[place] };
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}
