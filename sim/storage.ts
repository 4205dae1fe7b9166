/**
 * Espruino 2v29's `require("Storage")` on NOR flash, with its layout on the chip, so that what firmware reads past it by address is
 * there, and with its weaknesses: overwriting marks the old file as deleted before the new one is written, nothing is checked on
 * reading, and a full Storage is compacted in place, page by page, through a RAM buffer: a power cut in between loses files.
 *
 * Layout: files one after the other, each a 32-byte header (32-bit little-endian size with flags in the top byte, 28 bytes of name) and
 * its data, padded to the alignment. Erased size: the end. First four bytes of the name zero: deleted.
 * Behaviour after the engine's src/jsflash.c; the test compares both on random operations.
 */
import type { NorFlash } from "./flash.js";

const HEADER = 32;
const NAME = 28;
const UNSET = 0xffffffff;
const STORAGE_FILE = 64;
const COMPRESSED = 128;

export interface StorageArea {
  /** First address and length in the chip; whole pages. */
  start: number;
  length: number;
  /** 4, or 8 on chips that program 64 bits at once. */
  alignment: number;
}

interface Header {
  /** Address of the header. */
  at: number;
  size: number;
  flags: number;
  name: Uint8Array;
  deleted: boolean;
}

export interface StorageStats {
  totalBytes: number;
  freeBytes: number;
  fileBytes: number;
  fileCount: number;
  trashBytes: number;
  trashCount: number;
}

/** What the engine throws; the binding turns it into an error of the sandbox. */
export class StorageError extends Error {}

export class Storage {
  readonly flash: NorFlash;
  readonly area: StorageArea;
  /** Compactions that began. A device in the field should never cause one. */
  compactions = 0;
  onCompaction: ((files: number) => void) | undefined;

  constructor(flash: NorFlash, area: StorageArea) {
    this.flash = flash;
    this.area = area;
  }

