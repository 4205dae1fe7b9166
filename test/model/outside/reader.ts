/** A reader that plays a loan, made from the documents alone: see `keys.ts`. */
import { derive, hmac, join, open, read32, same, seal, sha256, u16, u32, OutsideStream, type Bytes } from "./keys.js";
import { handClick, readAdverts, type Adverts } from "./adverts.js";
import { OutsideSession, type Identity, type Pair } from "./session.js";
import type { OutsideWire } from "./wire.js";

export interface Slots {
  card: OutsideWire;
  cartridge: OutsideWire;
}

const CARD = 1;
const CARTRIDGE = 2;

/** A license in clear: what this reader needs of it. */
function license(record: Bytes, wrappingKey: Bytes): { clear: Bytes; custody: number; terms: Bytes; key: Bytes } {
  const clear = open(wrappingKey, record.slice(0, 20), record.slice(20));
  if (!clear) throw new Error("the license does not open");
  return { clear, terms: clear.slice(60, 108), custody: clear[61], key: clear.slice(188, 220) };
}

/**
 * Authenticates card and cartridge, gets the key within the terms, opens the content chunk by chunk, and closes the play on the card.
 *
 * @param shown - receives the adverts that came with the content; somebody clicks the first icon when the play is over
 */
export async function playOutside(
  me: Identity,
  slots: Slots,
  met: { card?: Pair; cartridge?: Pair } = {},
  shown?: Adverts,
): Promise<Bytes> {
  const card = new OutsideSession((apdu) => slots.card.transmit(apdu), me);
  const cartridge = new OutsideSession((apdu) => slots.cartridge.transmit(apdu), me);
  await slots.card.resynchronize();
  await slots.cartridge.resynchronize();
  await (met.cartridge ? cartridge.resume(met.cartridge) : cartridge.authenticate(CARTRIDGE));
  await (met.card ? card.resume(met.card) : card.authenticate(CARD));
  Object.assign(met, { card: card.pair, cartridge: cartridge.pair });

  const loan = await cartridge.command(0x50, 0, new Uint8Array(0), "the cartridge holds no loan");
  const [loanId, terms, header, envelope] = [loan.slice(0, 16), loan.slice(16, 64), loan.slice(64, 112), loan.slice(112, 160)];
  const length = read32(loan, 160);
  const playId = me.random(16);
  const request = join(header.slice(8, 24), loanId, playId, loan.slice(168, 172));
  const released = await card.command(0x20, 0, request, "the card gives no key");
  const held = license(released.slice(0, 256), released.slice(256));
  if (!terms.every((byte, at) => byte === held.terms[at])) throw new Error("card and cartridge speak of different terms");

  const share = await cartridge.command(0x52, 0, join(held.clear.slice(0, 4), playId), "the cartridge gives no key");
  const key = held.custody === 1 ? share : held.custody === 2 ? held.key : hmac(share, [41], held.key, loanId);
  const context = join(sha256(header), loanId, cartridge.peer, terms, u32(length), loan.slice(164, 168));
  const titleKey = open(key, context, envelope);
  if (!titleKey) throw new Error("the envelope does not open");

  if (shown) Object.assign(shown, await readAdverts(cartridge, slots.cartridge, length, key));

  const stream = new OutsideStream(header, titleKey);
  const size = stream.sealedLength();
  const count = Math.ceil(length / size);
  await cartridge.command(0x54, 0, join(u32(0), u16(size), u32(count)), "the cartridge gives no content");
  const frames = await slots.cartridge.receiveFrames();
  const chunks = frames.map((frame, index) => {
    const plain = stream.open(index, index === count - 1, frame);
    if (!plain) throw new Error(`chunk ${String(index)} is not genuine`);
    return plain;
  });

  // Version 4 first, one more; the play is no longer open; a second of playing.
  const next = await card.command(0x22, 0, join(held.clear.slice(4, 20), playId), "the card gives no key for the update");
  const clear = held.clear.slice();
  clear.set(u32(read32(clear, 0) + 1));
  clear[131] = 0;
  clear.set(u32(read32(clear, 136) + 1), 136);
  const record = join(clear.slice(0, 20), seal(next, clear.slice(0, 20), clear));
  await card.command(0x22, 1, record, "the card does not take the license back");
  if (shown && shown.icons.length > 0) await handClick(cartridge, shown.icons[0].advert);
  return join(...chunks);
}

/** Introductions that travel on the cartridge: by each that was made for this reader it knows a card or a cartridge. */
export async function takeTickets(me: Identity, deviceKey: Bytes, cartridge: OutsideWire): Promise<Map<number, Pair>> {
  const met = new Map<number, Pair>();
  await cartridge.resynchronize();
  const { sw, data } = await new OutsideSession((apdu) => cartridge.transmit(apdu), me).exchange(0x00, 0xca, 0x0130);
  if (sw !== 0x9000) return met;
  for (let at = 0; at + 118 <= data.length; at += 118) {
    const ticket = open(derive(deviceKey, 2), join([0x10], me.id), data.slice(at, at + 118));
    if (!ticket || read32(ticket, 4) < me.time() || !same(ticket.slice(12, 21), join(me.id, [me.role]))) continue;
    if (!same(ticket.slice(30, 46), sha256(me.chain.slice(0, 128)).slice(0, 16))) continue;
    met.set(ticket[29], { id: ticket.slice(62, 70), generation: 0, secret: ticket.slice(70, 102), peer: ticket.slice(21, 29) });
  }
  return met;
}

/** Keys of a session from everything that crossed the wire and from static keys that were taken later: what the documents let derive, and a guess for what they do not. */
export function keysOfRecorded(
  messages: Bytes[],
  secrets: { openInitiators: Bytes; openResponders: Bytes; third: Bytes },
): { initiator: Bytes; responder: Bytes } | null {
  const [first, reply, sealed, answer] = messages;
  const T1 = sha256(sha256(new Uint8Array(32), first), reply);
  const T2 = sha256(T1, sealed);
  const T3 = sha256(T2, answer);
  const ours = open(derive(secrets.openInitiators, 38, T1), T1, sealed);
  const theirs = open(derive(secrets.openResponders, 39, T2), T2, answer);
  if (!ours || !theirs) return null;
  const session = hmac(T3, ours.slice(16, 48), theirs.slice(16, 48), secrets.third);
  return { initiator: derive(session, 32), responder: derive(session, 33) };
}
