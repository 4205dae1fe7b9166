import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readRecommendations } from "../center/api/recommendations.js";
import { reportClicks } from "../center/api/advert-routes.js";
import { activateLoan, cancelLoan, completeContract, getLoan, makeContract, prepareLoan, sealKey } from "../center/api/rental-routes.js";
import { takeReceipt } from "../center/api/return-routes.js";
import type { LoanBody } from "../center/api/schema.js";
import { ProblemError } from "../center/api/problems.js";
import type { CenterClient } from "../center/client.js";
import { SECTION_BLOCK, sectionAt } from "../core/protocol/adverts.js";
import { KioskCatalog, type Choice } from "./catalog.js";
import { ContentCache } from "./contents.js";
import { DeviceRefused, type KioskCard, type KioskCartridge, type KioskDevices } from "./devices.js";
import { clearLicenses } from "./licenses.js";
import { carryMeeting, type Met } from "./meeting.js";
import { NotPossible } from "./not-possible.js";
import { LoanRecords } from "./records.js";
import { Spool } from "./spool.js";
import { hex, unhex } from "../host/party.js";
import { Turns } from "../host/turns.js";

/** A rental under way: all that is needed to bring it to an end, good or bad, after a kill. */
interface Attempt {
  cartridgeId: string;
  cardId?: string;
  contentId: string;
  readerCertificate?: string;
  loanId?: string;
  /** The challenge that the key was loaded over, and the cartridge's proof that it holds it. */
  held?: { challenge: string; proof: string };
}

export interface RentalKioskOptions {
  /** Where catalog, sealed contents, loan records and attempts are kept. */
  folder: string;
  client: CenterClient;
  devices: KioskDevices;
  /** Told of every step before it is made; for tests that crash there. */
  step?: (name: string) => void;
  /** Waits so many milliseconds; real ones unless given. */
  wait?: (milliseconds: number) => Promise<void>;
}

/** A capacitor that is not charged after so long is faulty; milliseconds. */
const CHARGE_LIMIT = 30 * 60_000;
const CHARGE_POLL = 1000;
/** Bytes of adverts that a customer waits for: half a minute on the wire. */
const ADVERTS_LIMIT = 256 << 10;

/** Lends: agrees with center and card, records the content, has the key loaded and armed. Holds no truth of its own and sees no key. */
export class RentalKiosk {
  readonly catalog: KioskCatalog;
  readonly contents: ContentCache;
  /** Loans made here, for other kiosks while the center is away. */
  readonly records: LoanRecords;
  private readonly attempts: Spool<Attempt>;
  private readonly step: (name: string) => void;
  private readonly turns = new Turns();
  private busy = 0;

  constructor(private readonly options: RentalKioskOptions) {
    this.catalog = new KioskCatalog(join(options.folder, "catalog"), options.client);
    this.contents = new ContentCache(join(options.folder, "contents"), options.client);
    this.records = new LoanRecords(join(options.folder, "records"));
    this.attempts = new Spool(join(options.folder, "attempts"));
    this.step = options.step ?? (() => undefined);
  }

  /** What the choosing screen shows: built from the recommendations in the cartridge, also when the center is away. */
  async choices(): Promise<{ choices: Choice[]; centerAnswers: boolean; cartridge: boolean }> {
    const centerAnswers = await this.catalog.refresh();
    const cartridge = this.busy > 0 ? null : await this.options.devices.cartridge();
    const recommended = cartridge === null ? [] : readRecommendations(await cartridge.readRecommendations());
    return { choices: this.catalog.choices(recommended), centerAnswers, cartridge: cartridge !== null };
  }

  /** Ids of the readers whose certificates the card in the slot carries, in the order of `rent`'s index; none without a card. */
  readers(): Promise<string[]> {
    return this.alone(async () => {
      const card = await this.options.devices.card();
      return card === null ? [] : (await card.readerCertificates()).map((certificate) => hex(certificate.subarray(4, 12)));
    });
  }

  /**
   * Lends a content to whoever has put cartridge and card in.
   *
   * @param reader - index of the certificate on the card of the one reader that shall play; any reader without
   * @throws NotPossible, ProblemError, DeviceRefused or CenterAway; then nothing is lent, or `recover` finishes it
   */
  rent(contentId: string, reader?: number): Promise<LoanBody> {
    return this.alone(() => this.rentNow(contentId, reader));
  }

