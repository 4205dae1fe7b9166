/** A lending service of separate processes, driven as people do: `leyden` commands, screens of kiosks as pages, boards that are carried from slot to slot. */
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import * as admin from "../../../src/center/api/admin-routes.js";
import * as catalog from "../../../src/center/api/catalog-routes.js";
import { CenterClient } from "../../../src/center/client.js";
import { readIdentity, writeIdentity } from "../../../src/center/keys/identity.js";
import { enrollDevice } from "../../../src/center/enrollment.js";
import { KeyFolder } from "../../../src/center/keys/folder.js";
import { RootKeys } from "../../../src/center/keys/root.js";
import { ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK, ROLE_READER } from "../../../src/core/protocol/constants.js";

import { openPort } from "../../../src/host/open.js";
import { hex } from "../../../src/host/party.js";
import { Transport } from "../../../src/host/transport.js";
import { emptyDatabase } from "../../center/support/database.js";
import { removeFolder } from "../../support/folders.js";
import { SHORT_LIVED, nodeArguments } from "../../support/translated.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const LEYDEN = "scripts/leyden.mjs";
const PATIENCE = 60_000;

/** A process of the service: what it says, line by line. */
export class Part {
  private readonly lines: string[] = [];
  private waiting: { pattern: RegExp; found: (match: RegExpExecArray) => void }[] = [];
  private errors = "";
  /** All that it ever said, on either stream. */
  transcript = "";

