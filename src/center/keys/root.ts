import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { signingKey, type SigningKey } from "./certificates.js";
import { readJson, writeSecret } from "./files.js";

interface RootFile {
  roots: [string, string];
  signing: number;
}

/**
 * The root and its successor, in one file that is kept offline: it is needed to make an issuer, and to change roots, and never by a server. Devices trust both, so
 * that the successor can take over without meeting them all on one day.
 */
export class RootKeys {
  private constructor(
    private readonly path: string,
    private keys: RootFile,
  ) {}

  /** Makes a new root and its successor. @throws Error when the file is there already */
  static create(path: string): RootKeys {
    if (existsSync(path)) throw new Error(`There is a root in ${path} already; name another file for a new one.`);
    const root = new RootKeys(path, { roots: [newSeed(), newSeed()], signing: 0 });
    root.save();
    return root;
  }

  /** @throws Error when the file cannot be read, or holds no roots */
  static open(path: string): RootKeys {
    const keys = readJson(path) as Partial<RootFile>;
    const whole = Array.isArray(keys.roots) && keys.roots.length === 2 && keys.roots.every((seed) => /^[0-9a-f]{64}$/.test(seed));
    if (!whole || (keys.signing !== 0 && keys.signing !== 1))
      throw new Error(`The file ${path} does not hold a root and its successor; restore it from its backup.`);
    return new RootKeys(path, keys as RootFile);
  }

  /** The two that devices trust. */
  get publicKeys(): Uint8Array[] {
    return this.keys.roots.map((seed) => signing(seed).publicKey);
  }

  /** The one that signs issuers. */
  get signing(): SigningKey {
    return signing(this.keys.roots[this.keys.signing]);
  }

  /** True once the successor signs in the first root's place. */
  get succeeded(): boolean {
    return this.keys.signing === 1;
  }

  /** The successor signs from now on; devices trust it already. @throws Error when it does so already */
  succeed(): void {
    if (this.succeeded)
      throw new Error("The successor signs already; make it a successor of its own with: leyden enroll rotate successor.");
    this.keys = { ...this.keys, signing: 1 };
    this.save();
  }

  /** Retires the root whose successor signs, and makes a new successor. @throws Error while the first root still signs */
  retire(): void {
    if (!this.succeeded) throw new Error("The first root still signs; let its successor take over with: leyden enroll rotate root.");
    this.keys = { roots: [this.keys.roots[1], newSeed()], signing: 0 };
    this.save();
  }

  private save(): void {
    writeSecret(this.path, this.keys);
  }
}

function newSeed(): string {
  return randomBytes(32).toString("hex");
}

function signing(seed: string): SigningKey {
  return signingKey(new Uint8Array(Buffer.from(seed, "hex")));
}
