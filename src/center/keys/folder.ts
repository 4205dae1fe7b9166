import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { x25519Base } from "../../core/curve/curve.js";
import { ALGORITHM_ED25519, ALGORITHM_X25519, CERTIFICATE_LENGTH } from "../../core/protocol/certificate.js";
import { ROLE_CENTER } from "../../core/protocol/constants.js";
import { issueCertificate, issueIssuer, signingKey } from "./certificates.js";
import { UnfitFile, readJson, writePublic } from "./files.js";
import { readIdentity, writeIdentity, type Identity } from "./identity.js";
import { FileKeyProvider } from "./provider.js";
import type { RootKeys } from "./root.js";

/** Seconds since 1970. */
export interface Validity {
  notBefore: number;
  notAfter: number;
}

/** What a renewal changes: generation of the device key, chain (hex), and the roots (hex) that the device trusts with it. */
export interface Renewal {
  generation: number;
  chain: string;
  roots: string[];
}

/** A device as it was enrolled, or last renewed; `chain` and `generation` are what the center's interface takes. */
export interface EnrolledDevice extends Renewal {
  role: number;
  /** Hexadecimal. */
  id: string;
  board: string;
  /** A renewal that was sent and not yet proven: the device may have it or not. */
  pending?: Renewal;
}

interface PublicFile {
  /** The root in use, and its successor: 32 bytes each, in hex. */
  roots: string[];
  /** Roots that were retired, for devices that have not been renewed since. */
  retired: string[];
  /** Certificates of issuers, newest first. */
  issuers: string[];
}

/**
 * The folder from which a center works, apart from its database:
 *
 * - `center.json`, secret: masters, issuer, wrapping key (`FileKeyProvider`)
 * - `party.json`, secret: the center as cards meet it (`Identity`)
 * - `public.json`: roots and issuers' certificates
 * - `devices/<id>.json`: each device that was enrolled here
 */
export class KeyFolder {
  readonly keys: FileKeyProvider;
  private shared: PublicFile;

  private constructor(readonly path: string) {
    const shared = readJson(join(path, "public.json")) as Partial<PublicFile>;
    if (!hexes(shared.roots, 32) || !hexes(shared.retired, 32) || !hexes(shared.issuers, CERTIFICATE_LENGTH) || shared.roots?.length !== 2)
      throw new UnfitFile(`The file ${join(path, "public.json")} does not hold roots and issuers; restore it from its backup.`);
    if (!existsSync(join(path, "center.json"))) throw new UnfitFile(`The folder ${path} holds no center.json; restore it from its backup.`);
    this.shared = shared as PublicFile;
    this.keys = new FileKeyProvider(join(path, "center.json"));
  }

  /** @throws UnfitFile when the folder is not one that `leyden enroll center` made */
  static open(path: string): KeyFolder {
    return new KeyFolder(path);
  }

  /** Makes the keys of a new center, certified by the root. @throws Error when the folder holds keys already */
  static create(path: string, root: RootKeys, validity: Validity): KeyFolder {
    if (existsSync(join(path, "public.json")) || existsSync(join(path, "center.json")))
      throw new Error(`The folder ${path} holds a center's keys already; name another one.`);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const keys = new FileKeyProvider(join(path, "center.json"));
    const issuer = signingKey(keys.issuerSeed());
    writePublic(join(path, "public.json"), {
      roots: root.publicKeys.map(hex),
      retired: [],
      issuers: [hex(issueIssuer(root.signing, issuer, serial(), validity.notBefore, validity.notAfter))],
    });
    const folder = new KeyFolder(path);
    writeIdentity(join(path, "party.json"), folder.makeIdentity(ROLE_CENTER, validity));
    return folder;
  }

  /** The root in use and its successor, 32 bytes each. */
  get roots(): Uint8Array[] {
    return this.shared.roots.map(unhex);
  }

  /** These, and roots that were retired: what the center itself accepts. */
  get acceptedRoots(): Uint8Array[] {
    return [...this.shared.roots, ...this.shared.retired].map(unhex);
  }

  /** Public keys of all issuers, the one in use first. */
  get issuers(): Uint8Array[] {
    return [...new Set([hex(this.issuerCertificate.subarray(32, 64)), ...this.shared.issuers.map((one) => one.slice(64, 128))])].map(unhex);
  }

  /** The newest certificate of the issuer in use, 128 bytes. */
  get issuerCertificate(): Uint8Array {
    const key = hex(signingKey(this.keys.issuerSeed()).publicKey);
    const found = this.shared.issuers.find((certificate) => certificate.slice(64, 128) === key);
    if (found === undefined)
      throw new Error(`The issuer in ${join(this.path, "center.json")} has no certificate in public.json; restore both from one backup.`);
    return unhex(found);
  }

