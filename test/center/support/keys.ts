import { createHash, createHmac } from "node:crypto";
import { ALGORITHM_ED25519, ALGORITHM_X25519 } from "../../../src/core/protocol/certificate.js";
import { issueCertificate, issueIssuer, signingKey } from "../../../src/center/keys/certificates.js";
import type { KeyProvider } from "../../../src/center/keys/provider.js";
import { x25519Base } from "../../../src/core/curve/curve.js";
import { ROLE_CENTER } from "../../../src/core/protocol/constants.js";
import { HostParty } from "../../../src/host/party.js";

/** Keys that are the same in every run, all from one word. */
export class TestKeys implements KeyProvider {
  readonly generation = 1;

  constructor(private readonly word: string) {}

  secret(name: string): Uint8Array {
    return new Uint8Array(createHmac("sha256", this.word).update(name).digest());
  }

  deviceKey(role: number, deviceId: Uint8Array, generation: number): Uint8Array {
    return this.secret(`device ${String(role)} ${Buffer.from(deviceId).toString("hex")} ${String(generation)}`);
  }

  rotateMaster(): number {
    throw new Error("These keys do not rotate.");
  }

  destroyMaster(): void {
    throw new Error("These keys do not rotate.");
  }

  wrappingKey(name: string): Uint8Array {
    return this.secret(`wrapping ${name}`);
  }

  issuerSeed(): Uint8Array {
    return this.secret("issuer");
  }
}

export const keys = new TestKeys("leyden test");
const root = signingKey(keys.secret("root"));
const issuer = signingKey(keys.issuerSeed());
const issuedIssuer = (notAfter: number): Uint8Array => issueIssuer(root, issuer, 1, 0, notAfter);

export const issuerKey = issuer.publicKey;
export const roots = [root.publicKey, signingKey(keys.secret("next root")).publicKey];

export interface ChainOptions {
  notBefore?: number;
  notAfter?: number;
  serial?: number;
  /** Signed by an issuer that no pinned root knows. */
  foreign?: boolean;
  /** Until when the issuer may issue. */
  issuerNotAfter?: number;
}

/** Id of a device by its name: 8 bytes in hex. */
export function deviceId(name: string): string {
  return createHash("sha256").update(name).digest("hex").slice(0, 16);
}

/** Chain of a device's or kiosk's certificate, 256 bytes in hex. A kiosk's is of its signing key unless `agreement`. */
export function chainOf(name: string, role: number, signing: boolean, options: ChainOptions = {}): string {
  const { notBefore = 0, notAfter = 0xffffffff, serial = 1, foreign = false, issuerNotAfter = 0xffffffff } = options;
  const request = {
    algorithm: signing ? ALGORITHM_ED25519 : ALGORITHM_X25519,
    role,
    subject: new Uint8Array(Buffer.from(deviceId(name), "hex")),
    serial,
    notBefore,
    notAfter,
    publicKey: signing ? signingKey(keys.secret(`kiosk ${name}`)).publicKey : agreementKeys(name).publicKey,
  };
  if (!foreign) return Buffer.concat([issueCertificate(issuer, request), issuedIssuer(issuerNotAfter)]).toString("hex");
  const stranger = signingKey(keys.secret("stranger"));
  return Buffer.concat([issueCertificate(stranger, request), issueIssuer(stranger, stranger, 1, 0, 0xffffffff)]).toString("hex");
}

/** X25519 pair of a device. */
function agreementKeys(name: string): { privateKey: Uint8Array; publicKey: Uint8Array } {
  const privateKey = keys.secret(`private ${name}`);
  const publicKey = new Uint8Array(32);
  x25519Base(publicKey, privateKey);
  return { privateKey, publicKey };
}

/** A machine as devices meet it: its own keys, and the certificate by that name; or whatever an impostor has in their place. */
export function partyOf(
  name: string,
  role: number,
  now: () => number,
  options: ChainOptions & { privateKey?: Uint8Array } = {},
): HostParty {
  const rootBytes = new Uint8Array(Buffer.concat(roots));
  const chain = new Uint8Array(Buffer.from(chainOf(name, role, false, options), "hex"));
  return new HostParty({
    id: chain.slice(4, 12),
    role,
    privateKey: options.privateKey ?? agreementKeys(name).privateKey,
    chain,
    roots: rootBytes,
    time: now,
  });
}

/** The center, as cards meet it. */
export const centerParty = (now: () => number): HostParty => partyOf("center", ROLE_CENTER, now);

/** Ed25519 seed with which the kiosk of that name signs. */
export function kioskSeed(name: string): Uint8Array {
  return keys.secret(`kiosk ${name}`);
}
