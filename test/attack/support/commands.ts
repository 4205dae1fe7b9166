/** Commands as nobody would send them, generated: any class, instruction, parameters, and lengths on which some command turns. */
import fc from "../../generate.js";

export interface Command {
  cla: number;
  ins: number;
  tag: number;
  length: number;
  fill: number;
}

const instructions = Array.from({ length: 0x80 }, (_, ins) => ins).concat([0x86, 0xa4, 0xca, 0xda, 0xee, 0xff]);
const lengths = [
  0, 1, 2, 4, 6, 10, 12, 15, 16, 17, 20, 24, 32, 40, 48, 52, 56, 72, 73, 80, 88, 113, 118, 128, 132, 172, 180, 212, 256, 312, 316, 372, 485,
];
const tags = [
  0, 1, 0x0101, 0x0102, 0x0103, 0x0110, 0x0120, 0x0130, 0x0140, 0x0150, 0x0160, 0x0170, 0x0180, 0x0190, 0x0200, 0x0300, 0xff00, 0xffff,
];

/** The standard words with which a device may refuse. */
export const REFUSALS = [0x6400, 0x6700, 0x6884, 0x6982, 0x6983, 0x6985, 0x6988, 0x6a80, 0x6a82, 0x6a84, 0x6a86, 0x6d00, 0x6e00];

/** The same in every run, other ones for each seed; none of `without`, which may destroy by design. */
export function generated(seed: number, count: number, without: number[] = []): Command[] {
  const commands = fc.record<Command>({
    cla: fc.oneof(fc.constantFrom(0x00, 0x80, 0x0c, 0x8c), fc.integer({ min: 0, max: 255 })),
    ins: fc.constantFrom(...instructions.filter((ins) => !without.includes(ins))),
    tag: fc.oneof(fc.constantFrom(...tags), fc.integer({ min: 0, max: 0xffff })),
    length: fc.oneof(fc.constantFrom(...lengths), fc.integer({ min: 0, max: 500 })),
    fill: fc.integer({ min: 0, max: 255 }),
  });
  return fc.sample(commands, { seed, numRuns: count });
}

/** Each of these instructions in its own form: class, parameters and length are right, and the data nobody's. */
export function inForm(forms: readonly (readonly [cla: number, ins: number, tag: number, length: number])[]): Command[] {
  return forms.flatMap(([cla, ins, tag, length]) => [0, 1, 255].map((fill) => ({ cla, ins, tag, length, fill })));
}

/** The command APDU, extended where it has data. */
export function encode({ cla, ins, tag, length, fill }: Command): Uint8Array {
  const body = length === 0 ? [] : [0, length >> 8, length & 255, ...new Uint8Array(length).fill(fill)];
  return Uint8Array.of(cla, ins, tag >> 8, tag & 255, ...body, ...(length === 0 ? [0] : [0, 0]));
}

/** Status word at the end of an answer. */
export function statusIn(answer: Uint8Array): number {
  return (answer[answer.length - 2] << 8) | answer[answer.length - 1];
}
