import { createHash } from "node:crypto";
import type { Clicks } from "../../../src/center/api/delivery-messages.js";
import { CUSTODY_CARD, ROLE_CARD, ROLE_CARTRIDGE } from "../../../src/core/protocol/constants.js";
import { KEY_CONTRACT } from "../../../src/core/protocol/derive.js";
import {
  CAUSE_DEADLINE,
  CAUSE_LOST,
  CAUSE_NEVER_ACTIVATED,
  CAUSE_RETURNED,
  KEY_LOAD_LENGTH,
  LOAD_PURPOSE,
  MESSAGE_ACKNOWLEDGE,
  MESSAGE_ACTIVATION,
  MESSAGE_COMPLETION,
  MESSAGE_CONTRACT,
  MESSAGE_HELD,
  MESSAGE_KEY_LOAD,
  MESSAGE_LICENSE,
  MESSAGE_RECEIPT,
  MESSAGE_REVOCATION,
  MESSAGE_REVOKED,
  openFor,
  prove,
  proven,
  sealFor,
} from "../../../src/core/protocol/loan.js";
import { TERMS_CUSTODY, TERMS_DURATION } from "../../../src/core/protocol/terms.js";
import { DeviceRefused, type HeldLoan, type KioskCard, type KioskCartridge } from "../../../src/kiosk/devices.js";
import { CardResponder } from "./responder.js";
import { deviceId, keys, partyOf } from "./keys.js";

const none: Uint8Array = new Uint8Array(0);
const CONDITIONS = 0x6985;
const DATA = 0x6a80;
const PENDING_SECONDS = 120;
const HEARTBEAT = 3600;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const number32 = (value: number): Uint8Array => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};

/** A counter in place of chance, so that every run is the same. */
let drawn = 0;
const draw = (length: number): Uint8Array =>
  new Uint8Array(
    createHash("sha256")
      .update(`draw ${String(drawn++)}`)
      .digest()
      .subarray(0, length),
  );

type State = "EMPTY" | "PENDING" | "ARMED" | "ERASED";

/** A cartridge as far as a kiosk sees it: the real messages, the real rules about when a key dies, time from outside. */
export class ModelCartridge implements KioskCartridge {
  readonly id: string;
  state: State = "EMPTY";
  key: Uint8Array | null = null;
  terms: Uint8Array = none;
  loanId = "";
  recorded: Uint8Array[] = [];
  notes: Uint8Array[] = [];
  tickets: Uint8Array[] = [];
  mail: Uint8Array = none;
  millivolts = 5000;
  /** Called before each command; a test throws here to pull the cartridge out. */
  before: (command: string) => void = () => undefined;
  private readonly deviceKey: Uint8Array;
  private counter = 0;
  private challenge: Uint8Array = none;
  private prepared = false;
  private pendingSince = 0;
  private activatedAt = 0;
  private activation = 0;
  private receiptBytes: Uint8Array = none;

  constructor(
    readonly name: string,
    private readonly now: () => number,
  ) {
    this.id = deviceId(name);
    this.deviceKey = keys.deviceKey(ROLE_CARTRIDGE, unhex(this.id), 1);
  }

  private settle(command: string): void {
    this.before(command);
    if (this.state === "PENDING" && this.now() - this.pendingSince >= PENDING_SECONDS) this.end(CAUSE_NEVER_ACTIVATED, 0, 0, 0);
    if (this.state === "ARMED" && this.elapsed() >= this.duration()) this.end(CAUSE_DEADLINE, 0, this.duration(), this.duration());
  }

  private elapsed(): number {
    return this.now() - this.activatedAt;
  }

  private duration(): number {
    return new DataView(this.terms.buffer, this.terms.byteOffset).getUint32(TERMS_DURATION);
  }

  private end(cause: number, exactness: number, earliest: number, latest: number): void {
    this.key = null;
    this.prepared = false;
    this.state = "ERASED";
    const receipt = new Uint8Array(60);
    receipt.set([1, cause, exactness]);
    receipt.set(unhex(this.id), 4);
    receipt.set(unhex(this.loanId), 12);
    [this.counter, earliest, latest, this.activation].forEach((value, index) => {
      receipt.set(number32(value), 28 + 4 * index);
    });
    prove(receipt.subarray(44), this.deviceKey, MESSAGE_RECEIPT, receipt.subarray(0, 44));
    this.receiptBytes = receipt;
  }

