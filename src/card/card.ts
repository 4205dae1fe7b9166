import type { Board } from "../../boards/board.js";
import { equal, get32, none, put32, scratch } from "../core/bytes.js";
import { startDevice, type Device } from "../core/device/device.js";
import { SLOT_LICENSE, SLOT_READER_CERTIFICATE } from "../core/device/identity.js";
import { raiseFloor } from "../core/device/party.js";
import { journalDelete, journalGet, journalPut, journalRecycle } from "../core/journal.js";
import {
  SW_CONDITIONS,
  SW_DATA,
  SW_FAILURE,
  SW_INSTRUCTION,
  SW_LENGTH,
  SW_NO_ROOM,
  SW_NOT_FOUND,
  SW_OK,
  SW_SECURITY,
} from "../core/link/apdu.js";
import { CERTIFICATE_LENGTH } from "../core/protocol/certificate.js";
import {
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_END_PLAY,
  INS_GET_DATA,
  INS_PUT_DATA,
  INS_REQUEST_KEY,
  INS_REVOKE_LICENSE,
  ROLE_CARD,
  ROLE_CENTER,
  ROLE_CLIENT,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_LICENSE,
  TAG_READER_CERTIFICATE,
} from "../core/protocol/constants.js";
import { KEY_CONTRACT } from "../core/protocol/derive.js";
import {
  LICENSE_CONTENT,
  LICENSE_ID,
  LICENSE_ISSUED,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_LOAN,
  LICENSE_MAC,
  LICENSE_PLAY,
  LICENSE_RECORD,
  USE_ALLOWED,
  debitPlay,
  licenseMac,
  mayReplace,
  openLicense,
} from "../core/protocol/license.js";
import {
  MESSAGE_COMPLETION,
  MESSAGE_CONTRACT,
  MESSAGE_LICENSE,
  MESSAGE_REVOCATION,
  MESSAGE_REVOKED,
  openFor,
  prove,
  sealFor,
} from "../core/protocol/loan.js";
import { randomFill } from "../core/random.js";
import {
  LICENSES,
  deriveWrappingKey,
  freeIndex,
  license,
  loadLicense,
  record,
  seekLicense,
  storeLicense,
  wipeLicense,
  wrappingKey,
} from "./licenses.js";

/** Contract as the kiosk names it: loan id 16 | content id 16 | cartridge id 8 | terms 48. The card puts its nonce before and seals it for the center. */
export const CONTRACT_LENGTH = 88;

/** The center's answer in clear: license id 16 | loan id 16 | content id 16 | cartridge id 8 | terms 48 | issued 4 | MAC 16 | key 32. */
export const ISSUE_LENGTH = 156;

/** Reader certificates that a card holds. */
export const READER_CERTIFICATES = 2;

/** The open contract: nonce 16, then what the kiosk named. In memory only: after a cut the kiosk asks again. */
const contract = new Uint8Array(16 + CONTRACT_LENGTH);
const nonce = contract.subarray(0, 16);
const next = scratch(LICENSE_LENGTH);
const mac = scratch(16);
const proof = scratch(32);
let contractOpen = false;

/** The card seals the contract for the center, with a nonce that the answer must be bound to. */
function openContract(device: Device, data: Uint8Array): number {
  if (data.length !== CONTRACT_LENGTH || !randomFill(nonce)) return -SW_LENGTH;
  contract.set(data, 16);
  contractOpen = true;
  sealFor(
    device.data.subarray(0, 32 + CONTRACT_LENGTH),
    device.memory.deviceKey,
    KEY_CONTRACT,
    MESSAGE_CONTRACT,
    device.memory.party.id,
    none,
    contract,
  );
  return 32 + CONTRACT_LENGTH;
}

