import {
  createHandshake,
  handshakeBegin,
  handshakeStep,
  prepareEphemeral,
  type Handshake,
  type Party,
} from "../src/core/protocol/handshake.js";
import { createChannel } from "../src/core/protocol/session.js";

/** Two parties in one engine, in the firmware dialect, since it runs on the engines as well. */

const CARD = 1;
const READER = 3;

let drawn = 0;

function makeParty(role: number, chain: Uint8Array, privateKey: Uint8Array, root: Uint8Array): Party {
  const roots = new Uint8Array(64);
  const pair = new Uint8Array(32);
  const pairId = new Uint8Array(8);
  const peer = new Uint8Array(9);
  roots.set(root);
  return {
    id: chain.subarray(4, 12),
    role: role,
    privateKey: privateKey,
    chain: chain,
    roots: roots,
    suites: 3,
    epoch: 0,
    floor: function () {
      return 1;
    },
    vouched: function () {
      return 0;
    },
    random: function (out) {
      let i = 0;
      for (i = 0; i < out.length; i++) out[i] = drawn = (drawn * 29 + 71) & 255;
    },
    run: function (step, done) {
      let result = step();
      while (!result) result = step();
      done(result);
    },
    remembered: function () {
      return false;
    },
    remember: function () {
      drawn++;
    },
    revoked: function () {
      return false;
    },
    findPair: function (id, _generation, secret, known) {
      if (id[0] !== pairId[0] || id[7] !== pairId[7]) return false;
      secret.set(pair);
      known.set(peer);
      return true;
    },
    storePair: function (id, _generation, secret, known) {
      pairId.set(id);
      pair.set(secret);
      peer.set(known);
    },
  };
}

let length = 0;

function answered(count: number): void {
  length = count;
}

/** Both sides of one authentication; false when it fails. */
function authenticate(card: Handshake, reader: Handshake, message: Uint8Array, pair: Uint8Array | null, generation: number): boolean {
  let turn = 0;
  length = handshakeBegin(reader, message, new Uint8Array(16), CARD, pair, generation);
  for (turn = 0; length >= 0 && turn < 6 && !(card.channel.open && reader.channel.open); turn++)
    handshakeStep(turn & 1 ? reader : card, message, length, answered);
  return length === 0 && card.channel.open && reader.channel.open;
}

function ready(): void {
  length = 0;
}

/**
 * Milliseconds for one authentication by certificates, ephemeral keys included, and for one of the pair that it has made, the work of both sides.
 *
 * @param clock - milliseconds
 * @param repeat - how often the second is done
 * @returns both numbers; empty when an authentication fails
 */
export function timeAuthentications(
  cardChain: Uint8Array,
  readerChain: Uint8Array,
  key: Uint8Array,
  root: Uint8Array,
  clock: () => number,
  repeat: number,
): number[] {
  const card = createHandshake(makeParty(CARD, cardChain, key, root), createChannel());
  const reader = createHandshake(makeParty(READER, readerChain, key, root), createChannel());
  const message = new Uint8Array(600);
  const pairId = new Uint8Array(8);
  const noted = reader.party.storePair;
  let first = 0;
  let start = clock();
  let i = 0;
  reader.party.storePair = function (id, generation, secret, peer) {
    pairId.set(id);
    noted(id, generation, secret, peer);
  };
  prepareEphemeral(card, ready);
  prepareEphemeral(reader, ready);
  if (!authenticate(card, reader, message, null, 0)) return [];
  first = clock() - start;
  start = clock();
  for (i = 0; i < repeat; i++) if (!authenticate(card, reader, message, pairId, i)) return [];
  return [first, (clock() - start) / repeat];
}
