import { x25519Base } from "../../../src/core/curve/curve.js";
import { ROLE_CENTER, ROLE_READER } from "../../../src/core/protocol/constants.js";
import { issueCertificate, type SigningKey } from "../../../src/center/keys/certificates.js";
import { HostParty } from "../../../src/host/party.js";
import type { Identity } from "../../model/outside/session.js";
import { START, type LoanWorld } from "../../../sim/loan-world.js";

export interface PartyOf {
  role: number;
  notBefore?: number;
  notAfter?: number;
  /** Who signs the certificate, and by what certificate it is an issuer; the center's own unless given. */
  issuer?: SigningKey;
  issuerCertificate?: Uint8Array;
  id?: Uint8Array;
}

/** A party with certified keys of its own: whatever a program can pretend to be, and no more. */
export function partyOf(stage: LoanWorld, options: PartyOf): HostParty {
  const privateKey = stage.draw(32);
  const publicKey = new Uint8Array(32);
  const id = options.id ?? stage.draw(8);
  x25519Base(publicKey, privateKey);
  const certificate = issueCertificate(options.issuer ?? stage.issuer, {
    role: options.role,
    subject: id,
    serial: 900,
    notBefore: options.notBefore ?? START - 86_400,
    notAfter: options.notAfter ?? START + 3650 * 86_400,
    publicKey,
  });
  return new HostParty({
    id,
    role: options.role,
    privateKey,
    chain: Uint8Array.from([...certificate, ...(options.issuerCertificate ?? stage.issuerCertificate)]),
    roots: stage.root.publicKey,
    epoch: 1,
    time: () => stage.time(),
    random: (out) => {
      out.set(stage.draw(out.length));
    },
  });
}

/** The same for `test/model/outside`, which knows nothing of our sources. */
export function identityOf(stage: LoanWorld, party: HostParty): Identity {
  const { id, role, privateKey, chain } = party;
  return { id, role, privateKey, chain, roots: [stage.root.publicKey], time: () => stage.time(), random: (length) => stage.draw(length) };
}

/** Somebody who has taken a reader apart and speaks for it. */
export function readerParty(stage: LoanWorld): HostParty {
  return partyOf(stage, { role: ROLE_READER });
}

/** The center, as it meets cards through kiosks. */
export function centerParty(stage: LoanWorld): HostParty {
  return partyOf(stage, { role: ROLE_CENTER });
}
