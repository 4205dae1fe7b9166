import { createHash } from "node:crypto";
import { equal, put32 } from "../../core/bytes.js";
import { ed25519Sign } from "../../core/curve/curve.js";
import {
  CONDITIONS_LENGTH,
  GRANT_CONDITIONS,
  GRANT_EPOCH,
  GRANT_ISSUED,
  GRANT_KEY,
  GRANT_LENGTH,
  GRANT_TITLE,
  MESSAGE_CLIENT_LICENSE,
  MESSAGE_LICENSE_HELD,
  MESSAGE_LICENSE_REMOVED,
  MESSAGE_LICENSE_REQUEST,
  MESSAGE_MOVE_ORDER,
  MESSAGE_MOVE_REQUEST,
  MESSAGE_PERIOD_ENDED,
  MESSAGE_PERIOD_HELD,
  MESSAGE_PERIOD_KEY,
  MESSAGE_REGISTRATION,
  MESSAGE_SETTLED,
  MESSAGE_TIME,
  MESSAGE_TREE_KEYS,
  ORDER_CONTEXT,
  PERIOD_RECEIPT_LENGTH,
  PERIOD_RECEIPT_SIGNED,
  REGISTRATION_FLAGS,
  REGISTRATION_LENGTH,
  REGISTRATION_SERVER,
  REGISTRATION_SERVER_KEY,
  REGISTRATION_SIGNER,
  REGISTRATION_TREE,
  TITLE_CONTEXT,
  TREE_PART_KEYS,
  contentKey,
  orderContext,
  titleContext,
} from "../../core/protocol/client.js";
import { COPY_CONTEXT, writeCopyCertificate, type CopyFields } from "../../core/protocol/copy-certificate.js";
import { KEY_CLIENT, KEY_PERIOD } from "../../core/protocol/derive.js";
import { ENVELOPE_LENGTH, proven, prove, sealFor } from "../../core/protocol/loan.js";
import { TERMS_LENGTH } from "../../core/protocol/terms.js";
import { seal } from "../../core/seal.js";
import { TREE_KEYS_HEAD } from "../../core/tree/tree.js";
import type { DeviceReference } from "./authority.js";
import type { KeyProvider } from "./provider.js";

/** A rental over the network: the key is good from `start` on and no longer at `end`, in seconds. */
export interface Period {
  /** 16 bytes each. */
  orderId: Uint8Array;
  contentId: Uint8Array;
  start: number;
  end: number;
}

/** A sealed content as it is stored: its header of 48 bytes, the bytes behind it, and samples a second (0 for plain bytes). */
export interface StoredContent {
  header: Uint8Array;
  sealedLength: number;
  rate: number;
}

/** What a client says at the end of a period. */
export interface PeriodReceipt {
  /** 1 the period was over, 2 given back before. */
  cause: number;
  timesPlayed: number;
  orderId: Uint8Array;
  end: number;
  destroyedAt: number;
}

/** Terms and use of a license, without its keys. */
export interface Grant {
  /** 48 bytes. */
  terms: Uint8Array;
  issued: number;
  /** 12 bytes; zeros for a license that has not been used, else what `openRemoved` answered at the source. */
  conditions: Uint8Array;
}

/** What opens a license's content: two keys, and the title key that needs both. */
export interface GrantKeys {
  /** One per license, 32 bytes, secret. */
  licenseKey: Uint8Array;
  /** Of the enabling block that the client has opened or will open before it takes the license (`mediaKey` of center/tree). */
  mediaKey: Uint8Array;
  epoch: number;
  titleKey: Uint8Array;
}

export interface Registration {
  /** One above the last that this client took. */
  serial: number;
  /** Adverts may lead into the local network; for tests and closed sites. */
  localAdverts?: boolean;
  /** License server of this client: id 8 and Ed25519 key 32; absent for a client that only takes deliveries. */
  server?: { id: Uint8Array; publicKey: Uint8Array };
  /** Key material of the client's leaf (`clientKeys` of center/tree, complete subtree) and the signer of the tree's enabling blocks. */
  tree?: { keys: Uint8Array; signer: Uint8Array };
}

