import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { reportClicks } from "../center/api/advert-routes.js";
import type { Clicks } from "../center/api/delivery-messages.js";
import { ProblemError } from "../center/api/problems.js";
import { readReceipt } from "../center/api/receipt.js";
import { writeRecommendations } from "../center/api/recommendations.js";
import { markUnpaid, payLoan, rateLoan, reserveContent, takeReceipt } from "../center/api/return-routes.js";
import type { LoanBody, RecommendationBody } from "../center/api/schema.js";
import { baseCharge, endOfCharge, timeCharge } from "../center/api/tariff.js";
import { CenterAway, type CenterClient } from "../center/client.js";
import type { HeldLoan, KioskCard, KioskCartridge, KioskDevices } from "./devices.js";
import { getLoan } from "../center/api/rental-routes.js";
import { clearLicenses, revokeLicense } from "./licenses.js";
import { takeMoney, type Outcome, type PaymentDevice } from "./payment.js";
import { Turns } from "../host/turns.js";
import { NotPossible } from "./not-possible.js";
import { Spool } from "./spool.js";
import { hex, unhex } from "../host/party.js";

/** A return on its way to the center, and what the customer left with it. */
export interface ReturnEntry {
  /** Erasure receipt, hex; absent when only the card was brought. */
  receipt?: string;
  /** The card's proof that the license is gone. */
  revocation?: { loanId: string; proof: string };
  /** The loan as the center knows it, since the return was reported. */
  loan?: LoanBody;
  /** The loan as the kiosk that made it knew it, while the center is away. */
  record?: LoanBody;
  stars?: number;
  rated?: boolean;
  reservations: string[];
  /** Clicks that a reader without a network left on the cartridge; to be reported once the cartridge has forgotten them. */
  clicks?: Clicks;
  clicksTaken?: boolean;
  /** A payment that was begun; `approved` is still to be booked. */
  payment?: { reference: string; method: "cash" | "card"; amount: number; outcome: Outcome };
  /** The customer has gone without having paid. */
  left?: "declined" | "timeout" | "offline" | "left";
}

/** What the return screen tells. */
export interface ReturnView {
  id: string;
  loan: LoanBody | undefined;
  /** What will probably be due, in minor units, while the center cannot say; undefined when nothing is known about the loan. */
  estimate: { amount: number; currency: string; title: string } | undefined;
  recommendations: RecommendationBody[];
}

export interface ReturnKioskOptions {
  folder: string;
  client: CenterClient;
  devices: KioskDevices;
  payment: PaymentDevice;
  /** Gets a loan's record from the kiosk that made it; null when no kiosk that answers has it. */
  askPeers: (loan: { loanId: string; kioskId?: string }) => Promise<LoanBody | null>;
  /** Returns that may wait for the center; more are refused. */
  cap?: number;
  /** Milliseconds that the payment device has. */
  paymentTimeout?: number;
  now: () => number;
  step?: (name: string) => void;
}

/** Seconds that a customer has to pay, rate and reserve. */
const ATTENTION = 600;

/** Takes loans back: destroys the key, keeps the receipt until the center has it, has the customer pay, rate and reserve. */
export class ReturnKiosk {
  readonly entries: Spool<ReturnEntry>;
  /** Returns whose customer is still here, with the instant since when: what is left of them waits for what the customer does. */
  private readonly attended = new Map<string, number>();
  /** Since when this process runs: customers of returns that it found may still stand here. */
  private readonly started: number;
  private readonly step: (name: string) => void;
  /** One thing at a time: what is sent in the background would take a payment under way for one that was cut off. */
  private readonly turns = new Turns();

  constructor(private readonly options: ReturnKioskOptions) {
    this.entries = new Spool(join(options.folder, "returns"));
    this.step = options.step ?? (() => undefined);
    this.started = options.now();
  }

  /** Returns that the center does not know of yet. */
  private unsettled(): number {
    return this.entries.list().filter(([, entry]) => entry.loan === undefined).length;
  }

  /**
   * Ends the loan of whatever stands in the slots: the cartridge's by destroying its key, and the license on the card along with it; the card's alone
   * when no cartridge was brought.
   *
   * @throws NotPossible when there is nothing to return, or too many returns wait for the center; then nothing was destroyed
   */
  takeBack(): Promise<ReturnView> {
    return this.turns.take(async () => {
      for (const id of [...this.attended.keys()]) await this.leave(id);
      return this.endLoan();
    });
  }

