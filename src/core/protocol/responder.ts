import { equal, get32, isZero, none, put32, scratch } from "../bytes.js";
import { ed25519VerifyStart, ed25519VerifyStep, x25519Start, x25519Step } from "../curve/curve.js";
import { hmac } from "../hash/hmac.js";
import { sha256 } from "../hash/sha256.js";
import { open, seal } from "../seal.js";
import { ALGORITHM_ED25519, ALGORITHM_X25519, CERTIFICATE_CONTEXT, CHAIN_LENGTH, certificateFits } from "./certificate.js";
import { PROTOCOL_VERSION, ROLE_ISSUER } from "./constants.js";
import {
  CONFIRM_INITIATOR,
  CONFIRM_RESPONDER,
  NEXT_PAIR_SECRET,
  PAIR_ID,
  SEAL_INITIATOR,
  SEAL_RESPONDER,
  SESSION_INITIATOR,
  SESSION_RESPONDER,
  derive,
} from "./derive.js";
import type { Channel } from "./session.js";
import {
  AFTER_EPHEMERAL,
  AFTER_EPHEMERAL_REPLY,
  AFTER_EXTRACTING,
  AFTER_ISSUER,
  AFTER_OPENING,
  AFTER_OTHER,
  AFTER_PEER,
  AFTER_SEALING,
  FIRST_CERTIFICATES,
  FIRST_PAIR,
  HANDSHAKE_AUTHENTICATION,
  HANDSHAKE_CERTIFICATE,
  HANDSHAKE_MALFORMED,
  HANDSHAKE_REVOKED,
  HANDSHAKE_UNKNOWN_PAIR,
  HEAD,
  MODE_CERTIFICATES,
  MODE_PAIR,
  PAIR_REPLY,
  SEALED,
  type Handshake,
  type Party,
} from "./handshake-state.js";

export * from "./handshake-state.js";

/** The base point of X25519. */
export const basePoint = scratch(32);
basePoint[0] = 9;
const digest = scratch(32);

/** Begins arithmetic on `operands`, which goes on in `after`. It starts when everything that leads to it has returned, and left its memory. */
function compute(h: Handshake, after: number, operands: Uint8Array[]): void {
  h.after = after;
  h.operands = operands;
  h.party.run(h.work, h.proceed);
}

/** scalar times point to `h.shared`, then `done` with 0, for other ends than a handshake, while none is under way. */
export function multiplyPoint(h: Handshake, scalar: Uint8Array, point: Uint8Array, done: (status: number) => void): void {
  h.done = done;
  compute(h, AFTER_OTHER, [h.shared, scalar, point]);
}

function makeEphemeral(h: Handshake, after: number): void {
  h.party.random(h.ephemeral);
  compute(h, after, [h.ephemeralPublic, h.ephemeral, basePoint]);
}

/** Makes an ephemeral key pair ahead of need; `done` at once when there is one. Nothing else of the handshake may be under way. */
export function prepareEphemeral(h: Handshake, done: (status: number) => void): void {
  h.done = done;
  if (h.ephemeralReady) done(0);
  else makeEphemeral(h, AFTER_EPHEMERAL);
}

/** Forgets everything about a handshake but an ephemeral key that was never used. */
export function abandonHandshake(h: Handshake): void {
  if (h.step !== 0 || !h.ephemeralReady) {
    h.secrets.fill(0);
    h.ephemeralReady = false;
  }
  h.step = 0;
}

/** transcript = SHA-256(transcript || message). */
export function record(h: Handshake, message: Uint8Array): void {
  sha256(h.transcript, [h.transcript, message]);
}

export function writeHead(h: Handshake, out: Uint8Array, context: Uint8Array): void {
  out[0] = h.variant;
  out[1] = h.party.suites;
  out[2] = PROTOCOL_VERSION;
  out[3] = 0;
  put32(out, 4, h.party.epoch);
  out.set(context, 8);
}

/** Ends a turn with the length of the answer, or with a negative status, which closes the handshake. */
export function answer(h: Handshake, status: number): void {
  if (status < 0) {
    h.step = h.step || 1;
    abandonHandshake(h);
    h.channel.open = false;
  }
  if (h.done) h.done(status);
}

function certificateFor(h: Handshake, after: number): Uint8Array {
  return after === AFTER_ISSUER ? h.peerChain.subarray(128) : h.peerChain.subarray(0, 128);
}