const none = new Uint8Array(0);

/**
 * What center, order server and license servers seal for clients, and check of theirs. Holds no state: keys come from the provider, facts from the caller.
 *
 * Delivery: the order server sends the terminal `sealPeriodKey` when the key is due, and with the content `sealOrderEnvelope`; it has the key when `verifyPeriodHeld`
 * is true of the terminal's answer. Whenever the terminal sends a nonce of its client, `stateTime` answers it. At the end `openPeriodReceipt`, then `settle` of the
 * order id. A household's license servers: `register` once; `verifyLicenseRequest` and `sealClientLicense`, complete when `verifyLicenseHeld`; for a move
 * `verifyMoveRequest` of the source, after the inquiry `sealMove`, and only after `openRemoved` of the source `sealCopyCertificate` for the destination, signed by
 * `signCopyCertificate` with the key of the destination's server; then `settle` of the use id to the source.
 */
export class ClientAuthority {
  constructor(private readonly keys: KeyProvider) {}

  /** Period key for a client, 88 bytes. Delivering it again changes nothing at the client. */
  sealPeriodKey(client: DeviceReference, period: Period, key: Uint8Array): Uint8Array {
    const plain = Buffer.concat([period.orderId, period.contentId, number32(period.start), number32(period.end), key]);
    return this.sealMessage(client, KEY_PERIOD, MESSAGE_PERIOD_KEY, none, plain);
  }

  /** True when the client proves that it has the key of this order. */
  verifyPeriodHeld(client: DeviceReference, orderId: Uint8Array, proof: Uint8Array): boolean {
    return this.proven(client, MESSAGE_PERIOD_HELD, orderId, proof);
  }

  /** The title key sealed under the period key, 48 bytes; travels with the content. */
  sealOrderEnvelope(
    client: DeviceReference,
    period: Period,
    periodKey: Uint8Array,
    content: StoredContent,
    titleKey: Uint8Array,
  ): Uint8Array {
    const context = new Uint8Array(ORDER_CONTEXT);
    const envelope = new Uint8Array(ENVELOPE_LENGTH);
    const span = Buffer.concat([number32(period.start), number32(period.end)]);
    orderContext(context, sha256(content.header), period.orderId, client.id, span, content.sealedLength, content.rate);
    seal(envelope, periodKey, context, titleKey);
    return envelope;
  }

  /** A period's end, checked and read; null when it is not this client's. */
  openPeriodReceipt(client: DeviceReference, receipt: Uint8Array): PeriodReceipt | null {
    const signed = receipt.subarray(0, PERIOD_RECEIPT_SIGNED);
    if (receipt.length !== PERIOD_RECEIPT_LENGTH || receipt[0] !== 1 || !equal(receipt.subarray(20, 28), client.id)) return null;
    if (!this.proven(client, MESSAGE_PERIOD_ENDED, signed, receipt.subarray(PERIOD_RECEIPT_SIGNED))) return null;
    const view = new DataView(receipt.buffer, receipt.byteOffset, receipt.length);
    return {
      cause: receipt[1],
      timesPlayed: view.getUint16(2),
      orderId: receipt.slice(4, 20),
      end: view.getUint32(28),
      destroyedAt: view.getUint32(32),
    };
  }

  /** The time over a client's nonce (16 bytes): 20 bytes for the client. Its clock starts here, so state it at once. */
  stateTime(client: DeviceReference, nonce: Uint8Array, time: number): Uint8Array {
    return Uint8Array.from([...number32(time), ...this.prove(client, MESSAGE_TIME, Buffer.concat([nonce, number32(time)]))]);
  }

