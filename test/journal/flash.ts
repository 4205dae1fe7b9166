import type { Flash } from "../../src/core/journal.js";

export class PowerCut extends Error {}

/** NOR flash in memory that loses power at an operation of choice, leaving any subset of that operation's bits done. */
export class TornFlash implements Flash {
  readonly regions: Uint8Array[];
  /** Operations (program, erase) so far, and erases alone. */
  operations = 0;
  erases = 0;
  /** The operation during which power fails; 0 for never. */
  cutAt = 0;
  /** Which bits of byte `i` of the `length` in the interrupted operation were not done: 0 for none, 255 for all. */
  torn: (i: number, length: number) => number = () => 0;

  constructor(
    readonly regionLength: number,
    readonly programUnit = 4,
  ) {
    this.regions = [new Uint8Array(regionLength).fill(255), new Uint8Array(regionLength).fill(255)];
  }

  read(region: number, offset: number, out: Uint8Array): void {
    if (offset < 0 || offset + out.length > this.regionLength) throw new Error(`read beyond the region: ${offset} + ${out.length}`);
    out.set(this.regions[region].subarray(offset, offset + out.length));
  }

  program(region: number, offset: number, bytes: Uint8Array): void {
    const cells = this.regions[region].subarray(offset, offset + bytes.length);
    if (offset % this.programUnit || bytes.length % this.programUnit || cells.length !== bytes.length)
      throw new Error(`program not aligned, or beyond the region: ${offset} + ${bytes.length}`);
    bytes.forEach((byte, i) => {
      if (cells[i] !== 255) throw new Error(`programmed twice: region ${region}, offset ${offset + i}`);
      cells[i] = byte;
    });
    this.count((i) => (cells[i] |= this.torn(i, cells.length)), cells.length);
  }

  erase(region: number): void {
    const before = this.regions[region].slice();
    this.erases++;
    this.regions[region].fill(255);
    this.count((i) => (this.regions[region][i] &= before[i] | ~this.torn(i, before.length)), before.length);
  }

  private count(tear: (i: number) => void, length: number): void {
    this.operations++;
    if (this.operations !== this.cutAt) return;
    for (let i = 0; i < length; i++) tear(i);
    throw new PowerCut();
  }
}

/** A small generator (xorshift32) for reproducible noise. */
export function noise(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}