  private async endLoan(): Promise<ReturnView> {
    const cap = this.options.cap ?? 50;
    if (this.unsettled() >= cap) await this.sendAll().catch(() => undefined);
    if (this.unsettled() >= cap) throw new NotPossible("This kiosk cannot reach the center and is full; please return at another one.");
    const cartridge = await this.options.devices.cartridge();
    const card = await this.options.devices.card();
    if (cartridge === null) return this.takeCard(card);
    const held = await cartridge.loan();
    this.step("erase");
    const receipt = await cartridge.erase();
    if (receipt === null) throw new NotPossible("This cartridge has no loan; put in the one to return.");
    const id = readReceipt(receipt)?.loanId;
    if (id === undefined) throw new NotPossible("The cartridge's receipt is of no form that this kiosk knows; ask the staff.");
    this.step("erased");
    // A return of this loan that was begun before goes on.
    const entry: ReturnEntry = { reservations: [], ...this.entries.get(id), receipt: hex(receipt) };
    this.attended.set(id, this.options.now());
    this.entries.put(id, entry);
    await this.takeClicks(id, cartridge).catch(() => undefined);
    return this.report(id, entry, cartridge, card, held);
  }

  /** Takes the clicks off the cartridge. They are counted once or, after a cut between the two, never. */
  private async takeClicks(id: string, cartridge: KioskCartridge): Promise<void> {
    const clicks = await cartridge.readClicks();
    if (clicks.length === 0) return;
    this.update(id, { clicks, clicksTaken: false });
    await cartridge.clearClicks();
    this.update(id, { clicksTaken: true });
  }

  private async report(
    id: string,
    entry: ReturnEntry,
    cartridge: KioskCartridge | null,
    card: KioskCard | null,
    held: HeldLoan | null,
  ): Promise<ReturnView> {
    try {
      this.step("report");
      const { loan, acknowledgment, recommendations } = await this.options.client.call(
        takeReceipt,
        { body: { receipt: entry.receipt ?? "" } },
        `${id}-receipt`,
      );
      this.update(id, { loan });
      this.step("reported");
      await this.afterReport(cartridge, card, loan, acknowledgment, recommendations);
      return { id, loan, estimate: undefined, recommendations };
    } catch (error) {
      if (!(error instanceof CenterAway)) throw error;
      return { id, loan: undefined, estimate: await this.estimate(id, entry, held), recommendations: [] };
    }
  }

  /** What is done with the devices once the center knows of the return. A device that is gone meanwhile is no reason to fail: the loan is over. */
  private async afterReport(
    cartridge: KioskCartridge | null,
    card: KioskCard | null,
    loan: LoanBody,
    acknowledgment: string,
    recommendations: RecommendationBody[],
  ): Promise<void> {
    if (cartridge !== null) {
      const notes = writeRecommendations(
        recommendations.map((entry) => entry.contentId),
        this.options.now(),
      );
      await cartridge.writeRecommendations(notes).catch(() => undefined);
      this.step("recommended");
      await cartridge.acknowledge(unhex(acknowledgment)).catch(() => undefined);
    }
    const holds = card !== null && card.id === loan.cardId && (await card.loans()).some((held) => held.loanId === loan.id);
    if (holds) await revokeLicense(this.options.client, card, loan.id).catch(() => undefined);
  }

  /** Only the card was brought: without its license no reader plays, so destroying that ends the loan. Needs the center, which alone may order it. */
  private async takeCard(card: KioskCard | null): Promise<ReturnView> {
    const { client } = this.options;
    const held = card === null ? undefined : (await clearLicenses(client, card)).at(0);
    if (card === null || held === undefined) throw new NotPossible("There is neither a cartridge nor a card with a loan; put one in.");
    const { loan, recommendations, proof } = await revokeLicense(client, card, held.loanId);
    const id = loan.id;
    this.attended.set(id, this.options.now());
    this.entries.put(id, { reservations: [], ...this.entries.get(id), revocation: { loanId: loan.id, proof }, loan });
    return { id, loan, estimate: undefined, recommendations };
  }

