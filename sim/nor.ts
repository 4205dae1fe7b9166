/**
 * A serial NOR flash chip of the W25Q class behind SPI (Winbond W25Q32JV data sheet, chapter 8): 4 KiB sectors, 256-byte program pages.
 * Polling the busy flag is shortened: the first poll takes until the chip is ready.
 */
import { NorFlash } from "./flash.js";

const SECTOR = 4096;
const PROGRAM_PAGE = 256;

export class SerialNor {
  readonly flash: NorFlash;
  #writable = false;
  #readyAt = 0;

  /** `length`: a power of two from 64 KiB to 16 MiB. */
  constructor(length: number) {
    this.flash = new NorFlash({ start: 0, length, page: SECTOR, unit: 1, eraseTime: 45_000, programTime: 2.7, endurance: 100_000 });
    this.flash.onStall = (time) => {
      this.#busyFor = time;
    };
  }

  #busyFor = 0;

  /** One transaction at time `now`, chip select low around it. Answers as many bytes as came, and the time until the answer is complete beyond the transfer. */
  transfer(sent: Uint8Array, now: number): { answer: Uint8Array; wait: number } {
    const answer = new Uint8Array(sent.length).fill(0xff);
    const address = ((sent[1] ?? 0) << 16) | ((sent[2] ?? 0) << 8) | (sent[3] ?? 0);
    const busy = now < this.#readyAt;
    let wait = 0;
    if (sent[0] === 0x05) {
      wait = Math.max(0, this.#readyAt - now);
      answer.fill(this.#writable ? 2 : 0, 1);
    } else if (busy) {
      // Everything but reading the status is ignored meanwhile.
    } else if (sent[0] === 0x06) this.#writable = true;
    else if (sent[0] === 0x04) this.#writable = false;
    else if (sent[0] === 0x9f) answer.set([0xef, 0x40, Math.log2(this.flash.model.length)].slice(0, sent.length - 1), 1);
    else if (sent[0] === 0x03) {
      if (sent.length > 4)
        answer.set(this.flash.read(address % this.flash.model.length, Math.min(sent.length - 4, this.flash.model.length)), 4);
    } else if (this.#writable && sent[0] === 0x02 && sent.length > 4) this.#program(address, sent.subarray(4), now);
    else if (this.#writable && sent[0] === 0x20)
      this.#change(now, () => {
        this.flash.erase(address % this.flash.model.length);
      });
    return { answer, wait };
  }

  /** Addresses wrap inside the program page, as on the chip. */
  #program(address: number, data: Uint8Array, now: number): void {
    const base = (address % this.flash.model.length) & -PROGRAM_PAGE;
    const from = address & (PROGRAM_PAGE - 1);
    const last = data.subarray(Math.max(0, data.length - PROGRAM_PAGE));
    this.#change(now, () => {
      if (from + last.length <= PROGRAM_PAGE) this.flash.program(base + from, last);
      else {
        const page = new Uint8Array(PROGRAM_PAGE).fill(0xff);
        last.forEach((byte, i) => (page[(from + i) % PROGRAM_PAGE] = byte));
        this.flash.program(base, page);
      }
    });
  }

  #change(now: number, change: () => void): void {
    this.#writable = false;
    this.#busyFor = 0;
    change();
    this.#readyAt = now + this.#busyFor;
  }

  /** A chip that lost its supply is ready and write-protected when it comes back. */
  powerOff(): void {
    this.#writable = false;
    this.#readyAt = 0;
  }
}
