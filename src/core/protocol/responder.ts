import { equal, get32, isZero, none, put32, scratch } from "../bytes.js";
import { ed25519VerifyStart, ed25519VerifyStep, x25519Start, x25519Step } from "../curve/curve.js";
import { hmac } from "../hash/hmac.js";
import { sha256 } from "../hash/sha256.js";
import { open, seal } from "../seal.js";
import { ALGORITHM_ED25519, ALGORITHM_X25519, CERTIFICATE_CONTEXT, certificateFits } from "./certificate.js";
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
import {
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
} from "./handshake-state.js";

export * from "./handshake-state.js";

/** The base point of X25519. */
export const basePoint = scratch(32);
basePoint[0] = 9;
const digest = scratch(32);

/** Makes an ephemeral key pair ahead of need; `done` at once when there is one. */
export function prepareEphemeral(h: Handshake, done: () => void): void {
  if (h.ephemeralReady) {
    done();
    return;
  }
  h.party.random(h.ephemeral);
  x25519Start(h.ephemeralPublic, h.ephemeral, basePoint);
  h.party.run(x25519Step, function () {
    h.ephemeralReady = true;
    done();
  });
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
  out[0] = h.mode;
  out[1] = h.party.suites;
  out[2] = PROTOCOL_VERSION;
  out[3] = 0;
  put32(out, 4, h.party.epoch);
  out.set(context, 8);
}

/**
 * Verifies the peer's chain in `h.peerChain`: the issuer's certificate by a root, the peer's by the issuer; each signature only when the
 * party does not remember that certificate. Ends in `verified`, or in `answer` with a negative status.
 */
export function verifyChain(h: Handshake, answer: (status: number) => void, verified: () => void): void {
  const chain = h.peerChain;
  const party = h.party;
  let certificate = chain.subarray(128);
  let key = party.roots.subarray(0, 32);
  let issuer = true;
  let result = 0;
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
  function verify(): void {
    if (!fits()) {
      key = party.roots.subarray(32);
      if (!issuer || !fits()) return answer(HANDSHAKE_CERTIFICATE);
    }
    sha256(digest, [certificate]);
    result = party.remembered(digest.subarray(0, 16)) ? 1 : 0;
    if (result) return settle();
    ed25519VerifyStart(certificate.subarray(64), [CERTIFICATE_CONTEXT, certificate.subarray(0, 64)], key);
    party.run(
      function () {
        result = ed25519VerifyStep();
        return result !== 0;
      },
      function () {
        if (result !== 1) return answer(HANDSHAKE_CERTIFICATE);
        sha256(digest, [certificate]);
        party.remember(digest.subarray(0, 16));
        settle();
      },
    );
  }
  function settle(): void {
    if (issuer) {
      issuer = false;
      certificate = chain.subarray(0, 128);
      key = chain.subarray(160, 192);
      return verify();
    }
    h.peerPublic.set(chain.subarray(32, 64));
    h.peer.set(chain.subarray(4, 12));
    h.peer[8] = chain[2];
    if (party.revoked(h.peer.subarray(0, 8))) answer(HANDSHAKE_REVOKED);
    else verified();
  }
  verify();
}

/** h.shared = X25519(scalar, point), then `done`. An all-zero result ends the handshake as a failed authentication. */
export function agree(h: Handshake, scalar: Uint8Array, point: Uint8Array, answer: (status: number) => void, done: () => void): void {
  x25519Start(h.shared, scalar, point);
  h.party.run(x25519Step, function () {
    if (isZero(h.shared)) answer(HANDSHAKE_AUTHENTICATION);
    else done();
  });
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

/** The ephemeral Diffie-Hellman value, then h.key = pseudorandom key of the session, from it and both shares, over the transcript. */
export function extract(h: Handshake, answer: (status: number) => void, done: () => void): void {
  agree(h, h.ephemeral, h.peerEphemeral, answer, function () {
    hmac(h.key, h.transcript, h.initiator ? [h.share, h.peerShare, h.shared] : [h.peerShare, h.share, h.shared]);
    h.step = 3;
    done();
  });
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
  const unused = h.mode === MODE_PAIR && h.ephemeralReady;
  derive(channel.sendKey, h.key, h.initiator ? SESSION_INITIATOR : SESSION_RESPONDER, none);
  derive(channel.receiveKey, h.key, h.initiator ? SESSION_RESPONDER : SESSION_INITIATOR, none);
  channel.sendCounter = channel.receiveCounter = 0;
  channel.peer.set(h.peer);
  channel.open = true;
  h.generation++;
  if (h.mode === MODE_CERTIFICATES) {
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
  const turn = h.initiator && h.initiate ? h.initiate : respond;
  turn(h, message, message.subarray(0, length), function (status) {
    if (status < 0) {
      h.step = h.step || 1;
      abandonHandshake(h);
      h.channel.open = false;
    }
    done(status);
  });
}

/** The responder's turn. */
function respond(h: Handshake, message: Uint8Array, input: Uint8Array, answer: (length: number) => void): void {
  const party = h.party;
  const length = input.length;
  const common = input[1] & party.suites;
  function reply(): void {
    writeHead(h, message, message.subarray(8, 24));
    message[1] = common & 2 ? 2 : common;
    h.step = 2;
  }
  if (h.step <= 1) {
    h.channel.open = false;
    h.mode = input[0];
    if (length !== (h.mode === MODE_PAIR ? FIRST_PAIR : FIRST_CERTIFICATES) || input[2] !== PROTOCOL_VERSION || h.mode > MODE_PAIR)
      return answer(HANDSHAKE_MALFORMED);
    h.transcript.fill(0);
    record(h, input);
    if (h.mode === MODE_PAIR) {
      h.pairId.set(input.subarray(HEAD, HEAD + 8));
      h.generation = get32(input, HEAD + 8);
      if (!party.findPair(h.pairId, h.generation, h.shared, h.peer)) return answer(HANDSHAKE_UNKNOWN_PAIR);
      if (party.revoked(h.peer.subarray(0, 8))) return answer(HANDSHAKE_REVOKED);
      reply();
      party.random(message.subarray(HEAD, HEAD + 16));
      record(h, message.subarray(0, HEAD + 16));
      hmac(h.key, h.shared, [h.transcript]);
      message.set(confirmation(h, false), HEAD + 16);
      return answer(PAIR_REPLY);
    }
    readCertificates(h, input);
    verifyChain(h, answer, function () {
      prepareEphemeral(h, function () {
        reply();
        writeCertificates(h, message);
        record(h, message.subarray(0, FIRST_CERTIFICATES));
        answer(FIRST_CERTIFICATES);
      });
    });
  } else if (h.mode === MODE_PAIR) {
    if (length !== 16 || !equal(input, confirmation(h, true))) return answer(HANDSHAKE_AUTHENTICATION);
    finish(h);
    answer(0);
  } else if (h.step === 2 && length === SEALED)
    agree(h, party.privateKey, h.peerEphemeral, answer, function () {
      if (!readSealed(h, input)) return answer(HANDSHAKE_AUTHENTICATION);
      agree(h, h.ephemeral, h.peerPublic, answer, function () {
        writeSealed(h, message);
        extract(h, answer, function () {
          answer(SEALED);
        });
      });
    });
  else if (h.step === 3 && length === 32) {
    if (!confirmed(h, input)) return answer(HANDSHAKE_AUTHENTICATION);
    record(h, input);
    writeConfirmation(h, message);
    finish(h);
    answer(32);
  } else answer(HANDSHAKE_MALFORMED);
}
