import type { Board, Sink } from "../../boards/board.js";
import type { Device } from "../core/device/device.js";
import { ENVELOPE_LENGTH } from "../core/protocol/loan.js";
import { TERMS_LENGTH } from "../core/protocol/terms.js";
import { HEADER_LENGTH } from "../core/stream/header.js";
import type { Stream } from "../core/stream/stream.js";
import type { Peer } from "./peers.js";

/** What the reader is doing, as STATUS tells it. */
export const PLAYER_IDLE = 0;
export const PLAYER_PLAYING = 1;
export const PLAYER_FINISHED = 2;
export const PLAYER_REFUSED = 3;
export const PLAYER_STOPPED = 4;
/** A client looks for what it may use, and for the content. */
export const PLAYER_SEEKING = 5;

/** Why: what refused or stopped, besides the status word that came with it. */
export const REASON_NONE = 0;
export const REASON_CARD = 1;
export const REASON_CARTRIDGE = 2;
export const REASON_LICENSE = 3;
export const REASON_KEY = 4;
export const REASON_CHUNK = 5;
export const REASON_LINK = 6;

/** GET LOAN's answer: offsets. */
export const LOAN_TERMS = 16;
export const LOAN_HEADER = LOAN_TERMS + TERMS_LENGTH;
export const LOAN_ENVELOPE = LOAN_HEADER + HEADER_LENGTH;
export const LOAN_SIZE = LOAN_ENVELOPE + ENVELOPE_LENGTH;
export const LOAN_RATE = LOAN_SIZE + 4;
export const LOAN_TIME = LOAN_RATE + 4;
export const LOAN_LENGTH = LOAN_TIME + 8;

/** Largest chunk of plaintext: sealed in either suite it fits one frame of the wire. */
export const CHUNK = 480;

export interface Player {
  device: Device;
  board: Board;
  sink: Sink;
  card: Peer;
  cartridge: Peer;
  /** Something was put in, or somebody asked: play when both are authenticated. */
  wanted: boolean;
  state: number;
  reason: number;
  /** Status word of the refusal, and the one byte of reason that a card adds. */
  sw: number;
  detail: number;
  /** Chunk that was refused; bytes played. */
  chunk: number;
  played: number;
  startedAt: number;
  /** As GET LOAN answers it; terms of zeros where the content does not come from a cartridge, and the license alone tells them. */
  loan: Uint8Array;
  license: Uint8Array;
  /** Loan id 16 | play id 16 | 1 while the play is open: what the journal keeps. */
  play: Uint8Array;
  key: Uint8Array;
  other: Uint8Array;
  /** While a play is under way: what opens its chunks, and one chunk opened. */
  stream: Stream | null;
  clear: Uint8Array;
  /** Fetches the sealed content, now that the stream can open it; all of it has been played. */
  fetch: (player: Player) => void;
  finish: (player: Player) => void;
  /** Takes an icon area at place `tag` >> 8; FF00 removes all. A reader's own list without. */
  advert?: (tag: number, area: Uint8Array) => number;
}
