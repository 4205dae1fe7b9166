import { scratch } from "../bytes.js";
import { hmac } from "../hash/hmac.js";

/** Subkeys of a device key, one label each; the first byte that HMAC sees, so that no two uses can meet. */
export const KEY_LICENSE_WRAP = 1;
export const KEY_TICKET = 2;
export const KEY_RECEIPT = 3;
export const KEY_LOAD = 4;
export const KEY_CONTRACT = 5;
export const KEY_JOURNAL = 6;
export const KEY_ROTATION = 7;
export const KEY_PERIOD = 8;
export const KEY_COPY = 9;
export const KEY_TERMS = 10;
/** Registration, key-tree keys, licenses and moves of a client. */
export const KEY_CLIENT = 11;

/** Keys of a session, from its pseudorandom key. */
export const SESSION_INITIATOR = 32;
export const SESSION_RESPONDER = 33;
export const CONFIRM_INITIATOR = 34;
export const CONFIRM_RESPONDER = 35;
export const NEXT_PAIR_SECRET = 36;
export const PAIR_ID = 37;
/** Keys that seal one authentication message, from one Diffie-Hellman value. */
export const SEAL_INITIATOR = 38;
export const SEAL_RESPONDER = 39;
export const SEAL_PERSONALIZATION = 40;
/** Loan key from its two shares. */
export const LOAN_SHARES = 41;
/** Key of a client's content, from the license's key and the media key of its enabling block. */
export const CONTENT_KEYS = 42;
/** Proof of a directory of adverts, under the loan key. */
export const ADVERT_DIRECTORY = 43;

const label = scratch(1);

/**
 * One key from another: HMAC-SHA-256(key, label || context), a one-step KDF (NIST SP 800-108r1, 4.1, with one block).
 *
 * @param out - 32 bytes; may be `key` itself
 * @param key - 32 bytes, secret
 * @param purpose - one of the labels above
 */
export function derive(out: Uint8Array, key: Uint8Array, purpose: number, context: Uint8Array): void {
  label[0] = purpose;
  hmac(out, key, [label, context]);
}
