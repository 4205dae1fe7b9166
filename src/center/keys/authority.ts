import { createHash, randomBytes } from "node:crypto";
import { x25519, x25519Base } from "../../core/curve/curve.js";
import { put32 } from "../../core/bytes.js";
import { PERSONALIZATION_LENGTH, REVOKED_IDS, ROTATION_LENGTH, TICKET_LENGTH } from "../../core/device/identity.js";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT, INS_ROTATE, TAG_REVOKED, TAG_TICKET } from "../../core/protocol/constants.js";
import { KEY_CONTRACT, KEY_ROTATION, KEY_TICKET, SEAL_PERSONALIZATION, derive } from "../../core/protocol/derive.js";
import { LICENSE_LENGTH, LICENSE_MAC, licenseMac } from "../../core/protocol/license.js";
import {
  ENVELOPE_CONTEXT,
  ENVELOPE_LENGTH,
  LOAD_PURPOSE,
  MESSAGE_ACKNOWLEDGE,
  MESSAGE_ACTIVATION,
  MESSAGE_COMPLETION,
  MESSAGE_CONTRACT,
  MESSAGE_HELD,
  MESSAGE_KEY_LOAD,
  MESSAGE_LICENSE,
  MESSAGE_RECEIPT,
  MESSAGE_REVOCATION,
  MESSAGE_REVOKED,
  MESSAGE_ROTATED,
  RECEIPT_LENGTH,
  RECEIPT_SIGNED,
  envelopeContext,
  joinShares,
  openFor,
  prove,
  proven,
  sealFor,
} from "../../core/protocol/loan.js";
import { TERMS_CUSTODY } from "../../core/protocol/terms.js";
import { seal } from "../../core/seal.js";
import type { KeyProvider } from "./provider.js";

/** A device as the center knows it. */
export interface DeviceReference {
  role: number;
  id: Uint8Array;
  /** Generation of its device key. */
  generation: number;
}

/** What a loan is about; every field is bound into what the center seals. */
export interface LoanReference {
  loanId: Uint8Array;
  contentId: Uint8Array;
  terms: Uint8Array;
}

/** The loan key and its two shares. In custody `cartridge` or `card` one holder has it all. */
export interface LoanKey {
  loanKey: Uint8Array;
  cartridgePart: Uint8Array;
  cardPart: Uint8Array;
}

export interface Receipt {
  cause: number;
  /** 0 exact, 1 interval, 2 from `earliest` on. */
  exactness: number;
  cartridgeId: Uint8Array;
  loanId: Uint8Array;
  counter: number;
  earliest: number;
  latest: number;
  activation: number;
}

const none = new Uint8Array(0);

/** Everything that the center seals for devices and checks of theirs. Holds no state: keys come from the provider, facts from the caller. */
export class Authority {
  /** @param random - source of ephemeral keys, pair secrets and seeds */
  constructor(
    private readonly keys: KeyProvider,
    private readonly random: (length: number) => Uint8Array = (length) => new Uint8Array(randomBytes(length)),
  ) {}

  /** A new loan key for the custody that the terms name; `seed` (32 bytes) makes it reproducible for one loan. */
  makeLoanKey(loan: LoanReference, seed: Uint8Array): LoanKey {
    const loanKey = new Uint8Array(32);
    const custody = loan.terms[TERMS_CUSTODY];
    const shareA = createHash("sha256").update("share A").update(seed).digest();
    const shareB = createHash("sha256").update("share B").update(seed).digest();
    if (custody === CUSTODY_SPLIT) {
      joinShares(loanKey, shareA, shareB, loan.loanId);
      return { loanKey, cartridgePart: shareA, cardPart: shareB };
    }
    if (custody !== CUSTODY_CARTRIDGE && custody !== CUSTODY_CARD)
      throw new Error(`The custody must be 1 (cartridge), 2 (card) or 3 (split), not ${String(custody)}.`);
    joinShares(loanKey, shareA, none, loan.loanId);
    return {
      loanKey,
      cartridgePart: custody === CUSTODY_CARTRIDGE ? loanKey : new Uint8Array(32),
      cardPart: custody === CUSTODY_CARD ? loanKey : new Uint8Array(32),
    };
  }

  /** The title key sealed under the loan key, 48 bytes. */
  sealEnvelope(
    loan: LoanReference,
    cartridgeId: Uint8Array,
    loanKey: Uint8Array,
    titleKey: Uint8Array,
    header: Uint8Array,
    sealedLength: number,
    rate: number,
  ): Uint8Array {
    const context = new Uint8Array(ENVELOPE_CONTEXT);
    const envelope = new Uint8Array(ENVELOPE_LENGTH);
    const headerHash = new Uint8Array(createHash("sha256").update(header).digest());
    envelopeContext(context, headerHash, loan.loanId, cartridgeId, loan.terms, sealedLength, rate);
    seal(envelope, loanKey, context, titleKey);
    return envelope;
  }

