import { ed25519Verify, x25519 } from "../../src/core/curve/curve.js";
import { hkdf } from "../../src/core/hash/hkdf.js";
import { hmac } from "../../src/core/hash/hmac.js";

/** In the firmware dialect, since the same code runs a case on the engines. */

/** The answer to a case, or an empty array where it is refused. `inputs` as in `Case`. */
export function runCase(work: string, inputs: Uint8Array[], length: number): Uint8Array {
  const none = new Uint8Array(0);
  const code = new Uint8Array(32);
  let out = none;
  let i = 0;
  let difference = 0;
  if (work === "x25519") {
    return x25519(code, inputs[0], inputs[1]) ? code : none;
  }
  if (work === "ed25519") {
    out = new Uint8Array(1);
    out[0] = 1;
    return ed25519Verify(inputs[0], [inputs[1]], inputs[2]) ? out : none;
  }
  if (work === "hmac") {
    hmac(code, inputs[0], [inputs[1]]);
    for (i = 0; i < length; i++) difference |= code[i] ^ inputs[2][i];
    return difference ? none : code.subarray(0, length);
  }
  if (length > 8160) return none;
  out = new Uint8Array(length);
  hkdf(out, inputs[0], inputs[1], inputs[2]);
  return out;
}
