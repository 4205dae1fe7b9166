import { createHmac, randomBytes } from "node:crypto";
import {
  ALGORITHM_ED25519,
  ALGORITHM_X25519,
  CERTIFICATE_CONTEXT,
  CERTIFICATE_LENGTH,
  certificateFits,
} from "../core/protocol/certificate.js";
import { ROLE_ISSUER } from "../core/protocol/constants.js";
import { open, seal } from "../core/seal.js";
import { verifyEd25519 } from "./api/signature.js";
import { Authority, type DeviceReference, type LoanKey, type LoanReference, type Receipt } from "./keys/authority.js";
import { HouseholdKeys } from "./household/keys.js";
import { ClientAuthority } from "./keys/client-authority.js";
import type { KeyProvider } from "./keys/provider.js";

export type { DeviceReference, LoanKey, LoanReference, Receipt };

/** What a certificate chain says about its holder, once everything about it has been checked. */
export interface CertificateFacts {
  role: number;
  /** 8 bytes. */
  subject: Uint8Array;
  /** Bit 0 suite 1, bit 1 suite 2. */
  suites: number;
  serial: number;
  notBefore: number;
  notAfter: number;
  publicKey: Uint8Array;
}

export interface SealedContent {
  header: Uint8Array;
  length: number;
  sampleRate: number;
}

/** Why a chain is refused. */
export type ChainRefusal = "malformed" | "foreign" | "expired" | "role" | "signature";

/**
 * All that the service needs of cryptography: bytes in, bytes out, no state that a transaction would have to cover. The service decides what may be
 * sealed; this seals and checks it.
 */
