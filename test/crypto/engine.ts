import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { bundle } from "../../bench/bundle.js";

export type Engine = "espruino" | "jerryscript";

/** The engines' executables, where the environment names them. */
export const engines: Record<Engine, string | undefined> = { espruino: process.env.ESPRUINO, jerryscript: process.env.JERRY };

/** Runs an entry text, bundled like firmware, in a real engine; answers what it prints. */
export async function runEntry(engine: Engine, entry: string): Promise<string> {
  return runScript(engine, await bundle(entry, engine));
}

/** Runs a finished script in a real engine; answers what it prints. */
export function runScript(engine: Engine, script: string): string {
  return timeScript(engine, script).output;
}

/** Runs a finished script; answers what it prints and the processor's seconds, which other work on the machine does not lengthen. */
export function timeScript(engine: Engine, script: string): { output: string; seconds: number } {
  const folder = mkdtempSync(path.join(tmpdir(), "leyden-"));
  const file = path.join(folder, "script.js");
  try {
    writeFileSync(file, script);
    const command = ["-c", '"$0" "$1" </dev/null; times', engines[engine] ?? "", file];
    const output = execFileSync("/bin/sh", command, { cwd: folder, timeout: 580_000, killSignal: "SIGKILL", encoding: "latin1" });
    // The last line of `times` is the children's: user and system time.
    const [minutes, seconds] = (output.trimEnd().split("\n").pop() ?? "").split("s")[0].split("m").map(Number);
    return { output, seconds: 60 * minutes + seconds };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Lines that an entry for `engine` needs to hand the engine's natives to core. */
export function adoptLines(engine: Engine): string {
  return engine === "jerryscript"
    ? "const refused = 0;\n"
    : `import { adoptNatives } from "./src/core/adopt.js";
declare function require(name: string): any;
declare const E: any;
declare const process: any;
const crypto = require("crypto");
const refused = adoptNatives({
  sha256: crypto.SHA256,
  sha512: crypto.SHA512,
  aesCbcEncrypt: crypto.AES.encrypt,
  aesCbcDecrypt: crypto.AES.decrypt,
  convolve: E.convolve,
  crc32: E.CRC32,
  collect: process.memory,
});
`;
}
