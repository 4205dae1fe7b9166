import { createHash, randomBytes } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { copyFile, open } from "node:fs/promises";
import { join } from "node:path";
import { AdvertBody, FormBody, PICTURE_LIMIT, type AreaBody } from "../center/api/delivery-messages.js";
import { sealContent } from "../center/catalog/sealing.js";
import { open as openSealed } from "../core/seal.js";

/** Suite that contents are sealed in: the one that boards open fastest, with the AES of their engines. */
const SUITE = 2;

interface Item {
  /** Samples a second, 0 for plain bytes. */
  rate: number;
  length: number;
  adverts: AdvertBody[];
}

/** The contents of a store, and what it has sealed of them, in one folder. Files are there whole or not at all. */
export class StoreContents {
  private readonly sealings = new Map<string, { failed: string | null }>();

  /** @param key - secret that the store shares with the center, 32 bytes */
  constructor(
    private readonly folder: string,
    private readonly key: Uint8Array,
  ) {
    for (const name of ["items", "sealed", "pictures"]) mkdirSync(join(folder, name), { recursive: true, mode: 0o700 });
  }

  /** Takes a file in under its item number, in place of what was there; what was sealed of that is gone. */
  async add(contentId: string, file: string, rate: number): Promise<void> {
    const { length } = { length: statSync(file).size };
    const target = join(this.folder, "items", contentId);
    await copyFile(file, `${target}.part`);
    renameSync(`${target}.part`, target);
    this.write(`${target}.json`, { rate, length, adverts: this.item(contentId)?.adverts ?? [] } satisfies Item);
  }

  /** Attaches an advert to a content: a picture with up to four icons. */
  attach(contentId: string, picture: Uint8Array, mediaType: string, areas: AreaBody[]): string {
    const item = this.item(contentId);
    if (item === undefined) throw new Error(`The store has no item ${contentId}; add it first.`);
    if (item.adverts.length >= 4) throw new Error("A content has at most four adverts.");
    if (picture.length === 0 || picture.length > PICTURE_LIMIT) throw new Error(`A picture has 1 to ${String(PICTURE_LIMIT)} bytes.`);
    const sha256 = createHash("sha256").update(picture).digest("hex");
    writeFileSync(join(this.folder, "pictures", sha256), picture, { flush: true });
    const id = randomBytes(8).toString("hex");
    this.write(join(this.folder, "items", `${contentId}.json`), {
      ...item,
      adverts: [...item.adverts, { id, mediaType, length: picture.length, sha256, areas }],
    });
    return id;
  }

  /** The content as it is sealed in this version; "sealing" while that is under way, which this call begins. */
  form(contentId: string, version: number, wrapped: Uint8Array): FormBody | "sealing" {
    const item = this.item(contentId);
    if (item === undefined) throw new Error(`The store has no item ${contentId}; add it first.`);
    const name = `${contentId}-${String(version)}`;
    const done = this.read<Omit<FormBody, "adverts">>(join(this.folder, "sealed", `${name}.json`));
    if (done !== undefined) return { ...done, adverts: item.adverts };
    const running = this.sealings.get(name);
    if (running?.failed) {
      this.sealings.delete(name);
      throw new Error(running.failed);
    }
    if (running === undefined) {
      const titleKey = new Uint8Array(32);
      const place = Buffer.concat([Buffer.from(contentId, "hex"), Uint8Array.of(version >>> 8, version & 255)]);
      if (wrapped.length !== 48 || !openSealed(titleKey, this.key, place, wrapped))
        throw new Error("The title key was not sealed for this store; take the store in anew.");
      const state = { failed: null as string | null };
      this.sealings.set(name, state);
      this.seal(contentId, version, item, titleKey).then(
        () => this.sealings.delete(name),
        (error: unknown) => {
          state.failed = `The content could not be sealed: ${error instanceof Error ? error.message : String(error)}`;
        },
      );
    }
    return "sealing";
  }

  /** The sealed bytes behind the header, from `start` on. */
  sealed(contentId: string, version: number, start: number): ReturnType<typeof createReadStream> {
    return createReadStream(this.sealedPath(contentId, version), { start, highWaterMark: 1 << 20 });
  }

  sealedPath(contentId: string, version: number): string {
    return join(this.folder, "sealed", `${contentId}-${String(version)}`);
  }

  picture(sha256: string): Buffer {
    return readFileSync(join(this.folder, "pictures", sha256));
  }

  private async seal(contentId: string, version: number, item: Item, titleKey: Uint8Array): Promise<void> {
    const plain = createReadStream(join(this.folder, "items", contentId), { highWaterMark: 1 << 20 });
    const { header, chunks } = sealContent(plain, titleKey, Buffer.from(contentId, "hex"), version, SUITE);
    const path = this.sealedPath(contentId, version);
    const file = await open(`${path}.part`, "w", 0o600);
    const hash = createHash("sha256");
    let length = 0;
    try {
      for await (const bytes of chunks) {
        hash.update(bytes);
        length += bytes.length;
        await file.write(bytes);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (length > 0xffffffff) {
      rmSync(`${path}.part`);
      throw new Error("a content of more than 4 GiB cannot be played");
    }
    renameSync(`${path}.part`, path);
    this.write(`${path}.json`, { header: Buffer.from(header).toString("hex"), length, rate: item.rate, sha256: hash.digest("hex") });
  }

  private item(contentId: string): Item | undefined {
    return this.read<Item>(join(this.folder, "items", `${contentId}.json`));
  }

  private read<T>(path: string): T | undefined {
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
  }

  private write(path: string, value: unknown): void {
    writeFileSync(`${path}.part`, JSON.stringify(value), { flush: true, mode: 0o600 });
    renameSync(`${path}.part`, path);
  }
}
