/**
 * Center, kiosks, simulator and commands as plain JavaScript below `dist/host`, file by file: a process that runs them starts in a fraction of the time that it takes to
 * translate them anew. A stamp of the sources tells when that is to be done again.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OUTPUT = path.join(ROOT, "dist/host");
const STAMP = path.join(OUTPUT, ".sources");
const SOURCES = ["src", "sim", "boards"];

/** What `leyden` runs. */
const PROGRAM = path.join(OUTPUT, "src/cli/main.js");

const sources = () =>
  SOURCES.flatMap((folder) => readdirSync(path.join(ROOT, folder), { recursive: true }).map((name) => path.join(folder, name)))
    .filter((name) => name.endsWith(".ts"))
    .sort();

/** Hash of everything that the programs are made from, this script included. */
function sourcesHash(names) {
  const hash = createHash("sha256").update(readFileSync(fileURLToPath(import.meta.url)));
  for (const name of names) hash.update(`${name}\0`).update(readFileSync(path.join(ROOT, name))).update("\0");
  return hash.digest("hex");
}

/** Others may be doing the same, or reading: a file is there whole, and stays as it is where nothing has changed. */
function write(file, contents) {
  if (existsSync(file) && readFileSync(file).equals(contents)) return;
  mkdirSync(path.dirname(file), { recursive: true });
  const fresh = `${file}.${process.pid}`;
  writeFileSync(fresh, contents);
  renameSync(fresh, file);
}

/** Makes `dist/host` unless it holds the programs of the present sources; answers the path of what `leyden` runs. */
export async function buildHost() {
  const names = sources();
  const hash = sourcesHash(names);
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) return PROGRAM;
  const { build } = await import("esbuild");
  const entryPoints = names.map((name) => path.join(ROOT, name));
  // Firmware's `require` is an engine's own; that is no news here.
  const { outputFiles } = await build({ entryPoints, outbase: ROOT, outdir: OUTPUT, write: false, format: "esm", target: "node20", logLevel: "error" });
  for (const { path: file, contents } of outputFiles) write(file, Buffer.from(contents));
  write(STAMP, Buffer.from(hash));
  return PROGRAM;
}
