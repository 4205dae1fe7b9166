import { equal, get16, get32, none, put16, put32 } from "../bytes.js";
import { ed25519VerifyStart, ed25519VerifyStep } from "../curve/curve.js";
import { open, seal } from "../seal.js";
import { KEY_COPY, derive } from "./derive.js";

/**
 * Copy certificate: lets one content move from one client of a user to another, and carries the license for the destination. It is attached
 * to the content and needs no network at the destination. 88 bytes of head, the sealed license, a signature.
 *
 * | offset   | bytes | field                                                                            |
 * | -------- | ----- | -------------------------------------------------------------------------------- |
 * | 0        | 1     | version, 1                                                                       |
 * | 1        | 1     | zero                                                                             |
 * | 2        | 2     | n, length of the sealed license: 16 more than the license, at most 512           |
 * | 4        | 8     | license server of the destination                                                |
 * | 12       | 8     | source client                                                                    |
 * | 20       | 8     | destination client                                                               |
 * | 28       | 16    | license id                                                                       |
 * | 44       | 16    | content id                                                                       |
 * | 60       | 16    | id of this one use                                                               |
 * | 76       | 4     | serial of this one use: one more for each certificate issued to the destination  |
 * | 80       | 4     | issued, seconds                                                                  |
 * | 84       | 4     | expiry, seconds: last instant at which it is taken                               |
 * | 88       | n     | license, sealed under the copy key of the destination's device key, ad = head    |
 * | 88 + n   | 64    | Ed25519 signature of the license server over "leyden copy certificate" and all before |
 */
export const COPY_HEAD = 88;
export const COPY_LICENSE_MAX = 496;
export const COPY_CERTIFICATE_MAX = COPY_HEAD + 16 + COPY_LICENSE_MAX + 64;
export const COPY_SERVER = 4;
export const COPY_SOURCE = 12;
export const COPY_DESTINATION = 20;
export const COPY_LICENSE_ID = 28;
export const COPY_CONTENT = 44;
export const COPY_USE = 60;
export const COPY_SERIAL = 76;
export const COPY_ISSUED = 80;
export const COPY_EXPIRY = 84;

/** What is signed begins with these ASCII bytes: "leyden copy certificate". */
export const COPY_CONTEXT = new Uint8Array([
  108, 101, 121, 100, 101, 110, 32, 99, 111, 112, 121, 32, 99, 101, 114, 116, 105, 102, 105, 99, 97, 116, 101,
]);

/** Outcomes of the checks, in the order in which they are made. */
export const COPY_OK = 0;
export const COPY_MALFORMED = -1;
/** For another client. */
export const COPY_OTHER_CLIENT = -2;
/** From another license server than the one that this client is registered with. */
export const COPY_OTHER_SERVER = -3;
/** For another content than the one that it came with. */
export const COPY_OTHER_CONTENT = -4;
export const COPY_EXPIRED = -5;
/** This one use is over, or 32 and more have been used since it was issued. */
export const COPY_USED = -6;
/** Signed by another key, or altered. */
export const COPY_SIGNATURE = -7;
/** The license in it is not sealed for this client. */
export const COPY_SEAL = -8;

/**
 * Which serials a destination has used, 8 bytes for its journal: highest serial 4 | bit i set: highest - i is used 4. Zeros at first;
 * serials begin at 1.
 */
export const COPY_WINDOW_LENGTH = 8;

export interface CopyFields {
  /** 8 bytes each. */
  server: Uint8Array;
  source: Uint8Array;
  destination: Uint8Array;
  /** 16 bytes each. */
  license: Uint8Array;
  content: Uint8Array;
  use: Uint8Array;
  /** 1 and up, per destination. */
  serial: number;
  issued: number;
  expiry: number;
}

/**
 * Writes an unsigned certificate.
 *
 * @param out - at least 168 bytes longer than `license`
 * @param deviceKey - device key of the destination, 32 bytes, secret
 * @param license - the license in clear, 1 to 496 bytes
 * @returns number of bytes to sign, after COPY_CONTEXT; the 64 bytes of signature go behind them
 */
