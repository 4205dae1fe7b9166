import { closeSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { get32, put32 } from "../core/bytes.js";
import { BULK_CONTENT } from "../core/link/bulk.js";
import { SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import {
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_ERASE,
  INS_GET_DATA,
  INS_GET_LOAN,
  INS_LOAD_KEY,
  INS_PREPARE,
  INS_PUT_DATA,
  INS_RECORD,
  INS_REVOKE_LICENSE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  TAG_CLICKS,
  TAG_LICENSE,
  TAG_MAILBOX,
  TAG_READER_CERTIFICATE,
  TAG_RECEIPT,
  TAG_RECOMMENDATIONS,
  TAG_TICKET,
} from "../core/protocol/constants.js";
import { AREAS, sectionAt } from "../core/protocol/adverts.js";
import type { Clicks } from "../center/api/delivery-messages.js";
import { LICENSE_LOAN, LICENSE_TERMS } from "../core/protocol/license.js";
import { TERMS_LENGTH } from "../core/protocol/terms.js";
import type { HostParty } from "../host/party.js";
import { DeviceSession } from "../host/session.js";
import { LinkError, type Transport } from "../host/transport.js";
import type { CounterIntroduction } from "./introduction.js";
import { DeviceRefused, type HeldLoan, type KioskCard, type KioskCartridge, type KioskDevices } from "./devices.js";
import { readClicks } from "../host/clicks.js";
import { hex } from "../host/party.js";

const none = new Uint8Array(0);

/** Notes of recommendations that a cartridge has room for, licenses and reader certificates that a card has. */
const NOTES = 4;
const LICENSES = 4;
const READERS = 2;
/** Clicks on one advert that are believed of one cartridge. */
const MOST_CLICKS = 1_000_000;
/** Milliseconds that a device may take to arrive, and between two looks. */
const ARRIVAL = 1500;
const POLL = 50;

/** Sends a command of Leyden's own class in the session; rejects with DeviceRefused on any status but 0x9000. */
async function order(session: DeviceSession, what: string, ins: number, tag: number, data: Uint8Array, cla = 0x80): Promise<Uint8Array> {
  const answer = await session.transfer(cla, ins, tag, data);
  if (answer.sw !== SW_OK) throw new DeviceRefused(what, answer.sw);
  return answer.data;
}

/** Answers the data of a query, or null where the device says that there is none. */
async function query(session: DeviceSession, ins: number, tag: number, cla: number): Promise<Uint8Array | null> {
  const answer = await session.transfer(cla, ins, tag, none);
  return answer.sw === SW_OK ? answer.data : null;
}

class SlotCartridge implements KioskCartridge {
  constructor(
    readonly id: string,
    readonly capacity: number,
    private readonly session: DeviceSession,
    private readonly transport: Transport,
  ) {}

  async prepare(): Promise<{ challenge: Uint8Array; counter: number; millivolts: number; charged: boolean }> {
    const data = await order(this.session, "to prepare a loan", INS_PREPARE, 0, none);
    return { challenge: data.slice(0, 16), counter: get32(data, 16), millivolts: (data[20] << 8) | data[21], charged: data[22] === 1 };
  }

  async record(
    header: Uint8Array,
    length: number,
    sampleRate: number,
    sealed: AsyncIterable<Uint8Array>,
    adverts: Uint8Array,
  ): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "leyden-record-"));
    const path = join(folder, "sealed");
    const data = new Uint8Array(header.length + (adverts.length > 0 ? 12 : 8));
    const total = adverts.length > 0 ? sectionAt(length) + adverts.length : length;
    data.set(header);
    put32(data, header.length, length);
    put32(data, header.length + 4, sampleRate);
    if (adverts.length > 0) put32(data, header.length + 8, adverts.length);
    try {
      // The wire asks for frames again when one is lost, so the content must be at hand.
      const file = await open(path, "w");
      for await (const bytes of sealed) await file.write(bytes);
      if (adverts.length > 0) await file.write(adverts, 0, adverts.length, sectionAt(length));
      await file.close();
      const descriptor = openSync(path, "r");
      try {
        await order(this.session, "to record", INS_RECORD, 0, data);
        await this.transport.bulkSend(Math.ceil(total / BULK_CONTENT), (index) => {
          const frame = new Uint8Array(Math.min(BULK_CONTENT, total - index * BULK_CONTENT));
          readSync(descriptor, frame, 0, frame.length, index * BULK_CONTENT);
          return frame;
        });
      } finally {
        closeSync(descriptor);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  loadKey(keyLoad: Uint8Array, envelope: Uint8Array): Promise<Uint8Array> {
    const data = new Uint8Array(keyLoad.length + envelope.length);
    data.set(keyLoad);
    data.set(envelope, keyLoad.length);
    return order(this.session, "the key", INS_LOAD_KEY, 0, data);
  }

  async activate(activation: Uint8Array): Promise<void> {
    await order(this.session, "to arm", INS_ACTIVATE, 0, activation);
  }

  async erase(): Promise<Uint8Array | null> {
    const answer = await this.session.transfer(0x80, INS_ERASE, 0, none);
    if (answer.sw === SW_NOT_FOUND) return null;
    if (answer.sw !== SW_OK) throw new DeviceRefused("to destroy its key", answer.sw);
    return answer.data;
  }

  receipt(): Promise<Uint8Array | null> {
    return query(this.session, INS_GET_DATA, TAG_RECEIPT, 0x00);
  }

  async acknowledge(acknowledgment: Uint8Array): Promise<void> {
    await order(this.session, "the acknowledgment", INS_ACKNOWLEDGE, 0, acknowledgment);
  }

  async loan(): Promise<HeldLoan | null> {
    const data = await query(this.session, INS_GET_LOAN, 0, 0x80);
    return data && { loanId: hex(data.subarray(0, 16)), terms: data.slice(16, 16 + TERMS_LENGTH) };
  }

  async takeTicket(ticket: Uint8Array): Promise<void> {
    await order(this.session, "an introduction", INS_PUT_DATA, TAG_TICKET, ticket, 0x00);
  }

  async putMail(tickets: Uint8Array): Promise<void> {
    await order(this.session, "its reader's introductions", INS_PUT_DATA, TAG_MAILBOX, tickets, 0x00);
  }

  async readRecommendations(): Promise<Uint8Array[]> {
    const notes: Uint8Array[] = [];
    for (let index = 0; index < NOTES; index++) {
      const note = await query(this.session, INS_GET_DATA, TAG_RECOMMENDATIONS | index, 0x00);
      if (note === null) break;
      notes.push(note);
    }
    return notes;
  }

  async writeRecommendations(notes: Uint8Array[]): Promise<void> {
    for (const [index, note] of notes.slice(0, NOTES).entries())
      await order(this.session, "recommendations", INS_PUT_DATA, TAG_RECOMMENDATIONS | index, note, 0x00);
  }

  async readClicks(): Promise<Clicks> {
    const data = await query(this.session, INS_GET_DATA, TAG_CLICKS, 0x00);
    return readClicks(data ?? none)
      .map(({ advertId, count }) => ({ advertId: hex(advertId), count: Math.min(count, MOST_CLICKS) }))
      .filter(({ count }) => count > 0)
      .slice(0, AREAS);
  }

  async clearClicks(): Promise<void> {
    await order(this.session, "to forget its clicks", INS_PUT_DATA, TAG_CLICKS, none, 0x00);
  }
}

class SlotCard implements KioskCard {
  /** The card's session was the center's meanwhile. */
  private lentOut = false;

  constructor(
    readonly id: string,
    private readonly session: DeviceSession,
    private readonly transport: Transport,
  ) {}

  carry(apdu: Uint8Array): Promise<Uint8Array> {
    this.lentOut = true;
    this.session.close();
    return this.transport.transmit(apdu);
  }

  async takeTicket(ticket: Uint8Array): Promise<void> {
    await order(await this.own(), "an introduction", INS_PUT_DATA, TAG_TICKET, ticket, 0x00);
  }

  async contract(fields: Uint8Array): Promise<Uint8Array> {
    return order(await this.own(), "the contract", INS_CONTRACT, 0, fields);
  }

  async acceptLicense(license: Uint8Array): Promise<Uint8Array> {
    return order(await this.own(), "the license", INS_CONTRACT_KEY, 0, license);
  }

  async revoke(revocation: Uint8Array): Promise<Uint8Array> {
    return order(await this.own(), "to destroy the license", INS_REVOKE_LICENSE, 0, revocation);
  }

  /** The kiosk's own session with the card, begun anew where the center's took its place. */
  private async own(): Promise<DeviceSession> {
    if (!this.lentOut) return this.session;
    await this.session.authenticate(ROLE_CARD);
    if (hex(this.session.peer) !== this.id) throw new Error("Another card is in the slot now; begin anew with that one.");
    this.lentOut = false;
    return this.session;
  }

  async loans(): Promise<HeldLoan[]> {
    const session = await this.own();
    const held: HeldLoan[] = [];
    for (let index = 0; index < LICENSES; index++) {
      const license = await query(session, INS_GET_DATA, TAG_LICENSE | index, 0x00);
      if (license !== null)
        held.push({
          loanId: hex(license.subarray(LICENSE_LOAN, LICENSE_LOAN + 16)),
          terms: license.slice(LICENSE_TERMS, LICENSE_TERMS + TERMS_LENGTH),
        });
    }
    return held;
  }

  async readerCertificates(): Promise<Uint8Array[]> {
    const session = await this.own();
    const certificates: Uint8Array[] = [];
    for (let index = 0; index < READERS; index++) {
      const certificate = await query(session, INS_GET_DATA, TAG_READER_CERTIFICATE | index, 0x00);
      if (certificate !== null) certificates.push(certificate);
    }
    return certificates;
  }
}

/** The slots of a kiosk over real transports: each call finds out what is in the slot and authenticates it, unless the session still stands. */
export class KioskSlots implements KioskDevices {
  private readonly sessions = new Map<Transport, DeviceSession>();

  /**
   * @param party - the kiosk, as its certificate names it
   * @param introduction - how the center introduces the two; without it, or when it does not answer, strangers authenticate by certificates
   */
  constructor(
    private readonly party: HostParty,
    private readonly cartridgeSlot: Transport,
    private readonly cardSlot: Transport,
    private readonly introduction?: CounterIntroduction,
  ) {}

  async cartridge(): Promise<KioskCartridge | null> {
    const session = await this.session(this.cartridgeSlot, ROLE_CARTRIDGE);
    return session && new SlotCartridge(hex(session.peer), (await session.info()).capacity, session, this.cartridgeSlot);
  }

  async card(): Promise<KioskCard | null> {
    const session = await this.session(this.cardSlot, ROLE_CARD);
    return session && new SlotCard(hex(session.peer), session, this.cardSlot);
  }

  /** The session with what is in the slot; null when nothing answers there. */
  private async session(slot: Transport, role: number): Promise<DeviceSession | null> {
    for (const end = performance.now() + ARRIVAL; ;) {
      const before = this.sessions.get(slot);
      try {
        // A session that still stands answers; after a change of device it cannot.
        if (before?.authenticated && (await before.stands())) return before;
        const session = new DeviceSession(slot, this.party);
        await this.introduction?.introduce(session, this.party);
        await session.authenticate(role);
        this.sessions.set(slot, session);
        return session;
      } catch (error) {
        this.sessions.delete(slot);
        if (!(error instanceof LinkError)) throw error;
        // A device that was put in this very moment announces itself in the middle of the exchange, or its port is not open yet.
        if (!error.passing || performance.now() > end) return null;
        await new Promise((resolve) => setTimeout(resolve, POLL));
      }
    }
  }
}
