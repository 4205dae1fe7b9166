/**
 * Who a personalized device is: one record of 141 bytes in the journal, written last of all at personalization, so that a device either is
 * somebody or is blank.
 *
 * | offset | bytes | field                                             |
 * | ------ | ----- | ------------------------------------------------- |
 * | 0      | 8     | device id                                         |
 * | 8      | 1     | role                                              |
 * | 9      | 4     | generation of the device key                      |
 * | 13     | 32    | X25519 private key                                |
 * | 45     | 32    | device key, shared with the center                |
 * | 77     | 64    | public keys of the root in use and its successor  |
 */
export const IDENTITY_LENGTH = 141;
export const IDENTITY_ROLE = 8;
export const IDENTITY_GENERATION = 9;
export const IDENTITY_PRIVATE = 13;
export const IDENTITY_DEVICE_KEY = 45;
export const IDENTITY_ROOTS = 77;

/** Types of journal records. */
export const SLOT_IDENTITY = 1;
export const SLOT_CHAIN = 2;
export const SLOT_RANDOM = 3;
/** Floor of time 4 | revocation epoch 4 | serial of the last ticket 4 | failed authentications in a row 1. */
export const SLOT_STATE = 4;
export const SLOT_PAIR = 5;
export const SLOT_VERIFIED = 6;
export const SLOT_LICENSE = 7;
export const SLOT_READER_CERTIFICATE = 8;
export const SLOT_LOAN = 9;
export const SLOT_HEARTBEAT = 10;
export const SLOT_ENVELOPE = 11;
export const SLOT_MAILBOX = 12;
export const SLOT_RECOMMENDATIONS = 13;
export const SLOT_RECEIPT = 14;
export const SLOT_PLAY = 15;
/** Epoch 4 | ids of devices that it revokes, 8 each. */
export const SLOT_REVOKED = 16;
export const REVOKED_IDS = 24;
/** Of a client: see `src/client`. */
export const SLOT_PERIOD = 17;
export const SLOT_REGISTRATION = 18;
export const SLOT_TREE_KEYS = 19;
export const SLOT_MEDIA = 20;
export const SLOT_CLIENT_LICENSE = 21;
export const SLOT_COPY_WINDOW = 22;
export const SLOT_CONTENT = 23;
export const SLOT_CLICKS = 24;

/** Fields of `SLOT_STATE`. */
export const STATE_LENGTH = 13;
export const STATE_FLOOR = 0;
export const STATE_EPOCH = 4;
export const STATE_TICKET = 8;
export const STATE_FAILURES = 12;

/** Pairs and remembered certificates that a device keeps; the least recently used makes room. */
export const PAIRS = 6;
export const VERIFIED = 6;

/** A pair: id 8 | peer's id 8 and role 1 | generation 4 | secret 32 | secret before 32 | stamp of last use 4. */
export const PAIR_LENGTH = 89;
export const PAIR_PEER = 8;
export const PAIR_GENERATION = 17;
export const PAIR_SECRET = 21;
export const PAIR_PREVIOUS = 53;
export const PAIR_STAMP = 85;

/**
 * Personalization in clear, 437 bytes: id 8 | role 1 | generation 4 | device key 32 | roots 64 | floor 4 | epoch 4 | seed 32 | chain 256 | X25519 private key 32
 * (zeros where the device made its own pair).
 */
export const PERSONALIZATION_LENGTH = 437;

/** Rotation in clear, 356 bytes: generation 4 | device key 32 | roots 64 | chain 256. */
export const ROTATION_LENGTH = 356;

/** An introduction ticket in clear, 102 bytes; sealed under the ticket key of the device that it is for. */
export const TICKET_LENGTH = 102;
export const TICKET_SERIAL = 0;
export const TICKET_EXPIRY = 4;
export const TICKET_EPOCH = 8;
/** Own id and role (9), peer's id and role (9), then both certificates' hashes (16 each). */
export const TICKET_SELF = 12;
export const TICKET_PEER = 21;
export const TICKET_SELF_CERTIFICATE = 30;
export const TICKET_PEER_CERTIFICATE = 46;
export const TICKET_PAIR = 62;
export const TICKET_SECRET = 70;
