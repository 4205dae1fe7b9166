import { equal, get32 } from "../core/bytes.js";
import {
  TICKET_EPOCH,
  TICKET_EXPIRY,
  TICKET_LENGTH,
  TICKET_PAIR,
  TICKET_PEER,
  TICKET_SECRET,
  TICKET_SELF,
} from "../core/device/identity.js";
import { TAG_TICKET } from "../core/protocol/constants.js";
import { KEY_TICKET } from "../core/protocol/derive.js";
import { openFor } from "../core/protocol/loan.js";
import type { HostParty } from "./party.js";

/**
 * Takes an introduction for a party on a host: from then on it authenticates the peer named in the ticket by hashes alone.
 *
 * @param deviceKey - the party's own, 32 bytes
 * @throws Error when the ticket is not the center's for this party, is of an epoch that is over, or has expired
 */
export function takeTicket(party: HostParty, deviceKey: Uint8Array, ticket: Uint8Array): void {
  const plain = new Uint8Array(TICKET_LENGTH);
  const genuine =
    ticket.length === 16 + TICKET_LENGTH && openFor(plain, deviceKey, KEY_TICKET, TAG_TICKET & 255, party.id, new Uint8Array(0), ticket);
  if (!genuine || !equal(plain.subarray(TICKET_SELF, TICKET_SELF + 8), party.id) || plain[TICKET_SELF + 8] !== party.role)
    throw new Error("The ticket is not the center's for this party; ask the center for another.");
  if (get32(plain, TICKET_EPOCH) < party.epoch) throw new Error("The ticket is of an epoch that is over; ask the center for another.");
  if (get32(plain, TICKET_EXPIRY) < party.floor()) throw new Error("The ticket has expired; ask the center for another.");
  party.storePair(
    plain.slice(TICKET_PAIR, TICKET_PAIR + 8),
    0,
    plain.slice(TICKET_SECRET, TICKET_SECRET + 32),
    plain.slice(TICKET_PEER, TICKET_PEER + 9),
  );
  plain.fill(0);
}
