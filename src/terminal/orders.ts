import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { open, truncate, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { AdvertBody, Manifest } from "../center/api/delivery-messages.js";
import type { ContentSource } from "../host/client-device.js";

/** Bytes after which what has come is made durable. */
const SYNCED = 64 << 20;

/** A delivery that does not fit what the center said about it. */
export class DeliveryError extends Error {}

/**
 * What was delivered, in one folder: for each order the center's manifest, the sealed content as far as it has come, adverts, and the client's proof that it
 * has the key. Sealed content is no secret; the keys are in the client alone.
 */
export class DeliveredOrders {
  private readonly receiving = new Set<string>();

  constructor(private readonly folder: string) {
    mkdirSync(join(folder, "orders"), { recursive: true, mode: 0o700 });
  }

  list(): string[] {
    return readdirSync(join(this.folder, "orders"))
      .filter((name) => /^[0-9a-f]{32}$/.test(name))
      .sort();
  }

  manifest(orderId: string): Manifest | undefined {
    return this.read<Manifest>(orderId, "manifest.json");
  }

  /** Keeps the manifest of a delivery that begins; it is durable when the content is. What came whole before a kill, and was not checked, is checked now. */
  async begin(manifest: Manifest): Promise<void> {
    const { orderId } = manifest;
    const before = this.manifest(orderId);
    if (before !== undefined && before.sha256 !== manifest.sha256)
      throw new DeliveryError("This order's delivery began with another content.");
    if (before === undefined) this.write(orderId, "manifest.json", manifest);
    if (this.whole(orderId) || this.receiving.has(orderId) || this.received(orderId) < manifest.length) return;
    this.receiving.add(orderId);
    try {
      await syncFile(this.path(orderId, "content.part"));
      await this.complete(manifest, await sha256Of(this.path(orderId, "content.part")));
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
    } finally {
      this.receiving.delete(orderId);
    }
  }

  /** Bytes of the content that are here. */
  received(orderId: string): number {
    for (const name of ["content", "content.part"]) {
      const path = this.path(orderId, name);
      if (existsSync(path)) return statSync(path).size;
    }
    return 0;
  }

  whole(orderId: string): boolean {
    return existsSync(this.path(orderId, "content"));
  }

  /**
   * Takes bytes of the content from `from` on, with constant memory; whatever has come stays when the sender breaks off. When all is there it is checked, and
   * begins anew when it is not what the center announced.
   *
   * @param progress - told bytes received and bytes in all
   */
  async receive(
    manifest: Manifest,
    from: number,
    source: AsyncIterable<Uint8Array>,
    progress: (received: number, length: number) => void,
  ): Promise<void> {
    const { orderId, length } = manifest;
    if (this.receiving.has(orderId)) throw new DeliveryError("This content is being received over another connection.");
    if (this.whole(orderId)) return;
    if (from !== this.received(orderId))
      throw new DeliveryError(`The content is here up to byte ${String(this.received(orderId))}, not ${String(from)}; go on from there.`);
    this.receiving.add(orderId);
    const path = this.path(orderId, "content.part");
    // What came in several goes is read again to be checked.
    const hash = from === 0 ? createHash("sha256") : null;
    try {
      const file = await open(path, "a", 0o600);
      try {
        await append(file, source, from, length, (received, bytes) => {
          hash?.update(bytes);
          progress(received, length);
        });
      } finally {
        await file.sync();
        await file.close();
      }
      if (statSync(path).size < length) throw new DeliveryError("The content ended early; go on from where it is.");
      await this.complete(manifest, hash?.digest("hex") ?? (await sha256Of(path)));
    } finally {
      this.receiving.delete(orderId);
    }
  }

  /** Takes all that came as the content, when it has the hash announced; throws it away when not. */
  private async complete({ orderId, sha256 }: Manifest, hash: string): Promise<void> {
    const path = this.path(orderId, "content.part");
    if (hash !== sha256) {
      await truncate(path, 0);
      throw new DeliveryError("The content does not have the hash that the center announced; it is received anew.");
    }
    await syncFile(this.path(orderId, "manifest.json"));
    renameSync(path, this.path(orderId, "content"));
  }

  /** The content for the client; null while it is not here whole. */
  source(orderId: string): ContentSource | null {
    const manifest = this.manifest(orderId);
    if (manifest === undefined || !this.whole(orderId)) return null;
    const path = this.path(orderId, "content");
    return {
      header: Buffer.from(manifest.header, "hex"),
      sealedLength: manifest.length,
      rate: manifest.rate,
      read: async (offset, length) => {
        const file = await open(path, "r");
        try {
          const bytes = new Uint8Array(length);
          const { bytesRead } = await file.read(bytes, 0, length, offset);
          return bytes.subarray(0, bytesRead);
        } finally {
          await file.close();
        }
      },
    };
  }

  /** The client's proof that it has the key; undefined before. */
  proof(orderId: string): string | undefined {
    return this.read<{ proof: string }>(orderId, "key.json")?.proof;
  }

  /** Keeps the client's proof. Were it lost, the center would send the key again, which changes nothing. */
  keepProof(orderId: string, proof: string): void {
    this.write(orderId, "key.json", { proof });
  }

  /** Adverts that are here with their pictures. */
  adverts(orderId: string): AdvertBody[] {
    const folder = join(this.folder, "orders", orderId, "adverts");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as AdvertBody);
  }

  /** Keeps an advert with its picture. @throws DeliveryError when the picture is another than announced */
  keepAdvert(orderId: string, advert: AdvertBody, picture: Uint8Array): void {
    if (picture.length !== advert.length || createHash("sha256").update(picture).digest("hex") !== advert.sha256)
      throw new DeliveryError(`The picture of advert ${advert.id} is not the one that was announced.`);
    mkdirSync(join(this.folder, "orders", orderId, "adverts"), { recursive: true, mode: 0o700 });
    writeFileSync(this.path(orderId, `adverts/${advert.id}.${advert.mediaType.slice(6)}`), picture, { flush: true });
    this.write(orderId, `adverts/${advert.id}.json`, advert, true);
  }

  private path(orderId: string, name: string): string {
    return join(this.folder, "orders", orderId, name);
  }

  private read<T>(orderId: string, name: string): T | undefined {
    const path = this.path(orderId, name);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
  }

  private write(orderId: string, name: string, value: unknown, flush = false): void {
    mkdirSync(join(this.folder, "orders", orderId), { recursive: true, mode: 0o700 });
    const path = this.path(orderId, name);
    writeFileSync(`${path}.new`, JSON.stringify(value), { flush, mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
}

async function append(
  file: FileHandle,
  source: AsyncIterable<Uint8Array>,
  from: number,
  length: number,
  progress: (received: number, bytes: Uint8Array) => void,
): Promise<void> {
  let received = from;
  let synced = from;
  let writing: Promise<unknown> = Promise.resolve();
  for await (const bytes of source) {
    if (received + bytes.length > length) throw new DeliveryError(`More than the announced ${String(length)} bytes came.`);
    // One write goes on while the next bytes come in and are hashed.
    await writing;
    writing = file.write(bytes);
    writing.catch(() => undefined);
    received += bytes.length;
    if (received - synced >= SYNCED) {
      await writing;
      await file.datasync();
      synced = received;
    }
    progress(received, bytes);
  }
  await writing;
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(bytes as Uint8Array);
  return hash.digest("hex");
}
