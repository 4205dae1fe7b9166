import { get32, none, put32, scratch } from "../bytes.js";
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
  SLOT_CHAIN,
  SLOT_IDENTITY,
  SLOT_STATE,
  STATE_EPOCH,
  STATE_FLOOR,
  STATE_LENGTH,
} from "./identity.js";
import { findPair, isRevoked, remember, remembered, storePair } from "./known-peers.js";

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

const journalMac = scratch(32);

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