/** The card checks the center's answer against the open contract, stores the license, and proves completion. Safe to repeat. */
function acceptLicense(device: Device, data: Uint8Array): number {
  const issue = next.subarray(0, ISSUE_LENGTH);
  let index = 0;
  if (data.length !== 16 + ISSUE_LENGTH) return -SW_LENGTH;
  if (!contractOpen) return -SW_CONDITIONS;
  if (!openFor(issue, device.memory.deviceKey, KEY_CONTRACT, MESSAGE_LICENSE, device.memory.party.id, nonce, data)) return -SW_DATA;
  if (!equal(issue.subarray(16, 16 + CONTRACT_LENGTH), contract.subarray(16))) {
    next.fill(0);
    return -SW_DATA;
  }
  proof.set(issue.subarray(0, 16));
  proof.set(nonce, 16);
  if (seekLicense(device, LICENSE_ID, issue.subarray(0, 16)) < 0) {
    index = freeIndex(device);
    license.fill(0);
    put32(license, 0, 1);
    license.set(issue.subarray(0, 124), LICENSE_ID);
    license.set(issue.subarray(124, 156), LICENSE_KEY);
    licenseMac(mac, device.memory.deviceKey, license);
    if (!equal(mac, license.subarray(LICENSE_MAC, LICENSE_MAC + 16))) index = -2;
    if (index >= 0 && !storeLicense(device, index)) index = -3;
    if (index >= 0) raiseFloor(device.memory, get32(license, LICENSE_ISSUED));
  }
  wipeLicense();
  next.fill(0);
  if (index < 0) return index === -1 ? -SW_NO_ROOM : index === -2 ? -SW_DATA : -SW_FAILURE;
  prove(device.data, device.memory.deviceKey, MESSAGE_COMPLETION, proof);
  return 16;
}

/**
 * Releases a license to an authenticated reader: content id 16 | loan id 16 | play id 16 | vouched time 4. The play is debited durably before the
 * license and the wrapping key of its version go out. A refusal by the terms answers one byte, the reason.
 */
function requestKey(device: Device, data: Uint8Array): number {
  let vouched = 0;
  let index = 0;
  let use = 0;
  let version = 0;
  if (data.length !== 52) return -SW_LENGTH;
  vouched = get32(data, 48);
  raiseFloor(device.memory, vouched);
  index = seekLicense(device, LICENSE_LOAN, data.subarray(16, 32));
  if (index < 0 || !equal(license.subarray(LICENSE_CONTENT, LICENSE_CONTENT + 16), data.subarray(0, 16))) {
    wipeLicense();
    return -SW_NOT_FOUND;
  }
  version = get32(license, 0);
  use = debitPlay(license, device.channel.peer.subarray(0, 8), data.subarray(32, 48), vouched, device.memory.party.floor());
  if (use !== USE_ALLOWED) {
    wipeLicense();
    device.data[0] = use;
    return -SW_CONDITIONS;
  }
  if (get32(license, 0) !== version && !storeLicense(device, index)) {
    wipeLicense();
    return -SW_FAILURE;
  }
  device.data.set(record);
  device.data.set(wrappingKey, LICENSE_RECORD);
  wipeLicense();
  return LICENSE_RECORD + 32;
}

/** The key of the next version, for the reader that has played: license id 16 | play id 16. */
function beginUpdate(device: Device, data: Uint8Array): number {
  let length = -SW_NOT_FOUND;
  if (data.length !== 32) return -SW_LENGTH;
  if (seekLicense(device, LICENSE_ID, data.subarray(0, 16)) >= 0) {
    if (!equal(license.subarray(LICENSE_PLAY, LICENSE_PLAY + 16), data.subarray(16, 32))) length = -SW_CONDITIONS;
    else {
      deriveWrappingKey(device, data.subarray(0, 16), get32(license, 0) + 1);
      device.data.set(wrappingKey);
      length = 32;
    }
  }
  wipeLicense();
  return length;
}

/** The reader's updated license takes the place of the card's, when it is the next version and better for nobody. */
function update(device: Device, data: Uint8Array): number {
  let id = data;
  let status = SW_NOT_FOUND;
  let index = 0;
  if (data.length !== LICENSE_RECORD) return -SW_LENGTH;
  id = data.subarray(LICENSE_ID, LICENSE_ID + 16);
  index = seekLicense(device, LICENSE_ID, id);
  if (index >= 0) {
    deriveWrappingKey(device, id, get32(license, 0) + 1);
    status = SW_DATA;
    if (openLicense(next, wrappingKey, data) && mayReplace(license, next))
      status = journalPut(device.memory.journal, SLOT_LICENSE, index, data) ? SW_OK : SW_FAILURE;
  }
  next.fill(0);
  wipeLicense();
  return status === SW_OK ? 0 : -status;
}

