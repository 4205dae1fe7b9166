import { get32 } from "../core/bytes.js";
import {
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_ERASE,
  INS_GET_DATA,
  INS_GET_LOAN,
  INS_LOAD_KEY,
  INS_LOAD_PROGRAM,
  INS_PREPARE,
  INS_RECORD,
  INS_REVOKE_LICENSE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  TAG_RECEIPT,
} from "../core/protocol/constants.js";
import {
  FLAG_READ_PROGRAM,
  TERMS_CUSTODY,
  TERMS_DURATION,
  TERMS_FLAGS,
  TERMS_KIOSK,
  TERMS_LENGTH,
  TERMS_NOT_AFTER,
  TERMS_NOT_BEFORE,
  TERMS_PLAYS,
  TERMS_PRICE,
  TERMS_READER,
  TERMS_READERS,
  TERMS_TOTAL,
  TERMS_WINDOW,
} from "../core/protocol/terms.js";
import { SW_CONDITIONS, SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import { SECTION_BLOCK, sectionAt } from "../core/protocol/adverts.js";
import { DeviceError, type DeviceInfo, type DeviceSession } from "../host/session.js";
import type { LoanCenter, PreparedLoan } from "../center/api.js";
import { makeReadProgram, type ReadProgram } from "./read-program.js";

/** A device in one of the kiosk's slots. */
export interface KioskDevice {
  session: DeviceSession;
  /** Sends frames after a command that begins a bulk transfer; resolves when the device has them all. */
  sendFrames(count: number, frame: (index: number) => Uint8Array): Promise<void>;
  /** Carries a command APDU of somebody else's, the center's, and its answer. */
  carry?(apdu: Uint8Array): Promise<Uint8Array>;
}

/** Sealed content in the kiosk's store, without its stream header. */
export interface SealedContent {
  readonly length: number;
  /** Bytes from `offset`; fewer than `length` only at the end. */
  read(offset: number, length: number): Uint8Array;
}

export interface TermsRequest {
  custody: number;
  /** Seconds from the connection to the kiosk. */
  duration: number;
  kioskId: Uint8Array;
  plays?: number;
  notBefore?: number;
  notAfter?: number;
  window?: number;
  totalSeconds?: number;
  readers?: number;
  reader?: Uint8Array;
  price?: number;
  /** The cartridge shall need the kiosk's read program to put its blocks in order. */
  readProgram?: boolean;
}

export type RentalStep = "connected" | "contracted" | "recording" | "recorded" | "charging" | "charged" | "loaded" | "active";

export interface Rental {
  cartridge: KioskDevice;
  card: KioskDevice;
  center: LoanCenter;
  contentId: Uint8Array;
  content: SealedContent;
  terms: Uint8Array;
  kioskId: Uint8Array;
  idempotencyKey: string;
  /** Source of the read program where the terms want one; the operating system's unless given. */
  random?(length: number): Uint8Array;
  /** Waits so many milliseconds on the kiosk's clock. */
  wait(milliseconds: number): Promise<void>;
  /** Told of every step, and while recording of the bytes done. */
  progress?(step: RentalStep, done: number, total: number): void;
  /** The cartridge's proof that it holds the key, set by `rent`: a call that is repeated with the same object goes on from there. */
  held?: Uint8Array | undefined;
}

/** Offset of the terms in a contract. */
const CONTRACT_TERMS = 40;
/** Bytes of content in one frame to the cartridge. */
const FRAME = 512;
/** A capacitor that is not charged after so long is faulty. */
const CHARGE_LIMIT = 30 * 60_000;
const CHARGE_POLL = 5_000;

const none = new Uint8Array(0);

/** Encodes the terms of a loan, 48 bytes. */
export function encodeTerms(request: TermsRequest): Uint8Array {
  const terms = new Uint8Array(TERMS_LENGTH);
  const view = new DataView(terms.buffer);
  terms[0] = 1;
  terms[TERMS_CUSTODY] = request.custody;
  terms[TERMS_FLAGS] = request.readProgram === true ? FLAG_READ_PROGRAM : 0;
  terms[TERMS_READERS] = request.readers ?? 0;
  view.setUint32(TERMS_DURATION, request.duration);
  view.setUint32(TERMS_NOT_BEFORE, request.notBefore ?? 0);
  view.setUint32(TERMS_NOT_AFTER, request.notAfter ?? 0);
  view.setUint16(TERMS_PLAYS, request.plays ?? 0);
  view.setUint32(TERMS_WINDOW, request.window ?? 0);
  view.setUint32(TERMS_TOTAL, request.totalSeconds ?? 0);
  view.setUint32(TERMS_PRICE, request.price ?? 0);
  terms.set(request.reader ?? new Uint8Array(8), TERMS_READER);
  terms.set(request.kioskId, TERMS_KIOSK);
  return terms;
}

/** The content is larger than what the cartridge's board can store. */
export class NoRoom extends Error {}

/** Throws NoRoom when the cartridge cannot hold the content: says so by the board's name, before anything is changed. */
export function requireRoom(info: DeviceInfo, sealedLength: number): void {
  if (sealedLength > info.capacity)
    throw new NoRoom(
      `A cartridge on ${info.board} holds ${String(info.capacity)} bytes, and this content takes ${String(sealedLength)}; choose a smaller content or a larger board.`,
    );
}

/**
 * Makes one loan: contract with the card, content to the cartridge, key from the center to whoever shall hold it, activation. Every key passes sealed. A cut
 * at any step leaves a loan that was never activated and a key that dies by itself; the call may be repeated, with the same object, until the loan is made.
 */
export async function rent(rental: Rental): Promise<Uint8Array> {
  const { cartridge, card, center } = rental;
  const progress = rental.progress ?? ((): void => undefined);
  // Of a call that was cut off nothing stands.
  cartridge.session.close();
  const info = await cartridge.session.info();
  requireRoom(info, rental.content.length);
  await cartridge.session.authenticate(ROLE_CARTRIDGE);
  await card.session.authenticate(ROLE_CARD);
  progress("connected", 0, 0);
  await settleReceipt(cartridge.session, center);
  const prepared = await center.prepare({
    contentId: rental.contentId,
    cartridgeId: cartridge.session.peer,
    cardId: card.session.peer,
    kioskId: rental.kioskId,
    terms: rental.terms,
    idempotencyKey: rental.idempotencyKey,
  });
  if (rental.held) {
    if (await unlessRefused(SW_CONDITIONS, arm(rental, prepared.loanId, rental.held))) return prepared.loanId;
    throw new Error("The cartridge's key died before the loan began; begin a new one.");
  }
  if (center.meet && card.carry) {
    // The center's own session takes the place of the kiosk's, which begins anew by the pair that the two share.
    await center.meet(prepared.loanId, card.carry);
    await card.session.authenticate(ROLE_CARD);
  }
  await contract(card.session, center, prepared.loanId, prepared.contract);
  progress("contracted", 0, 0);
  const wanted = (prepared.contract[CONTRACT_TERMS + TERMS_FLAGS] & FLAG_READ_PROGRAM) !== 0;
  const program = wanted ? makeReadProgram(Math.ceil(prepared.sealedLength / FRAME), rental.random) : null;
  const room = info.capacity - sectionAt(prepared.sealedLength);
  const adverts = center.adverts && room >= SECTION_BLOCK ? await center.adverts(prepared.loanId, room) : none;
  await record(rental, prepared, program, adverts);
  progress("recorded", prepared.sealedLength, prepared.sealedLength);
  const challenge = await charge(rental);
  progress("charged", 0, 0);
  const { keyLoad, envelope } = await center.loadKey(prepared.loanId, challenge.subarray(0, 16), get32(challenge, 16));
  const held = await cartridge.session.command(0x80, INS_LOAD_KEY, 0, join(keyLoad, envelope), "The cartridge did not take the key");
  if (program) await cartridge.session.command(0x80, INS_LOAD_PROGRAM, 0, program.bytes, "The cartridge did not take the read program");
  progress("loaded", 0, 0);
  rental.held = held;
  return arm(rental, prepared.loanId, held);
}

/** Has the center activate the loan, and the cartridge arm; answers the loan's id. */
async function arm(rental: Rental, loanId: Uint8Array, held: Uint8Array): Promise<Uint8Array> {
  const activation = await rental.center.activate(loanId, held);
  await rental.cartridge.session.command(0x80, INS_ACTIVATE, 0, activation, "The cartridge did not arm");
  rental.progress?.("active", 0, 0);
  return loanId;
}

/** What a command answers; null when the device refuses it with this status. */
async function unlessRefused(status: number, answer: Promise<Uint8Array>): Promise<Uint8Array | null> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof DeviceError && error.status === status) return null;
    throw error;
  }
}