  /** The center as cards meet it. */
  get party(): Identity {
    return readIdentity(join(this.path, "party.json"));
  }

  /** A certificate by the issuer in use, and the issuer's own: 256 bytes. It ends with the issuer's at the latest. */
  certify(
    request: { role: number; id: Uint8Array; publicKey: Uint8Array; suites?: number; signing?: boolean },
    validity: Validity,
  ): Uint8Array {
    const issuer = this.issuerCertificate;
    const end = new DataView(issuer.buffer, issuer.byteOffset).getUint32(28);
    const certificate = issueCertificate(signingKey(this.keys.issuerSeed()), {
      algorithm: request.signing === true ? ALGORITHM_ED25519 : ALGORITHM_X25519,
      role: request.role,
      suites: request.suites ?? 0,
      subject: request.id,
      serial: serial(),
      notBefore: validity.notBefore,
      notAfter: Math.min(validity.notAfter, end),
      publicKey: request.publicKey,
    });
    return Uint8Array.from([...certificate, ...issuer]);
  }

  /** Keys and certificates for a machine without firmware. */
  makeIdentity(role: number, validity: Validity): Identity {
    const id = new Uint8Array(randomBytes(8));
    const privateKey = new Uint8Array(randomBytes(32));
    const signingSeed = new Uint8Array(randomBytes(32));
    const publicKey = new Uint8Array(32);
    const generation = this.keys.generation;
    x25519Base(publicKey, privateKey);
    return {
      role,
      id,
      generation,
      deviceKey: this.keys.deviceKey(role, id, generation),
      privateKey,
      chain: this.certify({ role, id, publicKey, suites: 3 }, validity),
      signingSeed,
      signingChain: this.certify({ role, id, publicKey: signingKey(signingSeed).publicKey, signing: true }, validity),
      roots: this.rootBytes,
    };
  }

  /** Both roots in one, 64 bytes. */
  get rootBytes(): Uint8Array {
    return unhex(this.shared.roots.join(""));
  }

  /** Another issuer, certified by the root, takes the place of the one in use. Certificates by the one before stay good. */
  replaceIssuer(root: RootKeys, validity: Validity): void {
    const seed = new Uint8Array(randomBytes(32));
    this.addIssuer(hex(issueIssuer(root.signing, signingKey(seed), serial(), validity.notBefore, validity.notAfter)));
    // Last, so that a cut before leaves the issuer of before, with a certificate too many.
    this.keys.replaceIssuer(seed);
    this.renewParty(validity);
  }

  /** The roots changed: the issuer in use gets a certificate by the one that signs now, and devices are told which two to trust. */
  followRoots(root: RootKeys, validity: Validity): void {
    const roots = root.publicKeys.map(hex);
    const retired = [...this.shared.retired, ...this.shared.roots.filter((key) => !roots.includes(key))];
    const issuer = signingKey(this.keys.issuerSeed());
    this.shared = { ...this.shared, roots, retired };
    this.addIssuer(hex(issueIssuer(root.signing, issuer, serial(), validity.notBefore, validity.notAfter)));
    this.renewParty(validity);
  }

  saveDevice(device: EnrolledDevice): void {
    writePublic(join(this.path, "devices", `${device.id}.json`), device);
  }

  removeDevice(id: string): void {
    rmSync(join(this.path, "devices", `${id}.json`), { force: true });
  }

  /** @throws Error when no such device was enrolled here */
  device(id: string): EnrolledDevice {
    const path = join(this.path, "devices", `${id}.json`);
    if (!existsSync(path))
      throw new Error(`Device ${id} was not enrolled with the keys in ${this.path}; use those that it was enrolled with.`);
    return readJson(path) as EnrolledDevice;
  }

  devices(): EnrolledDevice[] {
    const folder = join(this.path, "devices");
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .filter((name) => /^[0-9a-f]{16}\.json$/.test(name))
      .sort()
      .map((name) => this.device(name.slice(0, 16)));
  }

  /** Devices that do not trust the root with this public key, as far as they were renewed here. */
  devicesWithout(root: Uint8Array): EnrolledDevice[] {
    return this.devices().filter((device) => !device.roots.includes(hex(root)));
  }

  private addIssuer(certificate: string): void {
    this.shared = { ...this.shared, issuers: [certificate, ...this.shared.issuers] };
    writePublic(join(this.path, "public.json"), this.shared);
  }

  private renewParty(validity: Validity): void {
    writeIdentity(join(this.path, "party.json"), this.makeIdentity(ROLE_CENTER, validity));
  }
}

/** Random, as certificates' serial numbers should be. */
function serial(): number {
  return randomBytes(4).readUInt32BE();
}

function hexes(list: unknown, length: number): boolean {
  return (
    Array.isArray(list) && list.every((text) => typeof text === "string" && new RegExp(`^[0-9a-f]{${String(2 * length)}}$`).test(text))
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
