import { equal, get16, get32, isZero, put32 } from "../core/bytes.js";
import { whenIdle, workDone } from "../core/device/arithmetic.js";
import { SLOT_MEDIA, SLOT_REGISTRATION, SLOT_TREE_KEYS } from "../core/device/identity.js";
import { journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import {
  MESSAGE_REGISTRATION,
  MESSAGE_TREE_KEYS,
  REGISTRATION_LENGTH,
  REGISTRATION_SERVER,
  REGISTRATION_SIGNER,
  REGISTRATION_TREE,
  TREE_PART_HEAD,
  TREE_PART_KEYS,
} from "../core/protocol/client.js";
import {
  SCHEME_COMPLETE_SUBTREE,
  TREE_CONTENT,
  TREE_EPOCH,
  TREE_KEYS_HEAD,
  TREE_OK,
  isTreeKeys,
  treeOpenFinish,
  treeOpenStart,
  treeOpenStep,
} from "../core/tree/tree.js";
import { openMessage, plain, type Client, type Outcome } from "./state.js";

/** The registration in force; zeros where there is none. */
export const registration = new Uint8Array(REGISTRATION_LENGTH);
/** Media key of the enabling block opened last: epoch 4 | tree id 8 | content id 16, zeros for any | key 32. */
export const MEDIA_LENGTH = 60;
const TREE_ID = REGISTRATION_TREE + 8;
const none = new Uint8Array(0);
const media = new Uint8Array(MEDIA_LENGTH);
const part = new Uint8Array(4 + 32 * TREE_PART_KEYS);

export function loadRegistration(client: Client): void {
  if (journalGet(client.device.memory.journal, SLOT_REGISTRATION, 0, registration) !== REGISTRATION_LENGTH) registration.fill(0);
}

/** Reads part `index` of the tree keys that were sent under `serial`; answers how many keys it has, 0 for none. */
function readPart(client: Client, index: number, serial: Uint8Array): number {
  const length = journalGet(client.device.memory.journal, SLOT_TREE_KEYS, index, part);
  return length > 4 && equal(part.subarray(0, 4), serial) ? (length - 4) >>> 5 : 0;
}

/** TREE KEYS: serial 4 | place of the first key 1 | keys; kept until the registration of that serial puts them into force. */
export function takeTreeKeys(client: Client, data: Uint8Array): Outcome {
  const length = data.length - 16;
  let status = 0;
  if (length <= TREE_PART_HEAD || length > TREE_PART_HEAD + 32 * TREE_PART_KEYS) return -SW_LENGTH;
  status = openMessage(client, MESSAGE_TREE_KEYS, none, data, length);
  if (status === 0 && get32(plain, 0) < get32(registration, 0)) status = -SW_CONDITIONS;
  if (status === 0) {
    part.set(plain.subarray(0, 4));
    part.set(plain.subarray(TREE_PART_HEAD, length), 4);
    if (!journalPut(client.device.memory.journal, SLOT_TREE_KEYS, (plain[4] / TREE_PART_KEYS) >>> 0, part.subarray(0, length - 1)))
      status = -SW_FAILURE;
  }
  plain.fill(0);
  part.fill(0);
  return status;
}

/** True when the tree that a registration names has all its keys here, or it names none. */
function hasKeys(client: Client, record: Uint8Array): boolean {
  const head = record.subarray(REGISTRATION_TREE, REGISTRATION_LENGTH);
  let count = 0;
  if (isZero(head)) return true;
  if (!isTreeKeys(head) || head[5] !== SCHEME_COMPLETE_SUBTREE) return false;
  for (let i = 0; i < 3; i++) count += readPart(client, i, record.subarray(0, 4));
  part.fill(0);
  return count > head[6];
}

/** REGISTER: license server, signer and tree, all at once; safe to repeat. */
export function register(client: Client, data: Uint8Array): Outcome {
  const record = plain.subarray(0, REGISTRATION_LENGTH);
  let status = 0;
  if (data.length !== 16 + REGISTRATION_LENGTH) return -SW_LENGTH;
  status = openMessage(client, MESSAGE_REGISTRATION, none, data, REGISTRATION_LENGTH);
  if (status < 0) return status;
  if (get32(record, 0) <= get32(registration, 0) && !equal(record, registration)) return -SW_CONDITIONS;
  if (!hasKeys(client, record)) return -SW_CONDITIONS;
  if (!journalPut(client.device.memory.journal, SLOT_REGISTRATION, 0, record)) return -SW_FAILURE;
  registration.set(record);
  return 0;
}

/** Reads the media key kept last, of the tree in force, into `out` (60 bytes); its epoch, 0 where there is none. */
export function readMedia(client: Client, out: Uint8Array): number {
  const held = journalGet(client.device.memory.journal, SLOT_MEDIA, 0, out) === MEDIA_LENGTH;
  return held && equal(out.subarray(4, 12), registration.subarray(TREE_ID, TREE_ID + 8)) ? get32(out, 0) : 0;
}

/** Newest epoch whose enabling block was opened. */
function newestEpoch(client: Client): number {
  const epoch = readMedia(client, media);
  media.fill(0);
  return epoch;
}

/** Serial 4 | license server 8 | leaf 4 | newest epoch 4. */
export function describeRegistration(client: Client): Outcome {
  const out = client.device.data;
  if (isZero(registration)) return -SW_NOT_FOUND;
  out.set(registration.subarray(0, 4));
  out.set(registration.subarray(REGISTRATION_SERVER, REGISTRATION_SERVER + 8), 4);
  out.set(registration.subarray(REGISTRATION_TREE + 16, REGISTRATION_LENGTH), 12);
  put32(out, 16, newestEpoch(client));
  return 20;
}

/** The key material, as the key tree reads it. */
function readKeys(client: Client, offset: number, out: Uint8Array): boolean {
  const index = ((offset - TREE_KEYS_HEAD) / 32) >>> 0;
  const place = (index / TREE_PART_KEYS) >>> 0;
  const at = 4 + 32 * (index - place * TREE_PART_KEYS);
  if (offset < TREE_KEYS_HEAD) out.set(registration.subarray(REGISTRATION_TREE + offset, REGISTRATION_TREE + offset + out.length));
  else {
    if (readPart(client, place, registration.subarray(0, 4)) <= index - place * TREE_PART_KEYS) return false;
    out.set(part.subarray(at, at + 32));
    part.fill(0);
  }
  return true;
}

/** ENABLE: a part of the slice; with FFFF, its length, and the whole is opened. Its media key takes the place of the one before. */
export function enable(client: Client, tag: number, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  const device = client.device;
  const slice = client.slice;
  const length = get16(data, 0);
  let status = 0;
  function keys(offset: number, out: Uint8Array): boolean {
    return readKeys(client, offset, out);
  }
  function refuse(reason: number): void {
    device.data[0] = -reason;
    respond(SW_DATA, 1);
  }
  if (client.verifying) return respond(SW_CONDITIONS, 0);
  if (tag !== 0xffff) {
    if (data.length < 1 || tag + data.length > slice.length) return respond(SW_LENGTH, 0);
    slice.set(data, tag);
    return respond(SW_OK, 0);
  }
  if (data.length !== 2 || length > slice.length) return respond(SW_LENGTH, 0);
  if (isZero(registration.subarray(REGISTRATION_SIGNER))) return respond(SW_CONDITIONS, 0);
  client.verifying = true;
  whenIdle(device, function () {
    status = treeOpenStart(
      slice.subarray(0, length),
      keys,
      registration.subarray(REGISTRATION_SIGNER, REGISTRATION_TREE),
      newestEpoch(client),
    );
    function finish(): void {
      if (status === TREE_OK) status = treeOpenFinish(media.subarray(28), keys);
      client.verifying = false;
      if (status === TREE_OK) {
        media.set(slice.subarray(TREE_EPOCH, TREE_EPOCH + 4));
        media.set(registration.subarray(TREE_ID, TREE_ID + 8), 4);
        media.set(slice.subarray(TREE_CONTENT, TREE_CONTENT + 16), 12);
        device.data.set(media.subarray(0, 4));
        if (journalPut(device.memory.journal, SLOT_MEDIA, 0, media)) respond(SW_OK, 4);
        else respond(SW_FAILURE, 0);
      } else refuse(status);
      media.fill(0);
      workDone(device);
    }
    if (status === TREE_OK) device.memory.party.run(treeOpenStep, finish);
    else finish();
  });
}