/** A receipt of the loan before goes to the center first; only its acknowledgement makes the cartridge free. */
export async function settleReceipt(cartridge: DeviceSession, center: LoanCenter): Promise<Uint8Array | null> {
  const { sw, data } = await cartridge.transfer(0x00, INS_GET_DATA, TAG_RECEIPT, none);
  if (sw !== SW_OK) return null;
  await acknowledge(cartridge, await center.receive(data));
  return data;
}

async function acknowledge(cartridge: DeviceSession, proof: Uint8Array): Promise<void> {
  await cartridge.command(0x80, INS_ACKNOWLEDGE, 0, proof, "The cartridge did not take the acknowledgement of its receipt");
}

/** A key that a call before loaded and nobody activated makes room. Throws when the cartridge holds a loan that runs. */
async function dropPending(cartridge: DeviceSession, center: LoanCenter): Promise<void> {
  const { sw } = await cartridge.transfer(0x80, INS_GET_LOAN, 0, none);
  if (sw === SW_OK) throw new Error("The cartridge has a loan that runs; return it first.");
  await cartridge.command(0x80, INS_ERASE, 0, none, "The cartridge did not destroy the key of a loan that was never made");
  await settleReceipt(cartridge, center);
}

/**
 * Ends a loan: destroys the key in the cartridge, brings the receipt to the center, and has the card destroy its license. Either device may be absent.
 *
 * The call may be repeated after a cut, until both devices are done.
 *
 * @returns the receipt, or null where the cartridge was not brought or holds no loan any more
 */
