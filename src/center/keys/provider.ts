import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { put32 } from "../../core/bytes.js";
import { hkdf } from "../../core/hash/hkdf.js";

/** Where the center's secrets live: outside the database, behind this interface. A hardware module would be another implementation. */
export interface KeyProvider {
  /** Newest generation of the center's master. */
  readonly generation: number;
  /** Device key of one device: HKDF-SHA-256(master of the generation; role, device id, generation), 32 bytes. */
  deviceKey(role: number, deviceId: Uint8Array, generation: number): Uint8Array;
  /** Makes the next generation of the master and answers its number. */
  rotateMaster(): number;
  /** Destroys a generation; device keys of it can no longer be derived. */
  destroyMaster(generation: number): void;
  /** A 32-byte key for wrapping secrets in the database, by name. */
  wrappingKey(name: string): Uint8Array;
  /** Ed25519 seed of the issuer in use. */
  issuerSeed(): Uint8Array;
}

const text = new TextEncoder();

function expand(secret: Uint8Array, label: string, info: Uint8Array): Uint8Array {
  const out = new Uint8Array(32);
  hkdf(out, text.encode(label), secret, info);
  return out;
}

function expandDeviceKey(master: Uint8Array, role: number, deviceId: Uint8Array, generation: number): Uint8Array {
  const info = new Uint8Array(13);
  info[0] = role;
  info.set(deviceId, 1);
  put32(info, 9, generation);
  return expand(master, "leyden device key", info);
}

/** Keys that live as long as the process: for the simulator and for tests, reproducible by their seed. */
export class MemoryKeyProvider implements KeyProvider {
  private readonly masters = new Map<number, Uint8Array>();

  constructor(private readonly seed: Uint8Array) {
    this.rotateMaster();
  }

  get generation(): number {
    return Math.max(0, ...this.masters.keys());
  }

  deviceKey(role: number, deviceId: Uint8Array, generation: number): Uint8Array {
    const master = this.masters.get(generation);
    if (!master) throw new Error(`Generation ${String(generation)} of the master is not held; devices of it must be enrolled anew.`);
    return expandDeviceKey(master, role, deviceId, generation);
  }

  rotateMaster(): number {
    const next = this.generation + 1;
    this.masters.set(next, expand(this.seed, "master", Uint8Array.of(next)));
    return next;
  }

  destroyMaster(generation: number): void {
    if (generation === this.generation) throw new Error(`Generation ${String(generation)} is the newest; rotate before destroying it.`);
    this.masters.delete(generation);
  }

  wrappingKey(name: string): Uint8Array {
    return expand(this.seed, "leyden wrapping key", text.encode(name));
  }

  issuerSeed(): Uint8Array {
    return expand(this.seed, "issuer", new Uint8Array(0));
  }
}

interface KeyFile {
  masters: Record<string, string>;
  issuer: string;
  wrapping: string;
}

/**
 * Keys in one file that only its owner can read, replaced by renaming so that a cut leaves the old one or the new one.
 *
 * @throws Error when the file exists and is not a key file
 */
export class FileKeyProvider implements KeyProvider {
  private readonly keys: KeyFile;

  constructor(private readonly path: string) {
    if (existsSync(path)) {
      const keys = JSON.parse(readFileSync(path, "utf8")) as KeyFile;
      if (typeof keys.masters !== "object" || typeof keys.issuer !== "string" || typeof keys.wrapping !== "string")
        throw new Error(`The key file ${path} does not hold masters, issuer and wrapping key; restore it from its backup.`);
      this.keys = keys;
    } else {
      this.keys = {
        masters: { 1: randomBytes(32).toString("hex") },
        issuer: randomBytes(32).toString("hex"),
        wrapping: randomBytes(32).toString("hex"),
      };
      this.save();
    }
  }

  get generation(): number {
    return Math.max(...Object.keys(this.keys.masters).map(Number));
  }

  deviceKey(role: number, deviceId: Uint8Array, generation: number): Uint8Array {
    return expandDeviceKey(this.master(generation), role, deviceId, generation);
  }

  rotateMaster(): number {
    const next = this.generation + 1;
    this.keys.masters[next] = randomBytes(32).toString("hex");
    this.save();
    return next;
  }

  destroyMaster(generation: number): void {
    if (generation === this.generation) throw new Error(`Generation ${String(generation)} is the newest; rotate before destroying it.`);
    this.keys.masters = Object.fromEntries(Object.entries(this.keys.masters).filter(([number]) => Number(number) !== generation));
    this.save();
  }

  wrappingKey(name: string): Uint8Array {
    return expand(new Uint8Array(Buffer.from(this.keys.wrapping, "hex")), "leyden wrapping key", text.encode(name));
  }

  issuerSeed(): Uint8Array {
    return new Uint8Array(Buffer.from(this.keys.issuer, "hex"));
  }

  /** Puts another issuer's seed, 32 bytes, in the place of the one in use, which is then gone. */
  replaceIssuer(seed: Uint8Array): void {
    this.keys.issuer = Buffer.from(seed).toString("hex");
    this.save();
  }

  private master(generation: number): Uint8Array {
    const master = this.keys.masters[generation];
    if (master === undefined)
      throw new Error(`Generation ${String(generation)} of the master is not held; devices of it must be enrolled anew.`);
    return new Uint8Array(Buffer.from(master, "hex"));
  }

  private save(): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = join(dirname(this.path), `.${createHash("sha256").update(this.path).digest("hex").slice(0, 8)}.tmp`);
    writeFileSync(temporary, `${JSON.stringify(this.keys, null, 2)}\n`, { mode: 0o600, flush: true });
    renameSync(temporary, this.path);
  }
}
