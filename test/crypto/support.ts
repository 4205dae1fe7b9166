import { existsSync, readFileSync } from "node:fs";
import { adoptNatives } from "../../src/core/adopt.js";
import { type Natives } from "../../src/core/natives.js";
import { nodeNatives } from "../../src/host/natives-node.js";

export const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
export const unhex = (text: string) => new Uint8Array(Buffer.from(text.replace(/\s/g, ""), "hex"));
export const text = (value: string) => new TextEncoder().encode(value);

/** What Espruino's E.convolve does, in its order of adding. */
export function convolve(a: Float64Array | Int32Array, b: Float64Array | Int32Array, shift: number): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[(((shift + i) % b.length) + b.length) % b.length];
  return sum;
}

/** Every way in which core can run on the host: its own code, the host's natives, a board's inner product. */
export const modes: { name: string; natives: Natives }[] = [
  { name: "interpreted", natives: {} },
  { name: "native", natives: nodeNatives },
  { name: "inner product", natives: { convolve } },
];

/** Runs `work` in each mode and leaves core interpreted. */
export function inModes(work: (name: string) => void): void {
  for (const mode of modes) {
    if (adoptNatives(mode.natives) !== 0) throw new Error(`natives of mode "${mode.name}" were refused`);
    try {
      work(mode.name);
    } finally {
      adoptNatives({});
    }
  }
}

interface VectorFile {
  numberOfTests: number;
  testGroups: { publicKey?: { pk: string }; tests: Record<string, string | number | string[]>[]; tagSize?: number }[];
}

const folder = "../shared/vectors";

export function vectors(name: string): VectorFile | undefined {
  const file = `${folder}/${name}_test.json`;
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as VectorFile) : undefined;
}

/** One case: what to compute, from what, and the answer, as hexadecimal; "" where it must be refused. */
export interface Case {
  id: string;
  /** The flags that its publishers gave it, and for a refusal their comment, in which the number of a bit does not matter. */
  kind: string;
  work: "x25519" | "ed25519" | "hmac" | "hkdf";
  inputs: string[];
  length: number;
  expected: string;
}

/**
 * The published cases with our policy on "acceptable" ones applied: points on the twist are computed (RFC 7748 asks no check); points of
 * small order and the zero secret they give are refused; so is a u that is not canonical, that is, with its top bit set or not below the
 * prime, although RFC 7748 would reduce it: no honest key looks like that.
 */
export function cases(name: "x25519" | "ed25519" | "hmac_sha256" | "hkdf_sha256"): Case[] | undefined {
  const file = vectors(name);
  return file?.testGroups.flatMap((group) =>
    group.tests.map((test): Case => {
      const one = caseOf(name, group, test);
      const comment =
        one.expected === "" ? (test.comment as string).replace(/^modified bit \d+ in R\. Accepted/, "modified bit in R. Accepted") : "";
      return { ...one, kind: `${[...(test.flags as string[])].sort().join(" ")} ${comment}` };
    }),
  );
}

type Group = VectorFile["testGroups"][number];

function caseOf(name: string, group: Group, test: Group["tests"][number]): Omit<Case, "kind"> {
  const value = (key: string) => test[key] as string;
  const flags = test.flags as string[];
  const id = `${name} ${String(test.tcId)}`;
  const valid = test.result === "valid";
  if (name === "x25519") {
    const refused = flags.includes("ZeroSharedSecret") || flags.includes("NonCanonicalPublic");
    return { id, work: "x25519", inputs: [value("private"), value("public")], length: 32, expected: refused ? "" : value("shared") };
  }
  if (name === "ed25519") {
    return {
      id,
      work: "ed25519",
      inputs: [value("sig"), value("msg"), group.publicKey?.pk ?? ""],
      length: 1,
      expected: valid ? "01" : "",
    };
  }
  if (name === "hmac_sha256") {
    const length = (group.tagSize ?? 256) / 8;
    return { id, work: "hmac", inputs: [value("key"), value("msg"), value("tag")], length, expected: valid ? value("tag") : "" };
  }
  return {
    id,
    work: "hkdf",
    inputs: [value("salt"), value("ikm"), value("info")],
    length: test.size as number,
    expected: valid ? value("okm") : "",
  };
}