/**
 * Verifies the peer's chain in `h.peerChain`: the issuer's certificate by a root (`AFTER_ISSUER`), then the peer's by the issuer (`AFTER_PEER`); each signature only
 * when the party does not remember that certificate. Goes on in `certified`, or in `answer` with a negative status.
 */
export function verifyCertificate(h: Handshake, after: number): void {
  const party = h.party;
  const issuer = after === AFTER_ISSUER;
  const certificate = certificateFor(h, after);
  let key = issuer ? party.roots.subarray(0, 32) : h.peerChain.subarray(160, 192);
  function fits(): boolean {
    return certificateFits(
      certificate,
      issuer ? ALGORITHM_ED25519 : ALGORITHM_X25519,
      issuer ? ROLE_ISSUER : h.expectedRole,
      key,
      party.floor(),
      party.vouched(),
      digest,
    );
  }
  if (!fits()) {
    key = party.roots.subarray(32);
    if (!issuer || !fits()) return answer(h, HANDSHAKE_CERTIFICATE);
  }
  sha256(digest, [certificate]);
  if (party.remembered(digest.subarray(0, 16))) return certified(h, after);
  compute(h, after, [certificate.subarray(64), key, CERTIFICATE_CONTEXT, certificate.subarray(0, 64)]);
}

/** One of the two certificates is genuine. */
function certified(h: Handshake, after: number): void {
  const chain = h.peerChain;
  if (after === AFTER_ISSUER) return verifyCertificate(h, AFTER_PEER);
  h.peerPublic.set(chain.subarray(32, 64));
  h.peer.set(chain.subarray(4, 12));
  h.peer[8] = chain[2];
  if (h.party.revoked(h.peer.subarray(0, 8))) answer(h, HANDSHAKE_REVOKED);
  else if (h.initiator) agree(h, h.ephemeral, h.peerPublic, AFTER_SEALING);
  else if (h.ephemeralReady) replyCertificates(h);
  else makeEphemeral(h, AFTER_EPHEMERAL_REPLY);
}

/** h.shared = X25519(scalar, point), then `after`. An all-zero result ends the handshake as a failed authentication. */
export function agree(h: Handshake, scalar: Uint8Array, point: Uint8Array, after: number): void {
  compute(h, after, [h.shared, scalar, point]);
}

/** Message 2: challenge, share, sender's id and role, sealed under the Diffie-Hellman value in `h.shared`. */
export function writeSealed(h: Handshake, out: Uint8Array): void {
  const message = out.subarray(0, SEALED);
  h.party.random(h.challenge);
  h.party.random(h.share);
  derive(h.key, h.shared, h.initiator ? SEAL_INITIATOR : SEAL_RESPONDER, h.transcript);
  out.set(h.challenge, 16);
  out.set(h.share, 32);
  out.set(h.party.id, 64);
  out[72] = h.party.role;
  seal(message, h.key, h.transcript, message.subarray(16));
  record(h, message);
}

/** Opens message 2 of the peer and checks that it is from whom the certificate names. The transcript takes the message in. */
export function readSealed(h: Handshake, input: Uint8Array): boolean {
  let genuine = false;
  derive(h.key, h.shared, h.initiator ? SEAL_RESPONDER : SEAL_INITIATOR, h.transcript);
  digest.set(h.transcript);
  record(h, input);
  if (!open(input.subarray(16), h.key, digest, input)) return false;
  h.peerChallenge.set(input.subarray(16, 32));
  h.peerShare.set(input.subarray(32, 64));
  genuine = equal(input.subarray(64), h.peer);
  input.fill(0);
  return genuine;
}

/** First 16 bytes of the MAC by which the initiator or the responder confirms; valid until the next call of anything here. */
export function confirmation(h: Handshake, initiator: boolean): Uint8Array {
  derive(digest, h.key, initiator ? CONFIRM_INITIATOR : CONFIRM_RESPONDER, h.transcript);
  return digest.subarray(0, 16);
}

/** Our challenge, returned, and the peer's confirmation. */
export function confirmed(h: Handshake, input: Uint8Array): boolean {
  const genuine = equal(input.subarray(0, 16), h.challenge);
  return equal(input.subarray(16), confirmation(h, !h.initiator)) && genuine;
}

