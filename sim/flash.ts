/**
 * NOR flash. Programming only clears bits; erasing sets all bits of a page and stalls the processor. A power cut in the middle leaves
 * any subset of the bits that the operation would have changed. Every operation is counted, and what a data sheet forbids is reported.
 *
 * A read always gives the bits as they are: it never fails and never lies, though what a torn operation left may be anything.
 */
import type { Random } from "./random.js";

export interface FlashModel {
  /** Address of the first byte, as the processor sees it. */
  start: number;
  length: number;
  /** Erase unit. */
  page: number;
  /** Addresses and lengths of programming are multiples of this. */
  unit: number;
  /** The processor stands still this long, in microseconds, for a page erase and for one unit programmed. */
  eraseTime: number;
  programTime: number;
  /** At most `count` program operations in each `bytes` between two erases (nRF52832: 181 in each 512, product specification 11.1). */
  writeLimit?: { bytes: number; count: number };
  /** Erase cycles a page is good for. */
  endurance?: number;
}

export type FlashOperation = { op: "program" | "erase"; address: number; length: number };

/** How a power cut leaves the operation it hits: not begun, done, all bytes but the last, or any subset of the bits by `random`. */
export type Tear = { how: "none" | "all" | "allButLast" } | { how: "subset"; random: Random };

/** Answers a tear to cut the power during the operation, or undefined to let it pass. */
export type FlashGuard = (operation: FlashOperation) => Tear | undefined;

/** Thrown to whoever was running when the power went; the operation is torn as the guard said. */
export class PowerCut extends Error {
  constructor() {
    super("the power was cut");
  }
}

export class NorFlash {
  readonly model: FlashModel;
  /** What the cells hold. */
  readonly cells: Uint8Array;
  readonly counts = { programs: 0, erases: 0, bytesProgrammed: 0, torn: 0, violations: 0 };
  /** Erase cycles of each page. */
  readonly wear: Uint32Array;
  /** Asked before each operation. */
  guard: FlashGuard | undefined;
  /** Told after each operation, also a torn one. */
  onOperation: ((operation: FlashOperation, torn: boolean) => void) | undefined;
  /** Told when something happens that the data sheet forbids. */
  onViolation: ((what: string) => void) | undefined;
  /** Told how long the processor stands still. */
  onStall: ((microseconds: number) => void) | undefined;
  readonly #writes: Uint32Array;

  constructor(model: FlashModel) {
    if (model.length % model.page) throw new Error(`flash length must be whole pages of ${model.page}, got ${model.length}`);
    this.model = model;
    this.cells = new Uint8Array(model.length).fill(0xff);
    this.wear = new Uint32Array(model.length / model.page);
    this.#writes = new Uint32Array(model.writeLimit ? Math.ceil(model.length / model.writeLimit.bytes) : 0);
  }

  /** A copy of `length` bytes from `address`; what lies outside the chip reads 0xFF. */
  read(address: number, length: number): Uint8Array {
    const at = address - this.model.start;
    if (at >= 0 && at + length <= this.model.length) return this.cells.slice(at, at + length);
    const bytes = new Uint8Array(length).fill(0xff);
    const from = Math.max(0, at);
    const to = Math.min(this.model.length, at + length);
    if (to > from) bytes.set(this.cells.subarray(from, to), from - at);
    return bytes;
  }

  /** First address and length of the page around `address`, or undefined outside the chip. */
  page(address: number): { start: number; length: number } | undefined {
    const at = address - this.model.start;
    if (at < 0 || at >= this.model.length) return undefined;
    return { start: address - (at % this.model.page), length: this.model.page };
  }

  program(address: number, bytes: Uint8Array): void {
    const { start, length, unit, writeLimit } = this.model;
    const at = address - start;
    if (!bytes.length) return;
    if (at < 0 || at + bytes.length > length) {
      this.#violation(`program outside the chip at 0x${address.toString(16)}`);
      return;
    }
    if (at % unit || bytes.length % unit)
      this.#violation(`program of ${bytes.length} bytes at 0x${address.toString(16)} is not aligned to ${unit}`);
    const operation: FlashOperation = { op: "program", address, length: bytes.length };
    const tear = this.guard?.(operation);
    this.counts.programs++;
    if (writeLimit) {
      for (let block = Math.floor(at / writeLimit.bytes); block * writeLimit.bytes < at + bytes.length; block++)
        if (++this.#writes[block] === writeLimit.count + 1)
          this.#violation(
            `more than ${writeLimit.count} programs in the ${writeLimit.bytes} bytes at 0x${(start + block * writeLimit.bytes).toString(16)}`,
          );
    }
    for (let i = 0; i < bytes.length; i++)
      this.cells[at + i] &= bytes[i] | survivors(tear, i, bytes.length, this.cells[at + i] & ~bytes[i]);
    this.counts.bytesProgrammed += bytes.length;
    this.#finish(operation, tear, (bytes.length / unit) * this.model.programTime);
  }

  /** Erases the page around `address`. */
  erase(address: number): void {
    const page = this.page(address);
    if (!page) {
      this.#violation(`erase outside the chip at 0x${address.toString(16)}`);
      return;
    }
    const at = page.start - this.model.start;
    const operation: FlashOperation = { op: "erase", address: page.start, length: page.length };
    const tear = this.guard?.(operation);
    const { writeLimit, endurance } = this.model;
    this.counts.erases++;
    const cycles = ++this.wear[at / page.length];
    if (endurance && cycles === endurance + 1) this.#violation(`page at 0x${page.start.toString(16)} erased more than ${endurance} times`);
    for (let i = 0; i < page.length; i++) this.cells[at + i] |= ~survivors(tear, i, page.length, ~this.cells[at + i] & 0xff) & 0xff;
    if (writeLimit) this.#writes.fill(0, Math.floor(at / writeLimit.bytes), Math.ceil((at + page.length) / writeLimit.bytes));
    this.#finish(operation, tear, this.model.eraseTime);
  }

  #finish(operation: FlashOperation, tear: Tear | undefined, stall: number): void {
    if (tear) this.counts.torn++;
    this.onOperation?.(operation, tear !== undefined);
    if (tear) throw new PowerCut();
    this.onStall?.(stall);
  }

  #violation(what: string): void {
    this.counts.violations++;
    this.onViolation?.(what);
  }
}

/** Which of the bits `changing` in byte `i` of `length` a torn operation leaves as they were. */
function survivors(tear: Tear | undefined, i: number, length: number, changing: number): number {
  if (!tear || tear.how === "all") return 0;
  if (tear.how === "none") return changing;
  if (tear.how === "allButLast") return i === length - 1 ? changing : 0;
  return "random" in tear ? changing & (tear.random.uint32() >>> 24) : changing;
}
