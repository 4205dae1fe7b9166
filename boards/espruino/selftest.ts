/** The self-test as a bundle of its own: run on a new board first, or on any engine that has `print` or `console.log`. */
import { selftest } from "../../src/core/selftest.js";
import type { Natives } from "../../src/core/natives.js";
import type { EngineE, EngineCrypto } from "./engine.js";

declare const E: EngineE | undefined;
declare const print: ((line: string) => void) | undefined;
declare const console: { log(line: string): void };
declare function require(name: "crypto"): EngineCrypto;

/** What this engine computes natively, found by looking, since one file serves every board. */
function natives(): Natives {
  const found: Natives = {};
  let crypto: EngineCrypto;
  if (typeof E === "undefined" || typeof E.hwRand !== "function") return found;
  found.convolve = E.convolve;
  found.crc32 = E.CRC32;
  try {
    crypto = require("crypto");
  } catch {
    return found;
  }
  if (typeof crypto.SHA256 === "function") found.sha256 = crypto.SHA256;
  if (typeof crypto.SHA512 === "function") found.sha512 = crypto.SHA512;
  if (crypto.AES) {
    found.aesCbcEncrypt = crypto.AES.encrypt;
    found.aesCbcDecrypt = crypto.AES.decrypt;
  }
  return found;
}

function line(text: string): void {
  if (typeof print === "undefined") console.log(text);
  else print(text);
}

selftest(natives(), line, function (): number {
  return Date.now();
});
