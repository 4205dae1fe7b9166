import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** A file, or a folder of files, is not there or not what it should be; the sentence says what to do. */
export class UnfitFile extends Error {}

/** @throws UnfitFile when the file cannot be read, or is not JSON with an object */
export function readJson(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UnfitFile(`The file ${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"}); name one that exists.`);
  }
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Falls through to the one sentence.
  }
  throw new UnfitFile(`The file ${path} is not a JSON object; restore it from its backup.`);
}

/** Writes JSON that only its owner can read; by renaming, so that a cut leaves the old file or the new one. */
export function writeSecret(path: string, value: object): void {
  write(path, value, 0o600);
}

/** The same, for anyone to read. */
export function writePublic(path: string, value: object): void {
  write(path, value, 0o644);
}

function write(path: string, value: object, mode: number): void {
  const fresh = `${path}.new`;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(fresh, `${JSON.stringify(value, null, 2)}\n`, { mode, flush: true });
  renameSync(fresh, path);
}
