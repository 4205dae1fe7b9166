import { createHash } from "node:crypto";
import {
  ALGORITHM_ED25519,
  ALGORITHM_X25519,
  CERTIFICATE_CONTEXT,
  CERTIFICATE_LENGTH,
  writeCertificate,
} from "../../core/protocol/certificate.js";
import { ROLE_ISSUER } from "../../core/protocol/constants.js";
import { ed25519PublicKey, ed25519Sign } from "../../core/curve/curve.js";

/** Ed25519 key pair of a root or an issuer, from its 32-byte seed. */
export interface SigningKey {
  seed: Uint8Array;
  publicKey: Uint8Array;
}

export function signingKey(seed: Uint8Array): SigningKey {
  const publicKey = new Uint8Array(32);
  ed25519PublicKey(publicKey, seed);
  return { seed, publicKey };
}

export interface CertificateRequest {
  algorithm?: number;
  role: number;
  suites?: number;
  subject: Uint8Array;
  serial: number;
  notBefore: number;
  notAfter: number;
  publicKey: Uint8Array;
}

/** Issues a certificate, 128 bytes. */
export function issueCertificate(issuer: SigningKey, request: CertificateRequest): Uint8Array {
  const certificate = new Uint8Array(CERTIFICATE_LENGTH);
  writeCertificate(certificate, {
    algorithm: request.algorithm ?? ALGORITHM_X25519,
    role: request.role,
    suites: request.suites ?? 1,
    subject: request.subject,
    issuerKey: issuer.publicKey,
    serial: request.serial,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    publicKey: request.publicKey,
  });
  ed25519Sign(certificate.subarray(64), issuer.seed, [CERTIFICATE_CONTEXT, certificate.subarray(0, 64)]);
  return certificate;
}

/** The certificate by which a root makes `issuer` an issuer. Its subject is the first 8 bytes of SHA-256(issuer's public key). */
export function issueIssuer(root: SigningKey, issuer: SigningKey, serial: number, notBefore: number, notAfter: number): Uint8Array {
  return issueCertificate(root, {
    algorithm: ALGORITHM_ED25519,
    role: ROLE_ISSUER,
    suites: 0,
    subject: new Uint8Array(createHash("sha256").update(issuer.publicKey).digest().subarray(0, 8)),
    serial,
    notBefore,
    notAfter,
    publicKey: issuer.publicKey,
  });
}
