import { equal, none, put32, scratch } from "../bytes.js";
import { hmac } from "../hash/hmac.js";
import { open, seal } from "../seal.js";
import { KEY_LOAD, KEY_RECEIPT, LOAN_SHARES, derive } from "./derive.js";
import { TERMS_LENGTH } from "./terms.js";

/**
 * What passes between center and cartridge, through a kiosk that can read none of it.
 *
 * Key load, sealed under the cartridge's key-load key with (1, cartridge id, challenge) as associated data:
 *   loan counter 4 | loan id 16 | content id 16 | terms 48 | key or share A 32
 * Activation, the same with (2, cartridge id, challenge):
 *   loan id 16 | loan counter 4 | center's time, seconds 4
 */
export const KEY_LOAD_LENGTH = 116;
export const KEY_LOAD_SEALED = KEY_LOAD_LENGTH + 16;
export const ACTIVATION_LENGTH = 24;
export const ACTIVATION_SEALED = ACTIVATION_LENGTH + 16;
export const LOAD_COUNTER = 0;
export const LOAD_LOAN = 4;
export const LOAD_CONTENT = 20;
export const LOAD_TERMS = 36;
export const LOAD_KEY = 84;

/** Kinds of sealed and authenticated messages, the first byte of what is authenticated. */
export const MESSAGE_KEY_LOAD = 1;
export const MESSAGE_ACTIVATION = 2;
export const MESSAGE_HELD = 3;
export const MESSAGE_RECEIPT = 4;
export const MESSAGE_ACKNOWLEDGE = 5;
export const MESSAGE_CONTRACT = 6;
export const MESSAGE_LICENSE = 7;
export const MESSAGE_COMPLETION = 8;
export const MESSAGE_REVOCATION = 9;
export const MESSAGE_REVOKED = 10;
/** The device holds the key of this generation; 11 to 23 are a client's. */
export const MESSAGE_ROTATED = 24;

/**
 * Erasure receipt, 60 bytes: what the cartridge proves to the center.
 *
 * | offset | bytes | field                                                                             |
 * | ------ | ----- | --------------------------------------------------------------------------------- |
 * | 0      | 1     | version, 1                                                                        |
 * | 1      | 1     | cause                                                                             |
 * | 2      | 1     | 0: erased exactly at `latest`; 1: some time from `earliest` to `latest`; 2: from `earliest` on, end not known |
 * | 3      | 1     | 0                                                                                 |
 * | 4      | 8     | cartridge id                                                                      |
 * | 12     | 16    | loan id                                                                           |
 * | 28     | 4     | loan counter                                                                      |
 * | 32     | 4     | earliest, seconds after activation                                                |
 * | 36     | 4     | latest, seconds after activation                                                  |
 * | 40     | 4     | activation, center's time; 0 when it never came                                   |
 * | 44     | 16    | first half of HMAC under the cartridge's receipt key, over (4, bytes 0 to 43)     |
 */
export const RECEIPT_LENGTH = 60;
export const RECEIPT_SIGNED = 44;

export const CAUSE_DEADLINE = 1;
export const CAUSE_POWER_FAIL = 2;
export const CAUSE_RETURNED = 3;
export const CAUSE_TAMPER = 4;
/** The key was gone at power-up: ran dry, or any other reset. */
export const CAUSE_LOST = 5;
export const CAUSE_NEVER_ACTIVATED = 6;
export const CAUSE_CLOCK = 7;

/** Envelope: the title key sealed under the loan key. */
export const ENVELOPE_LENGTH = 48;

const key = scratch(32);
const kind = scratch(1);
const associated = scratch(25);

function associate(message: number, id: Uint8Array, challenge: Uint8Array): Uint8Array {
  associated[0] = message;
  associated.set(id, 1);
  associated.set(challenge, 9);
  return associated.subarray(0, 9 + challenge.length);
}

/**
 * Seals a message between center and one device under a subkey of its device key: `out` = tag || ciphertext, 16 bytes longer than `plain`.
 *
 * @param purpose - label of the subkey
 * @param challenge - 0 to 16 bytes that make the message good for one exchange only
 */
export function sealFor(
  out: Uint8Array,
  deviceKey: Uint8Array,
  purpose: number,
  message: number,
  id: Uint8Array,
  challenge: Uint8Array,
  plain: Uint8Array,
): void {
  derive(key, deviceKey, purpose, none);
  seal(out, key, associate(message, id, challenge), plain);
  key.fill(0);
}

/** Opens what `sealFor` made; false when any part differs, and then `out` holds zeros. */
export function openFor(
  out: Uint8Array,
  deviceKey: Uint8Array,
  purpose: number,
  message: number,
  id: Uint8Array,
  challenge: Uint8Array,
  sealed: Uint8Array,
): boolean {
  derive(key, deviceKey, purpose, none);
  const genuine = open(out, key, associate(message, id, challenge), sealed);
  key.fill(0);
  return genuine;
}

/** 16-byte proof to or from the center, under the device's receipt key. */
export function prove(out: Uint8Array, deviceKey: Uint8Array, message: number, parts: Uint8Array): void {
  kind[0] = message;
  derive(key, deviceKey, KEY_RECEIPT, none);
  hmac(key, key, [kind, parts]);
  out.set(key.subarray(0, 16));
  key.fill(0);
}

/** True when `proof` is what `prove` makes. */
export function proven(proof: Uint8Array, deviceKey: Uint8Array, message: number, parts: Uint8Array): boolean {
  const expected = new Uint8Array(16);
  prove(expected, deviceKey, message, parts);
  return equal(proof, expected);
}

/** Associated data of a loan envelope: header hash 32 | loan id 16 | cartridge id 8 | terms 48 | sealed length 4 | sample rate 4. */
export const ENVELOPE_CONTEXT = 64 + TERMS_LENGTH;

/** Writes the associated data of an envelope to `out` (112 bytes). */
export function envelopeContext(
  out: Uint8Array,
  headerHash: Uint8Array,
  loan: Uint8Array,
  cartridge: Uint8Array,
  terms: Uint8Array,
  length: number,
  rate: number,
): void {
  out.set(headerHash);
  out.set(loan, 32);
  out.set(cartridge, 48);
  out.set(terms, 56);
  put32(out, 104, length);
  put32(out, 108, rate);
}

/** Loan key = HMAC(share A, label || share B || loan id): neither share alone says anything about it. */
export function joinShares(out: Uint8Array, shareA: Uint8Array, shareB: Uint8Array, loan: Uint8Array): void {
  kind[0] = LOAN_SHARES;
  hmac(out, shareA, [kind, shareB, loan]);
}

/** Subkey under which key loads are sealed; kept here so that both ends agree on one label. */
export const LOAD_PURPOSE = KEY_LOAD;
