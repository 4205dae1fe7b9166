import { equal, put32 } from "../bytes.js";
import { hmac } from "../hash/hmac.js";
import { PROTOCOL_VERSION } from "./constants.js";
import {
  AFTER_ISSUER,
  AFTER_OPENING,
  FIRST_CERTIFICATES,
  FIRST_PAIR,
  HANDSHAKE_AUTHENTICATION,
  HANDSHAKE_MALFORMED,
  HANDSHAKE_NOT_READY,
  HANDSHAKE_REVOKED,
  HANDSHAKE_UNKNOWN_PAIR,
  HEAD,
  MODE_CERTIFICATES,
  MODE_PAIR,
  PAIR_REPLY,
  SEALED,
  agree,
  answer,
  confirmation,
  confirmed,
  finish,
  readCertificates,
  record,
  verifyCertificate,
  writeCertificates,
  writeHead,
  type Handshake,
} from "./responder.js";

export * from "./responder.js";

/**
 * Begins as initiator: writes message 1 to `out` and answers its length.
 *
 * @param context - 16 bytes bound into the transcript: the loan id, or zeros
 * @param pair - pair id (8) to resume, or null to show certificates (then `prepareEphemeral` must have finished)
 */
export function handshakeBegin(
  h: Handshake,
  out: Uint8Array,
  context: Uint8Array,
  role: number,
  pair: Uint8Array | null,
  generation: number,
): number {
  h.initiator = true;
  h.initiate = initiate;
  h.expectedRole = role;
  h.channel.open = false;
  h.transcript.fill(0);
  h.variant = pair === null ? MODE_CERTIFICATES : MODE_PAIR;
  let length = FIRST_PAIR;
  if (pair === null) {
    if (!h.ephemeralReady) return HANDSHAKE_NOT_READY;
    length = FIRST_CERTIFICATES;
    writeCertificates(h, out);
  } else {
    h.pairId.set(pair);
    h.generation = generation;
    out.set(pair, HEAD);
    put32(out, HEAD + 8, generation);
    h.party.random(out.subarray(HEAD + 12, FIRST_PAIR));
  }
  writeHead(h, out, context);
  record(h, out.subarray(0, length));
  h.step = 1;
  return length;
}

/** The initiator's turn. */
function initiate(h: Handshake): void {
  const message = h.message;
  const input = h.input;
  const length = input.length;
  const party = h.party;
  if (h.step === 1) {
    if (length !== (h.variant === MODE_PAIR ? PAIR_REPLY : FIRST_CERTIFICATES) || input[0] !== h.variant || input[2] !== PROTOCOL_VERSION)
      return answer(h, HANDSHAKE_MALFORMED);
    if (h.variant === MODE_PAIR) {
      if (!party.findPair(h.pairId, h.generation, h.shared, h.peer) || (h.expectedRole !== 0 && h.peer[8] !== h.expectedRole))
        return answer(h, HANDSHAKE_UNKNOWN_PAIR);
      if (party.revoked(h.peer.subarray(0, 8))) return answer(h, HANDSHAKE_REVOKED);
      record(h, input.subarray(0, HEAD + 16));
      hmac(h.key, h.shared, [h.transcript]);
      if (!equal(input.subarray(HEAD + 16), confirmation(h, false))) return answer(h, HANDSHAKE_AUTHENTICATION);
      message.set(confirmation(h, true));
      h.step = 2;
      return answer(h, 16);
    }
    record(h, input);
    readCertificates(h, input);
    verifyCertificate(h, AFTER_ISSUER);
  } else if (h.step === 2 && h.variant === MODE_PAIR && length === 0) {
    finish(h);
    answer(h, 0);
  } else if (h.step === 2 && h.variant === MODE_CERTIFICATES && length === SEALED)
    agree(h, party.privateKey, h.peerEphemeral, AFTER_OPENING);
  else if (h.step === 3 && length === 32) {
    if (!confirmed(h, input)) return answer(h, HANDSHAKE_AUTHENTICATION);
    finish(h);
    answer(h, 0);
  } else answer(h, HANDSHAKE_MALFORMED);
}