export function writeCopyCertificate(out: Uint8Array, fields: CopyFields, deviceKey: Uint8Array, license: Uint8Array): number {
  const key = new Uint8Array(32);
  const length = license.length + 16;
  out[0] = 1;
  out[1] = 0;
  put16(out, 2, length);
  out.set(fields.server, COPY_SERVER);
  out.set(fields.source, COPY_SOURCE);
  out.set(fields.destination, COPY_DESTINATION);
  out.set(fields.license, COPY_LICENSE_ID);
  out.set(fields.content, COPY_CONTENT);
  out.set(fields.use, COPY_USE);
  put32(out, COPY_SERIAL, fields.serial);
  put32(out, COPY_ISSUED, fields.issued);
  put32(out, COPY_EXPIRY, fields.expiry);
  derive(key, deviceKey, KEY_COPY, none);
  seal(out.subarray(COPY_HEAD, COPY_HEAD + length), key, out.subarray(0, COPY_HEAD), license);
  key.fill(0);
  return COPY_HEAD + length;
}

/** Bytes of the license that a certificate carries; -1 when lengths or version do not fit. */
export function copyLicenseLength(certificate: Uint8Array): number {
  const length = get16(certificate, 2);
  const fits = certificate[0] === 1 && certificate[1] === 0 && length > 16 && length <= COPY_LICENSE_MAX + 16;
  return fits && certificate.length === COPY_HEAD + length + 64 ? length - 16 : -1;
}

/** True when `serial` has been used, or is too old to know. */
export function copyUsed(window: Uint8Array, serial: number): boolean {
  const back = get32(window, 0) - serial;
  return serial === 0 || back >= 32 || (back >= 0 && ((get32(window, 4) >>> back) & 1) === 1);
}

/**
 * Marks `serial` as used (sliding window as in RFC 4303, 3.4.3). Write the window durably together with the license, before anything plays.
 */
export function copyUse(window: Uint8Array, serial: number): void {
  const ahead = serial - get32(window, 0);
  const bits = get32(window, 4);
  if (ahead > 0) {
    put32(window, 0, serial);
    put32(window, 4, ahead < 32 ? (bits << ahead) | 1 : 1);
  } else put32(window, 4, bits | (1 << -ahead));
}

/**
 * Begins to verify a certificate at its destination: everything but signature and seal is checked at once. The certificate must not change
 * until it has been opened.
 *
 * @param client - id of this client, 8 bytes
 * @param server - id of the license server that this client is registered with, 8 bytes
 * @param serverKey - that server's Ed25519 key, 32 bytes
 * @param content - id of the content that it came with, 16 bytes
 * @param time - the latest of the seconds that have surely passed and the vouched time
 * @param window - used serials, COPY_WINDOW_LENGTH bytes; not changed
 * @returns COPY_OK, then call `copyVerifyStep` until it answers other than 0
 */
export function copyVerifyStart(
  certificate: Uint8Array,
  client: Uint8Array,
  server: Uint8Array,
  serverKey: Uint8Array,
  content: Uint8Array,
  time: number,
  window: Uint8Array,
): number {
  const length = copyLicenseLength(certificate);
  const end = COPY_HEAD + 16 + length;
  if (length < 0) return COPY_MALFORMED;
  if (!equal(certificate.subarray(COPY_DESTINATION, COPY_DESTINATION + 8), client)) return COPY_OTHER_CLIENT;
  if (!equal(certificate.subarray(COPY_SERVER, COPY_SERVER + 8), server)) return COPY_OTHER_SERVER;
  if (!equal(certificate.subarray(COPY_CONTENT, COPY_CONTENT + 16), content)) return COPY_OTHER_CONTENT;
  if (time > get32(certificate, COPY_EXPIRY)) return COPY_EXPIRED;
  if (copyUsed(window, get32(certificate, COPY_SERIAL))) return COPY_USED;
  ed25519VerifyStart(certificate.subarray(end, end + 64), [COPY_CONTEXT, certificate.subarray(0, end)], serverKey);
  return COPY_OK;
}

/** One slice of the signature check: 0 not over yet, 1 genuine, COPY_SIGNATURE. */
export function copyVerifyStep(): number {
  const result = ed25519VerifyStep();
  return result === 0 || result === 1 ? result : COPY_SIGNATURE;
}

/**
 * Takes the license out of a verified certificate.
 *
 * @param license - as many bytes as `copyLicenseLength` answers; zeros unless COPY_OK is answered
 * @param deviceKey - device key of this client, 32 bytes, secret
 */
export function openCopyLicense(license: Uint8Array, certificate: Uint8Array, deviceKey: Uint8Array): number {
  const key = new Uint8Array(32);
  let opened = false;
  if (copyLicenseLength(certificate) !== license.length) return COPY_MALFORMED;
  derive(key, deviceKey, KEY_COPY, none);
  opened = open(license, key, certificate.subarray(0, COPY_HEAD), certificate.subarray(COPY_HEAD, COPY_HEAD + 16 + license.length));
  key.fill(0);
  return opened ? COPY_OK : COPY_SEAL;
}
