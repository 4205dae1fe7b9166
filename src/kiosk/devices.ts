import type { Clicks } from "../center/api/delivery-messages.js";

/** A device answered, and refused: what it refused, with its status word (ISO/IEC 7816-4). */
export class DeviceRefused extends Error {
  constructor(
    readonly what: string,
    readonly status: number,
  ) {
    super(`The device refused ${what} with status ${status.toString(16).padStart(4, "0")}.`);
  }
}

/** A loan as the cartridge or the card tells of it. */
export interface HeldLoan {
  /** 16 bytes, hex. */
  loanId: string;
  /** 48 bytes. */
  terms: Uint8Array;
}

/** A cartridge in the slot, authenticated. Every method rejects with DeviceRefused when the cartridge refuses, with another error when it is gone. */
export interface KioskCartridge {
  /** 8 bytes, hex. */
  readonly id: string;
  /** PREPARE: a fresh challenge (16 bytes), the highest loan counter seen, the capacitor's millivolts and whether that is enough for a loan. */
  prepare(): Promise<{ challenge: Uint8Array; counter: number; millivolts: number; charged: boolean }>;
  /** Bytes that its medium holds. */
  readonly capacity: number;
  /** RECORD: puts a sealed content on the cartridge, whole, and the section of adverts behind it; an empty one for none. */
  record(header: Uint8Array, length: number, sampleRate: number, sealed: AsyncIterable<Uint8Array>, adverts: Uint8Array): Promise<void>;
  /** LOAD KEY: answers the proof (16 bytes) that the key is held. */
  loadKey(keyLoad: Uint8Array, envelope: Uint8Array): Promise<Uint8Array>;
  /** ACTIVATE: arms. Safe to repeat. */
  activate(activation: Uint8Array): Promise<void>;
  /** ERASE: answers the receipt (60 bytes), null when there is no loan. Safe to repeat: the receipt stays until it is acknowledged. */
  erase(): Promise<Uint8Array | null>;
  /** The receipt that waits to be acknowledged, null when there is none; changes nothing. */
  receipt(): Promise<Uint8Array | null>;
  /** ACKNOWLEDGE: the center has the receipt. */
  acknowledge(acknowledgment: Uint8Array): Promise<void>;
  /** The armed loan, null when there is none or the cartridge does not tell. */
  loan(): Promise<HeldLoan | null>;
  /** Takes an introduction (118 bytes). */
  takeTicket(ticket: Uint8Array): Promise<void>;
  /** Leaves the two tickets of a reader (236 bytes), which fetches them at home. */
  putMail(tickets: Uint8Array): Promise<void>;
  /** Recommendation notes, as many as there are. */
  readRecommendations(): Promise<Uint8Array[]>;
  writeRecommendations(notes: Uint8Array[]): Promise<void>;
  /** Clicks on adverts that a reader left here. */
  readClicks(): Promise<Clicks>;
  clearClicks(): Promise<void>;
}

/** A card in its slot, authenticated. */
export interface KioskCard {
  /** 8 bytes, hex. */
  readonly id: string;
  /** Carries a command APDU of the center's own conversation with the card, and its answer. The kiosk's session ends by it and begins anew afterwards. */
  carry(apdu: Uint8Array): Promise<Uint8Array>;
  /** Takes an introduction (118 bytes). */
  takeTicket(ticket: Uint8Array): Promise<void>;
  /** CONTRACT: loan id 16 | content id 16 | cartridge id 8 | terms 48; answers what the card seals for the center, 120 bytes. */
  contract(fields: Uint8Array): Promise<Uint8Array>;
  /** CONTRACT KEY: stores the license (172 bytes sealed); answers the proof of completion, 16 bytes. */
  acceptLicense(license: Uint8Array): Promise<Uint8Array>;
  /** REVOKE LICENSE: destroys a license (48 bytes sealed); answers the proof that it is gone, 16 bytes. */
  revoke(revocation: Uint8Array): Promise<Uint8Array>;
  /** Loans whose licenses the card holds. */
  loans(): Promise<HeldLoan[]>;
  /** Certificates of enrolled readers, 128 bytes each. */
  readerCertificates(): Promise<Uint8Array[]>;
}

/** What stands in the slots of a kiosk. */
export interface KioskDevices {
  /** Null when none is inserted. */
  cartridge(): Promise<KioskCartridge | null>;
  card(): Promise<KioskCard | null>;
}