  private async estimate(id: string, entry: ReturnEntry, held: HeldLoan | null): Promise<ReturnView["estimate"]> {
    const death = readReceipt(unhex(entry.receipt ?? ""));
    if (death === null) return undefined;
    const kioskId = held === null ? undefined : hex(held.terms.subarray(40, 48));
    const record = await this.options.askPeers({ loanId: death.loanId, ...(kioskId !== undefined && { kioskId }) });
    if (record === null || record.activatedAt === null || record.deadlineAt === null) return undefined;
    this.update(id, { record });
    const { title, currency, tariff } = record;
    if (tariff === null) return { amount: 0, currency, title };
    const ended = endOfCharge(record.activatedAt, record.deadlineAt, this.options.now(), death);
    return { amount: baseCharge(tariff) + timeCharge(tariff, ended - record.activatedAt), currency, title };
  }

  private update(id: string, changes: Partial<ReturnEntry>): ReturnEntry {
    const entry = { ...this.entry(id), ...changes };
    this.entries.put(id, entry);
    return entry;
  }

  private entry(id: string): ReturnEntry {
    const entry = this.entries.get(id);
    if (entry === undefined) throw new NotPossible("This return is finished; begin a new one.");
    return entry;
  }

  /** The customer rates what comes back; with the center away it is kept and sent later. Answers the customer's points when the center says. */
  rate(id: string, stars: number): Promise<number | undefined> {
    return this.turns.take(async () => {
      if (this.entry(id).rated === true) throw new NotPossible("You have rated this already; a rating counts once.");
      this.update(id, { stars, rated: true });
      return this.online(() => this.sendRating(id));
    });
  }

  /** The customer reserves a content. */
  reserve(id: string, contentId: string): Promise<number | undefined> {
    return this.turns.take(async () => {
      this.update(id, { reservations: [...this.entry(id).reservations, contentId] });
      return this.online(() => this.sendReservations(id));
    });
  }

  /** Has the customer pay what is due. Declined, unknown or center away: returned, unpaid. */
  pay(id: string): Promise<LoanBody | undefined> {
    return this.turns.take(() => this.payNow(id));
  }

  private async payNow(id: string): Promise<LoanBody | undefined> {
    this.attended.delete(id);
    const { loan: reported, payment } = this.entry(id);
    // What is due now, not when the return was reported: it may have been paid elsewhere.
    const loan = reported && (await this.online(() => this.options.client.call(getLoan, { params: { loanId: reported.id } })));
    if (loan === undefined) {
      this.update(id, { left: "offline" });
      return undefined;
    }
    this.update(id, { loan });
    if (loan.due > 0 && (payment === undefined || payment.outcome === "declined")) await this.collect(id, loan);
    return this.online(() => this.finish(id));
  }

  private async collect(id: string, loan: LoanBody): Promise<void> {
    const { payment, paymentTimeout } = this.options;
    const begun = { reference: randomBytes(12).toString("hex"), method: payment.method, amount: loan.due, outcome: "unknown" as const };
    this.update(id, { payment: begun, left: undefined });
    this.step("pay");
    const outcome = await takeMoney(payment, begun.reference, begun.amount, loan.currency, paymentTimeout ?? 60_000);
    const left = outcome === "approved" ? undefined : outcome === "declined" ? "declined" : "timeout";
    this.update(id, { payment: { ...begun, outcome }, left });
    this.step("paid");
  }

  /** The customer goes; what is due is a debt from here on. */
  private async leave(id: string): Promise<void> {
    this.attended.delete(id);
    if (this.entries.get(id) === undefined) return;
    const { left, payment } = this.entry(id);
    if (payment?.outcome !== "approved") this.update(id, { left: left ?? "left" });
    await this.online(() => this.finish(id));
  }

  /** Sends whatever waits. Safe to call at any time; throws CenterAway when the center does not answer. */
  flush(): Promise<void> {
    return this.turns.take(() => this.sendAll());
  }

  private async sendAll(): Promise<void> {
    for (const [id, since] of [...this.attended]) if (this.gone(since)) await this.leave(id);
    for (const [id, entry] of this.entries.list()) {
      if (entry.loan === undefined) await this.sendReturn(id, entry);
      if (this.entries.get(id)?.loan !== undefined && !this.attended.has(id)) await this.finish(id);
    }
  }

  private async sendReturn(id: string, entry: ReturnEntry): Promise<void> {
    const cartridge = await this.options.devices.cartridge();
    const named = readReceipt(unhex(entry.receipt ?? ""));
    const present = cartridge !== null && named?.cartridgeId === cartridge.id ? cartridge : null;
    try {
      await this.report(id, entry, present, null, null);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // The center will never take it: a receipt of a stranger's cartridge, for one. It is no loan of this center.
      this.entries.remove(id);
    }
    if (this.entries.get(id) !== undefined && this.entries.get(id)?.loan === undefined)
      throw new CenterAway("The center did not answer; try again later.");
  }