/** The center takes a license back: id 16 and its nonce 16, sealed. The answer proves that the card does not hold it. Safe to repeat. */
function revoke(device: Device, data: Uint8Array): number {
  const deviceKey = device.memory.deviceKey;
  let index = 0;
  if (data.length !== 48) return -SW_LENGTH;
  if (!openFor(proof, deviceKey, KEY_CONTRACT, MESSAGE_REVOCATION, device.memory.party.id, none, data)) return -SW_DATA;
  index = seekLicense(device, LICENSE_ID, proof.subarray(0, 16));
  wipeLicense();
  if (index >= 0 && !(journalDelete(device.memory.journal, SLOT_LICENSE, index) && journalRecycle(device.memory.journal)))
    return -SW_FAILURE;
  contractOpen = false;
  prove(device.data, deviceKey, MESSAGE_REVOKED, proof);
  return 16;
}

/** Licenses (without their keys) and reader certificates, for the kiosk. */
function getData(device: Device, tag: number): number {
  const index = tag & 15;
  let length = -SW_NOT_FOUND;
  if ((tag & 0xfff0) === TAG_LICENSE && index < LICENSES && loadLicense(device, index)) {
    device.data.set(license.subarray(0, LICENSE_KEY));
    length = LICENSE_KEY;
  }
  wipeLicense();
  if ((tag & 0xfff0) === TAG_READER_CERTIFICATE && index < READER_CERTIFICATES) {
    length = journalGet(device.memory.journal, SLOT_READER_CERTIFICATE, index, device.data.subarray(0, CERTIFICATE_LENGTH));
    if (length !== CERTIFICATE_LENGTH) length = -SW_NOT_FOUND;
  }
  return length;
}

function putData(device: Device, tag: number, data: Uint8Array): number {
  const index = tag & 15;
  if ((tag & 0xfff0) !== TAG_READER_CERTIFICATE || index >= READER_CERTIFICATES) return -SW_NOT_FOUND;
  if (data.length !== CERTIFICATE_LENGTH || data[2] !== ROLE_READER) return -SW_DATA;
  return journalPut(device.memory.journal, SLOT_READER_CERTIFICATE, index, data) ? 0 : -SW_FAILURE;
}

function command(device: Device, ins: number, tag: number, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  const role = device.channel.open ? device.channel.peer[8] : 0;
  const counter = role === ROLE_KIOSK || role === ROLE_CENTER;
  const player = role === ROLE_READER || role === ROLE_CLIENT;
  let length = -SW_SECURITY;
  if (ins === INS_CONTRACT) length = counter ? openContract(device, data) : length;
  else if (ins === INS_CONTRACT_KEY) length = counter ? acceptLicense(device, data) : length;
  else if (ins === INS_REVOKE_LICENSE) length = counter ? revoke(device, data) : length;
  else if (ins === INS_GET_DATA) length = counter ? getData(device, tag) : length;
  else if (ins === INS_PUT_DATA) length = counter ? putData(device, tag, data) : length;
  else if (ins === INS_REQUEST_KEY) length = player ? requestKey(device, data) : length;
  else if (ins === INS_END_PLAY) length = player ? (tag === 0 ? beginUpdate(device, data) : update(device, data)) : length;
  else length = -SW_INSTRUCTION;
  if (length >= 0) respond(SW_OK, length);
  else respond(-length, length === -SW_CONDITIONS && ins === INS_REQUEST_KEY ? 1 : 0);
}

/**
 * Starts the IC card: holds licenses, and gives a license's key only to an authenticated reader, within the terms.
 *
 * @param board - its serial port 0 is the contact to reader or kiosk
 */
export function startCard(board: Board): Device {
  const device = startDevice(board, board.serial[0], ROLE_CARD, 0);
  device.handler = function (self, ins, tag, data, respond) {
    command(self, ins, tag, data, respond);
  };
  return device;
}
