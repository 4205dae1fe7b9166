import { INS_PLAY, INS_STATUS } from "../core/protocol/constants.js";
import { SW_CONDITIONS, SW_OK } from "../core/link/apdu.js";
import { DeviceError, type DeviceSession } from "./session.js";
import { describeStatus } from "./status.js";

export const READER_IDLE = 0;
export const READER_PLAYING = 1;
export const READER_FINISHED = 2;
export const READER_REFUSED = 3;
export const READER_STOPPED = 4;

/** What a reader says of itself on its host port (STATUS). */
export interface ReaderStatus {
  state: number;
  /** What refused or stopped it: 0 nothing, 1 card, 2 cartridge, 3 license, 4 key, 5 a chunk, 6 the link. */
  reason: number;
  sw: number;
  detail: number;
  /** The card has authenticated; the cartridge has. */
  card: boolean;
  cartridge: boolean;
  /** Chunk at which it stopped, and bytes of content played. */
  chunk: number;
  played: number;
  /** Status words with which the two refused to authenticate, or 0. */
  cardRefusal: number;
  cartridgeRefusal: number;
}

const LENGTH = 18;
const none = new Uint8Array(0);

export async function readerStatus(session: DeviceSession): Promise<ReaderStatus> {
  const { sw, data } = await session.transfer(0x80, INS_STATUS, 0, none);
  if (sw !== SW_OK || data.length < LENGTH) throw new DeviceError(sw, data, "The device is no reader, or did not tell what it does");
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return {
    state: data[0],
    reason: data[1],
    sw: view.getUint16(2),
    detail: data[4],
    card: (data[5] & 1) !== 0,
    cartridge: (data[5] & 2) !== 0,
    chunk: view.getUint32(6),
    played: view.getUint32(10),
    cardRefusal: view.getUint16(14),
    cartridgeRefusal: view.getUint16(16),
  };
}

/** Tells the reader to play what is in its slots; false while card or cartridge is missing, or it plays already. */
export async function beginPlaying(session: DeviceSession): Promise<boolean> {
  const { sw, data } = await session.transfer(0x80, INS_PLAY, 0, none);
  if (sw !== SW_OK && sw !== SW_CONDITIONS) throw new DeviceError(sw, data, "The reader does not play");
  return sw === SW_OK;
}

const REASONS = ["nothing", "the card", "the cartridge", "the license", "the key", "a chunk of the content", "the link to a slot"];

/** Why a reader does not play, in one sentence; empty while nothing is wrong. */
export function describeRefusal(status: ReaderStatus): string {
  if (status.cardRefusal) return `The card and the reader did not authenticate each other: ${describeStatus(status.cardRefusal)}.`;
  if (status.cartridgeRefusal)
    return `The cartridge and the reader did not authenticate each other: ${describeStatus(status.cartridgeRefusal)}.`;
  if (status.state !== READER_REFUSED && status.state !== READER_STOPPED) return "";
  const what = REASONS[status.reason] ?? `reason ${String(status.reason)}`;
  const where = status.state === READER_STOPPED ? ` after ${String(status.played)} bytes` : "";
  return `The reader ${status.state === READER_REFUSED ? "refused" : "stopped"}${where} because of ${what}${status.sw ? `: ${describeStatus(status.sw)}` : ""}.`;
}
