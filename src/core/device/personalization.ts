import { equal, get32, isZero, none, scratch } from "../bytes.js";
import { sha256 } from "../hash/sha256.js";
import { journalPut, journalRekey } from "../journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_OK } from "../link/apdu.js";
import {
  INS_GENERATE_KEY_PAIR,
  INS_PERSONALIZE,
  INS_PUT_DATA,
  INS_ROTATE,
  INS_SEED,
  TAG_REVOKED,
  TAG_TICKET,
} from "../protocol/constants.js";
import { KEY_ROTATION, KEY_TICKET, SEAL_PERSONALIZATION, derive } from "../protocol/derive.js";
import { MESSAGE_ROTATED, openFor, prove } from "../protocol/loan.js";
import { basePoint, multiplyPoint } from "../protocol/responder.js";
import { randomFill, randomSeed } from "../random.js";
import { open } from "../seal.js";
import type { Device } from "./device.js";
import {
  IDENTITY_DEVICE_KEY,
  IDENTITY_GENERATION,
  IDENTITY_PRIVATE,
  PERSONALIZATION_LENGTH,
  REVOKED_IDS,
  ROTATION_LENGTH,
  SLOT_CHAIN,
  SLOT_IDENTITY,
  SLOT_REVOKED,
  STATE_EPOCH,
  STATE_FLOOR,
  STATE_TICKET,
  TICKET_EPOCH,
  TICKET_EXPIRY,
  TICKET_LENGTH,
  TICKET_PAIR,
  TICKET_PEER,
  TICKET_SECRET,
  TICKET_SELF,
  TICKET_SELF_CERTIFICATE,
} from "./identity.js";
import { deriveJournalKey, loadMemory, storeState } from "./party.js";

const hash = scratch(32);

/** Ephemeral public key, tag, personalization. */
const PERSONALIZE_LENGTH = 32 + 16 + PERSONALIZATION_LENGTH;
/** What waits for arithmetic besides authentication: `Device.job`. */
const JOB_KEY_PAIR = 1;
const JOB_IDENTITY = 2;

/** Begins scalar multiplication for `job`, which `finishJob` ends; the command under way is answered then. */
function beginJob(device: Device, job: number, point: Uint8Array): void {
  device.job = job;
  device.answering = device.turn;
  multiplyPoint(device.handshake, device.memory.party.privateKey, point, device.authenticated);
}

/** Takes what has been computed for the job that has ended: the length of the answer, or a negative status word. */
export function finishJob(device: Device): number {
  const shared = device.handshake.shared;
  const job = -device.job;
  let length = 32;
  device.job = 0;
  if (job === JOB_KEY_PAIR) device.data.set(shared);
  else length = takeIdentity(device, shared);
  shared.fill(0);
  return length;
}

/** Ephemeral public key 32 | personalization sealed under `shared`, its Diffie-Hellman value with the device's pair. The identity is written last. */
function takeIdentity(device: Device, shared: Uint8Array): number {
  const memory = device.memory;
  const identity = memory.identity;
  const data = device.data.subarray(0, PERSONALIZE_LENGTH);
  const plain = data.subarray(48);
  let stored = false;
  derive(hash, shared, SEAL_PERSONALIZATION, none);
  if (!open(plain, hash, data.subarray(0, 32), data.subarray(32)) || plain[8] !== device.role) {
    hash.fill(0);
    return -SW_DATA;
  }
  hash.fill(0);
  identity.set(plain.subarray(0, 13));
  identity.set(plain.subarray(13, 109), IDENTITY_DEVICE_KEY);
  memory.state.set(plain.subarray(109, 117), STATE_FLOOR);
  randomSeed(plain.subarray(117, 149));
  if (!isZero(plain.subarray(405, 437))) identity.set(plain.subarray(405, 437), IDENTITY_PRIVATE);
  deriveJournalKey(hash, memory);
  stored =
    storeState(memory) &&
    journalPut(memory.journal, SLOT_CHAIN, 0, plain.subarray(149, 405)) &&
    journalRekey(memory.journal, hash, SLOT_IDENTITY, 0, identity);
  hash.fill(0);
  plain.fill(0);
  loadMemory(memory);
  return stored ? 0 : -SW_FAILURE;
}

/**
 * A device key of a later generation, sealed under the present one, with the roots to trust from now on and a chain that they have signed. Answers a proof
 * under the key then held. The generation that is held already changes nothing and is proven again, for a center that missed the answer. What was sealed under the key
 * before, a card's licenses too, does not open any more.
 *
 * @returns 16, or a negative status word
 */
function rotate(device: Device, data: Uint8Array): number {
  const memory = device.memory;
  const identity = memory.identity;
  const plain = data.subarray(16);
  let stored = true;
  if (data.length !== 16 + ROTATION_LENGTH) return -SW_LENGTH;
  if (!openFor(plain, memory.deviceKey, KEY_ROTATION, INS_ROTATE, memory.party.id, none, data)) return -SW_DATA;
  if (get32(plain, 0) > get32(identity, IDENTITY_GENERATION)) {
    identity.set(plain.subarray(0, 4), IDENTITY_GENERATION);
    identity.set(plain.subarray(4, 100), IDENTITY_DEVICE_KEY);
    deriveJournalKey(hash, memory);
    stored =
      journalPut(memory.journal, SLOT_CHAIN, 0, plain.subarray(100)) && journalRekey(memory.journal, hash, SLOT_IDENTITY, 0, identity);
    hash.fill(0);
    loadMemory(memory);
  }
  plain.fill(0);
  if (!stored) return -SW_FAILURE;
  prove(device.data, memory.deviceKey, MESSAGE_ROTATED, identity.subarray(IDENTITY_GENERATION, IDENTITY_GENERATION + 4));
  return 16;
}

