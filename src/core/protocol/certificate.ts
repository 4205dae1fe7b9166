import { equal, get32, put32 } from "../bytes.js";
import { sha256 } from "../hash/sha256.js";

/**
 * Certificates: 128 bytes, fixed offsets.
 *
 * | offset | bytes | field                                                          |
 * | ------ | ----- | -------------------------------------------------------------- |
 * | 0      | 1     | version, 1                                                     |
 * | 1      | 1     | algorithm of the key: 1 X25519 agreement, 2 Ed25519 signature  |
 * | 2      | 1     | role of the subject                                            |
 * | 3      | 1     | suites that the subject has natively: bit 0 suite 1, bit 1 suite 2 |
 * | 4      | 8     | subject id                                                     |
 * | 12     | 8     | issuer: first 8 bytes of SHA-256(issuer's public key)          |
 * | 20     | 4     | serial                                                         |
 * | 24     | 4     | not before, seconds                                            |
 * | 28     | 4     | not after, seconds                                             |
 * | 32     | 32    | public key                                                     |
 * | 64     | 64    | Ed25519 signature over "leyden certificate" and bytes 0 to 63  |
 *
 * A device's chain is its certificate and its issuer's (role 7, Ed25519), which a root has signed.
 */
export const CERTIFICATE_LENGTH = 128;
export const CHAIN_LENGTH = 256;
export const ALGORITHM_X25519 = 1;
export const ALGORITHM_ED25519 = 2;

/** What is signed begins with these ASCII bytes, so that a signature means nothing elsewhere: "leyden certificate". */
export const CERTIFICATE_CONTEXT = new Uint8Array([108, 101, 121, 100, 101, 110, 32, 99, 101, 114, 116, 105, 102, 105, 99, 97, 116, 101]);

export interface CertificateFields {
  algorithm: number;
  role: number;
  suites: number;
  subject: Uint8Array;
  issuerKey: Uint8Array;
  serial: number;
  notBefore: number;
  notAfter: number;
  publicKey: Uint8Array;
}

/** Writes the unsigned 64 bytes of a certificate to `out`; the signature at 64 is the caller's to make. */
export function writeCertificate(out: Uint8Array, fields: CertificateFields): void {
  const digest = new Uint8Array(32);
  sha256(digest, [fields.issuerKey]);
  out[0] = 1;
  out[1] = fields.algorithm;
  out[2] = fields.role;
  out[3] = fields.suites;
  out.set(fields.subject, 4);
  out.set(digest.subarray(0, 8), 12);
  put32(out, 20, fields.serial);
  put32(out, 24, fields.notBefore);
  put32(out, 28, fields.notAfter);
  out.set(fields.publicKey, 32);
}

/**
 * Everything about a certificate but its signature: version, algorithm, role, issuer and validity.
 *
 * @param role - expected role; 0 for any
 * @param issuerKey - public key of the one who should have signed it
 * @param floor - seconds, a time that has surely passed: what ended before it is expired
 * @param vouched - the present time where somebody trusted vouches for it, else 0: then "not before" cannot be judged
 * @param scratch - 32 bytes, overwritten
 */
export function certificateFits(
  certificate: Uint8Array,
  algorithm: number,
  role: number,
  issuerKey: Uint8Array,
  floor: number,
  vouched: number,
  scratch: Uint8Array,
): boolean {
  sha256(scratch, [issuerKey]);
  return (
    certificate[0] === 1 &&
    certificate[1] === algorithm &&
    (role === 0 || certificate[2] === role) &&
    equal(certificate.subarray(12, 20), scratch.subarray(0, 8)) &&
    get32(certificate, 28) >= (vouched > floor ? vouched : floor) &&
    (vouched === 0 || get32(certificate, 24) <= vouched)
  );
}
