/** What a build prints and leaves behind: bytes against budgets, and a stamp of the sources by which the next build can be skipped. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { outputOf } from "./bundles.mjs";

/** Over budget fails the build. */
export const STRICT = false;
const STAMP = "dist/.sources";
const SOURCES = ["src/core", "src/card", "src/cartridge", "src/reader", "src/client", "boards", "scripts", "rollup.config.mjs", "tsconfig.json", "tsconfig.firmware.json", "package-lock.json"];

function files(at) {
  if (!existsSync(at)) return [];
  if (statSync(at).isFile()) return [at];
  return readdirSync(at)
    .sort()
    .flatMap((name) => files(path.join(at, name)));
}

/** Hash of everything that the default bundles are made from. */
export function sourcesHash() {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap(files)) hash.update(file + "\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** True when `dist` holds the bundles of the present sources. */
export function upToDate() {
  return existsSync(STAMP) && readFileSync(STAMP, "utf8") === sourcesHash();
}

export function stamp() {
  if (process.env.BOARD) return;
  mkdirSync("dist", { recursive: true });
  writeFileSync(STAMP, sourcesHash());
}

/** Prints the table. Throws an Error naming the bundles over budget when budgets bind. */
export function report(bundles, board) {
  const rows = bundles.map((bundle) => ({ ...bundle, file: outputOf(bundle, board) })).map((bundle) => ({ ...bundle, bytes: statSync(bundle.file).size }));
  const over = rows.filter((row) => row.budget !== null && row.bytes > row.budget);
  console.log(`${"bundle".padEnd(32)}${"bytes".padStart(8)}${"budget".padStart(8)}`);
  for (const row of rows) {
    const budget = row.budget === null ? "-" : String(row.budget);
    const share = row.budget === null ? "" : `  ${Math.round((100 * row.bytes) / row.budget)} %${row.bytes > row.budget ? " OVER" : ""}`;
    console.log(`${row.file.padEnd(32)}${String(row.bytes).padStart(8)}${budget.padStart(8)}${share}`);
  }
  if (STRICT && over.length) throw new Error(`over budget: ${over.map((row) => `${row.file} by ${row.bytes - row.budget} bytes`).join(", ")}`);
}
