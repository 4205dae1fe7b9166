import { equal, get32, isZero, put32 } from "../core/bytes.js";
import { whenIdle, workDone } from "../core/device/arithmetic.js";
import { SLOT_CLIENT_LICENSE, SLOT_COPY_WINDOW } from "../core/device/identity.js";
import { raiseFloor } from "../core/device/party.js";
import { journalDelete, journalGet, journalPut, journalRecycle } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_NOT_FOUND, SW_NO_ROOM, SW_OK } from "../core/link/apdu.js";
import {
  CONDITIONS_LENGTH,
  GRANT_CONDITIONS,
  GRANT_EPOCH,
  GRANT_ISSUED,
  GRANT_KEY,
  GRANT_LENGTH,
  GRANT_TITLE,
  ISSUE_LENGTH,
  MESSAGE_CLIENT_LICENSE,
  MESSAGE_LICENSE_HELD,
  MESSAGE_LICENSE_REMOVED,
  MESSAGE_LICENSE_REQUEST,
  MESSAGE_MOVE_ORDER,
  MESSAGE_MOVE_REQUEST,
  MOVE_LENGTH,
  REGISTRATION_SERVER,
  REGISTRATION_SERVER_KEY,
  REGISTRATION_SIGNER,
  contentKey,
} from "../core/protocol/client.js";
import {
  COPY_CONTENT,
  COPY_LICENSE_ID,
  COPY_MALFORMED,
  COPY_OK,
  COPY_SERIAL,
  COPY_USE,
  COPY_WINDOW_LENGTH,
  copyLicenseLength,
  copyUse,
  copyUsed,
  copyVerifyStart,
  copyVerifyStep,
  openCopyLicense,
} from "../core/protocol/copy-certificate.js";
import {
  LICENSE_CONDITIONS,
  LICENSE_CONTENT,
  LICENSE_FIRST_USE,
  LICENSE_ID,
  LICENSE_ISSUED,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_TERMS,
} from "../core/protocol/license.js";
import { randomFill } from "../core/random.js";
import { PLAYER_PLAYING } from "../reader/state.js";
import { MEDIA_LENGTH, readMedia, registration } from "./registration.js";
import { NONCE_LICENSE, NONCE_MOVE, about, answerProof, openMessage, plain, type Client, type Outcome } from "./state.js";
import { latest } from "./time.js";

/** Licenses that a client keeps, those that were moved away and are not settled included. */
export const CLIENT_LICENSES = 8;

/**
 * A license in the journal, 292 bytes: a license as a card keeps it, its key the content key, 220 | epoch 4 | sealed title key 48 | nonce of the request, or id
 * of the use, 16 | serial of the copy certificate that it came in, else 0, 4. One that was moved away, 72 bytes: zeros 4 | license id 16 | use id 16 |
 * content id 16 | destination 8 | conditions 12.
 */
export const OWN_LENGTH = LICENSE_LENGTH + 72;
export const OWN_EPOCH = LICENSE_LENGTH;
export const OWN_TITLE = LICENSE_LENGTH + 4;
const OWN_NONCE = LICENSE_LENGTH + 52;
const OWN_SERIAL = LICENSE_LENGTH + 68;
const MOVED_LENGTH = 72;
const MOVED_USE = 20;
const MOVED_DESTINATION = 52;
const MOVED_CONDITIONS = 60;

/** The license read last. */
export const own = new Uint8Array(OWN_LENGTH);
const media = new Uint8Array(MEDIA_LENGTH);
const window = new Uint8Array(COPY_WINDOW_LENGTH);
const noSerial = new Uint8Array(4);

/** Reads the license at `place`; answers its length, 0 where there is none. */
export function readOwn(client: Client, place: number): number {
  return journalGet(client.device.memory.journal, SLOT_CLIENT_LICENSE, place, own);
}

/** The place of a license in which `id` (16) stands at `field`, and which is `length` long (0: any), with the license read; or -1. */
export function seekOwn(client: Client, field: number, id: Uint8Array, length: number): number {
  let found = 0;
  for (let i = 0; i < CLIENT_LICENSES; i++) {
    found = readOwn(client, i);
    if (found > 0 && (length === 0 || found === length) && equal(own.subarray(field, field + 16), id)) return i;
  }
  own.fill(0);
  return -1;
}

export function storeOwn(client: Client, place: number, length: number): boolean {
  return journalPut(client.device.memory.journal, SLOT_CLIENT_LICENSE, place, own.subarray(0, length));
}

