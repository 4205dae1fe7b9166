import type { ContentStore } from "../board.js";
import type { EngineE, EngineFile, EngineSpi, Pin } from "./engine.js";

declare const E: EngineE;

const NAME = "leyden.bin";

/** A content store in one file on an SD card behind `spi` (already set up). `capacity`: the card's free room in bytes. */
export function contentOnCard(spi: EngineSpi, cs: Pin, capacity: number): ContentStore {
  let file: EngineFile | undefined;
  let length = capacity;
  let written = capacity;
  function open(mode: "r+" | "w"): void {
    try {
      if (file) file.close();
      file = undefined;
      file = E.openFile(NAME, mode);
    } catch {
      file = undefined; // no card, or nothing stored yet
    }
  }
  E.connectSDCard(spi, cs);
  return {
    capacity: capacity,
    reset: function (size: number): boolean {
      if (size > capacity) return false;
      open("w");
      length = size;
      written = 0;
      return !!file;
    },
    write: function (offset: number, bytes: Uint8Array): boolean {
      if (!file || offset !== written || offset + bytes.length > capacity || file.write(bytes) !== bytes.length) return false;
      written += bytes.length;
      if (written >= length) open("r+"); // what is complete survives a cut, and can be read
      return true;
    },
    read: function (offset: number, out: Uint8Array): boolean {
      if (!file) open("r+");
      if (!file || offset + out.length > written) return false;
      file.seek(offset);
      const data = file.read(out.length);
      if (!data || data.length !== out.length) return false;
      out.set(E.toUint8Array(data));
      return true;
    },
  };
}