  /** Done by the engine at every start: a Storage that makes no sense is erased as a whole. True when that happened. */
  checkAtStart(): boolean {
    if (this.#isValid()) return false;
    this.eraseAll();
    return true;
  }

  eraseAll(): void {
    const { start, length } = this.area;
    for (let at = start; at < start + length; at += this.flash.model.page) this.flash.erase(at);
  }

  erase(name: string): boolean {
    const file = this.#find(nameBytes(name));
    if (!file) return false;
    this.#delete(file);
    return true;
  }

  /** Address of the data and size of a file. */
  locate(name: string): { address: number; size: number } | undefined {
    const file = this.#find(nameBytes(name));
    return file && { address: file.at + HEADER, size: file.size };
  }

  read(name: string, offset = 0, length = 0): Uint8Array | undefined {
    const file = this.#find(nameBytes(name));
    if (!file) return undefined;
    const from = Math.min(Math.max(offset, 0), file.size);
    let count = length <= 0 ? file.size : length;
    if (from + count > file.size) count = file.size - from;
    return this.flash.read(file.at + HEADER + from, Math.max(0, count));
  }

  write(name: string, data: Uint8Array, offset = 0, wanted = 0, flags = 0): boolean {
    if (offset < 0 || wanted < 0) return false;
    const bytes = nameBytes(name);
    const size = wanted || data.length;
    if (!size) throw new StorageError("Can't create zero length file");
    let file = this.#find(bytes);
    if (offset === 0 && (!file || flags !== file.flags || size !== file.size || !this.#isErased(file.at + HEADER, size))) {
      if (file && size === file.size && flags === file.flags && data.length === size && this.#equals(file.at + HEADER, data)) return true;
      if (file) this.#delete(file);
      file = this.#create(bytes, size, flags);
    }
    if (!file) throw new StorageError("Unable to find or create file");
    if (offset + data.length > file.size) throw new StorageError("Too much data for file size");
    const address = file.at + HEADER + offset;
    if (!this.#isErased(address, data.length)) throw new StorageError("File already written with different data");
    this.writeAligned(address, data);
    return true;
  }

  /** Names of all files, deleted ones left out; `storageFiles` keeps only (true) or leaves out (false) those made by `open`. */
  list(storageFiles?: boolean): string[] {
    const names: string[] = [];
    for (const file of this.#files()) {
      if (!isReal(file)) continue;
      let name = nameString(file.name);
      if (file.flags & STORAGE_FILE) {
        if (storageFiles === false || !name.endsWith("\x01")) continue;
        if (storageFiles) name = name.slice(0, -1);
      } else if (storageFiles) continue;
      names.push(name);
    }
    return names;
  }

  stats(): StorageStats {
    const { start, length } = this.area;
    const stats: StorageStats = { totalBytes: length, freeBytes: 0, fileBytes: 0, fileCount: 0, trashBytes: 0, trashCount: 0 };
    let end = start;
    for (const file of this.#files()) {
      const bytes = this.#aligned(file.size) + HEADER;
      end = file.at + bytes;
      stats[file.deleted ? "trashBytes" : "fileBytes"] += bytes;
      stats[file.deleted ? "trashCount" : "fileCount"]++;
    }
    stats.freeBytes = start + length - end;
    return stats;
  }

  getFree(): number {
    return this.stats().freeBytes;
  }

  /** In place and not safe against power cuts. True when it freed something. */
  compact(): boolean {
    const files = [...this.#files()];
    const firstDeleted = files.findIndex((file) => file.deleted);
    if (firstDeleted < 0) return false;
    this.compactions++;
    this.onCompaction?.(files.length);
    const page = this.flash.model.page;
    const onPage = (file: Header): boolean => (file.at - this.area.start) % page === 0;
    const from =
      files
        .slice(0, firstDeleted + 1)
        .reverse()
        .find(onPage)?.at ?? this.area.start;
    const room = Math.min(this.stats().fileBytes, page + HEADER);
    const end = this.area.start + this.area.length;
    let writeAt = from;
    let held: number[] = [];
    // Writes what is held, but never into a page that is still being read from.
    const flush = (readAt: number): void => {
      while (held.length) {
        const next = Math.min(this.#nextPage(writeAt), end);
        if (readAt < next) return;
        const part = Uint8Array.from(held.slice(0, Math.min(held.length, next - writeAt)));
        if ((writeAt - this.area.start) % page === 0) this.flash.erase(writeAt);
        this.flash.program(writeAt, part);
        writeAt += part.length;
        held = held.slice(part.length);
      }
    };
    let last = from;
    for (const file of files) {
      if (file.at < from) continue;
      let readAt = file.at + HEADER;
      const stop = readAt + this.#aligned(file.size);
      last = stop;
      if (!isReal(file)) continue;
      held.push(...this.flash.read(file.at, HEADER));
      flush(readAt);
      while (readAt < stop) {
        const part = Math.min(stop - readAt, room - held.length);
        if (part <= 0) return false;
        held.push(...this.flash.read(readAt, part));
        readAt += part;
        flush(readAt);
      }
    }
    flush(end);
    if (writeAt !== from) writeAt = (writeAt - this.area.start) % page ? this.#nextPage(writeAt) : writeAt;
    for (; writeAt < Math.min(end, this.#nextPage(last)); writeAt += page) this.flash.erase(writeAt);
    return true;
  }

  /** Programs `data` at any address, filling up to whole units with what is there. */
  writeAligned(address: number, data: Uint8Array): void {
    const unit = this.area.alignment;
    const start = address - (address % unit);
    const length = this.#aligned(address + data.length - start);
    if (start === address && length === data.length) {
      this.flash.program(address, data);
      return;
    }
    // The engine programs a ragged head, the aligned middle and a ragged tail one after the other, so each can be cut from the others.
    let at = 0;
    const head = Math.min(data.length, (unit - (address % unit)) % unit);
    const ragged = (from: number, count: number): void => {
      const base = address + from - ((address + from) % unit);
      const bytes = this.flash.read(base, unit);
      bytes.set(data.subarray(from, from + count), address + from - base);
      this.flash.program(base, bytes);
    };
    if (head) ragged(0, head);
    at = head;
    const middle = data.length - at - ((data.length - at) % unit);
    if (middle) this.flash.program(address + at, data.subarray(at, at + middle));
    at += middle;
    if (at < data.length) ragged(at, data.length - at);
  }

  #aligned(length: number): number {
    return Math.ceil(length / this.area.alignment) * this.area.alignment;
  }

  #pageOf(address: number): number {
    return address - ((address - this.area.start) % this.flash.model.page);
  }

  #nextPage(address: number): number {
    return this.#pageOf(address) + this.flash.model.page;
  }

  #isErased(address: number, length: number): boolean {
    return this.flash.read(address, length).every((byte) => byte === 0xff);
  }

  #equals(address: number, data: Uint8Array): boolean {
    return this.flash.read(address, data.length).every((byte, i) => byte === data[i]);
  }

  /** The header at `at`, or undefined where there is none or it points out of the area. */
  #header(at: number): Header | undefined {
    const raw = this.flash.read(at, HEADER);
    const word = (raw[0] | (raw[1] << 8) | (raw[2] << 16) | (raw[3] << 24)) >>> 0;
    const size = word & 0xffffff;
    if (word === UNSET || word === 0 || at + HEADER + size > this.area.start + this.area.length) return undefined;
    const name = raw.slice(4);
    return { at, size, flags: word >>> 24, name, deleted: !(name[0] | name[1] | name[2] | name[3]) };
  }

  /** Files in their order; after the last of a page it goes on with the next page's start, as the engine does. */
  *#files(fromPage = this.area.start, all = true): Generator<Header> {
    const end = this.area.start + this.area.length;
    let header = this.#header(fromPage);
    while (header) {
      yield header;
      const at = header.at + HEADER + this.#aligned(header.size);
      if (at + HEADER > end) return;
      header = this.#header(at);
      if (!header && all) {
        const next = this.#nextPage(at);
        if (next >= end) return;
        header = this.#header(next);
      }
    }
  }

  #find(name: Uint8Array): Header | undefined {
    for (const file of this.#files()) if (file.name.every((byte, i) => byte === name[i])) return file;
    return undefined;
  }

  #delete(file: Header): void {
    this.flash.program(file.at + 4, new Uint8Array(4));
  }