  /**
   * Registration of a client: messages in the order in which the client takes them; when it has taken the last, all of it is in force. Repeat all of them
   * after a cut.
   */
  register(client: DeviceReference, registration: Registration): { treeKeys: Uint8Array[]; registration: Uint8Array } {
    const { serial, server, tree } = registration;
    const plain = new Uint8Array(REGISTRATION_LENGTH);
    const treeKeys: Uint8Array[] = [];
    put32(plain, 0, serial);
    plain[REGISTRATION_FLAGS] = registration.localAdverts ? 1 : 0;
    if (server) {
      plain.set(server.id, REGISTRATION_SERVER);
      plain.set(server.publicKey, REGISTRATION_SERVER_KEY);
    }
    if (tree) {
      plain.set(tree.signer, REGISTRATION_SIGNER);
      plain.set(tree.keys.subarray(0, TREE_KEYS_HEAD), REGISTRATION_TREE);
      const count = (tree.keys.length - TREE_KEYS_HEAD) / 32;
      if (count !== plain[REGISTRATION_TREE + 6] + 1)
        throw new Error(`A client holds one key for each level of a complete-subtree tree, not ${String(count)} keys.`);
      for (let first = 0; first < count; first += TREE_PART_KEYS) {
        const from = TREE_KEYS_HEAD + 32 * first;
        const part = Buffer.concat([number32(serial), Uint8Array.of(first), tree.keys.subarray(from, from + 32 * TREE_PART_KEYS)]);
        treeKeys.push(this.sealMessage(client, KEY_CLIENT, MESSAGE_TREE_KEYS, none, part));
      }
    }
    return { treeKeys, registration: this.sealMessage(client, KEY_CLIENT, MESSAGE_REGISTRATION, none, plain) };
  }

