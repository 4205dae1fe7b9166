/**
 * The engine's own flash by address. The engine's Storage compacts itself in
 * place when it is full, and a power cut then loses files; so one file takes all the room that is needed, once, before
 * personalization, and only whole pages inside it are programmed and erased, past Storage's back.
 */
import type { FlashPages } from "../pages.js";
import type { EngineFlash, EngineStorage } from "./engine.js";

declare function require(name: "Flash"): EngineFlash;
declare function require(name: "Storage"): EngineStorage;

/** A Storage file header: 32-bit length (24 bits and 8 flag bits), then the name in 28 bytes. */
const HEADER = 32;

/** Address of the data of Storage file `name`, or 0. `start`: where Storage begins. Storage has at most `length` bytes. */
function fileAddress(flash: EngineFlash, name: string, start: number, length: number): number {
  let at = start;
  let header: Uint8Array;
  let size = 0;
  let i = 0;
  while (at + HEADER < start + length) {
    header = flash.read(HEADER, at);
    size = header[0] | (header[1] << 8) | (header[2] << 16);
    if (!size || (size === 16777215 && header[3] === 255)) {
      const page = flash.getPage(at);
      at = page.addr + page.length;
    } else {
      i = 0;
      while (i < name.length && header[4 + i] === name.charCodeAt(i)) i++;
      if (i === name.length && !header[4 + i]) return at + HEADER;
      at += (HEADER + size + 3) & -4;
    }
  }
  return 0;
}

/**
 * The whole pages inside the Storage file ".leyden", which is made with `size` bytes when it does not exist. `storage` and `length`:
 * where Storage lies; `size` 0 takes all that is left. `length` of the result is 0 when there is no room.
 */
export function storagePages(storage: number, length: number, size: number): FlashPages {
  const flash = require("Flash");
  const page = flash.getPage(storage).length;
  let start = fileAddress(flash, ".leyden", storage, length);
  let end = 0;
  if (!start) {
    // the rest of Storage reaches to its last page, so that none is lost to the file's own header
    require("Storage").write(".leyden", "", 0, size || require("Storage").getFree() - HEADER);
    start = fileAddress(flash, ".leyden", storage, length);
  }
  // whole numbers all the way: the engine takes no double for an address
  end = start ? (size ? start + size : storage + length) : 0;
  end -= (end - storage) % page;
  start += (page - ((start - storage) % page)) % page;
  return {
    base: start,
    length: end > start ? end - start : 0,
    page: page,
    unit: 4,
    read: function (address: number, out: Uint8Array): void {
      out.set(flash.read(out.length, address));
    },
    program: function (address: number, bytes: Uint8Array): void {
      flash.write(bytes, address);
    },
    erasePage: function (address: number): void {
      flash.erasePage(address);
    },
  };
}