  constructor(
    readonly name: string,
    readonly child: ChildProcess,
  ) {
    if (child.stdout)
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.lines.push(line);
        this.look();
      });
    child.stderr?.on("data", (data) => (this.errors += String(data)));
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data) => (this.transcript += String(data)));
  }

  /** The next line that matches; earlier ones are passed over. */
  says(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${this.name} did not say ${String(pattern)} within a minute; it said: ${this.lines.join(" | ")} ${this.errors}`));
      }, PATIENCE);
      this.waiting.push({
        pattern,
        found: (match) => {
          clearTimeout(timer);
          resolve(match);
        },
      });
      this.look();
    });
  }

  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  kill(): Promise<void> {
    return new Promise((resolve) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) resolve();
      else this.child.once("close", () => resolve());
      this.child.kill("SIGKILL");
    });
  }

  private look(): void {
    this.waiting = this.waiting.filter(({ pattern, found }) => {
      for (let index = 0; index < this.lines.length; index++) {
        const match = pattern.exec(this.lines[index]);
        if (!match) continue;
        this.lines.splice(0, index + 1);
        found(match);
        return false;
      }
      return true;
    });
  }
}

/** A board of the service, and where it is to be found. */
export interface Board extends Part {
  addresses: Record<string, string>;
}

export interface Title {
  id: string;
  plain: Uint8Array;
}

export class Service {
  readonly folder = mkdtempSync(join(tmpdir(), "leyden-service-"));
  readonly keys: KeyFolder;
  readonly parts: Part[] = [];
  url = "";
  /** What commands have printed. */
  private printed = "";

  constructor() {
    // Also when a test file fails before its tests begin.
    process.once("exit", () => {
      for (const { child } of this.parts) child.kill("SIGKILL");
    });
    const now = Math.floor(Date.now() / 1000);
    const validity = { notBefore: now - 3600, notAfter: now + 10 * 365 * 86_400 };
    this.keys = KeyFolder.create(join(this.folder, "keys"), RootKeys.create(join(this.folder, "root.json")), validity);
  }

  /** Starts a `leyden` command. */
  start(name: string, ...words: string[]): Part {
    return this.begin(name, SHORT_LIVED, LEYDEN, ...words);
  }

  /** Starts a program of this project. */
  launch(name: string, program: string, ...words: string[]): Part {
    return this.begin(name, ...nodeArguments(program), ...words);
  }

  private begin(name: string, ...words: string[]): Part {
    const child = spawn(process.execPath, words, { cwd: ROOT });
    const part = new Part(name, child);
    this.parts.push(part);
    return part;
  }

  /** Runs a `leyden` command to its end; answers what it printed. */
  async run(...words: string[]): Promise<string> {
    const child = spawn(process.execPath, [SHORT_LIVED, LEYDEN, ...words], { cwd: ROOT });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += String(data)));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    this.printed += said;
    if (code !== 0) throw new Error(`leyden ${words.join(" ")} ended with ${String(code)}: ${said}`);
    return said;
  }

  /** All that servers, boards and commands have printed and logged. */
  get transcript(): string {
    return this.printed + this.parts.map(({ transcript }) => transcript).join("\n");
  }

  get token(): string {
    return join(this.folder, "center", "staff-token");
  }

  get staff(): CenterClient {
    return new CenterClient({ url: this.url, credential: { token: readFileSync(this.token, "utf8").trim() } });
  }

  /** The flags with which the staff's commands reach the center. */
  get flags(): string[] {
    return ["--center", this.url, "--token", this.token];
  }

  /** The center's folder, with a database in it. */
  async centerData(): Promise<string> {
    const data = join(this.folder, "center");
    if (!existsSync(data)) {
      mkdirSync(data);
      await emptyDatabase(join(data, "database"));
    }
    return data;
  }

  /** @param port - 0 for a free one; a center that comes back keeps the one it had */
  async center(port = this.url === "" ? "0" : new URL(this.url).port, ...words: string[]): Promise<Part> {
    const data = await this.centerData();
    const center = this.start("center", "center", "--data", data, "--keys", this.keys.path, "--port", port, ...words);
    this.url = (await center.says(/^The center listens at (http:\S+);/))[1];
    return center;
  }

  async produce(name: string, plain: Uint8Array, operator: string, ...words: string[]): Promise<Title> {
    const file = join(this.folder, name);
    writeFileSync(file, plain);
    const said = await this.run("produce", file, "--title", name, "--operator", operator, ...this.flags, ...words);
    return { id: /content ([0-9a-f]{32})/.exec(said)?.[1] ?? "", plain };
  }

  async board(role: "card" | "cartridge" | "reader" | "client", name: string, ...words: string[]): Promise<Board> {
    const part = this.start(name, "board", role, "--json", "--data", join(this.folder, name), ...words);
    const [line] = await part.says(/^\{.*\}$/);
    return Object.assign(part, { addresses: JSON.parse(line) as Record<string, string> });
  }

  /** Does `work` with a board, as a counter that it was just put on. */
  async atCounter<T>(addresses: Record<string, string>, work: (transport: Transport) => Promise<T>): Promise<T> {
    const transport = new Transport(await openPort(addresses.host ?? addresses.rent));
    try {
      await transport.reset();
      return await work(transport);
    } finally {
      await transport.close();
    }
  }

  /**
   * Personalizes a blank board at the center's counter and brings it into the center's books, as `leyden enroll device` and `leyden register device` do.
   *
   * @param customer - whose it is: an id, or the name of a new one
   */
  async enroll(board: Board, role: number, customer?: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const options = { validity: { notBefore: now - 86_400, notAfter: now + 365 * 86_400 }, now, role };
    const { id, chain, generation } = await this.atCounter(board.addresses, (transport) => enrollDevice(this.keys, transport, options));
    const known = customer === undefined || /^[0-9a-f]{32}$/.test(customer);
    const customerId = known ? customer : (await this.staff.call(admin.createCustomer, { body: { name: customer } })).id;
    await this.staff.call(admin.enrollDevice, { body: { chain, generation, ...(customerId !== undefined && { customerId }) } });
    return id;
  }

  async operator(name: string): Promise<string> {
    return (await this.staff.call(admin.createOperator, { body: { name, currency: "EUR" } })).id;
  }

  /** A content that an operator lends, for free or at a base price and a price for each day begun. */
  async lend(
    name: string,
    plain: Uint8Array,
    operatorId: string,
    terms: { custody?: number; price?: [number, number] } = {},
  ): Promise<Title> {
    const { staff } = this;
    const params = { operatorId };
    const { id } = await staff.call(catalog.createContent, {
      body: { title: name, type: "audio/pcm", description: "", producer: "somebody", copies: null },
    });
    const once = async function* (): AsyncGenerator<Uint8Array> {
      yield plain;
    };
    await staff.put(`/v1/contents/${id}/sealed/1/1?sampleRate=0`, "application/octet-stream", once());
    let tariffId: string | null = null;
    if (terms.price) {
      const [base, periodPrice] = terms.price;
      const tariff = { name, base, periodPrice, periodSeconds: 86_400, cap: null, graceSeconds: 259_200, lostPrice: 0 };
      tariffId = (await staff.call(admin.createTariff, { params, body: tariff })).id;
    }
    const offer = { custody: terms.custody ?? 1, durationSeconds: 7 * 86_400, plays: 0, windowSeconds: 0, totalSeconds: 0, readers: 0 };
    await staff.call(admin.setOffer, { params, body: { contentId: id, tariffId, ...offer } });
    return { id, plain };
  }

  /** Makes a kiosk's identity and registers it; answers its file. */
  async kioskIdentity(name: string, operatorId: string, address?: string): Promise<string> {
    const file = join(this.folder, `${name}.json`);
    const now = Math.floor(Date.now() / 1000);
    if (!existsSync(file)) writeIdentity(file, this.keys.makeIdentity(ROLE_KIOSK, { notBefore: now - 60, notAfter: now + 86_400 }));
    const { chain, signingChain, generation } = readIdentity(file);
    const body = { operatorId, name, chain: hex(signingChain), deviceChain: hex(chain), generation, ...(address && { address }) };
    await this.staff.call(admin.enrollKiosk, { body });
    return file;
  }

  /** Starts a kiosk at that place of card and cartridge; answers it and the address of its screen. */
  async kiosk(
    place: "rent" | "return",
    identity: string,
    card: Board,
    cartridge: Board,
    ...words: string[]
  ): Promise<Part & { screen: string; peer: string }> {
    const slots = ["--card", card.addresses[place], "--cartridge", cartridge.addresses[place]];
    const data = ["--data", `${identity}-${place}`, "--identity", identity, "--center", this.url];
    const part = this.start(`${place} kiosk`, "kiosk", place, ...data, ...slots, ...words);
    const said = await part.says(/screen is at (http:\S+?)[;.](?: other kiosks ask at (http:\S+)\.)?$/);
    return Object.assign(part, { screen: said[1], peer: said[2] });
  }

  /** Everything that a reader has played so far, in order. */
  played(name: string): Uint8Array[] {
    const folder = join(this.folder, name, "played");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .sort((a, b) => Number(a) - Number(b))
      .map((file) => new Uint8Array(readFileSync(join(folder, file))));
  }

  async end(): Promise<void> {
    await Promise.all(this.parts.map((part) => part.kill()));
    removeFolder(this.folder);
  }
}

/** Card and cartridge of a customer, and the reader at home, enrolled. */
export interface Household {
  card: Board;
  cartridge: Board;
  reader: Board;
  cardId: string;
  cartridgeId: string;
  readerId: string;
}

export async function household(service: Service, name: string): Promise<Household> {
  const [card, cartridge] = await Promise.all([
    service.board("card", `${name} card`),
    service.board("cartridge", `${name} cartridge`, "--days", "1"),
  ]);
  for (const board of [card, cartridge]) {
    board.tell("rent");
    await board.says(/is at/);
  }
  const home = ["--card", card.addresses.home, "--cartridge", cartridge.addresses.home];
  const reader = await service.board("reader", `${name} reader`, ...home);
  const cardId = await service.enroll(card, ROLE_CARD, name);
  const cartridgeId = await service.enroll(cartridge, ROLE_CARTRIDGE);
  const readerId = await service.enroll(reader, ROLE_READER);
  return { card, cartridge, reader, cardId, cartridgeId, readerId };
}

/** Carries card and cartridge to a place; both are there when this resolves. */
export async function carry({ card, cartridge }: Household, place: "rent" | "return" | "home" | "out"): Promise<void> {
  for (const board of [card, cartridge]) {
    board.tell(place);
    await board.says(place === "out" ? /is nowhere/ : /is at/);
  }
}

/** A page of a kiosk's screen, and what a button on it sends. */
export async function press(screen: string, path: string, fields?: Record<string, string>): Promise<string> {
  const response = await fetch(screen + path, fields === undefined ? {} : { method: "POST", body: new URLSearchParams(fields) });
  const text = await response.text();
  if (!response.ok) throw new Error(`The screen answered ${String(response.status)}: ${text.replace(/^.*<h1>/s, "")}`);
  return text;
}

/** Waits until `holds` does. */
export async function until(holds: () => boolean | Promise<boolean>, what: string, milliseconds = PATIENCE): Promise<void> {
  for (const end = Date.now() + milliseconds; !(await holds());) {
    if (Date.now() > end) throw new Error(`${what} did not come about`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export { admin };