  /** Key load for a cartridge, over its own challenge, 132 bytes. */
  sealKeyLoad(cartridge: DeviceReference, loan: LoanReference, counter: number, challenge: Uint8Array, key: Uint8Array): Uint8Array {
    const plain = Buffer.concat([number32(counter), loan.loanId, loan.contentId, loan.terms, key]);
    return this.sealMessage(cartridge, LOAD_PURPOSE, MESSAGE_KEY_LOAD, challenge, plain);
  }

  /** ACTIVATE for a cartridge, 40 bytes. */
  sealActivation(cartridge: DeviceReference, loanId: Uint8Array, counter: number, challenge: Uint8Array, time: number): Uint8Array {
    return this.sealMessage(
      cartridge,
      LOAD_PURPOSE,
      MESSAGE_ACTIVATION,
      challenge,
      Buffer.concat([loanId, number32(counter), number32(time)]),
    );
  }

  /** True when the cartridge proves that it holds the key of this loan. */
  verifyHeld(cartridge: DeviceReference, loanId: Uint8Array, counter: number, challenge: Uint8Array, proof: Uint8Array): boolean {
    return proven(proof, this.key(cartridge), MESSAGE_HELD, Buffer.concat([loanId, challenge, number32(counter)]));
  }

  /** An erasure receipt, checked and read; null when it is not the cartridge's. */
  openReceipt(cartridge: DeviceReference, receipt: Uint8Array): Receipt | null {
    if (receipt.length !== RECEIPT_LENGTH || receipt[0] !== 1) return null;
    if (!proven(receipt.subarray(RECEIPT_SIGNED), this.key(cartridge), MESSAGE_RECEIPT, receipt.subarray(0, RECEIPT_SIGNED))) return null;
    const view = new DataView(receipt.buffer, receipt.byteOffset, receipt.length);
    return {
      cause: receipt[1],
      exactness: receipt[2],
      cartridgeId: receipt.slice(4, 12),
      loanId: receipt.slice(12, 28),
      counter: view.getUint32(28),
      earliest: view.getUint32(32),
      latest: view.getUint32(36),
      activation: view.getUint32(40),
    };
  }

  /** The center has the receipt, 16 bytes. */
  acknowledge(cartridge: DeviceReference, loanId: Uint8Array, counter: number): Uint8Array {
    const proof = new Uint8Array(16);
    prove(proof, this.key(cartridge), MESSAGE_ACKNOWLEDGE, Buffer.concat([loanId, number32(counter)]));
    return proof;
  }

  /** Opens what a card sealed as its contract (120 bytes): its nonce 16, then loan id, content id, cartridge id, terms; null when not the card's. */
  openContract(card: DeviceReference, sealed: Uint8Array): { nonce: Uint8Array; contract: Uint8Array } | null {
    const plain = this.openMessage(card, KEY_CONTRACT, MESSAGE_CONTRACT, none, sealed);
    return plain && { nonce: plain.slice(0, 16), contract: plain.slice(16) };
  }

  /** License for a card, bound to the nonce of its contract, 172 bytes. */
  sealLicense(
    card: DeviceReference,
    licenseId: Uint8Array,
    nonce: Uint8Array,
    contract: Uint8Array,
    issued: number,
    key: Uint8Array,
  ): Uint8Array {
    const license = new Uint8Array(LICENSE_LENGTH);
    license.set(licenseId, 4);
    license.set(contract, 20);
    license.set(number32(issued), 108);
    licenseMac(license.subarray(LICENSE_MAC, LICENSE_MAC + 16), this.key(card), license);
    return this.sealMessage(card, KEY_CONTRACT, MESSAGE_LICENSE, nonce, Buffer.concat([license.subarray(4, 128), key]));
  }