  /** True when the client itself asks for a license of this content, over its `nonce` (16). */
  verifyLicenseRequest(client: DeviceReference, contentId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean {
    return this.proven(client, MESSAGE_LICENSE_REQUEST, Buffer.concat([contentId, nonce]), proof);
  }

  /** License for a client that asked for it over `nonce`: 212 bytes with the nonce, as the client takes it. */
  sealClientLicense(
    client: DeviceReference,
    licenseId: Uint8Array,
    contentId: Uint8Array,
    nonce: Uint8Array,
    grant: Grant,
    keys: GrantKeys,
    content: StoredContent,
  ): Uint8Array {
    const plain = Buffer.concat([licenseId, contentId, writeGrant(licenseId, grant, keys, content)]);
    return Uint8Array.from([...nonce, ...this.sealMessage(client, KEY_CLIENT, MESSAGE_CLIENT_LICENSE, nonce, plain)]);
  }

  /** True when the client proves that it holds the license; `nonce` is that of its request, or the use id of the copy certificate. */
  verifyLicenseHeld(client: DeviceReference, licenseId: Uint8Array, nonce: Uint8Array, proof: Uint8Array): boolean {
    return this.proven(client, MESSAGE_LICENSE_HELD, Buffer.concat([licenseId, nonce]), proof);
  }

  /** True when the client itself asks to give the license to `destination` (8), over its `nonce` (16). */
  verifyMoveRequest(
    client: DeviceReference,
    licenseId: Uint8Array,
    destination: Uint8Array,
    nonce: Uint8Array,
    proof: Uint8Array,
  ): boolean {
    return this.proven(client, MESSAGE_MOVE_REQUEST, Buffer.concat([licenseId, destination, nonce]), proof);
  }

  /** Tells the client to remove the license that it asked to move: 72 bytes with the nonce, as the client takes it. */
  sealMove(client: DeviceReference, licenseId: Uint8Array, destination: Uint8Array, nonce: Uint8Array, useId: Uint8Array): Uint8Array {
    const plain = Buffer.concat([licenseId, destination, useId]);
    return Uint8Array.from([...nonce, ...this.sealMessage(client, KEY_CLIENT, MESSAGE_MOVE_ORDER, nonce, plain)]);
  }

  /** How far the license had been used, 12 bytes, when the client proves that it holds it no longer; else null. */
  openRemoved(client: DeviceReference, licenseId: Uint8Array, useId: Uint8Array, removed: Uint8Array): Uint8Array | null {
    const conditions = removed.slice(0, CONDITIONS_LENGTH);
    const about = Buffer.concat([licenseId, useId, conditions]);
    return removed.length === CONDITIONS_LENGTH + 16 &&
      this.proven(client, MESSAGE_LICENSE_REMOVED, about, removed.subarray(CONDITIONS_LENGTH))
      ? conditions
      : null;
  }

  /** Copy certificate for the destination, 252 bytes, not signed yet. */
  sealCopyCertificate(destination: DeviceReference, fields: CopyFields, grant: Grant, keys: GrantKeys, content: StoredContent): Uint8Array {
    const clear = writeGrant(fields.license, grant, keys, content);
    const out = new Uint8Array(168 + clear.length);
    return out.slice(0, writeCopyCertificate(out, fields, this.key(destination), clear));
  }

  /** The receipt of this order, or the move of this use id, is settled: 16 bytes for the client, which then forgets it. */
  settle(client: DeviceReference, id: Uint8Array): Uint8Array {
    return this.prove(client, MESSAGE_SETTLED, id);
  }

  private key(client: DeviceReference): Uint8Array {
    return this.keys.deviceKey(client.role, client.id, client.generation);
  }

  private prove(client: DeviceReference, message: number, about: Uint8Array): Uint8Array {
    const proof = new Uint8Array(16);
    prove(proof, this.key(client), message, about);
    return proof;
  }

  private proven(client: DeviceReference, message: number, about: Uint8Array, proof: Uint8Array): boolean {
    return proof.length === 16 && proven(proof, this.key(client), message, about);
  }

  private sealMessage(client: DeviceReference, purpose: number, message: number, challenge: Uint8Array, plain: Uint8Array): Uint8Array {
    const out = new Uint8Array(plain.length + 16);
    sealFor(out, this.key(client), purpose, message, client.id, challenge, plain);
    return out;
  }
}

/** Signs a copy certificate with the Ed25519 seed of the destination's license server: 316 bytes. */
export function signCopyCertificate(seed: Uint8Array, certificate: Uint8Array): Uint8Array {
  const out = new Uint8Array(certificate.length + 64);
  out.set(certificate);
  ed25519Sign(out.subarray(certificate.length), seed, [COPY_CONTEXT, certificate]);
  return out;
}

/** A grant, 148 bytes: terms, use, license key, and the title key that opens with license key and media key together. */
function writeGrant(licenseId: Uint8Array, grant: Grant, keys: GrantKeys, content: StoredContent): Uint8Array {
  const out = new Uint8Array(GRANT_LENGTH);
  const context = new Uint8Array(TITLE_CONTEXT);
  const key = new Uint8Array(32);
  if (grant.terms.length !== TERMS_LENGTH || grant.conditions.length !== CONDITIONS_LENGTH)
    throw new Error(`A grant has ${String(TERMS_LENGTH)} bytes of terms and ${String(CONDITIONS_LENGTH)} of conditions.`);
  out.set(grant.terms);
  put32(out, GRANT_ISSUED, grant.issued);
  out.set(grant.conditions, GRANT_CONDITIONS);
  put32(out, GRANT_EPOCH, keys.epoch);
  out.set(keys.licenseKey, GRANT_KEY);
  contentKey(key, keys.licenseKey, keys.mediaKey, licenseId);
  titleContext(context, sha256(content.header), licenseId, content.sealedLength, content.rate, number32(keys.epoch));
  seal(out.subarray(GRANT_TITLE), key, context, keys.titleKey);
  key.fill(0);
  return out;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function number32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  put32(bytes, 0, value);
  return bytes;
}
