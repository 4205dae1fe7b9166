/** What a device remembers of its peers: pairs, certificates verified before, and whom the center has revoked. */
import { equal, get32, put32, scratch } from "../bytes.js";
import type { Journal } from "../journal.js";
import { journalGet, journalPut } from "../journal.js";
import {
  PAIRS,
  PAIR_GENERATION,
  PAIR_LENGTH,
  PAIR_PEER,
  PAIR_PREVIOUS,
  PAIR_SECRET,
  PAIR_STAMP,
  REVOKED_IDS,
  SLOT_PAIR,
  SLOT_REVOKED,
  SLOT_VERIFIED,
  VERIFIED,
} from "./identity.js";

const pair = scratch(PAIR_LENGTH);
const hash = scratch(16);
const revoked = scratch(4 + 8 * REVOKED_IDS);

/** Index of the pair with `id` in field `field`, its record left in `pair`; or -1. */
function seekPair(journal: Journal, id: Uint8Array, field: number): number {
  for (let i = 0; i < PAIRS; i++)
    if (journalGet(journal, SLOT_PAIR, i, pair) === PAIR_LENGTH && equal(pair.subarray(field, field + 8), id)) return i;
  return -1;
}

/** Index to overwrite: an empty one, or that of the pair used longest ago; `newest` receives the highest stamp. */
function oldestPair(journal: Journal): number {
  let index = 0;
  let lowest = 4294967296;
  let stamp = 0;
  for (let i = 0; i < PAIRS; i++) {
    stamp = journalGet(journal, SLOT_PAIR, i, pair) === PAIR_LENGTH ? get32(pair, PAIR_STAMP) : 0;
    if (stamp < lowest) {
      lowest = stamp;
      index = i;
    }
  }
  return index;
}

/** The stamp of the next use. */
function nextStamp(journal: Journal): number {
  let highest = 0;
  for (let i = 0; i < PAIRS; i++)
    if (journalGet(journal, SLOT_PAIR, i, pair) === PAIR_LENGTH && get32(pair, PAIR_STAMP) > highest) highest = get32(pair, PAIR_STAMP);
  return highest + 1;
}

/** See `Party.remembered`. */
export function remembered(journal: Journal, wanted: Uint8Array): boolean {
  for (let i = 0; i < VERIFIED; i++) if (journalGet(journal, SLOT_VERIFIED, i, hash) === 16 && equal(hash, wanted)) return true;
  return false;
}

/** See `Party.remember`. */
export function remember(journal: Journal, verified: Uint8Array): void {
  let free = verified[0] % VERIFIED;
  for (let i = 0; i < VERIFIED; i++) if (journalGet(journal, SLOT_VERIFIED, i, hash) === 0) free = i;
  journalPut(journal, SLOT_VERIFIED, free, verified);
}

/** See `Party.revoked`. */
export function isRevoked(journal: Journal, id: Uint8Array): boolean {
  const length = journalGet(journal, SLOT_REVOKED, 0, revoked);
  for (let i = 4; i < length; i += 8) if (equal(revoked.subarray(i, i + 8), id)) return true;
  return false;
}

/** See `Party.findPair`. */
export function findPair(journal: Journal, pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): boolean {
  const found = seekPair(journal, pairId, 0) >= 0;
  const behind = found ? get32(pair, PAIR_GENERATION) - generation : -1;
  const offset = behind === 1 ? PAIR_PREVIOUS : PAIR_SECRET;
  const usable = behind === 0 || behind === 1;
  if (usable) {
    secret.set(pair.subarray(offset, offset + 32));
    peer.set(pair.subarray(PAIR_PEER, PAIR_PEER + 9));
  }
  pair.fill(0);
  return usable;
}

/** See `Party.storePair`. */
export function storePair(journal: Journal, pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): void {
  const stamp = nextStamp(journal);
  let index = seekPair(journal, pairId, 0);
  let same = false;
  if (index < 0) index = seekPair(journal, peer.subarray(0, 8), PAIR_PEER);
  if (index < 0) index = oldestPair(journal);
  same = journalGet(journal, SLOT_PAIR, index, pair) === PAIR_LENGTH && equal(pair.subarray(0, 8), pairId);
  if (!same) pair.fill(0);
  else if (get32(pair, PAIR_GENERATION) < generation) pair.set(pair.subarray(PAIR_SECRET, PAIR_SECRET + 32), PAIR_PREVIOUS);
  pair.set(pairId);
  pair.set(peer, PAIR_PEER);
  put32(pair, PAIR_GENERATION, generation);
  pair.set(secret, PAIR_SECRET);
  put32(pair, PAIR_STAMP, stamp);
  journalPut(journal, SLOT_PAIR, index, pair);
  pair.fill(0);
}

/** The pair with `peer`: fills `pairId` (8) and answers its generation, or -1 where the two have never met. */
export function pairWith(journal: Journal, peer: Uint8Array, pairId: Uint8Array): number {
  let generation = -1;
  if (seekPair(journal, peer, PAIR_PEER) >= 0) {
    generation = get32(pair, PAIR_GENERATION);
    pairId.set(pair.subarray(0, 8));
    pair.fill(0);
  }
  return generation;
}
