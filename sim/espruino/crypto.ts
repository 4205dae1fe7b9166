/** `require("crypto")` of Espruino 2v29 (libs/crypto/jswrap_crypto.c), for the algorithms a build has. */
import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import type { EngineProfile } from "./profile.js";
import type { EngineContext } from "./context.js";
import { toBytes } from "./bytes.js";

interface AesOptions {
  iv?: unknown;
  mode?: string;
}

export function engineCrypto(sandbox: EngineContext, profile: EngineProfile, refused: (what: string) => void): Record<string, unknown> {
  const members: Record<string, unknown> = {};
  for (const name of profile.crypto) {
    if (name.startsWith("SHA"))
      members[name] = (message: unknown) => sandbox.buffer(createHash(name.toLowerCase()).update(toBytes(message)).digest());
  }
  const aes: Record<string, unknown> = {};
  const crypt = (message: unknown, key: unknown, options: AesOptions | undefined, encrypt: boolean): ArrayBuffer | undefined => {
    const data = toBytes(message);
    const secret = toBytes(key);
    const mode = options?.mode ?? "CBC";
    if (![16, 24, 32].includes(secret.length)) throw sandbox.error("Invalid key length");
    const iv = new Uint8Array(16);
    if (options?.iv) iv.set(toBytes(options.iv).subarray(0, 16));
    const cipher = `aes-${String(secret.length * 8)}-`;
    const make = (name: string, vector: Uint8Array | null): Buffer => {
      const run = encrypt ? createCipheriv(cipher + name, secret, vector) : createDecipheriv(cipher + name, secret, vector);
      run.setAutoPadding(false);
      return Buffer.concat([run.update(data), run.final()]);
    };
    if (mode === "CBC") return data.length % 16 ? undefined : sandbox.buffer(make("cbc", iv));
    if (mode === "CFB") return sandbox.buffer(make("cfb8", iv));
    if (mode === "ECB") {
      // A last block that is not whole stays zero.
      const whole = data.length - (data.length % 16);
      const out = new Uint8Array(data.length);
      const run = encrypt ? createCipheriv(cipher + "ecb", secret, null) : createDecipheriv(cipher + "ecb", secret, null);
      run.setAutoPadding(false);
      out.set(run.update(data.subarray(0, whole)));
      return sandbox.buffer(out);
    }
    if (mode === "CTR") {
      // The engine starts every message at counter zero whatever the iv says: all messages share one keystream.
      refused("AES in CTR mode, whose iv the engine ignores");
      throw sandbox.error("the simulator refuses AES in CTR mode, whose iv the engine ignores");
    }
    if (mode === "OFB") return undefined;
    throw sandbox.error(`Unknown Crypto mode ${JSON.stringify(mode)}`);
  };
  if (profile.crypto.includes("AES")) {
    aes.encrypt = (message: unknown, key: unknown, options?: AesOptions) => crypt(message, key, options, true);
    aes.decrypt = (message: unknown, key: unknown, options?: AesOptions) => crypt(message, key, options, false);
  }
  if (profile.crypto.includes("CCM")) {
    const valid = (key: Uint8Array, nonce: unknown, tag: number): nonce is ArrayLike<number> =>
      key.length === 16 &&
      typeof nonce === "object" &&
      toBytes(nonce).length >= 7 &&
      toBytes(nonce).length <= 13 &&
      tag >= 4 &&
      tag <= 16 &&
      tag % 2 === 0;
    aes.ccmEncrypt = (message: unknown, key: unknown, nonce: unknown, tagLength: number) => {
      if (!valid(toBytes(key), nonce, tagLength)) return undefined;
      const run = createCipheriv("aes-128-ccm", toBytes(key), toBytes(nonce), { authTagLength: tagLength });
      const data = run.update(toBytes(message));
      run.final();
      return sandbox.object({ data: sandbox.buffer(data), tag: sandbox.buffer(run.getAuthTag()) });
    };
    aes.ccmDecrypt = (message: unknown, key: unknown, nonce: unknown, tag: unknown) => {
      const mark = toBytes(tag);
      if (!valid(toBytes(key), nonce, mark.length)) return undefined;
      const run = createDecipheriv("aes-128-ccm", toBytes(key), toBytes(nonce), { authTagLength: mark.length });
      run.setAuthTag(mark);
      try {
        const data = run.update(toBytes(message));
        run.final();
        return sandbox.buffer(data);
      } catch {
        return undefined;
      }
    };
  }
  if (Object.keys(aes).length) members.AES = sandbox.object(aes);
  return sandbox.object(members);
}
