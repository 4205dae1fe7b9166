import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import { adoptLines, engines, runEntry, type Engine } from "./engine.js";
import { cases, type Case } from "./support.js";

/**
 * The published cases through real engines. A curve takes most of a second on Espruino, so there, unless SLOW=1, one of each kind of its cases
 * is run, and so of each kind of refusal; hashes always, and everything on JerryScript.
 */
const test = suite("Published cases on real engines");

/** The first case of each kind. */
function oneOfEach(all: Case[]): Case[] {
  const kinds = new Set<string>();
  return all.filter(({ kind }) => !kinds.has(kind) && kinds.add(kind));
}

function entryFor(engine: Engine, chosen: Case[]): string {
  const list = chosen.map((one) => `["${[one.work, one.length, one.expected, ...one.inputs].join('","')}"]`).join(",\n");
  return `${adoptLines(engine)}
import { runCase } from "./test/crypto/run-case.js";
declare const print: (text: string) => void;
const list = [${list}];
function unhex(text: string): Uint8Array {
  const out = new Uint8Array(text.length / 2);
  let i = 0;
  for (i = 0; i < out.length; i++) out[i] = parseInt(text.substr(2 * i, 2), 16);
  return out;
}
function hex(bytes: Uint8Array): string {
  let out = "";
  let i = 0;
  for (i = 0; i < bytes.length; i++) out += (bytes[i] + 256).toString(16).substr(1);
  return out;
}
function runAll(): void {
  let i = 0;
  let wrong = 0;
  let parts: string[] = [];
  let inputs: Uint8Array[] = [];
  for (i = 0; i < list.length; i++) {
    parts = list[i];
    inputs = [unhex(parts[3]), unhex(parts[4]), parts.length > 5 ? unhex(parts[5]) : unhex("")];
    if (hex(runCase(parts[0], inputs, parseInt(parts[1], 10))) !== parts[2]) {
      wrong++;
      print("wrong " + i);
    }
  }
  print("refused " + refused + " wrong " + wrong + " of " + list.length);
}
runAll();
`;
}

for (const engine of Object.keys(engines) as Engine[]) {
  for (const name of ["hmac_sha256", "hkdf_sha256", "x25519", "ed25519"] as const) {
    const all = cases(name);
    const sampled = engine === "espruino" && process.env.SLOW !== "1" && (name === "x25519" || name === "ed25519");
    const reason = all ? `no ${engine === "espruino" ? "ESPRUINO" : "JERRY"} executable named` : "the folder of vectors is not there";
    test.when(all !== undefined && engines[engine] !== undefined, reason)(
      `${engine}: ${name}${sampled ? ", one of each kind" : ""}`,
      async () => {
        const chosen = sampled ? oneOfEach(all ?? []) : (all ?? []);
        // One process holds this many cases in memory.
        for (let from = 0; from < chosen.length; from += 60) {
          const part = chosen.slice(from, from + 60);
          const output = await runEntry(engine, entryFor(engine, part));
          assert.ok(output.includes(`refused 0 wrong 0 of ${String(part.length)}`), output.slice(-400));
        }
      },
    );
  }
}

test.run();
