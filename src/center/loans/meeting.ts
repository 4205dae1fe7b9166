import { ROLE_CARD, ROLE_READER } from "../../core/protocol/constants.js";
import { TERMS_READER } from "../../core/protocol/terms.js";
import { ProblemError } from "../api/problems.js";
import type { Meetings } from "../meetings.js";
import { audit, fromHex, toHex, type Scope } from "../scope.js";
import type { LoanRow } from "../db/tables.js";
import { introduceDevices } from "./introduction.js";
import { expectState, kiosksLoan } from "./machine.js";
import { goodDevice } from "./view.js";

/** What the kiosk carries back: the card's answer to the center's command of that number. */
export interface Carried {
  number: number;
  answer: Uint8Array;
}

/** Tickets by which the card, the cartridge and the reader of a loan know each other: all sealed for whom they are. */
export interface ReaderIntroduction {
  readerId: string;
  cardTicket: Uint8Array;
  cartridgeTicket: Uint8Array;
  /** The reader's two, which travel home in the cartridge's mailbox. */
  readerTickets: [Uint8Array, Uint8Array];
}

/** The center's next command for the card; or, without one, that it has authenticated the card, and which readers that brought. */
export interface MeetingStep {
  number: number;
  command: Uint8Array | null;
  readers: string[];
  introduction: ReaderIntroduction | null;
}

const NO_READER = "0".repeat(16);

/**
 * The center authenticates the card of a loan itself, the kiosk carrying the messages; then the card hands over the certificates of its readers, and the center
 * introduces the one of the terms, or else the first, to card and cartridge. Safe to repeat: begun anew, it takes the place of what was begun before.
 *
 * @param carried - null to begin
 */
export async function meetCard(
  scope: Scope,
  meetings: Meetings,
  id: string,
  kioskId: string,
  carried: Carried | null,
): Promise<MeetingStep> {
  const loan = await kiosksLoan(scope, id, kioskId);
  expectState(loan, "PREPARED");
  if (loan.card_id === null) throw new ProblemError("conflict", "This loan was agreed without a card; go on with the key.");
  await goodDevice(scope, loan.card_id, ROLE_CARD, "card");
  const turn = await (carried === null ? meetings.begin(fromHex(id)) : meetings.next(fromHex(id), carried.number, carried.answer));
  if (turn === null)
    throw new ProblemError("meeting-over", "The center waits for no such answer of this card; let the two begin their meeting anew.");
  if ("refusal" in turn) throw new ProblemError("device-refused", `Center and card did not authenticate each other: ${turn.refusal}`);
  if ("command" in turn) return { ...turn, readers: [], introduction: null };
  if (toHex(turn.card.id) !== loan.card_id)
    throw new ProblemError("device-refused", `Card ${toHex(turn.card.id)} is not the one of this loan; insert ${loan.card_id}.`);
  const readers: string[] = [];
  for (const certificate of turn.card.readers) {
    const reader = await readerOf(scope, toHex(certificate)).catch((error: unknown) => {
      if (error instanceof ProblemError) return null;
      throw error;
    });
    if (reader !== null) readers.push(toHex(reader));
  }
  expectReader(loan, readers);
  await scope.trx
    .insertInto("meetings")
    .values({ loan_id: id, at: scope.now, readers: JSON.stringify(readers) })
    .onConflict((conflict) => conflict.column("loan_id").doUpdateSet({ at: scope.now, readers: JSON.stringify(readers) }))
    .execute();
  await audit(scope, "card authenticated", id, { card: loan.card_id, readers });
  return { number: 0, command: null, readers, introduction: await introduceReader(scope, loan, readers) };
}

/** @throws ProblemError unless the center has authenticated the card of this loan */
export async function expectMet(scope: Scope, loan: LoanRow): Promise<void> {
  const met = await scope.trx.selectFrom("meetings").select("readers").where("loan_id", "=", loan.id).executeTakeFirst();
  if (met === undefined)
    throw new ProblemError("conflict", "The center has not authenticated the card of this loan; let the two meet first.");
}

/** Id of the reader that the certificate names, when it is the one enrolled and in good standing. */
export async function readerOf(scope: Scope, certificate: string): Promise<Uint8Array> {
  const id = certificate.slice(8, 24);
  const reader = await goodDevice(scope, id, ROLE_READER, "reader");
  if (toHex(reader.chain.subarray(0, 128)) !== certificate)
    throw new ProblemError("certificate-refused", `The certificate is not the one that reader ${id} was enrolled with; enroll it anew.`);
  return reader.id;
}

/** Id of the one reader that the terms name; null where any may play. */
function namedReader(loan: LoanRow): string | null {
  const named = loan.terms.slice(2 * TERMS_READER, 2 * TERMS_READER + 16);
  return named === NO_READER ? null : named;
}

function expectReader(loan: LoanRow, readers: string[]): void {
  const named = namedReader(loan);
  if (named !== null && !readers.includes(named))
    throw new ProblemError("device-refused", `The card did not bring the certificate of reader ${named}; choose a reader of this card.`);
}

async function introduceReader(scope: Scope, loan: LoanRow, readers: string[]): Promise<ReaderIntroduction | null> {
  const readerId = namedReader(loan) ?? readers.at(0);
  if (readerId === undefined || loan.card_id === null) return null;
  const card = await introduceDevices(scope, loan.card_id, readerId);
  const cartridge = await introduceDevices(scope, loan.cartridge_id, readerId);
  return {
    readerId,
    cardTicket: card.tickets[0],
    cartridgeTicket: cartridge.tickets[0],
    readerTickets: [card.tickets[1], cartridge.tickets[1]],
  };
}
