/** What lies in NOR flash, whatever the flash: the journal's two regions and the content store. */
import type { ContentStore, JournalFlash } from "./board.js";

/** Pages of NOR flash; `page` is the erase unit, `unit` what offsets and lengths of `program` are multiples of. */
export interface FlashPages {
  readonly base: number;
  readonly length: number;
  readonly page: number;
  readonly unit: number;
  read(address: number, out: Uint8Array): void;
  program(address: number, bytes: Uint8Array): void;
  erasePage(address: number): void;
}

/** A journal in the first `2 * regionLength` bytes of `pages`; `regionLength` is a multiple of the page. Throws where they are fewer. */
export function journalIn(pages: FlashPages, regionLength: number): JournalFlash {
  if (pages.length < 2 * regionLength) throw new Error("no room for the journal");
  return {
    regionLength: regionLength,
    programUnit: pages.unit,
    read: function (region: number, offset: number, out: Uint8Array): void {
      pages.read(pages.base + region * regionLength + offset, out);
    },
    program: function (region: number, offset: number, bytes: Uint8Array): void {
      pages.program(pages.base + region * regionLength + offset, bytes);
    },
    erase: function (region: number): void {
      for (let at = 0; at < regionLength; at += pages.page) pages.erasePage(pages.base + region * regionLength + at);
    },
  };
}

/** A content store in `pages` from `skip` bytes on. Pages are erased as writing reaches them, so that no call stalls for long. */
export function contentIn(pages: FlashPages, skip: number): ContentStore {
  const base = pages.base + skip;
  const capacity = pages.length - skip;
  let written = capacity;
  return {
    capacity: capacity,
    reset: function (length: number): boolean {
      written = 0;
      return length <= capacity;
    },
    write: function (offset: number, bytes: Uint8Array): boolean {
      let at = offset + ((pages.page - (offset % pages.page)) % pages.page);
      if (offset !== written || offset + bytes.length > capacity) return false;
      while (at < offset + bytes.length) {
        pages.erasePage(base + at);
        at += pages.page;
      }
      pages.program(base + offset, bytes);
      written = offset + bytes.length;
      return true;
    },
    read: function (offset: number, out: Uint8Array): boolean {
      if (offset + out.length > written) return false;
      pages.read(base + offset, out);
      return true;
    },
  };
}
