/** Searches the memory of another process, as somebody with a debugger would. */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";

/** Shortest piece of a secret that counts as found: long enough that chance does not make one in some megabytes. */
const PIECE = 8;

/** Every writable mapping of the process: heap, data, stack, anonymous memory. */
export function writableMemory(pid: number): Buffer[] {
  const parts: Buffer[] = [];
  const memory = openSync(`/proc/${String(pid)}/mem`, "r");
  try {
    for (const line of readFileSync(`/proc/${String(pid)}/maps`, "latin1").split("\n")) {
      const found = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
      if (!found || line.endsWith("[vvar]")) continue;
      const start = parseInt(found[1], 16);
      const bytes = Buffer.alloc(parseInt(found[2], 16) - start);
      try {
        readSync(memory, bytes, 0, bytes.length, start);
      } catch {
        continue; // a mapping that cannot be read, such as a guard page
      }
      parts.push(bytes);
    }
  } finally {
    closeSync(memory);
  }
  return parts;
}

/**
 * How often any 8 bytes in a row of `secret` stand in the process's writable memory; an interpreter may keep an array in pieces, so that
 * the whole need not stand in a row.
 */
export function searchProcess(pid: number, secret: Uint8Array): number {
  let count = 0;
  for (const part of writableMemory(pid))
    for (let at = 0; at + PIECE <= secret.length; at++) {
      const piece = Buffer.from(secret.subarray(at, at + PIECE));
      for (let found = part.indexOf(piece); found >= 0; found = part.indexOf(piece, found + 1)) count++;
    }
  return count;
}
