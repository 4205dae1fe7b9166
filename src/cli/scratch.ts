import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders = new Set<string>();

/** A new folder below `parent` that is gone when the process ends, unless it is killed. */
export function scratchFolder(name: string, parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `${name}-`));
  if (folders.size === 0) process.once("exit", removeAll);
  folders.add(folder);
  return folder;
}

/** Removes a scratch folder now, with all that is in it. */
export function removeScratch(folder: string): void {
  folders.delete(folder);
  rmSync(folder, { recursive: true, force: true });
}

function removeAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}