/** The peer's challenge, returned, and our confirmation: 32 bytes. */
export function writeConfirmation(h: Handshake, message: Uint8Array): void {
  message.set(h.peerChallenge);
  message.set(confirmation(h, h.initiator), 16);
}

/** Takes the ephemeral key and the chain out of message 1. */
export function readCertificates(h: Handshake, input: Uint8Array): void {
  h.peerEphemeral.set(input.subarray(HEAD, HEAD + 32));
  h.peerChain.set(input.subarray(HEAD + 32));
}

/** Writes the ephemeral key and the chain of message 1. */
export function writeCertificates(h: Handshake, out: Uint8Array): void {
  out.set(h.ephemeralPublic, HEAD);
  out.set(h.party.chain, HEAD + 32);
}

/** Session keys into the channel, the next pair secret into the party's memory, and everything else overwritten. */
export function finish(h: Handshake): void {
  const channel = h.channel;
  const unused = h.variant === MODE_PAIR && h.ephemeralReady;
  derive(channel.sendKey, h.key, h.initiator ? SESSION_INITIATOR : SESSION_RESPONDER, none);
  derive(channel.receiveKey, h.key, h.initiator ? SESSION_RESPONDER : SESSION_INITIATOR, none);
  channel.sendCounter = channel.receiveCounter = 0;
  channel.peer.set(h.peer);
  channel.open = true;
  h.generation++;
  if (h.variant === MODE_CERTIFICATES) {
    derive(digest, h.key, PAIR_ID, none);
    h.pairId.set(digest.subarray(0, 8));
    h.generation = 0;
  }
  derive(h.shared, h.key, NEXT_PAIR_SECRET, none);
  h.party.storePair(h.pairId, h.generation, h.shared, h.peer);
  h.secrets.fill(0, unused ? 64 : 0);
  h.ephemeralReady = unused;
  h.step = 0;
}

/**
 * Takes the peer's next message and makes the answer in the same buffer.
 *
 * @param message - holds `length` bytes of the peer's message; receives the answer
 * @param done - called once with the length of the answer (0 and more) or a negative status; the handshake is over when `h.step` is 0 then, and
 *   succeeded when `h.channel.open`
 */
export function handshakeStep(h: Handshake, message: Uint8Array, length: number, done: (length: number) => void): void {
  h.message = message;
  h.input = message.subarray(0, length);
  h.done = done;
  if (h.initiator && h.initiate) h.initiate(h);
  else respond(h);
}

/** The head of the responder's message 1, over that of the initiator. */
function reply(h: Handshake): void {
  const message = h.message;
  const common = message[1] & h.party.suites;
  writeHead(h, message, message.subarray(8, 24));
  message[1] = common & 2 ? 2 : common;
  h.step = 2;
}

function replyCertificates(h: Handshake): void {
  const message = h.message;
  reply(h);
  writeCertificates(h, message);
  record(h, message.subarray(0, FIRST_CERTIFICATES));
  answer(h, FIRST_CERTIFICATES);
}

/** The responder's turn. */
function respond(h: Handshake): void {
  const party = h.party;
  const message = h.message;
  const input = h.input;
  const length = input.length;
  if (h.step <= 1) {
    h.channel.open = false;
    h.variant = input[0];
    if (length !== (h.variant === MODE_PAIR ? FIRST_PAIR : FIRST_CERTIFICATES) || input[2] !== PROTOCOL_VERSION || h.variant > MODE_PAIR)
      return answer(h, HANDSHAKE_MALFORMED);
    h.transcript.fill(0);
    record(h, input);
    if (h.variant === MODE_PAIR) {
      h.pairId.set(input.subarray(HEAD, HEAD + 8));
      h.generation = get32(input, HEAD + 8);
      if (!party.findPair(h.pairId, h.generation, h.shared, h.peer)) return answer(h, HANDSHAKE_UNKNOWN_PAIR);
      if (party.revoked(h.peer.subarray(0, 8))) return answer(h, HANDSHAKE_REVOKED);
      reply(h);
      party.random(message.subarray(HEAD, HEAD + 16));
      record(h, message.subarray(0, HEAD + 16));
      hmac(h.key, h.shared, [h.transcript]);
      message.set(confirmation(h, false), HEAD + 16);
      return answer(h, PAIR_REPLY);
    }
    readCertificates(h, input);
    verifyCertificate(h, AFTER_ISSUER);
  } else if (h.variant === MODE_PAIR) {
    if (length !== 16 || !equal(input, confirmation(h, true))) return answer(h, HANDSHAKE_AUTHENTICATION);
    finish(h);
    answer(h, 0);
  } else if (h.step === 2 && length === SEALED) agree(h, party.privateKey, h.peerEphemeral, AFTER_OPENING);
  else if (h.step === 3 && length === 32) {
    if (!confirmed(h, input)) return answer(h, HANDSHAKE_AUTHENTICATION);
    record(h, input);
    writeConfirmation(h, message);
    finish(h);
    answer(h, 32);
  } else answer(h, HANDSHAKE_MALFORMED);
}