  private async rentNow(contentId: string, reader?: number): Promise<LoanBody> {
    await this.finishAll();
    const { devices } = this.options;
    const cartridge = await devices.cartridge();
    if (cartridge === null) throw new NotPossible("There is no cartridge in the slot; put one in.");
    if ((await cartridge.loan()) !== null) throw new NotPossible("The cartridge has a loan that runs; return it first.");
    await this.settleReceipt(cartridge);
    const card = await devices.card();
    if (card !== null) await clearLicenses(this.options.client, card);
    const certificate = reader === undefined || card === null ? undefined : (await card.readerCertificates()).at(reader);
    if (reader !== undefined && certificate === undefined) throw new NotPossible("The card has no such reader; choose another.");
    const key = randomBytes(12).toString("hex");
    const attempt: Attempt = {
      cartridgeId: cartridge.id,
      contentId,
      ...(card !== null && { cardId: card.id }),
      ...(certificate !== undefined && { readerCertificate: hex(certificate) }),
    };
    this.step("begin");
    this.attempts.put(key, attempt);
    try {
      return await this.make(key, attempt, cartridge, card);
    } catch (error) {
      // Whatever was begun is brought to an end now when that can be, else at the next opportunity.
      await this.finishAll().catch(() => undefined);
      throw error;
    }
  }

  private async make(key: string, attempt: Attempt, cartridge: KioskCartridge, card: KioskCard | null): Promise<LoanBody> {
    const { client } = this.options;
    const loan = await this.prepare(key, attempt);
    attempt.loanId = loan.id;
    this.attempts.put(key, attempt);
    const params = { loanId: loan.id };
    if (card !== null) {
      this.step("meet");
      const { introduction } = await carryMeeting(client, loan.id, (apdu) => card.carry(apdu));
      this.step("introduce");
      if (introduction !== null) await introduceReader(introduction, cartridge, card);
      this.step("contract");
      const sealed = await card.contract(unhex(loan.id + loan.contentId + loan.cartridgeId + loan.terms));
      const { license } = await client.call(makeContract, { params, body: { contract: hex(sealed) } });
      this.step("license");
      const proof = await card.acceptLicense(unhex(license));
      await client.call(completeContract, { params, body: { proof: hex(proof) } });
    }
    await this.record(loan, cartridge);
    const { challenge, counter } = await this.charge(cartridge);
    this.step("key");
    const sealed = await client.call(sealKey, { params, body: { challenge: hex(challenge), counter } });
    this.step("load");
    const proof = await cartridge.loadKey(unhex(sealed.keyLoad), unhex(sealed.envelope));
    attempt.held = { challenge: hex(challenge), proof: hex(proof) };
    this.attempts.put(key, attempt);
    return this.activate(key, cartridge, attempt.held, loan.id);
  }

  private prepare(key: string, attempt: Attempt): Promise<LoanBody> {
    this.step("prepare");
    const { cartridgeId, cardId, contentId, readerCertificate } = attempt;
    const body = {
      cartridgeId,
      contentId,
      ...(cardId !== undefined && { cardId }),
      ...(readerCertificate !== undefined && { readerCertificate }),
    };
    return this.options.client.call(prepareLoan, { body }, `${key}-prepare`);
  }

  private async record(loan: LoanBody, cartridge: KioskCartridge): Promise<void> {
    this.step("fetch");
    if (this.catalog.form(loan.contentId, loan.version, loan.suite) === undefined) await this.catalog.refresh();
    const form = this.catalog.form(loan.contentId, loan.version, loan.suite);
    if (form === undefined) throw new NotPossible("The center's catalog does not list what it lent; choose again.");
    await this.contents.fetch(form);
    const adverts = await this.adverts(loan, cartridge.capacity - sectionAt(form.length));
    this.step("record");
    await cartridge.record(unhex(form.header), form.length, form.sampleRate, this.contents.read(form), adverts);
  }

  /** The operator's adverts for this loan, as many as the cartridge has room for behind the content. */
  private async adverts(loan: LoanBody, room: number): Promise<Uint8Array> {
    if (room < SECTION_BLOCK) return new Uint8Array(0);
    const path = `/v1/loans/${loan.id}/adverts?room=${String(Math.min(room, ADVERTS_LIMIT))}`;
    return new Uint8Array(await (await this.options.client.bytes(path)).arrayBuffer());
  }

