import { put32 } from "../bytes.js";
import { hmac } from "../hash/hmac.js";
import { CONTENT_KEYS } from "./derive.js";
import { TERMS_LENGTH } from "./terms.js";

/**
 * What passes between center, license servers and a client, through a terminal that can read none of it. Formats: docs/protocol.md, "Client". "Sealed" is
 * `sealFor` under KEY_PERIOD or KEY_CLIENT, "proof" is `prove`; both live in `loan.ts`. Kinds of messages, which are the first byte of what is authenticated:
 */
export const MESSAGE_PERIOD_KEY = 11;
export const MESSAGE_PERIOD_HELD = 12;
export const MESSAGE_PERIOD_ENDED = 13;
export const MESSAGE_TIME = 14;
export const MESSAGE_REGISTRATION = 15;
export const MESSAGE_TREE_KEYS = 16;
export const MESSAGE_LICENSE_REQUEST = 17;
export const MESSAGE_CLIENT_LICENSE = 18;
export const MESSAGE_LICENSE_HELD = 19;
export const MESSAGE_MOVE_REQUEST = 20;
export const MESSAGE_MOVE_ORDER = 21;
export const MESSAGE_LICENSE_REMOVED = 22;
export const MESSAGE_SETTLED = 23;

/** Period key in clear: order id 16 | content id 16 | start 4 | end 4 | key 32. It opens from `start` on and no longer at `end`. */
export const PERIOD_LENGTH = 72;
export const PERIOD_CONTENT = 16;
export const PERIOD_START = 32;
export const PERIOD_END = 36;
export const PERIOD_KEY = 40;

/**
 * Receipt of a period's end, 52 bytes: version 1 | cause 1 | times played 2 | order id 16 | client id 8 | end of the period 4 | destroyed at 4, client's
 * time | proof (13) over all before 16.
 */
export const PERIOD_RECEIPT_LENGTH = 52;
export const PERIOD_RECEIPT_SIGNED = 36;
/** The period is over; given back before. */
export const PERIOD_OVER = 1;
export const PERIOD_RETURNED = 2;

/** Associated data of an order's envelope: header hash 32 | order id 16 | client id 8 | start 4 | end 4 | sealed length 4 | sample rate 4. */
export const ORDER_CONTEXT = 72;

/** Writes the associated data of an order's envelope to `out` (72 bytes). */
export function orderContext(
  out: Uint8Array,
  headerHash: Uint8Array,
  order: Uint8Array,
  client: Uint8Array,
  startAndEnd: Uint8Array,
  length: number,
  rate: number,
): void {
  out.set(headerHash);
  out.set(order, 32);
  out.set(client, 48);
  out.set(startAndEnd, 56);
  put32(out, 64, length);
  put32(out, 68, rate);
}

/**
 * Registration in clear, 97 bytes: serial 4 | flags 1 | license server's id 8 and Ed25519 key 32 | Ed25519 key 32 of the signer of enabling blocks | first 20
 * bytes of the key-tree key material. What is not used is zeros.
 */
export const REGISTRATION_LENGTH = 97;
export const REGISTRATION_FLAGS = 4;
export const REGISTRATION_SERVER = 5;
export const REGISTRATION_SERVER_KEY = 13;
export const REGISTRATION_SIGNER = 45;
export const REGISTRATION_TREE = 77;
/** Flag: adverts may lead into the local network. */
export const FLAG_LOCAL_ADVERTS = 1;

/** Tree keys in clear: serial of the registration that they belong to 4 | place of the first key 1 | up to nine keys, 32 bytes each. */
export const TREE_PART_HEAD = 5;
export const TREE_PART_KEYS = 9;

/** How far a license has been used, 12 bytes: plays 2, readers 1, zero 1, first use 4, seconds 4: bytes 128 to 139 of a license. */
export const CONDITIONS_LENGTH = 12;

/**
 * What a license says, 148 bytes, the same when issued and in a copy certificate: terms 48 | issued 4 | conditions 12 | epoch 4 | license key 32 | title key
 * 48, sealed under the content key (`contentKey`) with `titleContext` as associated data.
 */
export const GRANT_LENGTH = TERMS_LENGTH + 100;
export const GRANT_ISSUED = TERMS_LENGTH;
export const GRANT_CONDITIONS = GRANT_ISSUED + 4;
export const GRANT_EPOCH = GRANT_CONDITIONS + CONDITIONS_LENGTH;
export const GRANT_KEY = GRANT_EPOCH + 4;
export const GRANT_TITLE = GRANT_KEY + 32;

/** License as issued to a client: license id 16 | content id 16 | grant 148; sealed over the client's nonce. */
export const ISSUE_LENGTH = 32 + GRANT_LENGTH;

/** Associated data of the title key in a license: header hash 32 | license id 16 | sealed length 4 | sample rate 4 | epoch 4. */
export const TITLE_CONTEXT = 60;

/** Writes the associated data of the title key in a license to `out` (60 bytes). */
export function titleContext(
  out: Uint8Array,
  headerHash: Uint8Array,
  license: Uint8Array,
  length: number,
  rate: number,
  epoch: Uint8Array,
): void {
  out.set(headerHash);
  out.set(license, 32);
  put32(out, 48, length);
  put32(out, 52, rate);
  out.set(epoch, 56);
}

const label = new Uint8Array(1);

/** Content key = HMAC(license key, label | media key | license id): neither the license nor the enabling block alone opens anything. */
export function contentKey(out: Uint8Array, licenseKey: Uint8Array, mediaKey: Uint8Array, license: Uint8Array): void {
  label[0] = CONTENT_KEYS;
  hmac(out, licenseKey, [label, mediaKey, license]);
}

/** Move order in clear: license id 16 | destination client 8 | id of this one use 16; sealed over the client's nonce. */
export const MOVE_LENGTH = 40;

/** An advert's icon area: advert id 8 | left, top, right, bottom, 0 to 255 each, both ends included | address, ASCII, 8 to 120 bytes. */
export const ADVERT_HEAD = 12;
export const ADVERT_ADDRESS = 120;