/** Puts the license's id and a nonce or use id into `about` and answers that the license is held. */
function held(client: Client, id: Uint8Array, nonce: Uint8Array): Outcome {
  about.set(id);
  about.set(nonce, 16);
  own.fill(0);
  return answerProof(client, MESSAGE_LICENSE_HELD, 32, 0);
}

/**
 * Stores a license that was granted to this client: only with the media key of its epoch at hand, from which, with the license's key, the content key is made.
 *
 * @param serial - of the copy certificate, 4 bytes; zeros where it came in none
 */
function keep(client: Client, id: Uint8Array, content: Uint8Array, grant: Uint8Array, nonce: Uint8Array, serial: Uint8Array): Outcome {
  const epoch = readMedia(client, media);
  const fits =
    epoch === get32(grant, GRANT_EPOCH) && epoch !== 0 && (isZero(media.subarray(12, 28)) || equal(media.subarray(12, 28), content));
  const doubled = seekOwn(client, LICENSE_ID, id, OWN_LENGTH) >= 0;
  let place = seekOwn(client, LICENSE_ID, id, MOVED_LENGTH);
  let status = 0;
  if (place < 0) for (place = 0; place < CLIENT_LICENSES && readOwn(client, place) > 0;) place++;
  own.fill(0);
  if (!fits || doubled) status = -SW_CONDITIONS;
  else if (place === CLIENT_LICENSES) status = -SW_NO_ROOM;
  else {
    put32(own, 0, 1);
    own.set(id, LICENSE_ID);
    own.set(content, LICENSE_CONTENT);
    own.set(grant.subarray(0, GRANT_ISSUED), LICENSE_TERMS);
    own.set(grant.subarray(GRANT_ISSUED, GRANT_CONDITIONS), LICENSE_ISSUED);
    own.set(grant.subarray(GRANT_CONDITIONS, GRANT_CONDITIONS + 2), LICENSE_CONDITIONS);
    own.set(grant.subarray(GRANT_CONDITIONS + 4, GRANT_EPOCH), LICENSE_FIRST_USE);
    contentKey(own.subarray(LICENSE_KEY, LICENSE_LENGTH), grant.subarray(GRANT_KEY, GRANT_TITLE), media.subarray(28), id);
    own.set(grant.subarray(GRANT_EPOCH, GRANT_KEY), OWN_EPOCH);
    own.set(grant.subarray(GRANT_TITLE, GRANT_LENGTH), OWN_TITLE);
    own.set(nonce, OWN_NONCE);
    own.set(serial, OWN_SERIAL);
    if (!storeOwn(client, place, OWN_LENGTH)) status = -SW_FAILURE;
    else raiseFloor(client.device.memory, get32(grant, GRANT_ISSUED));
    own.fill(0);
  }
  media.fill(0);
  return status;
}

/** Makes a nonce for `purpose` and answers it with the proof over what `about` begins with, `length` bytes, and the nonce. */
function ask(client: Client, purpose: number, message: number, length: number): Outcome {
  if (!randomFill(client.nonce)) return -SW_CONDITIONS;
  client.nonceFor = purpose;
  about.set(client.nonce, length);
  client.device.data.set(client.nonce);
  return answerProof(client, message, length + 16, 16);
}

/** LICENSE, P2 0: asks for a license of a content. */
export function requestLicense(client: Client, data: Uint8Array): Outcome {
  if (data.length !== 16) return -SW_LENGTH;
  about.set(data);
  return ask(client, NONCE_LICENSE, MESSAGE_LICENSE_REQUEST, 16);
}

/** LICENSE, P2 1: takes it. One that is held already is not taken again, and its conditions stay; only the proof is. */
export function takeLicense(client: Client, data: Uint8Array): Outcome {
  const id = plain.subarray(0, 16);
  let nonce: Uint8Array = id;
  let status = 0;
  let place = 0;
  if (data.length !== 32 + ISSUE_LENGTH) return -SW_LENGTH;
  nonce = data.subarray(0, 16);
  status = openMessage(client, MESSAGE_CLIENT_LICENSE, nonce, data.subarray(16), ISSUE_LENGTH);
  if (status < 0) return status;
  place = seekOwn(client, LICENSE_ID, id, OWN_LENGTH);
  if (place < 0 || !equal(own.subarray(OWN_NONCE, OWN_SERIAL), nonce)) {
    if (client.nonceFor !== NONCE_LICENSE || !equal(client.nonce, nonce)) status = -SW_CONDITIONS;
    else if (place >= 0) {
      own.set(nonce, OWN_NONCE);
      if (!storeOwn(client, place, OWN_LENGTH)) status = -SW_FAILURE;
    } else status = keep(client, id, plain.subarray(16, 32), plain.subarray(32, ISSUE_LENGTH), nonce, noSerial);
    if (status === 0) client.nonceFor = 0;
  }
  if (status === 0) status = held(client, id, nonce);
  own.fill(0);
  plain.fill(0);
  return status;
}

