import { CHAIN_LENGTH } from "./certificate.js";
import type { Channel } from "./session.js";

/**
 * Mutual authentication. Strangers show certificates and encrypt a random number under each other's public key; pairs that have met, or
 * that the center has introduced, use the secret they share, by hashes alone.
 *
 * Certificates, three messages each way (initiator I, responder R; e: ephemeral, S: certified static key):
 *   1  I > R  mode 0, suites, epoch, context, E(I), chain(I)          R > I  mode 0, suite, epoch, E(R), chain(R)
 *   2  I > R  seal under DH(e(I), S(R)): challenge, share, id, role   R > I  the same under DH(e(R), S(I))
 *   3  I > R  R's challenge, MAC                                      R > I  I's challenge, MAC
 * Pairs, two messages each way:
 *   1  I > R  mode 1, suites, epoch, context, pair id, generation, nonce    R > I  mode 1, suite, epoch, nonce, MAC
 *   2  I > R  MAC                                                           R > I  nothing
 */
export const MODE_CERTIFICATES = 0;
export const MODE_PAIR = 1;

/** Bytes of message 1: common head (mode, suites, version, 0, epoch, context), then what the mode adds. */
export const HEAD = 24;
export const FIRST_CERTIFICATES = HEAD + 32 + CHAIN_LENGTH;
export const FIRST_PAIR = HEAD + 28;
export const PAIR_REPLY = HEAD + 32;
export const SEALED = 16 + 57;

/** Answers of `handshakeStep` below zero; the state is then closed and all secrets of the handshake are overwritten. */
export const HANDSHAKE_MALFORMED = -1;
export const HANDSHAKE_CERTIFICATE = -2;
export const HANDSHAKE_AUTHENTICATION = -3;
export const HANDSHAKE_UNKNOWN_PAIR = -4;
export const HANDSHAKE_NOT_READY = -5;
export const HANDSHAKE_REVOKED = -6;

/** Who a party is, and what its handshakes need from it. */
export interface Party {
  /** 8 bytes. */
  id: Uint8Array;
  role: number;
  /** X25519 private key, 32 bytes, secret. */
  privateKey: Uint8Array;
  /** Own certificate and its issuer's, 256 bytes. */
  chain: Uint8Array;
  /** Public keys of the root in use and of its successor, 64 bytes; zeros for none. */
  roots: Uint8Array;
  /** Bit 0: suite 1, bit 1: suite 2. */
  suites: number;
  /** Highest revocation epoch seen. */
  epoch: number;
  /** Seconds that have surely passed, and the present time where it is vouched for (else 0). */
  floor(): number;
  vouched(): number;
  random(out: Uint8Array): void;
  /** Runs `step` until it answers something else than false or 0, in slices that leave the links and timers alive, then `done` with that answer. */
  run(step: () => boolean | number, done: (result: boolean | number) => void): void;
  /** Certificates verified before, by the first 16 bytes of their hash. */
  remembered(hash: Uint8Array): boolean;
  remember(hash: Uint8Array): void;
  /** True when the epoch that this party knows revokes the id. */
  revoked(id: Uint8Array): boolean;
  /** Fills `secret` (32) and `peer` (8 id, 1 role) for a pair id (8) and generation; false when unknown. */
  findPair(pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): boolean;
  /** Stores the next generation of a pair durably, in place of the one before the last. */
  storePair(pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): void;
}

/**
 * What goes on when the arithmetic under way has ended. It is a number, and all that it needs is in the handshake: a closure would keep what surrounds it in memory
 * while arithmetic needs that for itself.
 */
export const AFTER_ISSUER = 0;
export const AFTER_PEER = 1;
export const AFTER_EPHEMERAL = 2;
export const AFTER_EPHEMERAL_REPLY = 3;
export const AFTER_OTHER = 4;
export const AFTER_OPENING = 5;
export const AFTER_SEALING = 6;
export const AFTER_EXTRACTING = 7;

/** One handshake at a time; all secrets lie in `secrets`. */
export interface Handshake {
  party: Party;
  channel: Channel;
  initiator: boolean;
  /** Takes the peer's messages where this side began; null until it first does, so that devices that never begin go without. */
  initiate: ((h: Handshake) => void) | null;
  /** The peer's message, which the answer overwrites, and whom to give the answer's length or a negative status. */
  message: Uint8Array;
  input: Uint8Array;
  done: ((length: number) => void) | null;
  /**
   * Arithmetic under way: what it works on (for X25519 result, scalar, point; for Ed25519 signature, key, message in two parts), and the start and each step of it.
   * Then `proceed` goes on with `after`, one of `AFTER_`.
   */
  operands: Uint8Array[];
  work: () => boolean | number;
  after: number;
  proceed: (result: boolean | number) => void;
  /** Next message of the peer that is expected: 0 idle, then 1, 2, 3. */
  step: number;
  /** `MODE_CERTIFICATES` or `MODE_PAIR`. */
  variant: number;
  generation: number;
  ephemeralReady: boolean;
  secrets: Uint8Array;
  ephemeral: Uint8Array;
  ephemeralPublic: Uint8Array;
  peerEphemeral: Uint8Array;
  peerPublic: Uint8Array;
  challenge: Uint8Array;
  peerChallenge: Uint8Array;
  share: Uint8Array;
  peerShare: Uint8Array;
  transcript: Uint8Array;
  key: Uint8Array;
  shared: Uint8Array;
  pairId: Uint8Array;
  /** Id (8) and role (1) of the peer, known for sure once the handshake is over. */
  peer: Uint8Array;
  peerChain: Uint8Array;
  /** Role that the peer must have; 0 for any. */
  expectedRole: number;
}
