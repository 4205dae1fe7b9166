import type { Board } from "../../boards/board.js";
import type { Device } from "../core/device/device.js";
import { SW_DATA } from "../core/link/apdu.js";
import { KEY_CLIENT } from "../core/protocol/derive.js";
import { openFor, prove, proven } from "../core/protocol/loan.js";
import type { Peer } from "../reader/peers.js";
import type { Player } from "../reader/state.js";

/** What a nonce was made for. */
export const NONCE_LICENSE = 1;
export const NONCE_MOVE = 2;

/** What lets the client open a content. */
export const RIGHT_PERIOD = 1;
export const RIGHT_LICENSE = 2;
export const RIGHT_CARD = 3;

/** Where the content comes from, in the order in which it is looked for. */
export const SOURCE_STORE = 1;
export const SOURCE_CARTRIDGE = 2;
export const SOURCE_HOST = 3;

/** What PLAY wants: content id 16 | id 16 | envelope 48. */
export const WANTED_ENVELOPE = 32;
export const WANTED_LENGTH = 80;

/** What the host should bring. */
export const WANTS_OFFER = 1;
export const WANTS_BYTES = 2;

export interface Client {
  device: Device;
  board: Board;
  player: Player;
  /** Nonce of the time, and the board time at which it was made; below zero while there is none. */
  timeNonce: Uint8Array;
  askedAt: number;
  /** Time stated last, 0 since the start; board time at which it came, and how old its nonce was, seconds. */
  stated: number;
  statedAt: number;
  age: number;
  /** Wakes at the end of the next period. */
  timer: number;
  nonce: Uint8Array;
  nonceFor: number;
  /** Slice of an enabling block, or copy certificate, and whether its signature is being checked. */
  slice: Uint8Array;
  verifying: boolean;
  /** Content id 16 | id 16 | envelope 48 of PLAY, and whether there was more than the content id. */
  wanted: Uint8Array;
  given: boolean;
  right: number;
  /** Where in the journal the right stands; end of its period. */
  place: number;
  end: number;
  source: number;
  /** The cartridge in the slot holds the content, and its loan is in `player.loan`. */
  inCartridge: boolean;
  /** A device in a slot is being asked or authenticated. */
  seeking: boolean;
  /** Waits for the host to offer the content. */
  offering: boolean;
  /** What is in the own store: stream header 48 | sealed length 4 | sample rate 4 | 1 when complete. */
  kept: Uint8Array;
  keeping: boolean;
  /** Bytes of the content that have come, of all, and in one frame. */
  next: number;
  total: number;
  frame: number;
  /** The sink has not taken the last chunk yet; what lets the next one in. */
  pending: boolean;
  release: (() => void) | null;
  released: () => void;
  /** Ends a play that the host no longer feeds. */
  patience: number;
  /** Device in a slot that is to be authenticated. */
  peer: Peer;
  /**
   * What timers and waits call: a period's end, the host's silence, the next step of a play, the same a little later, and the authentication of `peer`. Closures
   * for good, since those of commands would keep all that answers commands in memory until they are called.
   */
  wake: () => void;
  giveUp: () => void;
  advance: () => void;
  again: () => void;
  meet: () => void;
}

/** Answers a command: a status word (negative), or the length of the answer at `device.data`. */
export type Outcome = number;

/** Data of one sealed message in clear; wiped by whoever opened it. */
export const plain = new Uint8Array(297);
/** What a proof is about. */
export const about = new Uint8Array(60);

/** Opens into `plain` what is sealed for this client: 0, or a negative status word. */
export function openMessage(client: Client, message: number, challenge: Uint8Array, sealed: Uint8Array, length: number): Outcome {
  const memory = client.device.memory;
  return openFor(plain.subarray(0, length), memory.deviceKey, KEY_CLIENT, message, memory.party.id, challenge, sealed) ? 0 : -SW_DATA;
}

/** Writes the proof over the first `length` bytes of `about` to `offset` of the answer; answers the answer's length. */
export function answerProof(client: Client, message: number, length: number, offset: number): Outcome {
  const device = client.device;
  prove(device.data.subarray(offset, offset + 16), device.memory.deviceKey, message, about.subarray(0, length));
  return offset + 16;
}

/** True when the center proves `message` over the first `length` bytes of `about`. */
export function isProven(client: Client, proof: Uint8Array, message: number, length: number): boolean {
  return proven(proof, client.device.memory.deviceKey, message, about.subarray(0, length));
}
