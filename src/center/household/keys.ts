import { createHmac } from "node:crypto";
import { SCHEME_COMPLETE_SUBTREE } from "../../core/tree/tree.js";
import { ed25519Sign } from "../../core/curve/curve.js";
import { signingKey } from "../keys/certificates.js";
import type { KeyProvider } from "../keys/provider.js";
import type { BlockSigner } from "../tree/block.js";
import type { KeyTree } from "../tree/keys.js";

const TREE = "key tree";
const SIGNER = "block signer";
const LICENSES = "client license keys";

/** Secrets of a household's clients, all derived from the key provider: nothing of them is in the database. */
export class HouseholdKeys {
  constructor(private readonly keys: KeyProvider) {}

  /** The key tree of that id (8 bytes), complete subtree, with 2 to the power of `depth` leaves. */
  tree(id: Uint8Array, depth: number): KeyTree {
    return { id, scheme: SCHEME_COMPLETE_SUBTREE, depth, master: this.keys.wrappingKey(TREE) };
  }

  /** Signs enabling blocks. */
  get signer(): BlockSigner {
    const { seed, publicKey } = signingKey(this.keys.wrappingKey(SIGNER));
    const sign = (message: Uint8Array): Uint8Array => {
      const signature = new Uint8Array(64);
      ed25519Sign(signature, seed, [message]);
      return signature;
    };
    return { publicKey, sign };
  }

  /** License key of one license, 32 bytes; the same whenever it is asked for. */
  licenseKey(licenseId: Uint8Array): Uint8Array {
    return new Uint8Array(createHmac("sha256", this.keys.wrappingKey(LICENSES)).update(licenseId).digest());
  }
}