  /** Waits until the capacitor is charged; answers the cartridge's newest challenge. */
  private async charge(cartridge: KioskCartridge): Promise<{ challenge: Uint8Array; counter: number }> {
    const wait =
      this.options.wait ?? ((milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds)));
    for (let waited = 0; ; waited += CHARGE_POLL) {
      const prepared = await cartridge.prepare();
      if (prepared.charged) return prepared;
      if (waited >= CHARGE_LIMIT)
        throw new NotPossible(`The cartridge does not charge beyond ${String(prepared.millivolts)} mV; take another one.`);
      await wait(CHARGE_POLL);
    }
  }

  private async activate(key: string, cartridge: KioskCartridge, held: NonNullable<Attempt["held"]>, loanId: string): Promise<LoanBody> {
    this.step("activate");
    const { loan, activation } = await this.options.client.call(activateLoan, { params: { loanId }, body: held });
    this.records.put(loan);
    this.step("arm");
    await cartridge.activate(unhex(activation));
    this.step("armed");
    this.attempts.remove(key);
    return loan;
  }

  /** A cartridge whose last loan is over but not yet acknowledged: its receipt goes to the center first. */
  private async settleReceipt(cartridge: KioskCartridge): Promise<void> {
    const receipt = await cartridge.receipt();
    if (receipt === null) return;
    const { acknowledgment } = await this.options.client.call(takeReceipt, { body: { receipt: hex(receipt) } });
    await cartridge.acknowledge(unhex(acknowledgment));
    const clicks = await cartridge.readClicks();
    if (clicks.length === 0) return;
    // Told once or, after a cut, never.
    await cartridge.clearClicks();
    await this.options.client.call(reportClicks, { body: { clicks } });
  }

  /**
   * Brings rentals to an end that were cut off: at start, and before each rental. A loan that became active is armed where that still can be; one that
   * cannot is ended by the cartridge's receipt, and its charge taken back.
   *
   * @throws CenterAway when the center does not answer; then all stays for later
   */
  recover(): Promise<void> {
    return this.alone(() => this.finishAll());
  }

  /** One rental or recovery at a time: a second would take the first for one that was cut off. */
  private alone<T>(work: () => Promise<T>): Promise<T> {
    this.busy++;
    return this.turns.take(work).finally(() => this.busy--);
  }

  private async finishAll(): Promise<void> {
    const { client, devices } = this.options;
    for (const [key, attempt] of this.attempts.list()) {
      const cartridge = await devices.cartridge();
      await this.finish(key, attempt, cartridge?.id === attempt.cartridgeId ? cartridge : null);
      const card = attempt.cardId === undefined ? null : await devices.card();
      if (card !== null) await clearLicenses(client, card);
      this.attempts.remove(key);
    }
  }

  private async finish(key: string, attempt: Attempt, cartridge: KioskCartridge | null): Promise<void> {
    const loan = await this.loanOf(key, attempt);
    if (loan?.state === "PREPARED") await this.options.client.call(cancelLoan, { params: { loanId: loan.id }, body: {} });
    const open = loan?.state === "PENDING" || loan?.state === "ACTIVE";
    if (loan !== null && open && cartridge !== null) await this.armOrEnd(key, attempt, loan, cartridge);
  }

  /** The loan of an attempt; null when it came to none. Without its id the same request under the same key tells. */
  private async loanOf(key: string, attempt: Attempt): Promise<LoanBody | null> {
    try {
      if (attempt.loanId === undefined) return await this.prepare(key, attempt);
      return await this.options.client.call(getLoan, { params: { loanId: attempt.loanId } });
    } catch (error) {
      if (error instanceof ProblemError) return null;
      throw error;
    }
  }

  private async armOrEnd(key: string, attempt: Attempt, loan: LoanBody, cartridge: KioskCartridge): Promise<void> {
    const running = await cartridge.loan();
    // Armed already, by this attempt or for somebody else: nothing here may destroy it.
    if (running !== null) return;
    if (loan.state === "ACTIVE" && attempt.held !== undefined) {
      try {
        await this.activate(key, cartridge, attempt.held, loan.id);
        return;
      } catch (error) {
        if (!(error instanceof DeviceRefused) && !(error instanceof ProblemError)) throw error;
      }
    }
    const receipt = await cartridge.erase();
    if (receipt === null && loan.state === "PENDING") await this.proveUnheld(cartridge, loan.id);
    await this.settleReceipt(cartridge);
  }

  /**
   * A key was sealed that did not reach the cartridge. Only a receipt tells the center that nobody holds it, so it is loaded, and destroyed at once: else the
   * cartridge would be of no use until the center gives the loan up. Where that fails, it does.
   */
  private async proveUnheld(cartridge: KioskCartridge, loanId: string): Promise<void> {
    try {
      const { challenge, counter, charged } = await cartridge.prepare();
      if (!charged) return;
      const body = { challenge: hex(challenge), counter };
      const { keyLoad, envelope } = await this.options.client.call(sealKey, { params: { loanId }, body });
      await cartridge.loadKey(unhex(keyLoad), unhex(envelope));
      await cartridge.erase();
    } catch (error) {
      if (!(error instanceof DeviceRefused) && !(error instanceof ProblemError)) throw error;
    }
  }
}

/** Card and cartridge get to know the reader at home, whose own tickets travel in the cartridge. Where one does not take it, the two authenticate by certificates. */
async function introduceReader(introduction: NonNullable<Met["introduction"]>, cartridge: KioskCartridge, card: KioskCard): Promise<void> {
  const { cardTicket, cartridgeTicket, mailbox } = introduction;
  try {
    await cartridge.putMail(unhex(mailbox));
    await cartridge.takeTicket(unhex(cartridgeTicket));
    await card.takeTicket(unhex(cardTicket));
  } catch (error) {
    if (!(error instanceof DeviceRefused)) throw error;
  }
}