/**
 * Takes an introduction by the center: afterwards this device and the peer named in the ticket share a secret. Refused for another device, for a
 * serial not above the last, for an epoch below the one known, and after expiry.
 */
export function introduce(device: Device, data: Uint8Array): number {
  const memory = device.memory;
  const party = memory.party;
  const plain = data.subarray(16);
  let status = SW_CONDITIONS;
  if (data.length !== 16 + TICKET_LENGTH) return SW_LENGTH;
  if (!openFor(plain, memory.deviceKey, KEY_TICKET, TAG_TICKET & 255, party.id, none, data)) return SW_DATA;
  sha256(hash, [party.chain.subarray(0, 128)]);
  if (
    get32(plain, 0) > get32(memory.state, STATE_TICKET) &&
    get32(plain, TICKET_EXPIRY) >= party.floor() &&
    get32(plain, TICKET_EPOCH) >= party.epoch &&
    equal(plain.subarray(TICKET_SELF, TICKET_SELF + 8), party.id) &&
    plain[TICKET_SELF + 8] === party.role &&
    equal(plain.subarray(TICKET_SELF_CERTIFICATE, TICKET_SELF_CERTIFICATE + 16), hash.subarray(0, 16)) &&
    !party.revoked(plain.subarray(TICKET_PEER, TICKET_PEER + 8))
  ) {
    memory.state.set(plain.subarray(0, 4), STATE_TICKET);
    status = storeState(memory) ? SW_OK : SW_FAILURE;
    if (status === SW_OK)
      party.storePair(
        plain.subarray(TICKET_PAIR, TICKET_PAIR + 8),
        0,
        plain.subarray(TICKET_SECRET, TICKET_SECRET + 32),
        plain.subarray(TICKET_PEER, TICKET_PEER + 9),
      );
  }
  plain.fill(0);
  return status;
}

/**
 * Takes the center's list of revoked devices: epoch 4 | ids, 8 bytes each, sealed. An epoch below the one known is refused, and so are, from then on, the
 * devices in the list, with or without a pair, and every ticket of an earlier epoch.
 */
function revoke(device: Device, data: Uint8Array): number {
  const memory = device.memory;
  const plain = data.subarray(16);
  if (plain.length < 4 || plain.length > 4 + 8 * REVOKED_IDS || (plain.length & 7) !== 4) return SW_LENGTH;
  if (!openFor(plain, memory.deviceKey, KEY_TICKET, TAG_REVOKED & 255, memory.party.id, none, data)) return SW_DATA;
  if (get32(plain, 0) < memory.party.epoch) return SW_CONDITIONS;
  memory.state.set(plain.subarray(0, 4), STATE_EPOCH);
  memory.party.epoch = get32(plain, 0);
  return journalPut(memory.journal, SLOT_REVOKED, 0, plain) && storeState(memory) ? SW_OK : SW_FAILURE;
}

/** Commands that make a device somebody, or introduce it. False when `ins` is none of them. */
export function personalizationCommand(
  device: Device,
  ins: number,
  tag: number,
  data: Uint8Array,
  respond: (sw: number, length: number) => void,
): boolean {
  const blank = device.memory.party.role === 0;
  const privateKey = device.memory.party.privateKey;
  let length = 0;
  if (ins === INS_SEED || ins === INS_GENERATE_KEY_PAIR || ins === INS_PERSONALIZE) {
    if (!blank) respond(SW_CONDITIONS, 0);
    else if (ins === INS_GENERATE_KEY_PAIR) {
      // The private key stays in memory until PERSONALIZE makes it durable.
      if (randomFill(privateKey)) beginJob(device, JOB_KEY_PAIR, basePoint);
      else respond(SW_CONDITIONS, 0);
    } else if (ins === INS_PERSONALIZE) {
      if (data.length !== PERSONALIZE_LENGTH) respond(SW_LENGTH, 0);
      else if (isZero(privateKey)) respond(SW_CONDITIONS, 0);
      else beginJob(device, JOB_IDENTITY, data.subarray(0, 32));
    } else if (data.length !== 32) respond(SW_LENGTH, 0);
    else {
      respond(randomSeed(data) ? SW_OK : SW_CONDITIONS, 0);
    }
  } else if (ins === INS_ROTATE) {
    length = blank ? -SW_CONDITIONS : rotate(device, data);
    respond(length < 0 ? -length : SW_OK, length < 0 ? 0 : length);
  } else if (ins === INS_PUT_DATA && tag === TAG_TICKET) respond(blank ? SW_CONDITIONS : introduce(device, data), 0);
  else if (ins === INS_PUT_DATA && tag === TAG_REVOKED) respond(blank ? SW_CONDITIONS : revoke(device, data), 0);
  else return false;
  return true;
}
