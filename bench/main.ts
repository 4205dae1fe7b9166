/**
 * Measures core against its peers.
 *
 *   npm run bench                     table of all works: Node, and the engines that ESPRUINO and JERRY name
 *   npm run bench -- --json           the same rows as JSON
 *   npm run bench -- --rounds 9       alternating rounds (5 by default; 3 on the engines)
 *   npm run bench -- --only node      node, engines, pairs, loan or size
 *   npm run bench -- stream [BYTES]   BYTES (1 GB) through both suites with heap statistics
 *   npm run bench -- slices           number and longest of the slices of long arithmetic, on the engines
 *   npm run bench -- tree             blocks and slices of the key tree, 2^20 clients and 1,000 revoked
 *   npm run bench -- delivery [BYTES] [ORDERS]   BYTES (1 GB) to a terminal against a plain download, ORDERS (10,000) due in the same second
 *   npm run bench -- center           contracts a second at the center with 1,000 and 1,000,000 licenses, on PGlite and PostgreSQL
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { benchCenter } from "./center.js";
import { benchDelivery } from "./delivery.js";
import { engineRows } from "./engines.js";
import { loanRows } from "./loan.js";
import { table, type Row } from "./measure.js";
import { nodeRows } from "./node.js";
import { pairRows } from "./pairs.js";
import { sizeRows } from "./size.js";
import { benchSlices } from "./slices.js";
import { streamReport } from "./stream.js";
import { benchTree } from "./tree.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean" }, rounds: { type: "string", default: "5" }, only: { type: "string" } },
});
const note = (text: string) => process.stderr.write(`${text}\n`);
const rounds = Number(values.rounds);

if (positionals[0] === "stream") {
  setFlagsFromString("--expose-gc");
  (globalThis as { gc?: () => void }).gc = runInNewContext("gc") as () => void;
  streamReport(Number(positionals[1] ?? 1e9), (line) => {
    console.log(line);
  });
} else if (positionals.length === 1 && positionals[0] === "center") {
  await benchCenter();
} else if (positionals[0] === "delivery") {
  await benchDelivery(Number(positionals[1] ?? 1e9), Number(positionals[2] ?? 10_000));
} else if (positionals.length === 1 && positionals[0] === "slices") {
  await benchSlices(rounds);
} else if (positionals.length === 1 && positionals[0] === "tree") {
  await benchTree(rounds);
} else if (
  positionals.length ||
  !Number.isInteger(rounds) ||
  rounds < 1 ||
  (values.only && !["node", "engines", "pairs", "loan", "size"].includes(values.only))
) {
  note(
    "expected: bench [stream [BYTES] | center | delivery [BYTES] [ORDERS] | slices | tree] [--json] [--rounds N] [--only node|engines|pairs|loan|size]",
  );
  process.exitCode = 2;
} else {
  const rows: Row[] = [];
  const wanted = (part: string) => !values.only || values.only === part;
  if (wanted("node")) rows.push(...(await nodeRows(rounds)));
  if (wanted("engines")) rows.push(...(await engineRows(Math.min(rounds, 3), note)));
  if (wanted("pairs")) rows.push(...(await pairRows(Math.min(rounds, 3))));
  if (wanted("loan")) rows.push(...(await loanRows(Math.min(rounds, 3))));
  if (wanted("size")) rows.push(...(await sizeRows()));
  console.log(values.json ? JSON.stringify(rows, null, 2) : table(rows));
}