export async function giveBack(
  center: LoanCenter,
  loanId: Uint8Array,
  cartridge: KioskDevice | null,
  card: KioskDevice | null,
): Promise<Uint8Array | null> {
  let receipt: Uint8Array | null = null;
  if (cartridge) {
    await cartridge.session.authenticate(ROLE_CARTRIDGE);
    const erased = cartridge.session.command(0x80, INS_ERASE, 0, none, "The cartridge did not destroy its key");
    receipt = await unlessRefused(SW_NOT_FOUND, erased);
    if (receipt) await acknowledge(cartridge.session, await center.receive(receipt));
  }
  if (card) {
    await card.session.authenticate(ROLE_CARD);
    const proof = await card.session.command(
      0x80,
      INS_REVOKE_LICENSE,
      0,
      await center.revokeLicense(loanId),
      "The card did not destroy its license",
    );
    await center.licenseRevoked(loanId, proof);
  }
  return receipt;
}

async function contract(card: DeviceSession, center: LoanCenter, loanId: Uint8Array, terms: Uint8Array): Promise<void> {
  const sealed = await card.command(0x80, INS_CONTRACT, 0, terms, "The card did not seal the contract");
  const license = await center.issueLicense(loanId, sealed);
  const completion = await card.command(0x80, INS_CONTRACT_KEY, 0, license, "The card did not take the license");
  await center.completeContract(loanId, completion);
}

/** Records the content, in the order of the read program where there is one, and behind it the adverts as they are. */
async function record(rental: Rental, prepared: PreparedLoan, program: ReadProgram | null, adverts: Uint8Array): Promise<void> {
  const { cartridge, content } = rental;
  const { header, sealedLength, rate } = prepared;
  const behind = sectionAt(sealedLength);
  const total = adverts.length > 0 ? behind + adverts.length : sealedLength;
  const size = new Uint8Array(adverts.length > 0 ? 12 : 8);
  const view = new DataView(size.buffer);
  view.setUint32(0, sealedLength);
  view.setUint32(4, rate);
  if (adverts.length > 0) view.setUint32(8, adverts.length);
  if (content.length !== sealedLength)
    throw new Error(
      `The kiosk's copy has ${String(content.length)} bytes and the center's ${String(sealedLength)}; fetch the content again.`,
    );
  const begin = join(header, size);
  const start = (): Promise<Uint8Array> => cartridge.session.command(0x80, INS_RECORD, 0, begin, "The cartridge did not begin to record");
  if ((await unlessRefused(SW_CONDITIONS, start())) === null) {
    await dropPending(cartridge.session, rental.center);
    await start();
  }
  await cartridge.sendFrames(Math.ceil(total / FRAME), (index) => {
    const at = index * FRAME;
    if (at >= behind) return adverts.subarray(at - behind, at - behind + FRAME);
    rental.progress?.("recording", at, sealedLength);
    const bytes = content.read((program ? program.blockAt(index) : index) * FRAME, FRAME);
    // The last block of the content is filled up where adverts follow.
    return adverts.length > 0 && bytes.length < FRAME ? join(bytes, new Uint8Array(FRAME - bytes.length)) : bytes;
  });
}

/** Waits until the capacitor is charged; answers the cartridge's challenge, counter and voltage. */
async function charge(rental: Rental): Promise<Uint8Array> {
  for (let waited = 0; ; waited += CHARGE_POLL) {
    const challenge = await rental.cartridge.session.command(0x80, INS_PREPARE, 0, none, "The cartridge is not free for a loan");
    const millivolts = (challenge[20] << 8) | challenge[21];
    if (challenge[22] === 1) return challenge;
    rental.progress?.("charging", millivolts, 0);
    if (waited >= CHARGE_LIMIT)
      throw new Error(`The capacitor stays at ${String(millivolts)} mV after half an hour of charging; take the cartridge out of service.`);
    await rental.wait(CHARGE_POLL);
  }
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}
