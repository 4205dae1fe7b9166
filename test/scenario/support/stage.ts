/** A loan on three simulated boards, told in steps that scenario and attack tests share. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { produce, type ProducedContent } from "../../../src/center/contents.js";
import type { LocalCenter } from "../../../src/center/local.js";
import { CUSTODY_CARTRIDGE, INS_STATUS } from "../../../src/core/protocol/constants.js";
import { encodeTerms, giveBack, rent, type Rental, type TermsRequest } from "../../../src/kiosk/rental.js";
import { PLAYER_IDLE, PLAYER_PLAYING } from "../../../src/reader/state.js";
import { LoanWorld, type LoanWorldOptions } from "../../../sim/loan-world.js";

export const SECOND = 1000;
export const HOUR = 3_600_000;
export const DAY = 86_400_000;

/** A title that a producer has packaged: what goes to the kiosk, and what it was before. */
export interface Title {
  produced: ProducedContent;
  plain: Uint8Array;
  sealed: Uint8Array;
}

/** What the reader says of itself. */
export interface ReaderStatus {
  state: number;
  reason: number;
  sw: number;
  detail: number;
  sessions: number;
  chunk: number;
  played: number;
  cardRefusal: number;
  cartridgeRefusal: number;
}

export class Stage extends LoanWorld {
  private orders = 0;
  private readonly folder = mkdtempSync(join(tmpdir(), "leyden-test-"));

  constructor(options: Partial<LoanWorldOptions> = {}) {
    super({ days: 7, seed: 1, ...options });
  }

  /** Plays a scenario on enrolled devices. */
  static async play(options: Partial<LoanWorldOptions>, scenario: (stage: Stage) => Promise<void>): Promise<Stage> {
    const stage = new Stage(options);
    try {
      await stage.world.run(async () => {
        await stage.enrollAll();
        await scenario(stage);
      });
    } finally {
      rmSync(stage.folder, { recursive: true, force: true });
    }
    return stage;
  }

  /** A producer packages `plain` and the center takes it in. */
  title(plain: Uint8Array, suite = 2): Title {
    const source = join(this.folder, "content");
    const target = join(this.folder, "content.sealed");
    writeFileSync(source, plain);
    const produced = produce(source, target, suite, (length) => this.draw(length));
    this.center.addContent(produced);
    return { produced, plain, sealed: new Uint8Array(readFileSync(target)) };
  }

  /** A title of `length` bytes that are nowhere else. */
  sample(length: number, suite = 2): Title {
    return this.title(this.draw(length), suite);
  }

  /** Card and cartridge go into the kiosk's slots, and the charging contact closes. */
  async toKiosk(): Promise<void> {
    this.world.dock(this.card, this.kioskCard);
    this.world.dock(this.cartridge, this.kioskCartridge);
    this.kioskCartridge.charging(true);
    await this.world.sleep(2 * SECOND);
  }

  terms(terms: Partial<TermsRequest> = {}): Uint8Array {
    return encodeTerms({ custody: CUSTODY_CARTRIDGE, duration: 7 * 86_400, kioskId: this.kiosk.id, ...terms });
  }

  rental(title: Title, terms: Partial<TermsRequest> = {}): Rental {
    return {
      cartridge: this.device("cartridge"),
      card: this.device("card"),
      center: this.center,
      contentId: title.produced.contentId,
      content: { length: title.sealed.length, read: (offset, length) => title.sealed.subarray(offset, offset + length) },
      terms: this.terms(terms),
      kioskId: this.kiosk.id,
      idempotencyKey: `order ${String(++this.orders)}`,
      wait: (milliseconds) => this.world.sleep(milliseconds),
    };
  }

  /** The center with some of its answers replaced. */
  centerWith(changes: Partial<LocalCenter>): LocalCenter {
    return Object.assign(Object.create(this.center) as LocalCenter, changes);
  }

  /** The whole visit to the kiosk; answers the loan id. */
  async rent(title: Title, terms: Partial<TermsRequest> = {}): Promise<Uint8Array> {
    await this.toKiosk();
    const loanId = await rent(this.rental(title, terms));
    this.takeOut();
    return loanId;
  }

  /** Return at a kiosk, of what is brought. */
  async giveBack(loanId: Uint8Array): Promise<Uint8Array | null> {
    await this.toKiosk();
    const receipt = await giveBack(this.center, loanId, this.device("cartridge"), this.device("card"));
    this.takeOut();
    return receipt;
  }

  takeOut(): void {
    for (const board of [this.card, this.cartridge])
      if ([...this.world.slots.values()].some(({ device }) => device === board)) this.world.undock(board);
  }

  /** Card and cartridge go into the reader at home. */
  home(): void {
    this.world.dock(this.card, this.readerCard);
    this.world.dock(this.cartridge, this.readerCartridge);
  }

  async status(): Promise<ReaderStatus> {
    const { data } = await this.session("reader", null).transfer(0x80, INS_STATUS, 0, new Uint8Array(0));
    const view = new DataView(data.buffer, data.byteOffset, data.length);
    return {
      state: data[0],
      reason: data[1],
      sw: view.getUint16(2),
      detail: data[4],
      sessions: data[5],
      chunk: view.getUint32(6),
      played: view.getUint32(10),
      cardRefusal: view.getUint16(14),
      cartridgeRefusal: view.getUint16(16),
    };
  }

  /** Waits until the reader has finished, stopped or refused; a reader that stays idle is asked for `patience` milliseconds. */
  async settled(patience = 20 * SECOND): Promise<ReaderStatus> {
    for (let waited = 0; ; waited += SECOND) {
      await this.world.sleep(SECOND);
      const status = await this.status();
      if (status.state !== PLAYER_PLAYING && (status.state !== PLAYER_IDLE || waited >= patience)) return status;
    }
  }

  /** Puts both into the reader, lets it play by itself, takes them out. */
  async playAtHome(): Promise<ReaderStatus> {
    this.home();
    const status = await this.settled();
    await this.world.sleep(5 * SECOND);
    this.takeOut();
    return status;
  }

  /** What the reader's decoder heard last, or null. */
  heard(): Uint8Array | null {
    return this.reader.decoder?.contents.at(-1) ?? null;
  }
}
