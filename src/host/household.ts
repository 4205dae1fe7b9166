import { createHash } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  closeSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ClientDevice, type ContentSource, type HeldLicense } from "./client-device.js";
import type { Carried, KeptContent, Parcel } from "./parcel.js";

/** A license server refused, or did not answer: the stable name of the problem, and a sentence. */
export class HouseholdProblem extends Error {
  constructor(
    readonly problem: string,
    detail: string,
  ) {
    super(detail);
  }
}

/** A move under way, as the source's terminal keeps it. */
interface Move {
  licenseId: string;
  useId: string;
  order: string;
  /** True once another client than that of the order was to have the license. */
  redirected?: boolean;
}

/** A move that the source is done with: its proof gets the same certificate again, should the parcel be lost on the way. */
interface Given {
  destinationId: string;
  removed: string;
  parcel: Parcel;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** A license server as a terminal asks it. */
export class LicenseServerClient {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url.replace(/\/$/, "");
  }

  async ask<T>(path: string, body?: object): Promise<T> {
    const response = await this.#fetch(
      path,
      body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
    );
    return (await response.json()) as T;
  }

  /** Sealed bytes from `from` on. */
  async bytes(content: KeptContent, from: number): Promise<Response> {
    const path = `/v1/contents/${content.contentId}/${String(content.version)}/${String(content.suite)}`;
    return this.#fetch(path, from > 0 ? { headers: { range: `bytes=${String(from)}-` } } : {});
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(this.#url + path, init);
    } catch {
      throw new HouseholdProblem("not-ready", `The license server at ${this.#url} does not answer; try again later.`);
    }
    if (response.ok) return response;
    const { type = "", detail = `The license server answered ${String(response.status)}; try again later.` } = (await response
      .json()
      .catch(() => ({}))) as {
      type?: string;
      detail?: string;
    };
    throw new HouseholdProblem(type.replace(/^\/problems\//, ""), detail);
  }
}

/** Contents that a terminal keeps in a folder: `<content id>.json` and the sealed bytes in `<content id>.sealed`. */
export class ContentFolder {
  constructor(private readonly folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  find(contentId: string): KeptContent | null {
    return this.note<KeptContent>(contentId, "json");
  }

  path(contentId: string): string {
    return join(this.folder, `${contentId}.sealed`);
  }

  /** What was noted about a content under this name, or null. */
  note<T>(contentId: string, name: string): T | null {
    const path = join(this.folder, `${contentId}.${name}`);
    return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : null;
  }

  /** Keeps a note, on the disk when this returns; null forgets it. */
  keepNote(contentId: string, name: string, note: object | null): void {
    const path = join(this.folder, `${contentId}.${name}`);
    if (note === null) return rmSync(path, { force: true });
    writeFileSync(`${path}.part`, JSON.stringify(note), { flush: true });
    renameSync(`${path}.part`, path);
  }

  /** Takes a content in from a stream of its sealed bytes; what has another hash is refused. */
  async take(content: KeptContent, bytes: (from: number) => Promise<AsyncIterable<Uint8Array>>): Promise<void> {
    const part = `${this.path(content.contentId)}.part`;
    const from = existsSync(part) && statSync(part).size <= content.length ? statSync(part).size : 0;
    if (from < content.length) await pipeline(Readable.from(await bytes(from)), createWriteStream(part, from > 0 ? { flags: "a" } : {}));
    const hash = createHash("sha256");
    for await (const piece of createReadStream(part)) hash.update(piece as Uint8Array);
    if (hash.digest("hex") !== content.sha256) {
      rmSync(part, { force: true });
      throw new HouseholdProblem("digest-mismatch", "The content did not arrive as it was announced; fetch it again.");
    }
    renameSync(part, this.path(content.contentId));
    this.keepNote(content.contentId, "json", content);
  }

  /** The content as the client asks for it, or null when it is not here. */
  source(contentId: string): ContentSource | null {
    const content = this.find(contentId);
    if (content === null) return null;
    return {
      header: unhex(content.header),
      sealedLength: content.length,
      rate: content.sampleRate,
      read: (offset, length) => {
        const file = openSync(this.path(contentId), "r");
        const bytes = new Uint8Array(length);
        try {
          return Promise.resolve(bytes.subarray(0, readSync(file, bytes, 0, length, offset)));
        } finally {
          closeSync(file);
        }
      },
    };
  }
}

/** What a household's terminal does with one client: it carries sealed messages between client and license server, and keeps sealed bytes. */
export class HouseholdTerminal {
  constructor(
    readonly client: ClientDevice,
    private readonly server: LicenseServerClient,
    readonly contents: ContentFolder,
  ) {}

  async clientId(): Promise<string> {
    return hex((await this.client.session.info()).id);
  }

  /** Registers the client with the license server that the center named for it. Safe to repeat. */
  async register(): Promise<void> {
    const { treeKeys, registration } = await this.server.ask<{ treeKeys: string[]; registration: string }>(
      `/v1/clients/${await this.clientId()}/registration`,
    );
    await this.client.register({ treeKeys: treeKeys.map(unhex), registration: unhex(registration) });
  }

  /** Fetches a content and keeps it; a transfer that broke goes on where it stopped. */
  async fetch(contentId: string): Promise<KeptContent> {
    const clientId = await this.clientId();
    const { nonce, proof } = await this.client.requestLicense(unhex(contentId));
    const answer = await this.server.ask<KeptContent & { epoch: number; slice: string }>("/v1/contents", {
      clientId,
      contentId,
      nonce: hex(nonce),
      proof: hex(proof),
    });
    const content: KeptContent = { ...answer, contentId };
    await this.contents.take(
      content,
      async (from) => (await this.server.bytes(content, from)).body as unknown as AsyncIterable<Uint8Array>,
    );
    return content;
  }

  /** Gets a license of a content that was fetched; answers its id. */
  async license(contentId: string): Promise<string> {
    const clientId = await this.clientId();
    const { nonce, proof } = await this.client.requestLicense(unhex(contentId));
    const { licenseId, license, slice } = await this.server.ask<{ licenseId: string; license: string; slice: string }>("/v1/licenses", {
      clientId,
      contentId,
      nonce: hex(nonce),
      proof: hex(proof),
    });
    await this.client.enable(unhex(slice));
    const held = await this.client.takeLicense(unhex(license));
    await this.server.ask(`/v1/licenses/${licenseId}/completion`, { clientId, proof: hex(held) });
    return licenseId;
  }

  /**
   * Gives the license of a content away: it is removed from this client first, and only then the destination's license server makes the copy certificate. A
   * move that broke off is finished by doing it again: what the client has removed it says again, and a certificate that was made is fetched again. Until one is
   * made, another destination may be named, also this client itself.
   *
   * @param server - the destination's license server
   * @returns what is to be carried to the destination, beside the sealed bytes
   */
  async give(contentId: string, destinationId: string, server: LicenseServerClient): Promise<Parcel> {
    const content = this.contents.find(contentId);
    if (content === null) throw new HouseholdProblem("not-found", `Content ${contentId} is not here; fetch it first.`);
    const held = (await this.client.licenses()).find((license) => hex(license.contentId) === contentId);
    const before = this.contents.note<Given>(contentId, "given");
    if (held === undefined && before?.destinationId === destinationId) return this.giveAgain(content, before, server);
    const move = await this.beginMove(contentId, destinationId, server, held);
    const removed = hex(await this.client.remove(unhex(move.order)));
    const { useId } = move.redirected
      ? await server.ask<{ useId: string }>(`/v1/moves/${move.useId}/redirection`, { destinationId, removed })
      : move;
    const { parcel, settlement } = await certify(content, useId, removed, server);
    this.contents.keepNote(contentId, "given", { destinationId, removed, parcel } satisfies Given);
    await this.client.settle(unhex(move.useId), unhex(settlement));
    this.contents.keepNote(contentId, "move", null);
    return parcel;
  }

  /** The same one use once more, under the newest epoch where the server is within reach. */
  private async giveAgain(content: KeptContent, { parcel, removed }: Given, server: LicenseServerClient): Promise<Parcel> {
    try {
      return (await certify(content, parcel.useId, removed, server)).parcel;
    } catch (error) {
      if (error instanceof HouseholdProblem && error.problem === "not-ready") return parcel;
      throw error;
    }
  }

  /** The order to remove the license: a new one, or the one that a cut left behind when the client had followed it already. */
  private async beginMove(
    contentId: string,
    destinationId: string,
    server: LicenseServerClient,
    held: HeldLicense | undefined,
  ): Promise<Move> {
    if (held === undefined) throw new HouseholdProblem("license-not-held", `This client has no license of content ${contentId}.`);
    if (held.moved !== null) {
      const before = this.contents.note<Move>(contentId, "move");
      if (before?.useId !== hex(held.moved.useId))
        throw new HouseholdProblem(
          "license-not-held",
          `The license of content ${contentId} is on its way to client ${hex(held.moved.destination)}; finish that move where it began.`,
        );
      if (before.redirected || hex(held.moved.destination) === destinationId) return before;
      const move = { ...before, redirected: true };
      this.contents.keepNote(contentId, "move", move);
      return move;
    }
    const licenseId = hex(held.licenseId);
    const { nonce, proof } = await this.client.requestMove(held.licenseId, unhex(destinationId));
    const sourceId = await this.clientId();
    const asked = { licenseId, sourceId, destinationId, nonce: hex(nonce), proof: hex(proof) };
    const { useId, order } = await server.ask<{ useId: string; order: string }>("/v1/moves", asked);
    const move = { licenseId, useId, order };
    // Before the client follows it: the order is needed again if what follows is cut off.
    this.contents.keepNote(contentId, "move", move);
    return move;
  }

  /**
   * Takes a content in with its copy certificate, without any network: sealed bytes first, then the part of the enabling block, then the certificate, out of which
   * the client takes its license. Answers the client's proof, for the license server when there is one within reach. Safe to repeat.
   */
  async takeIn({ parcel, bytes }: Carried): Promise<Uint8Array> {
    if (this.contents.find(parcel.content.contentId) === null)
      await this.contents.take(parcel.content, (from) => Promise.resolve(bytes(from)));
    await this.client.enable(unhex(parcel.slice));
    return this.client.takeCopy(unhex(parcel.certificate));
  }
}

/** The license server's copy certificate for what the source has removed, and the settlement for the source. */
async function certify(
  content: KeptContent,
  useId: string,
  removed: string,
  server: LicenseServerClient,
): Promise<{ parcel: Parcel; settlement: string }> {
  const answer = await server.ask<{ certificate: string; slice: string; settlement: string }>(`/v1/moves/${useId}/removal`, { removed });
  return { parcel: { content, useId, certificate: answer.certificate, slice: answer.slice }, settlement: answer.settlement };
}