export interface DeviceAuthority {
  /** Checks a chain (256 bytes) down to a pinned root, for the role (0: any) and the algorithm that it names. */
  verifyChain(chain: Uint8Array, role: number, now: number): CertificateFacts | ChainRefusal;
  /** Newest generation of device keys. */
  generation(): number;
  /** The loan's key and its parts; the same whenever it is asked for. */
  loanKey(loan: LoanReference): LoanKey;
  newTitleKey(contentId: Uint8Array, version: number): Uint8Array;
  /** Title key from what `newTitleKey` answered, for as long as it takes to seal a content. */
  openTitleKey(contentId: Uint8Array, version: number, wrapped: Uint8Array): Uint8Array;
  /** Loan envelope, 48 bytes. */
  sealEnvelope(
    loan: LoanReference,
    cartridgeId: Uint8Array,
    content: SealedContent,
    version: number,
    wrappedTitleKey: Uint8Array,
  ): Uint8Array;
  sealKeyLoad(cartridge: DeviceReference, loan: LoanReference, counter: number, challenge: Uint8Array): Uint8Array;
  sealActivation(cartridge: DeviceReference, loanId: Uint8Array, counter: number, challenge: Uint8Array, time: number): Uint8Array;
  verifyHeld(cartridge: DeviceReference, loanId: Uint8Array, counter: number, challenge: Uint8Array, proof: Uint8Array): boolean;
  openReceipt(cartridge: DeviceReference, receipt: Uint8Array): Receipt | null;
  acknowledge(cartridge: DeviceReference, loanId: Uint8Array, counter: number): Uint8Array;
  openContract(card: DeviceReference, sealed: Uint8Array): { nonce: Uint8Array; contract: Uint8Array } | null;
  sealLicense(
    card: DeviceReference,
    licenseId: Uint8Array,
    nonce: Uint8Array,
    contract: Uint8Array,
    issued: number,
    loan: LoanReference,
  ): Uint8Array;
  verifyCompletion(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean;
  sealRevocation(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array): Uint8Array;
  verifyRevoked(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean;
  /** What is sealed for clients, and checked of theirs. */
  clients: ClientAuthority;
  /** Key tree and license keys of customers' clients. */
  household: HouseholdKeys;
  /** Period key of an order, 32 bytes; the same whenever it is asked for. */
  periodKey(orderId: Uint8Array): Uint8Array;
  /** Ed25519 seed with which the center signs what it asks of stores and destination terminals. */
  instructionSeed(): Uint8Array;
  /** Secret that a content store shares with the center, 32 bytes. */
  storeKey(store: DeviceReference): Uint8Array;
  /** Title key from what `newTitleKey` answered, sealed for a store: 48 bytes. */
  titleKeyForStore(store: DeviceReference, contentId: Uint8Array, version: number, wrapped: Uint8Array): Uint8Array;
  introduce(
    parties: [DeviceReference, DeviceReference],
    certificates: [Uint8Array, Uint8Array],
    serials: [number, number],
    expiry: number,
    epoch: number,
  ): { tickets: [Uint8Array, Uint8Array] };
}

const LOAN_KEYS = "loan keys";
const TITLE_KEYS = "title keys";
const PERIOD_KEYS = "period keys";
const INSTRUCTIONS = "instructions";

/**
 * The authority over a key provider.
 *
 * @param roots - public keys of the root in use and its successor, 32 bytes each
 */
export function createDeviceAuthority(keys: KeyProvider, roots: Uint8Array[]): DeviceAuthority {
  const authority = new Authority(keys);
  const instructions = keys.wrappingKey(INSTRUCTIONS);
  const loanKey = (loan: LoanReference): LoanKey =>
    authority.makeLoanKey(loan, createHmac("sha256", keys.wrappingKey(LOAN_KEYS)).update(loan.loanId).digest());
  const openTitleKey = (contentId: Uint8Array, version: number, wrapped: Uint8Array): Uint8Array => {
    const key = new Uint8Array(32);
    if (wrapped.length !== 48 || !open(key, keys.wrappingKey(TITLE_KEYS), place(contentId, version), wrapped))
      throw new Error("A title key in the database does not open under the center's keys; restore keys and database from one backup.");
    return key;
  };
  return {
    verifyChain: (chain, role, now) => verifyChain(roots, chain, role, now),
    generation: () => keys.generation,
    loanKey,
    newTitleKey: (contentId, version) => {
      const wrapped = new Uint8Array(48);
      seal(wrapped, keys.wrappingKey(TITLE_KEYS), place(contentId, version), randomBytes(32));
      return wrapped;
    },
    openTitleKey,
    sealEnvelope: (loan, cartridgeId, content, version, wrapped) => {
      const titleKey = openTitleKey(loan.contentId, version, wrapped);
      const envelope = authority.sealEnvelope(
        loan,
        cartridgeId,
        loanKey(loan).loanKey,
        titleKey,
        content.header,
        content.length,
        content.sampleRate,
      );
      titleKey.fill(0);
      return envelope;
    },
    sealKeyLoad: (cartridge, loan, counter, challenge) =>
      authority.sealKeyLoad(cartridge, loan, counter, challenge, loanKey(loan).cartridgePart),
    sealActivation: authority.sealActivation.bind(authority),
    verifyHeld: authority.verifyHeld.bind(authority),
    openReceipt: authority.openReceipt.bind(authority),
    acknowledge: authority.acknowledge.bind(authority),
    openContract: authority.openContract.bind(authority),
    sealLicense: (card, licenseId, nonce, contract, issued, loan) =>
      authority.sealLicense(card, licenseId, nonce, contract, issued, loanKey(loan).cardPart),
    verifyCompletion: authority.verifyCompletion.bind(authority),
    sealRevocation: authority.sealRevocation.bind(authority),
    verifyRevoked: authority.verifyRevoked.bind(authority),
    clients: new ClientAuthority(keys),
    household: new HouseholdKeys(keys),
    periodKey: (orderId) => new Uint8Array(createHmac("sha256", keys.wrappingKey(PERIOD_KEYS)).update(orderId).digest()),
    instructionSeed: () => instructions,
    storeKey: (store) => keys.deviceKey(store.role, store.id, store.generation),
    titleKeyForStore: (store, contentId, version, wrapped) => {
      const titleKey = openTitleKey(contentId, version, wrapped);
      const sealed = new Uint8Array(48);
      seal(sealed, keys.deviceKey(store.role, store.id, store.generation), place(contentId, version), titleKey);
      titleKey.fill(0);
      return sealed;
    },
    introduce: authority.introduce.bind(authority),
  };
}

function place(contentId: Uint8Array, version: number): Uint8Array {
  return Buffer.concat([contentId, Uint8Array.of(version >>> 8, version & 255)]);
}

function verifyChain(roots: Uint8Array[], chain: Uint8Array, role: number, now: number): CertificateFacts | ChainRefusal {
  if (chain.length !== 2 * CERTIFICATE_LENGTH) return "malformed";
  const own = chain.subarray(0, CERTIFICATE_LENGTH);
  const issuer = chain.subarray(CERTIFICATE_LENGTH);
  if (own[0] !== 1 || issuer[0] !== 1 || (own[1] !== ALGORITHM_X25519 && own[1] !== ALGORITHM_ED25519)) return "malformed";
  const facts = readCertificate(own);
  const issuerFacts = readCertificate(issuer);
  if (role !== 0 && facts.role !== role) return "role";
  const root = roots.find((key) => genuine(issuer, key));
  if (root === undefined) return "foreign";
  if (!genuine(own, issuerFacts.publicKey)) return "signature";
  if ([facts, issuerFacts].some(({ notBefore, notAfter }) => now < notBefore || now > notAfter)) return "expired";
  const scratch = new Uint8Array(32);
  const fits =
    certificateFits(issuer, ALGORITHM_ED25519, ROLE_ISSUER, root, now, now, scratch) &&
    certificateFits(own, own[1], role, issuerFacts.publicKey, now, now, scratch);
  return fits ? facts : "foreign";
}

function genuine(certificate: Uint8Array, issuerKey: Uint8Array): boolean {
  return verifyEd25519(issuerKey, Buffer.concat([CERTIFICATE_CONTEXT, certificate.subarray(0, 64)]), certificate.subarray(64));
}

/** What stands in a certificate that was checked before; a chain begins with one. */
export function readCertificate(certificate: Uint8Array): CertificateFacts {
  const view = new DataView(certificate.buffer, certificate.byteOffset, certificate.length);
  return {
    role: certificate[2],
    suites: certificate[3],
    subject: certificate.slice(4, 12),
    serial: view.getUint32(20),
    notBefore: view.getUint32(24),
    notAfter: view.getUint32(28),
    publicKey: certificate.slice(32, 64),
  };
}
