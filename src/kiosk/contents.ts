import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { ProblemError } from "../center/api/problems.js";
import type { CenterClient } from "../center/client.js";
import { CenterAway } from "../center/client.js";
import { NotPossible } from "./not-possible.js";

/** A sealed content, as the catalog names it. */
export interface SealedForm {
  contentId: string;
  version: number;
  suite: number;
  length: number;
  /** Of the sealed bytes, hex. */
  sha256: string;
}

/** Breaks that one fetch survives by going on where it stopped. */
const RESUMPTIONS = 5;

/** Sealed contents that this kiosk keeps: ciphertext, fetched once, checked, and good for any loan. */
export class ContentCache {
  private readonly fetching = new Map<string, Promise<void>>();

  constructor(
    private readonly folder: string,
    private readonly client: CenterClient,
  ) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  has(form: SealedForm): boolean {
    return existsSync(this.path(form));
  }

  /** The sealed bytes, from the disk; `fetch` first. */
  read(form: SealedForm): AsyncIterable<Uint8Array> {
    return createReadStream(this.path(form));
  }

  /**
   * Makes sure that the content is here, whole and genuine. A transfer that broke, also in an earlier life of this process, goes on where it stopped.
   *
   * @throws CenterAway when the center does not answer; NotPossible when what it sent is not what the catalog announced
   */
  async fetch(form: SealedForm): Promise<void> {
    if (this.has(form)) return;
    const running = this.fetching.get(form.sha256) ?? this.transfer(form).finally(() => this.fetching.delete(form.sha256));
    this.fetching.set(form.sha256, running);
    await running;
  }

  private async transfer(form: SealedForm): Promise<void> {
    const part = `${this.path(form)}.part`;
    const file = await open(part, "a", 0o600);
    try {
      for (let attempt = 1; (await stat(part)).size < form.length; attempt++) {
        try {
          await this.append(form, file, (await stat(part)).size);
        } catch (error) {
          if (attempt >= RESUMPTIONS || error instanceof ProblemError) throw error;
        }
      }
      await file.sync();
    } finally {
      await file.close();
    }
    const digest = await sha256Of(part);
    if (digest !== form.sha256) {
      await rm(part, { force: true });
      throw new NotPossible(`What you chose arrived with hash ${digest} in place of ${form.sha256}; choose it again.`);
    }
    await rename(part, this.path(form));
  }

  private async append(form: SealedForm, file: FileHandle, from: number): Promise<void> {
    const path = `/v1/contents/${form.contentId}/sealed/${String(form.version)}/${String(form.suite)}`;
    const headers: Record<string, string> = from > 0 ? { range: `bytes=${String(from)}-`, "if-range": `"${form.sha256}"` } : {};
    const response = await this.client.bytes(path, headers);
    if (response.body === null) throw new CenterAway("The center sent no content; try again later.");
    if (from > 0 && response.status !== 206) await file.truncate(0);
    try {
      for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) await file.write(bytes);
    } catch (error) {
      throw new CenterAway("The content broke off; the transfer goes on where it stopped.", { cause: error });
    }
  }

  private path(form: SealedForm): string {
    return join(this.folder, form.sha256);
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path)) hash.update(bytes as Uint8Array);
  return hash.digest("hex");
}
