import { createHash, randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { access, constants, open, readFile, rename, rm } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { ProblemError } from "../api/problems.js";

/** What was stored: its length and SHA-256 in hex, which is also its name. */
export interface StoredFile {
  length: number;
  sha256: string;
}

/** Files by their hash: sealed contents and pictures. A file is there whole or not at all, and the same bytes are there once. */
export class FileStore {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /**
   * Stores what `source` yields, with constant memory. Durable when it returns.
   *
   * @throws ProblemError above `limit` bytes; then nothing is left behind
   */
  async put(source: AsyncIterable<Uint8Array>, limit: number): Promise<StoredFile> {
    const temporary = join(this.folder, `${randomBytes(8).toString("hex")}.part`);
    const file = await open(temporary, "wx", 0o600);
    const hash = createHash("sha256");
    let length = 0;
    try {
      for await (const bytes of source) {
        length += bytes.length;
        if (length > limit) throw new ProblemError("too-large", `At most ${String(limit)} bytes are taken here; send less.`);
        hash.update(bytes);
        await file.write(bytes);
      }
      await file.sync();
      await file.close();
      const sha256 = hash.digest("hex");
      await this.publish(temporary, sha256);
      return { length, sha256 };
    } catch (error) {
      await file.close().catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    }
  }

  private async publish(temporary: string, sha256: string): Promise<void> {
    const path = this.path(sha256);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await rename(temporary, path);
    const folder = await open(dirname(path), "r");
    await folder.sync();
    await folder.close();
  }

  /** The bytes from `start` to `end`, both included. */
  read(sha256: string, start: number, end: number): Readable {
    return createReadStream(this.path(sha256), { start, end });
  }

  /** All bytes of a small file. @throws Error when they are no longer those that were stored */
  async whole(sha256: string): Promise<Buffer> {
    const bytes = await readFile(this.path(sha256));
    if (createHash("sha256").update(bytes).digest("hex") !== sha256)
      throw new Error(`The file ${sha256} is damaged on the center's disk; send it again.`);
    return bytes;
  }

  /** Rejects when the folder cannot be written to. */
  async check(): Promise<void> {
    await access(this.folder, constants.W_OK);
  }

  private path(sha256: string): string {
    return join(this.folder, sha256.slice(0, 2), sha256);
  }
}