  #create(name: Uint8Array, size: number, flags: number): Header | undefined {
    const needed = this.#aligned(size) + HEADER;
    for (let compacted = false; ; compacted = true) {
      const { free, space } = this.#freeFor(needed);
      if (free !== undefined) {
        const raw = new Uint8Array(HEADER);
        new DataView(raw.buffer).setUint32(0, ((flags << 24) | size) >>> 0, true);
        raw.set(name, 4);
        this.flash.program(free, raw);
        return { at: free, size, flags, name, deleted: false };
      }
      if (compacted || needed >= space || !this.compact()) return undefined;
    }
  }

  /** A place with `needed` bytes, or else how much room compacting could make. */
  #freeFor(needed: number): { free?: number; space: number } {
    const end = this.area.start + this.area.length;
    let space = 0;
    let page: number | undefined = this.area.start;
    while (page !== undefined) {
      let at = page;
      for (const file of this.#files(page, false)) {
        if (file.deleted) space += file.size;
        at = file.at + HEADER + this.#aligned(file.size);
      }
      if (at + HEADER > end) return { space };
      let limit = this.#nextPage(at);
      if (limit < end && !this.#header(limit)) limit = end;
      space += limit - at;
      if (limit - at >= needed) return { free: at, space };
      const next = this.#nextPage(at);
      page = next < end ? next : undefined;
    }
    return { space };
  }

  #isValid(): boolean {
    const { start, length } = this.area;
    const end = start + length;
    let last: Header | undefined;
    for (const file of this.#files()) last = file;
    if (!last) return this.#isErased(start, length);
    const at = last.at + HEADER + this.#aligned(last.size);
    if (at + HEADER > end) return at <= end;
    if (this.#isErased(at, HEADER)) {
      const next = this.#nextPage(at);
      return next >= end || this.#isErased(next, HEADER);
    }
    const next = this.#nextPage(at);
    return next < end && this.#isErased(next, HEADER);
  }
}

function isReal(file: Header): boolean {
  return !file.deleted && (file.flags === 0 || file.flags === STORAGE_FILE || file.flags === COMPRESSED);
}

/** The first 28 characters, one byte each, padded with zeroes. */
function nameBytes(name: string): Uint8Array {
  const bytes = new Uint8Array(NAME);
  for (let i = 0; i < Math.min(NAME, name.length); i++) bytes[i] = name.charCodeAt(i);
  return bytes;
}

function nameString(name: Uint8Array): string {
  const end = name.indexOf(0);
  return String.fromCharCode(...name.subarray(0, end < 0 ? NAME : end));
}