  /** The capacitor runs dry, or the power fails without a warning: nobody knows exactly when. */
  runDry(): void {
    if (this.state === "PENDING") this.end(CAUSE_NEVER_ACTIVATED, 0, 0, 0);
    if (this.state !== "ARMED") return;
    const alive = Math.floor(this.elapsed() / HEARTBEAT) * HEARTBEAT;
    this.end(CAUSE_LOST, 2, alive, alive);
  }

  async prepare(): Promise<{ challenge: Uint8Array; counter: number; millivolts: number; charged: boolean }> {
    this.settle("prepare");
    if (this.state === "ARMED" || this.state === "ERASED") throw new DeviceRefused("to prepare", CONDITIONS);
    this.challenge = draw(16);
    this.prepared = true;
    return { challenge: this.challenge, counter: this.counter, millivolts: this.millivolts, charged: this.millivolts >= 4500 };
  }

  readonly capacity = 1 << 20;
  adverts: Uint8Array = none;
  clicks: Clicks = [];

  async readClicks(): Promise<Clicks> {
    this.settle("readClicks");
    return this.clicks;
  }

  async clearClicks(): Promise<void> {
    this.settle("clearClicks");
    this.clicks = [];
  }

  async record(header: Uint8Array, length: number, _rate: number, sealed: AsyncIterable<Uint8Array>, adverts: Uint8Array): Promise<void> {
    this.settle("record");
    if (this.state === "ARMED" || this.state === "PENDING") throw new DeviceRefused("to record", CONDITIONS);
    this.recorded = [header];
    this.adverts = adverts;
    let received = 0;
    for await (const bytes of sealed) {
      this.before("chunk");
      this.recorded.push(bytes);
      received += bytes.length;
    }
    if (received !== length) throw new DeviceRefused("a content of another length", DATA);
  }

  async loadKey(keyLoad: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    this.settle("loadKey");
    if (!this.prepared || this.millivolts < 4500 || envelope.length !== 48) throw new DeviceRefused("the key", CONDITIONS);
    const plain = new Uint8Array(KEY_LOAD_LENGTH);
    if (!openFor(plain, this.deviceKey, LOAD_PURPOSE, MESSAGE_KEY_LOAD, unhex(this.id), this.challenge, keyLoad))
      throw new DeviceRefused("the key", DATA);
    const counter = new DataView(plain.buffer).getUint32(0);
    const again = this.state === "PENDING" && counter === this.counter;
    if (!again && counter <= this.counter) throw new DeviceRefused("the counter", CONDITIONS);
    if (!again) this.pendingSince = this.now();
    this.state = "PENDING";
    this.counter = counter;
    this.loanId = hex(plain.subarray(4, 20));
    this.terms = plain.slice(36, 84);
    this.key = plain.slice(84);
    this.activation = 0;
    const proof = new Uint8Array(16);
    prove(proof, this.deviceKey, MESSAGE_HELD, Buffer.concat([unhex(this.loanId), this.challenge, number32(counter)]));
    this.after("loadKey");
    return proof;
  }

  /** Called after a command had its effect; a test throws here to lose the answer. */
  after: (command: string) => void = () => undefined;

  async activate(activation: Uint8Array): Promise<void> {
    this.settle("activate");
    if (this.state !== "PENDING" && this.state !== "ARMED") throw new DeviceRefused("to arm", CONDITIONS);
    const plain = new Uint8Array(24);
    if (!openFor(plain, this.deviceKey, LOAD_PURPOSE, MESSAGE_ACTIVATION, unhex(this.id), this.challenge, activation))
      throw new DeviceRefused("to arm", DATA);
    if (hex(plain.subarray(0, 16)) !== this.loanId) throw new DeviceRefused("to arm", CONDITIONS);
    if (this.state === "ARMED") return;
    this.state = "ARMED";
    this.activatedAt = this.now();
    this.activation = new DataView(plain.buffer).getUint32(20);
    this.after("activate");
    return;
  }

  async erase(): Promise<Uint8Array | null> {
    this.settle("erase");
    if (this.state === "EMPTY") return null;
    if (this.state === "PENDING") this.end(CAUSE_NEVER_ACTIVATED, 0, 0, 0);
    if (this.state === "ARMED") this.end(CAUSE_RETURNED, 0, this.elapsed(), this.elapsed());
    this.after("erase");
    return this.receiptBytes;
  }

  async receipt(): Promise<Uint8Array | null> {
    this.settle("receipt");
    return this.state === "ERASED" ? this.receiptBytes : null;
  }

