import { createHash, randomBytes } from "node:crypto";
import { get32 } from "../core/bytes.js";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../core/protocol/constants.js";
import { TERMS_DURATION } from "../core/protocol/terms.js";
import { Authority, type DeviceReference, type LoanReference, type Receipt } from "./keys/authority.js";
import type { AdvertBody } from "./api/delivery-messages.js";
import type { Contact } from "./contact.js";
import { encodeDirectory, fitting } from "./loans/section.js";
import type { LoanCenter, LoanRequest, PreparedLoan } from "./api.js";

/** A sealed content as the center lends it. */
export interface LentContent {
  contentId: Uint8Array;
  titleKey: Uint8Array;
  header: Uint8Array;
  sealedLength: number;
  rate: number;
}

interface LoanRecord extends LoanReference {
  cartridge: DeviceReference;
  card: DeviceReference;
  content: LentContent;
  seed: Uint8Array;
  licenseId: Uint8Array;
  nonce: Uint8Array | null;
  met: boolean;
  completed: boolean;
  challenge: Uint8Array | null;
  counter: number;
  activatedAt: number;
  receipt: Receipt | null;
  revocation: Uint8Array;
  revoked: boolean;
}

/** The loan calls of the center over its key authority, with the records in memory: for the simulator, and for tests of one loan. */
export class LocalCenter implements LoanCenter {
  private readonly loans = new Map<string, LoanRecord>();
  private readonly contents = new Map<string, LentContent>();
  private readonly devices = new Map<string, DeviceReference>();
  private readonly byKey = new Map<string, string>();
  private readonly advertised: { advert: AdvertBody; picture: Uint8Array }[] = [];
  private contact: Contact | null = null;

  /**
   * @param time - present time, seconds
   * @param random - source of loan ids and keys
   */
  constructor(
    private readonly authority: Authority,
    private readonly time: () => number,
    private readonly random: (length: number) => Uint8Array = (length) => new Uint8Array(randomBytes(length)),
  ) {}

  /** From now on the center meets every card itself, through the kiosk, before it gives a license. */
  meetBy(contact: Contact): void {
    this.contact = contact;
  }

  addContent(content: LentContent): void {
    this.contents.set(hex(content.contentId), content);
  }

  /** From now on every loan brings this advert along, where the cartridge has room for it. */
  advertise(advert: Pick<AdvertBody, "id" | "mediaType" | "areas">, picture: Uint8Array): void {
    const sha256 = createHash("sha256").update(picture).digest("hex");
    this.advertised.push({ advert: { ...advert, length: picture.length, sha256 }, picture });
  }

  addDevice(device: DeviceReference): void {
    this.devices.set(hex(device.id), device);
  }

  async prepare(request: LoanRequest): Promise<PreparedLoan> {
    const content = this.contents.get(hex(request.contentId));
    if (!content) throw new Error(`The center has no content ${hex(request.contentId)}; produce it first.`);
    const known = this.byKey.get(request.idempotencyKey);
    let loan = known === undefined ? undefined : this.loans.get(known);
    if (!loan) {
      if (get32(request.terms, TERMS_DURATION) === 0) throw new Error("The terms name no duration; a loan lasts at least a second.");
      loan = {
        loanId: this.random(16),
        contentId: request.contentId,
        terms: request.terms,
        cartridge: this.device(request.cartridgeId, ROLE_CARTRIDGE),
        card: this.device(request.cardId, ROLE_CARD),
        content,
        seed: this.random(32),
        licenseId: this.random(16),
        nonce: null,
        met: false,
        completed: false,
        challenge: null,
        counter: 0,
        activatedAt: 0,
        receipt: null,
        revocation: this.random(16),
        revoked: false,
      };
      this.loans.set(hex(loan.loanId), loan);
      this.byKey.set(request.idempotencyKey, hex(loan.loanId));
    }
    const contract = new Uint8Array(Buffer.concat([loan.loanId, loan.contentId, loan.cartridge.id, loan.terms]));
    return { loanId: loan.loanId, contract, header: content.header, sealedLength: content.sealedLength, rate: content.rate };
  }

