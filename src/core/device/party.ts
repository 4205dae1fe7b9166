import { equal, get32, none, put32, scratch } from "../bytes.js";
import type { Journal } from "../journal.js";
import { journalGet, journalKey, journalPut } from "../journal.js";
import type { Party } from "../protocol/handshake.js";
import { KEY_JOURNAL, derive } from "../protocol/derive.js";
import {
  IDENTITY_DEVICE_KEY,
  IDENTITY_LENGTH,
  IDENTITY_PRIVATE,
  IDENTITY_ROLE,
  IDENTITY_ROOTS,
  PAIRS,
  PAIR_GENERATION,
  PAIR_LENGTH,
  PAIR_PEER,
  PAIR_PREVIOUS,
  PAIR_SECRET,
  PAIR_STAMP,
  SLOT_CHAIN,
  SLOT_IDENTITY,
  REVOKED_IDS,
  SLOT_PAIR,
  SLOT_REVOKED,
  SLOT_STATE,
  SLOT_VERIFIED,
  STATE_EPOCH,
  STATE_FLOOR,
  STATE_LENGTH,
  VERIFIED,
} from "./identity.js";

/** What a device remembers of itself and of its peers: the journal behind a `Party`. */
export interface Memory {
  journal: Journal;
  /** The identity record; its role is 0 while the device is blank. Holds secrets for as long as the device runs. */
  identity: Uint8Array;
  /** The device key in it, 32 bytes. */
  deviceKey: Uint8Array;
  /** Floor of time, epoch, ticket serial, failures: see `SLOT_STATE`. */
  state: Uint8Array;
  /** Present time where an authenticated peer vouched for it in this session, else 0. */
  vouched: number;
  party: Party;
}

const pair = scratch(PAIR_LENGTH);
const hash = scratch(16);
const revoked = scratch(4 + 8 * REVOKED_IDS);
const journalMac = scratch(32);

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
function remembered(journal: Journal, wanted: Uint8Array): boolean {
  for (let i = 0; i < VERIFIED; i++) if (journalGet(journal, SLOT_VERIFIED, i, hash) === 16 && equal(hash, wanted)) return true;
  return false;
}

/** See `Party.remember`. */
function remember(journal: Journal, verified: Uint8Array): void {
  let free = verified[0] % VERIFIED;
  for (let i = 0; i < VERIFIED; i++) if (journalGet(journal, SLOT_VERIFIED, i, hash) === 0) free = i;
  journalPut(journal, SLOT_VERIFIED, free, verified);
}

/** See `Party.revoked`. */
function isRevoked(journal: Journal, id: Uint8Array): boolean {
  const length = journalGet(journal, SLOT_REVOKED, 0, revoked);
  for (let i = 4; i < length; i += 8) if (equal(revoked.subarray(i, i + 8), id)) return true;
  return false;
}

/** See `Party.findPair`. */
function findPair(journal: Journal, pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): boolean {
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
function storePair(journal: Journal, pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): void {
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
export function pairWith(memory: Memory, peer: Uint8Array, pairId: Uint8Array): number {
  let generation = -1;
  if (seekPair(memory.journal, peer, PAIR_PEER) >= 0) {
    generation = get32(pair, PAIR_GENERATION);
    pairId.set(pair.subarray(0, 8));
    pair.fill(0);
  }
  return generation;
}

/** Writes the small state record durably. */
export function storeState(memory: Memory): boolean {
  return journalPut(memory.journal, SLOT_STATE, 0, memory.state);
}

/** Raises the floor of time, never lowers it; durable in every hour that it enters, so that flash does not wear. */
export function raiseFloor(memory: Memory, time: number): void {
  const before = get32(memory.state, STATE_FLOOR);
  if (time <= before) return;
  put32(memory.state, STATE_FLOOR, time);
  if ((time / 3600) >>> 0 > (before / 3600) >>> 0) storeState(memory);
}

/**
 * Reads what the journal knows and makes a `Party` of it.
 *
 * @param random - the device's generator
 * @param run - runs sliced work, see `Party.run`
 */
export function createMemory(journal: Journal, suites: number, random: (out: Uint8Array) => void, run: Party["run"]): Memory {
  const identity = new Uint8Array(IDENTITY_LENGTH);
  const state = new Uint8Array(STATE_LENGTH);
  const chain = new Uint8Array(256);
  const memory: Memory = {
    journal,
    identity,
    deviceKey: identity.subarray(IDENTITY_DEVICE_KEY, IDENTITY_DEVICE_KEY + 32),
    state,
    vouched: 0,
    party: {
      id: identity.subarray(0, 8),
      role: 0,
      privateKey: identity.subarray(IDENTITY_PRIVATE, IDENTITY_PRIVATE + 32),
      chain,
      roots: identity.subarray(IDENTITY_ROOTS, IDENTITY_LENGTH),
      suites,
      epoch: 0,
      floor: function () {
        return get32(state, STATE_FLOOR);
      },
      vouched: function () {
        return memory.vouched;
      },
      random,
      run,
      remembered: function (wanted) {
        return remembered(journal, wanted);
      },
      remember: function (verified) {
        remember(journal, verified);
      },
      revoked: function (id) {
        return isRevoked(journal, id);
      },
      findPair: function (pairId, generation, secret, peer) {
        return findPair(journal, pairId, generation, secret, peer);
      },
      storePair: function (pairId, generation, secret, peer) {
        storePair(journal, pairId, generation, secret, peer);
      },
    },
  };
  loadMemory(memory);
  return memory;
}

/** Key of the journal's MAC: a subkey of the device key in `memory.identity`. */
export function deriveJournalKey(out: Uint8Array, memory: Memory): void {
  derive(out, memory.deviceKey, KEY_JOURNAL, none);
}

/** Reads identity, chain and state anew; a blank device has role 0. */
export function loadMemory(memory: Memory): void {
  const journal = memory.journal;
  if (journalGet(journal, SLOT_IDENTITY, 0, memory.identity) === IDENTITY_LENGTH) {
    deriveJournalKey(journalMac, memory);
    journalKey(journal, journalMac);
    journalMac.fill(0);
  } else memory.identity.fill(0);
  journalGet(journal, SLOT_CHAIN, 0, memory.party.chain);
  if (journalGet(journal, SLOT_STATE, 0, memory.state) !== STATE_LENGTH) memory.state.fill(0);
  memory.party.role = memory.identity[IDENTITY_ROLE];
  memory.party.epoch = get32(memory.state, STATE_EPOCH);
}