  async acknowledge(acknowledgment: Uint8Array): Promise<void> {
    this.settle("acknowledge");
    if (this.state === "EMPTY") return;
    if (!proven(acknowledgment, this.deviceKey, MESSAGE_ACKNOWLEDGE, Buffer.concat([unhex(this.loanId), number32(this.counter)])))
      throw new DeviceRefused("the acknowledgment", DATA);
    this.state = "EMPTY";
    this.loanId = "";
    return;
  }

  async loan(): Promise<HeldLoan | null> {
    this.settle("loan");
    return this.state === "ARMED" ? { loanId: this.loanId, terms: this.terms } : null;
  }

  async takeTicket(ticket: Uint8Array): Promise<void> {
    this.settle("takeTicket");
    this.tickets.push(ticket);
  }

  async putMail(tickets: Uint8Array): Promise<void> {
    this.settle("putMail");
    this.mail = tickets;
  }

  async readRecommendations(): Promise<Uint8Array[]> {
    this.settle("readRecommendations");
    return this.notes;
  }

  async writeRecommendations(notes: Uint8Array[]): Promise<void> {
    this.settle("writeRecommendations");
    this.notes = notes;
    return;
  }

  /** True when a reader could get the cartridge's part of the key now. */
  playable(): boolean {
    this.settle("play");
    return this.state === "ARMED" && this.terms[TERMS_CUSTODY] !== CUSTODY_CARD;
  }
}

interface ModelLicense extends HeldLoan {
  id: string;
  key: Uint8Array;
}

/** A card as far as a kiosk sees it. */
export class ModelCard implements KioskCard {
  readonly id: string;
  licenses: ModelLicense[] = [];
  certificates: Uint8Array[] = [];
  private readonly deviceKey: Uint8Array;
  private nonce: Uint8Array = none;
  private fields: Uint8Array = none;

  tickets: Uint8Array[] = [];
  private readonly responder: CardResponder;

  constructor(
    readonly name: string,
    now: () => number,
  ) {
    this.id = deviceId(name);
    this.deviceKey = keys.deviceKey(ROLE_CARD, unhex(this.id), 1);
    this.responder = new CardResponder(partyOf(name, ROLE_CARD, now), () => this.certificates);
  }

  async carry(apdu: Uint8Array): Promise<Uint8Array> {
    return this.responder.answer(apdu);
  }

  async takeTicket(ticket: Uint8Array): Promise<void> {
    this.tickets.push(ticket);
  }

  async contract(fields: Uint8Array): Promise<Uint8Array> {
    this.nonce = draw(16);
    this.fields = fields;
    const sealed = new Uint8Array(fields.length + 32);
    sealFor(sealed, this.deviceKey, KEY_CONTRACT, MESSAGE_CONTRACT, unhex(this.id), none, Buffer.concat([this.nonce, fields]));
    return sealed;
  }

  async acceptLicense(sealed: Uint8Array): Promise<Uint8Array> {
    const issue = new Uint8Array(156);
    if (!openFor(issue, this.deviceKey, KEY_CONTRACT, MESSAGE_LICENSE, unhex(this.id), this.nonce, sealed))
      throw new DeviceRefused("the license", DATA);
    if (hex(issue.subarray(16, 104)) !== hex(this.fields)) throw new DeviceRefused("other terms", DATA);
    const id = hex(issue.subarray(0, 16));
    if (!this.licenses.some((license) => license.id === id))
      this.licenses.push({ id, loanId: hex(issue.subarray(16, 32)), terms: issue.slice(56, 104), key: issue.slice(124) });
    const proof = new Uint8Array(16);
    prove(proof, this.deviceKey, MESSAGE_COMPLETION, Buffer.concat([unhex(id), this.nonce]));
    return proof;
  }

  async revoke(sealed: Uint8Array): Promise<Uint8Array> {
    const plain = new Uint8Array(32);
    if (!openFor(plain, this.deviceKey, KEY_CONTRACT, MESSAGE_REVOCATION, unhex(this.id), none, sealed))
      throw new DeviceRefused("the revocation", DATA);
    this.licenses = this.licenses.filter((license) => license.id !== hex(plain.subarray(0, 16)));
    const proof = new Uint8Array(16);
    prove(proof, this.deviceKey, MESSAGE_REVOKED, plain);
    return proof;
  }

  async loans(): Promise<HeldLoan[]> {
    return this.licenses;
  }

  async readerCertificates(): Promise<Uint8Array[]> {
    return this.certificates;
  }
}