/** MOVE, P2 0: asks to give a license to another client. */
export function requestMove(client: Client, data: Uint8Array): Outcome {
  if (data.length !== 24) return -SW_LENGTH;
  if (seekOwn(client, LICENSE_ID, data.subarray(0, 16), OWN_LENGTH) < 0) return -SW_NOT_FOUND;
  own.fill(0);
  about.set(data);
  return ask(client, NONCE_MOVE, MESSAGE_MOVE_REQUEST, 24);
}

/** Marks the serial of the license in `own` as used, should a cut have come before that. */
function markUsed(client: Client): boolean {
  const journal = client.device.memory.journal;
  const serial = get32(own, OWN_SERIAL);
  if (journalGet(journal, SLOT_COPY_WINDOW, 0, window) !== COPY_WINDOW_LENGTH) window.fill(0);
  if (serial === 0 || copyUsed(window, serial)) return true;
  copyUse(window, serial);
  return journalPut(journal, SLOT_COPY_WINDOW, 0, window);
}

/** MOVE, P2 1: removes the license, from flash too; answers its conditions and the proof that it is gone. */
export function removeLicense(client: Client, data: Uint8Array): Outcome {
  const order = plain.subarray(0, MOVE_LENGTH);
  let nonce: Uint8Array = order;
  let place = 0;
  let status = 0;
  let gone = false;
  if (data.length !== 32 + MOVE_LENGTH) return -SW_LENGTH;
  nonce = data.subarray(0, 16);
  status = openMessage(client, MESSAGE_MOVE_ORDER, nonce, data.subarray(16), MOVE_LENGTH);
  if (status < 0) return status;
  place = seekOwn(client, LICENSE_ID, order.subarray(0, 16), MOVED_LENGTH);
  gone = place >= 0 && equal(own.subarray(MOVED_USE, MOVED_USE + 16), order.subarray(24));
  if (!gone) {
    place = seekOwn(client, LICENSE_ID, order.subarray(0, 16), OWN_LENGTH);
    if (place < 0) status = -SW_NOT_FOUND;
    else if (client.nonceFor !== NONCE_MOVE || !equal(client.nonce, nonce) || client.player.state === PLAYER_PLAYING)
      status = -SW_CONDITIONS;
    else if (!markUsed(client)) status = -SW_FAILURE;
    else {
      about.set(own.subarray(LICENSE_CONTENT, LICENSE_CONTENT + 16));
      about.set(own.subarray(LICENSE_CONDITIONS, LICENSE_CONDITIONS + CONDITIONS_LENGTH), 16);
      own.fill(0);
      own.set(order.subarray(0, 16), LICENSE_ID);
      own.set(order.subarray(24), MOVED_USE);
      own.set(about.subarray(0, 16), LICENSE_CONTENT);
      own.set(order.subarray(16, 24), MOVED_DESTINATION);
      own.set(about.subarray(16, 18), MOVED_CONDITIONS);
      own.set(about.subarray(20, 28), MOVED_CONDITIONS + 4);
      if (storeOwn(client, place, MOVED_LENGTH) && journalRecycle(client.device.memory.journal)) client.nonceFor = 0;
      else status = -SW_FAILURE;
    }
  }
  if (status === 0) {
    client.device.data.set(own.subarray(MOVED_CONDITIONS, MOVED_LENGTH));
    about.set(order.subarray(0, 16));
    about.set(order.subarray(24), 16);
    about.set(own.subarray(MOVED_CONDITIONS, MOVED_LENGTH), 32);
    status = answerProof(client, MESSAGE_LICENSE_REMOVED, 44, CONDITIONS_LENGTH);
  }
  own.fill(0);
  plain.fill(0);
  return status;
}

/** The server is done with the move of this use id; true when there was one, and it is forgotten. */
export function settleMove(client: Client, use: Uint8Array): Outcome {
  const place = seekOwn(client, MOVED_USE, use, MOVED_LENGTH);
  own.fill(0);
  if (place < 0) return 0;
  return journalDelete(client.device.memory.journal, SLOT_CLIENT_LICENSE, place) ? 0 : -SW_FAILURE;
}