  async meet(loanId: Uint8Array, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array[]> {
    const loan = this.loan(loanId);
    if (!this.contact) return [];
    const card = await this.contact.card({ transmit: carry }, loanId);
    if (hex(card.id) !== hex(loan.card.id)) throw new Error("The card in the slot is not the one of this loan; put that one in.");
    loan.met = true;
    return card.readers;
  }

  async adverts(loanId: Uint8Array, room: number): Promise<Uint8Array> {
    const chosen = fitting(
      this.advertised.map(({ advert }) => advert),
      room,
    );
    if (chosen.length === 0) return new Uint8Array(0);
    const pictures = this.advertised.filter(({ advert }) => chosen.includes(advert)).map(({ picture }) => picture);
    return new Uint8Array(Buffer.concat([encodeDirectory(chosen, this.keys(this.loan(loanId)).loanKey), ...pictures]));
  }

  async issueLicense(loanId: Uint8Array, sealedContract: Uint8Array): Promise<Uint8Array> {
    const loan = this.loan(loanId);
    if (this.contact && !loan.met) throw new Error("The center has not authenticated the card of this loan; let the two meet first.");
    const opened = this.authority.openContract(loan.card, sealedContract);
    const expected = Buffer.concat([loan.loanId, loan.contentId, loan.cartridge.id, loan.terms]);
    if (!opened || !expected.equals(opened.contract))
      throw new Error("The contract is not the card's, or not the one that was prepared; begin the loan anew.");
    loan.nonce = opened.nonce;
    return this.authority.sealLicense(loan.card, loan.licenseId, opened.nonce, opened.contract, this.time(), this.keys(loan).cardPart);
  }

  async completeContract(loanId: Uint8Array, completion: Uint8Array): Promise<void> {
    const loan = this.loan(loanId);
    if (!loan.nonce || !this.authority.verifyCompletion(loan.card, loan.licenseId, loan.nonce, completion))
      throw new Error("The card's completion is not genuine; the contract is not made.");
    loan.completed = true;
  }

  async loadKey(loanId: Uint8Array, challenge: Uint8Array, counter: number): Promise<{ keyLoad: Uint8Array; envelope: Uint8Array }> {
    const loan = this.loan(loanId);
    if (!loan.completed) throw new Error("The card has not confirmed the contract; no key goes out before.");
    if (loan.activatedAt !== 0) throw new Error("The loan is active already; its key goes out once.");
    if (loan.challenge === null || hex(loan.challenge) !== hex(challenge)) {
      loan.challenge = challenge;
      loan.counter = Math.max(loan.counter, counter) + 1;
    }
    const keys = this.keys(loan);
    const { content } = loan;
    return {
      keyLoad: this.authority.sealKeyLoad(loan.cartridge, loan, loan.counter, challenge, keys.cartridgePart),
      envelope: this.authority.sealEnvelope(
        loan,
        loan.cartridge.id,
        keys.loanKey,
        content.titleKey,
        content.header,
        content.sealedLength,
        content.rate,
      ),
    };
  }

  async activate(loanId: Uint8Array, held: Uint8Array): Promise<Uint8Array> {
    const loan = this.loan(loanId);
    if (!loan.challenge || !this.authority.verifyHeld(loan.cartridge, loan.loanId, loan.counter, loan.challenge, held))
      throw new Error("The cartridge's proof that it holds the key is not genuine; load the key again.");
    if (loan.activatedAt === 0) loan.activatedAt = this.time();
    return this.authority.sealActivation(loan.cartridge, loan.loanId, loan.counter, loan.challenge, loan.activatedAt);
  }

  async receive(receipt: Uint8Array): Promise<Uint8Array> {
    const cartridge = this.device(receipt.subarray(4, 12), ROLE_CARTRIDGE);
    const opened = this.authority.openReceipt(cartridge, receipt);
    if (!opened) throw new Error("The receipt is not genuine; read it from the cartridge again.");
    const loan = this.loans.get(hex(opened.loanId));
    if (loan) loan.receipt = opened;
    return this.authority.acknowledge(cartridge, opened.loanId, opened.counter);
  }

  async revokeLicense(loanId: Uint8Array): Promise<Uint8Array> {
    const loan = this.loan(loanId);
    return this.authority.sealRevocation(loan.card, loan.licenseId, loan.revocation);
  }

  async licenseRevoked(loanId: Uint8Array, proof: Uint8Array): Promise<void> {
    const loan = this.loan(loanId);
    if (!this.authority.verifyRevoked(loan.card, loan.licenseId, loan.revocation, proof))
      throw new Error("The card's proof is not genuine; order it to destroy the license again.");
    loan.revoked = true;
  }

  /** The receipt that the center has for a loan, or null. */
  receiptOf(loanId: Uint8Array): Receipt | null {
    return this.loan(loanId).receipt;
  }

  private keys(loan: LoanRecord): ReturnType<Authority["makeLoanKey"]> {
    return this.authority.makeLoanKey(loan, loan.seed);
  }

  private loan(loanId: Uint8Array): LoanRecord {
    const loan = this.loans.get(hex(loanId));
    if (!loan) throw new Error(`The center has no loan ${hex(loanId)}; prepare it first.`);
    return loan;
  }

  private device(id: Uint8Array, role: number): DeviceReference {
    const device = this.devices.get(hex(id));
    if (device?.role !== role) throw new Error(`The center knows no such device ${hex(id)}; enroll it first.`);
    return device;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
