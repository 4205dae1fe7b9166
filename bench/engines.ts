import { adoptLines, engines, runScript, type Engine } from "../test/crypto/engine.js";
import { ed25519PublicKey, ed25519Sign } from "../src/core/curve/curve.js";
import { median, row, type Row } from "./measure.js";
import { engineWorks, oursScript, theirsScript } from "./peers.js";

const CHUNKS = [480, 1024];

function fixtures() {
  const key = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 1);
  const pub = new Uint8Array(32);
  const signature = new Uint8Array(64);
  ed25519PublicKey(pub, key);
  ed25519Sign(signature, key, [key]);
  return { key, point: Uint8Array.from({ length: 32 }, (_, i) => (i < 31 ? 11 * i + 1 : 63)), signature, pub };
}

/** Milliseconds that a script prints; throws when it did not do its work. */
function timing(output: string, what: string): number {
  const found = /refused 0 answer (\S+) ([\d.]+) ms/.exec(output);
  if (!found || found[1] === "-1" || (what.includes("verify") && found[1] !== "true")) throw new Error(`${what}: ${output.slice(-300)}`);
  return Number(found[2]);
}

/** Works on the engines whose executables ESPRUINO and JERRY name; both sides by turns, each in a process of its own. */
export async function engineRows(rounds: number, note: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const all = fixtures();
  for (const engine of Object.keys(engines) as Engine[]) {
    if (!engines[engine]) {
      note(`${engine}: not measured, since ${engine === "espruino" ? "ESPRUINO" : "JERRY"} names no executable`);
      continue;
    }
    for (const work of engineWorks(CHUNKS)) {
      // An interpreter without a fine clock needs more repetitions.
      const more = engine === "jerryscript" ? { ...work, times: [work.times[0] * 25, work.times[1] * 25] as [number, number] } : work;
      const ours = await oursScript(engine, more, CHUNKS, adoptLines(engine), all);
      const theirs = theirsScript(engine, more, CHUNKS, all);
      const times: [number[], number[]] = [[], []];
      for (let turn = 0; turn < rounds; turn++) {
        times[0].push(timing(runScript(engine, ours), work.work));
        times[1].push(timing(runScript(engine, theirs), work.work));
      }
      rows.push(row(engine, work.work, "tweetnacl", "ms", median(times[0]), median(times[1])));
    }
  }
  return rows;
}
