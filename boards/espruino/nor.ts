/** SPI NOR flash of the W25Q class (Winbond W25Q32JV data sheet, 8: instructions): 4 KiB sectors, 256-byte program pages. */
import type { EngineSpi, Pin } from "./engine.js";
import type { FlashPages } from "../pages.js";

const SECTOR = 4096;
/** A sector erase takes at most 400 ms; one poll takes at least 10 µs on any of these boards. */
const POLLS = 40000;

/** The chip behind `spi` (already set up) with chip select on `cs`. Its length is 0 when no such chip answers. */
export function norPages(spi: EngineSpi, cs: Pin): FlashPages {
  function command(code: number, address: number): number[] {
    return [code, address >> 16, (address >> 8) & 255, address & 255];
  }
  function change(code: number, address: number, bytes: Uint8Array): void {
    let polls = POLLS;
    spi.send([6], cs);
    spi.send([command(code, address), bytes], cs);
    while (polls && spi.send([5, 0], cs)[1] & 1) polls--;
  }
  spi.send([171], cs); // out of power-down
  const id = spi.send([159, 0, 0, 0], cs);
  return {
    base: 0,
    // JEDEC id: manufacturer, type, log2 of the size
    length: id[3] > 15 && id[3] < 25 ? 1 << id[3] : 0,
    page: SECTOR,
    unit: 1,
    read: function (address: number, out: Uint8Array): void {
      const answer = spi.send([command(3, address), { data: 0, count: out.length }], cs);
      out.set(answer.subarray(4, 4 + out.length));
      // The engine does not wipe what it frees.
      answer.fill(0);
    },
    program: function (address: number, bytes: Uint8Array): void {
      let at = 0;
      let room = 0;
      while (at < bytes.length) {
        room = 256 - ((address + at) & 255);
        if (room > bytes.length - at) room = bytes.length - at;
        change(2, address + at, bytes.subarray(at, at + room));
        at += room;
      }
    },
    erasePage: function (address: number): void {
      change(32, address, new Uint8Array(0));
    },
  };
}