/** The arithmetic under way has ended with `result`. */
function proceed(h: Handshake, result: boolean | number): void {
  const after = h.after;
  const message = h.message;
  if (after <= AFTER_PEER) {
    if (result !== 1) return answer(h, HANDSHAKE_CERTIFICATE);
    sha256(digest, [certificateFor(h, after)]);
    h.party.remember(digest.subarray(0, 16));
    certified(h, after);
  } else if (after <= AFTER_OTHER) {
    if (after !== AFTER_OTHER) h.ephemeralReady = true;
    if (after === AFTER_EPHEMERAL_REPLY) replyCertificates(h);
    else answer(h, 0);
  } else if (isZero(h.shared) || (after === AFTER_OPENING && !readSealed(h, h.input))) answer(h, HANDSHAKE_AUTHENTICATION);
  else if (after === AFTER_OPENING && !h.initiator) agree(h, h.ephemeral, h.peerPublic, AFTER_SEALING);
  else if (after === AFTER_EXTRACTING) {
    // The pseudorandom key of the session, from the ephemeral Diffie-Hellman value and both shares, over the transcript.
    hmac(h.key, h.transcript, h.initiator ? [h.share, h.peerShare, h.shared] : [h.peerShare, h.share, h.shared]);
    h.step = 3;
    if (!h.initiator) return answer(h, SEALED);
    writeConfirmation(h, message);
    record(h, message.subarray(0, 32));
    answer(h, 32);
  } else {
    if (after === AFTER_SEALING) writeSealed(h, message);
    if (after === AFTER_OPENING || !h.initiator) return agree(h, h.ephemeral, h.peerEphemeral, AFTER_EXTRACTING);
    h.step = 2;
    answer(h, SEALED);
  }
}

/** A handshake for `party` whose result goes to `channel`. Allocates everything that it will ever use. */
export function createHandshake(party: Party, channel: Channel): Handshake {
  const secrets = new Uint8Array(376);
  const handshake: Handshake = {
    party,
    channel,
    initiator: false,
    initiate: null,
    step: 0,
    variant: 0,
    generation: 0,
    ephemeralReady: false,
    secrets,
    ephemeral: secrets.subarray(0, 32),
    ephemeralPublic: secrets.subarray(32, 64),
    peerEphemeral: secrets.subarray(64, 96),
    peerPublic: secrets.subarray(96, 128),
    challenge: secrets.subarray(128, 144),
    peerChallenge: secrets.subarray(144, 160),
    share: secrets.subarray(160, 192),
    peerShare: secrets.subarray(192, 224),
    transcript: secrets.subarray(224, 256),
    key: secrets.subarray(256, 288),
    shared: secrets.subarray(288, 320),
    pairId: secrets.subarray(320, 328),
    peer: secrets.subarray(328, 337),
    peerChain: new Uint8Array(CHAIN_LENGTH),
    expectedRole: 0,
    message: secrets,
    input: secrets,
    done: null,
    operands: [],
    // Closures of this function, since those of others keep in memory what surrounds them.
    work: function () {
      const operands = handshake.operands;
      const signature = handshake.after <= AFTER_PEER;
      if (operands.length > 0) {
        handshake.operands = [];
        if (signature) ed25519VerifyStart(operands[0], [operands[2], operands[3]], operands[1]);
        else x25519Start(operands[0], operands[1], operands[2]);
      }
      return signature ? ed25519VerifyStep() : x25519Step();
    },
    after: 0,
    proceed: function (result) {
      proceed(handshake, result);
    },
  };
  return handshake;
}
