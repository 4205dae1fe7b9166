import { adoptLines, engines, timeScript, type Engine } from "../test/crypto/engine.js";
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

/** Seconds that a script takes; throws when it did not do its work. */
function seconds(engine: Engine, script: string, what: string): number {
  const { output, seconds } = timeScript(engine, script);
  const found = /refused 0 answer (\S+)/.exec(output);
  if (!found || found[1] === "-1" || found[1] === "false") throw new Error(`${what}: ${output.slice(-300)}`);
  return seconds;
}

/**
 * Works on the engines whose executables ESPRUINO and JERRY name, in the processor's time; both sides by turns, each run in a process of its own,
 * less a run that only prepares.
 */
export async function engineRows(rounds: number, note: (text: string) => void): Promise<Row[]> {
  const rows: Row[] = [];
  const all = fixtures();
  for (const engine of Object.keys(engines) as Engine[]) {
    if (!engines[engine]) {
      note(`${engine}: not measured, since ${engine === "espruino" ? "ESPRUINO" : "JERRY"} names no executable`);
      continue;
    }
    for (const work of engineWorks(CHUNKS)) {
      const more = work.times.map((times) => times * (engine === "jerryscript" && times < 100 ? 30 : 1));
      const ours = async (times: number) => oursScript(engine, work, times, CHUNKS, adoptLines(engine), all);
      const own = work.own?.[engine];
      const theirs = async (times: number) =>
        own
          ? oursScript(engine, { ...work, ours: own.statement }, times, CHUNKS, adoptLines(engine), all)
          : theirsScript(work, times, CHUNKS, all);
      const scripts = [await ours(more[0]), await ours(0), await theirs(more[1]), await theirs(0)];
      const times: number[][] = [[], [], [], []];
      note(`${engine}: ${work.work}`);
      for (let turn = 0; turn < rounds; turn++) scripts.forEach((script, i) => times[i].push(seconds(engine, script, work.work)));
      const [a, b, c, d] = times.map(median);
      rows.push(row(engine, work.work, own?.peer ?? "tweetnacl", "ms", ((a - b) * 1000) / more[0], ((c - d) * 1000) / more[1]));
    }
  }
  return rows;
}
