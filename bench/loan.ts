import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CUSTODY_CARTRIDGE } from "../src/core/protocol/constants.js";
import { runLoan } from "../sim/loan.js";
import { median, row, type Row } from "./measure.js";

const DAYS = 30;
/** What a loan of so many bytes may take, seconds. */
const LIMITS: [name: string, bytes: number, seconds: number][] = [
  ["9 s of sound", 72_844, 1],
  ["1 MB", 1_000_000, 5],
];

/** Whole loans on three simulated boards, from packaging to the refusal after the erase, in seconds. The first is cold: nothing is compiled yet. */
export async function loanRows(rounds: number): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-bench-"));
  const file = join(folder, "content");
  const rows: Row[] = [];
  try {
    for (const [name, bytes, limit] of LIMITS) {
      const times: number[] = [];
      writeFileSync(file, new Uint8Array(bytes).fill(7));
      for (let seed = 1; seed <= rounds; seed++) {
        const start = performance.now();
        const { played } = await runLoan({ file, name, custody: CUSTODY_CARTRIDGE, days: DAYS, seed, folder });
        if (played?.length !== bytes) throw new Error(`The loan of ${name} did not play ${String(bytes)} bytes.`);
        times.push((performance.now() - start) / 1000);
      }
      rows.push(row("simulator", `loan of ${name}, ${String(DAYS)} days`, "limit", "s", median(times), limit));
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return rows;
}
