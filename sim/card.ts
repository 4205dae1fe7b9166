/**
 * An SD card with a FAT file system, seen through the engine's File objects. Sectors are not simulated: what a file was told to hold at
 * its last close survives a power cut, and so does any part of what was written since, in order; the file system itself never breaks.
 */
import type { Random } from "./random.js";

interface StoredFile {
  data: Uint8Array;
  length: number;
  /** Length at the last close. */
  settled: number;
}

export type FileOperation = { op: "open" | "write" | "close"; name: string; offset: number; length: number };

export class MemoryCard {
  readonly capacity: number;
  present = true;
  onOperation: ((operation: FileOperation) => void) | undefined;
  /** Told what a file holds at each close; `content` is not a copy. */
  onSettled: ((name: string, content: Uint8Array) => void) | undefined;
  readonly #files = new Map<string, StoredFile>();
  readonly #random: Random;

  constructor(capacity: number, random: Random) {
    this.capacity = capacity;
    this.#random = random;
  }

  /** A copy of a file's content. */
  content(name: string): Uint8Array | undefined {
    const file = this.#files.get(name);
    return file?.data.slice(0, file.length);
  }

  /** Sets a file's content from outside, as somebody with a card reader can. */
  put(name: string, data: Uint8Array): void {
    this.#files.set(name, { data: data.slice(), length: data.length, settled: data.length });
  }

  /** Changes bits of one byte where it lies, whether the file is open or not. */
  damage(name: string, offset: number, bits: number): void {
    const file = this.#files.get(name);
    if (!file || offset >= file.length) throw new Error(`there is no byte ${String(offset)} in a file ${name} on the card`);
    file.data[offset] ^= bits;
  }

  names(): string[] {
    return [...this.#files.keys()];
  }

  remove(name: string): boolean {
    return this.#files.delete(name);
  }

  used(): number {
    let sum = 0;
    for (const file of this.#files.values()) sum += file.length;
    return sum;
  }

  /** Files that were open keep what was settled and any part of the rest. */
  powerOff(): void {
    for (const file of this.#files.values()) {
      if (file.length > file.settled) file.length = file.settled + this.#random.below(file.length - file.settled + 1);
      file.settled = file.length;
    }
  }

  open(name: string, mode: string): OpenFile | undefined {
    if (!this.present || !["r", "r+", "w", "w+", "a"].includes(mode)) return undefined;
    let file = this.#files.get(name);
    if (!file && mode.startsWith("r")) return undefined;
    if (!file || mode === "w") this.#files.set(name, (file = { data: new Uint8Array(0), length: 0, settled: 0 }));
    this.onOperation?.({ op: "open", name, offset: 0, length: file.length });
    return new OpenFile(this, name, file, mode);
  }
}

export class OpenFile {
  readonly name: string;
  position: number;
  readonly #card: MemoryCard;
  readonly #file: StoredFile;
  readonly #mode: string;
  #open = true;

  constructor(card: MemoryCard, name: string, file: StoredFile, mode: string) {
    this.#card = card;
    this.name = name;
    this.#file = file;
    this.#mode = mode;
    this.position = mode === "a" ? file.length : 0;
  }

  /** Bytes written: fewer than asked when the card is full or gone. */
  write(bytes: Uint8Array): number {
    if (!this.#open || this.#mode === "r" || !this.#card.present) return 0;
    const file = this.#file;
    const room = this.#card.capacity - this.#card.used() + Math.max(0, file.length - this.position);
    const count = Math.max(0, Math.min(bytes.length, room));
    this.#card.onOperation?.({ op: "write", name: this.name, offset: this.position, length: count });
    const end = this.position + count;
    if (end > file.data.length) {
      const grown = new Uint8Array(Math.max(end, 2 * file.data.length, 4096));
      grown.set(file.data.subarray(0, file.length));
      file.data = grown;
    }
    file.data.set(bytes.subarray(0, count), this.position);
    file.length = Math.max(file.length, end);
    this.position = end;
    return count;
  }

  read(length: number): Uint8Array | undefined {
    if (!this.#open || this.#mode === "w" || this.#mode === "a" || !this.#card.present) return undefined;
    const bytes = this.#file.data.slice(this.position, Math.min(this.#file.length, this.position + length));
    this.position += bytes.length;
    return bytes;
  }

  seek(position: number): void {
    if (this.#open) this.position = Math.min(Math.max(0, position), this.#file.length);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#card.onOperation?.({ op: "close", name: this.name, offset: 0, length: this.#file.length });
    this.#file.settled = this.#file.length;
    this.#card.onSettled?.(this.name, this.#file.data.subarray(0, this.#file.length));
  }
}
