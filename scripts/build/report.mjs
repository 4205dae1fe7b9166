/** What a build prints and leaves behind: bytes, and bytes as stored, against budgets and room, and a stamp of the sources by which the next build can be skipped. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { outputOf, storedAs } from "./bundles.mjs";

/** A bundle that its board has no room for fails the build. */
export const STRICT = true;
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

/** Prints the table. Throws an Error naming the bundles that their board has no room for. Other boards than the default one say themselves when they start. */
export function report(bundles, board) {
  const rows = bundles.map((bundle) => {
    const file = outputOf(bundle, board);
    const bytes = statSync(file).size;
    const tokens = bundle.engine === "espruino" ? statSync(storedAs(file)).size : null;
    const room = board || bundle.engine !== "espruino" ? null : bundle.room;
    return { file, budget: bundle.budget, room, bytes, tokens, stored: tokens ?? bytes, only: bundle.only };
  });
  const cells = (file, ...numbers) => file.padEnd(32) + numbers.map((number) => String(number ?? "-").padStart(8)).join("");
  console.log(cells("bundle", "bytes", "stored", "budget", "room"));
  for (const { file, bytes, tokens, stored, budget, room, only } of rows)
    console.log(
      cells(file, bytes, tokens, budget, room) +
        (budget === null ? "" : `  ${Math.round((100 * stored) / budget)} % of the budget`) +
        (only ? ", no room for own code in place of natives" : ""),
    );
  const over = rows.filter(({ stored, room }) => room !== null && stored > room);
  if (STRICT && over.length) throw new Error(`no room on the board: ${over.map(({ file, stored, room }) => `${file} by ${stored - room} bytes`).join(", ")}`);
}