  /** Everything that is left of a return, in order; each part is done once however often this is called. */
  private async finish(id: string): Promise<LoanBody | undefined> {
    await this.sendClicks(id);
    await this.sendRating(id);
    await this.sendReservations(id);
    const entry = await this.settlePayment(id);
    const { loan } = entry;
    if (loan === undefined) return undefined;
    const paid = await this.bookPayment(id, entry, loan);
    const open = paid.state === "RETURNED" && paid.due > 0;
    const { payment } = this.entry(id);
    // A process before this one was killed while the customer stood here.
    const forgotten = open && payment === undefined && this.gone(this.attended.get(id) ?? this.started);
    const left = this.entry(id).left ?? (forgotten ? "left" : undefined);
    const done = open && left !== undefined ? await this.reportUnpaid(id, paid.id, left) : paid;
    const undecided = payment?.outcome === "unknown" || (open && left === undefined);
    if (undecided) this.update(id, { loan: done });
    else this.entries.remove(id);
    return done;
  }

  /** A customer who has done nothing for so long has gone. */
  private gone(since: number): boolean {
    return this.options.now() - since >= ATTENTION;
  }

  private reportUnpaid(id: string, loanId: string, reason: NonNullable<ReturnEntry["left"]>): Promise<LoanBody> {
    return this.options.client.call(markUnpaid, { params: { loanId }, body: { reason } }, `${id}-unpaid`);
  }

  /** A payment whose outcome was not known, before a kill or a silence of the device: the device knows it by its reference. */
  private async settlePayment(id: string): Promise<ReturnEntry> {
    const entry = this.entry(id);
    if (entry.payment?.outcome !== "unknown") return entry;
    const outcome = await this.options.payment.cancel(entry.payment.reference).catch((): Outcome => "unknown");
    return this.update(id, { payment: { ...entry.payment, outcome }, ...(outcome !== "approved" && { left: entry.left ?? "timeout" }) });
  }

  private async bookPayment(id: string, entry: ReturnEntry, loan: LoanBody): Promise<LoanBody> {
    const { payment } = entry;
    if (payment?.outcome !== "approved") return loan;
    this.step("book");
    const { amount, method, reference } = payment;
    const params = { loanId: loan.id };
    try {
      return await this.options.client.call(payLoan, { params, body: { amount, method, reference } }, `${id}-${reference}`);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      // Paid at another kiosk meanwhile, or not accepted here: the customer gets the money back.
      await this.options.payment.refund(reference);
      this.update(id, { payment: undefined, left: "declined" });
      return this.options.client.call(getLoan, { params });
    }
  }

  private async sendClicks(id: string): Promise<void> {
    const { clicks, clicksTaken } = this.entry(id);
    if (clicks !== undefined && clicksTaken === true) await this.options.client.call(reportClicks, { body: { clicks } }, `${id}-clicks`);
    if (clicks !== undefined) this.update(id, { clicks: undefined });
  }

  private async sendRating(id: string): Promise<number | undefined> {
    const { loan, stars } = this.entry(id);
    if (loan === undefined || stars === undefined) return undefined;
    const { points } = await this.options.client.call(rateLoan, { params: { loanId: loan.id }, body: { stars } }, `${id}-rating`);
    this.update(id, { stars: undefined });
    return points;
  }

  private async sendReservations(id: string): Promise<number | undefined> {
    let points: number | undefined;
    for (const contentId of this.entry(id).reservations) {
      const { loan, reservations } = this.entry(id);
      if (loan === undefined) return undefined;
      try {
        const body = { loanId: loan.id, contentId };
        ({ points } = await this.options.client.call(reserveContent, { body }, `${id.slice(0, 24)}-${contentId}`));
      } catch (error) {
        // Reserved before, or withdrawn meanwhile: there is nothing to repeat.
        if (!(error instanceof ProblemError) || !["already-exists", "not-found"].includes(error.problem)) throw error;
      }
      this.update(id, { reservations: reservations.filter((other) => other !== contentId) });
    }
    return points;
  }

  /** Runs what needs the center; undefined when it is away, and then `flush` does it later. */
  private async online<T>(run: () => Promise<T>): Promise<T | undefined> {
    try {
      return await run();
    } catch (error) {
      if (error instanceof CenterAway) return undefined;
      throw error;
    }
  }
}
