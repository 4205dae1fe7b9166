import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Replaces a file by renaming: after a cut there is the old one or the new one. On the disk when it returns. */
export function writeDurably(path: string, text: string): void {
  const temporary = `${path}.part`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, path);
  syncFolder(dirname(path));
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}

/**
 * Entries that survive a kill and a power cut: one file each, replaced by renaming, so that a cut leaves the old entry or the new one. What `put` has
 * returned for is on the disk.
 */
export class Spool<T> {
  private readonly entries = new Map<string, T>();

  /** Reads what is there; files of a cut are cleared away. */
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(folder).sort()) {
      if (file.endsWith(".json")) this.entries.set(file.slice(0, -5), JSON.parse(readFileSync(join(folder, file), "utf8")) as T);
      else rmSync(join(folder, file), { force: true });
    }
  }

  get size(): number {
    return this.entries.size;
  }

  get(id: string): T | undefined {
    return this.entries.get(id);
  }

  /** All entries, ordered by id. */
  list(): [string, T][] {
    return [...this.entries].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  put(id: string, entry: T): void {
    writeDurably(this.path(id), JSON.stringify(entry));
    this.entries.set(id, entry);
  }

  remove(id: string): void {
    rmSync(this.path(id), { force: true });
    syncFolder(this.folder);
    this.entries.delete(id);
  }

  private path(id: string): string {
    if (!NAME.test(id)) throw new Error(`A spool entry is named by letters and digits, not ${JSON.stringify(id)}.`);
    return join(this.folder, `${id}.json`);
  }
}