  /** True when the card proves that it holds the license issued over `nonce`. */
  verifyCompletion(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean {
    return proven(proof, this.key(card), MESSAGE_COMPLETION, Buffer.concat([licenseId, nonce]));
  }

  /** Orders a card to destroy a license, 48 bytes; `nonce` (16) binds the card's answer. */
  sealRevocation(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array): Uint8Array {
    return this.sealMessage(card, KEY_CONTRACT, MESSAGE_REVOCATION, none, Buffer.concat([licenseId, nonce]));
  }

  /** True when the card proves that it no longer holds the license. */
  verifyRevoked(card: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean {
    return proven(proof, this.key(card), MESSAGE_REVOKED, Buffer.concat([licenseId, nonce]));
  }

  /**
   * Introduces two devices: one ticket for each, sealed apart, over one new secret.
   *
   * @param serials - one above the last of each device
   * @param certificates - of both, 128 bytes each
   */
  introduce(
    parties: [DeviceReference, DeviceReference],
    certificates: [Uint8Array, Uint8Array],
    serials: [number, number],
    expiry: number,
    epoch: number,
  ): { tickets: [Uint8Array, Uint8Array]; pairId: Uint8Array; secret: Uint8Array } {
    const pairId = this.random(8);
    const secret = this.random(32);
    const ticket = (self: 0 | 1): Uint8Array => {
      const peer = self === 0 ? 1 : 0;
      const plain = Buffer.concat(
        [
          number32(serials[self]),
          number32(expiry),
          number32(epoch),
          parties[self].id,
          [parties[self].role],
          parties[peer].id,
          [parties[peer].role],
          certificateHash(certificates[self]),
          certificateHash(certificates[peer]),
          pairId,
          secret,
        ].map((part) => Uint8Array.from(part)),
      );
      if (plain.length !== TICKET_LENGTH) throw new Error(`A ticket has ${String(TICKET_LENGTH)} bytes, not ${String(plain.length)}.`);
      return this.sealMessage(parties[self], KEY_TICKET, TAG_TICKET & 255, none, plain);
    };
    return { tickets: [ticket(0), ticket(1)], pairId, secret };
  }

  /** The center's list of revoked devices (at most 24 ids) as of `epoch`, sealed for one device. */
  sealRevoked(device: DeviceReference, epoch: number, ids: Uint8Array[]): Uint8Array {
    if (ids.length > REVOKED_IDS)
      throw new Error(`A device keeps ${String(REVOKED_IDS)} revoked ids, not ${String(ids.length)}; rotate the issuer instead.`);
    return this.sealMessage(device, KEY_TICKET, TAG_REVOKED & 255, none, Buffer.concat([number32(epoch), ...ids]));
  }

  /** PERSONALIZE data for a blank device that has shown `publicKey`: 485 bytes. */
  sealPersonalization(
    device: DeviceReference,
    publicKey: Uint8Array,
    fields: { roots: Uint8Array; floor: number; epoch: number; chain: Uint8Array; privateKey?: Uint8Array },
  ): Uint8Array {
    const ephemeral = this.random(32);
    const out = new Uint8Array(32 + 16 + PERSONALIZATION_LENGTH);
    const shared = new Uint8Array(32);
    const key = new Uint8Array(32);
    x25519Base(out.subarray(0, 32), ephemeral);
    if (!x25519(shared, ephemeral, publicKey))
      throw new Error("The device's public key is a point of small order; the device is not genuine.");
    derive(key, shared, SEAL_PERSONALIZATION, none);
    const plain = Buffer.concat([
      device.id,
      Uint8Array.of(device.role),
      number32(device.generation),
      this.key(device),
      fields.roots,
      number32(fields.floor),
      number32(fields.epoch),
      this.random(32),
      fields.chain,
      fields.privateKey ?? new Uint8Array(32),
    ]);
    seal(out.subarray(32), key, out.subarray(0, 32), plain);
    return out;
  }

  /**
   * ROTATE data, 372 bytes: gives `device` the key of `generation` under the key of its present one, with roots and chain to use from then on.
   *
   * @param roots - 64 bytes
   * @param chain - 256 bytes
   */
  sealRotation(device: DeviceReference, generation: number, roots: Uint8Array, chain: Uint8Array): Uint8Array {
    const plain = Buffer.concat([number32(generation), this.key({ ...device, generation }), roots, chain]);
    if (plain.length !== ROTATION_LENGTH) throw new Error(`A rotation has ${String(ROTATION_LENGTH)} bytes, not ${String(plain.length)}.`);
    return this.sealMessage(device, KEY_ROTATION, INS_ROTATE, none, plain);
  }

  /** True when the device proves that it holds the key of its generation. */
  verifyRotated(device: DeviceReference, proof: Uint8Array): boolean {
    return proven(proof, this.key(device), MESSAGE_ROTATED, number32(device.generation));
  }

  private key(device: DeviceReference): Uint8Array {
    return this.keys.deviceKey(device.role, device.id, device.generation);
  }

  private sealMessage(device: DeviceReference, purpose: number, message: number, challenge: Uint8Array, plain: Uint8Array): Uint8Array {
    const out = new Uint8Array(plain.length + 16);
    sealFor(out, this.key(device), purpose, message, device.id, challenge, plain);
    return out;
  }

  private openMessage(
    device: DeviceReference,
    purpose: number,
    message: number,
    challenge: Uint8Array,
    sealed: Uint8Array,
  ): Uint8Array | null {
    if (sealed.length < 16) return null;
    const out = new Uint8Array(sealed.length - 16);
    return openFor(out, this.key(device), purpose, message, device.id, challenge, sealed) ? out : null;
  }
}

/** First 16 bytes of SHA-256, as a ticket names a certificate. */
export function certificateHash(certificate: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(certificate).digest().subarray(0, 16));
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, value);
  return bytes;
}