/** COPY: verifies a copy certificate, takes the license out of it and marks its use, in this order; answers that the license is held. */
export function takeCopy(client: Client, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  const device = client.device;
  const memory = device.memory;
  const certificate = client.slice.subarray(0, data.length);
  const grant = plain.subarray(0, GRANT_LENGTH);
  const id = client.slice.subarray(COPY_LICENSE_ID, COPY_LICENSE_ID + 16);
  const use = client.slice.subarray(COPY_USE, COPY_USE + 16);
  const content = client.slice.subarray(COPY_CONTENT, COPY_CONTENT + 16);
  const serverKey = registration.subarray(REGISTRATION_SERVER_KEY, REGISTRATION_SIGNER);
  let status = COPY_OK;
  let taken = false;
  function answer(outcome: number): void {
    client.verifying = false;
    plain.fill(0);
    own.fill(0);
    if (outcome < 0) respond(-outcome, 0);
    else respond(SW_OK, outcome);
  }
  function refuse(reason: number): void {
    client.verifying = false;
    device.data[0] = -reason;
    respond(SW_DATA, 1);
  }
  if (client.verifying || isZero(serverKey)) return respond(SW_CONDITIONS, 0);
  if (data.length > client.slice.length) return respond(SW_LENGTH, 0);
  certificate.set(data);
  if (copyLicenseLength(certificate) !== GRANT_LENGTH) return refuse(COPY_MALFORMED);
  client.verifying = true;
  // Taken before, and the answer lost, or the mark of its use: then it is checked like a new one, and changes nothing.
  taken = seekOwn(client, OWN_NONCE, use, OWN_LENGTH) >= 0 && equal(own.subarray(LICENSE_ID, LICENSE_ID + 16), id);
  if (taken || journalGet(memory.journal, SLOT_COPY_WINDOW, 0, window) !== COPY_WINDOW_LENGTH) window.fill(0);
  whenIdle(device, function () {
    function finish(): void {
      let kept = 0;
      if (status === COPY_OK) status = openCopyLicense(grant, certificate, memory.deviceKey);
      if (status === COPY_OK) {
        if (!taken) kept = keep(client, id, content, grant, use, certificate.subarray(COPY_SERIAL, COPY_SERIAL + 4));
        if (kept < 0) answer(kept);
        else if (seekOwn(client, LICENSE_ID, id, OWN_LENGTH) >= 0 && markUsed(client)) answer(held(client, id, use));
        else answer(-SW_FAILURE);
      } else refuse(status);
      workDone(device);
    }
    status = copyVerifyStart(
      certificate,
      memory.party.id,
      registration.subarray(REGISTRATION_SERVER, REGISTRATION_SERVER_KEY),
      serverKey,
      content,
      latest(client),
      window,
    );
    if (status !== COPY_OK) return finish();
    memory.party.run(
      function () {
        status = copyVerifyStep();
        return status !== 0;
      },
      function () {
        if (status === 1) status = COPY_OK;
        finish();
      },
    );
  });
}

/** Tells the license at a place: 1 held or 2 moved away | license id 16 | content id 16 | terms 48 | conditions 12 | epoch 4 | destination 8, use id 16. */
export function describeOwn(client: Client, place: number): Outcome {
  const out = client.device.data;
  const length = place < CLIENT_LICENSES ? readOwn(client, place) : 0;
  const moved = length === MOVED_LENGTH;
  const conditions = moved ? MOVED_CONDITIONS : LICENSE_CONDITIONS;
  if (place >= CLIENT_LICENSES) return -SW_NOT_FOUND;
  if (length <= 0) return 0;
  out.fill(0, 0, 121);
  out[0] = moved ? 2 : 1;
  out.set(own.subarray(LICENSE_ID, LICENSE_ID + 16), 1);
  out.set(own.subarray(LICENSE_CONTENT, LICENSE_CONTENT + 16), 17);
  if (!moved) out.set(own.subarray(LICENSE_TERMS, LICENSE_ISSUED), 33);
  out.set(own.subarray(conditions, conditions + CONDITIONS_LENGTH), 81);
  if (!moved) out.set(own.subarray(OWN_EPOCH, OWN_TITLE), 93);
  else {
    out.set(own.subarray(MOVED_DESTINATION, MOVED_CONDITIONS), 97);
    out.set(own.subarray(MOVED_USE, MOVED_USE + 16), 105);
  }
  own.fill(0);
  return moved ? 121 : 97;
}

/** True when a license was moved away and that is not settled: what was superseded may still be in flash. */
export function hasMoved(client: Client): boolean {
  let moved = false;
  for (let i = 0; i < CLIENT_LICENSES; i++) if (readOwn(client, i) === MOVED_LENGTH) moved = true;
  own.fill(0);
  return moved;
}
