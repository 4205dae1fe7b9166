import { ed25519PublicKey, ed25519Sign } from "../src/core/curve/curve.js";
import { adoptLines, engines, runEntry, type Engine } from "../test/crypto/engine.js";

const bytes = (value: Uint8Array) => `new Uint8Array([${Array.from(value).join(",")}])`;

/** A script that times every slice by the engine's clock; what slows the machine down once lengthens one of its runs, so that the least is what counts. */
function entry(engine: Engine, runs: number): string {
  const seed = new Uint8Array(32).fill(7);
  const key = new Uint8Array(32);
  const signature = new Uint8Array(64);
  ed25519PublicKey(key, seed);
  ed25519Sign(signature, seed, [seed, seed, key]);
  return `${adoptLines(engine)}
import { ed25519VerifyStart, ed25519VerifyStep, x25519Start, x25519Step } from "./src/core/curve/curve.js";
import { createSha512 } from "./src/core/hash/sha512.js";
declare const print: (text: string) => void;
declare function getTime(): number;
const seed = ${bytes(seed)};
const key = ${bytes(key)};
const signature = ${bytes(signature)};
const own = createSha512();
const out = new Uint8Array(64);
const shared = out.subarray(0, 32);
const point = new Uint8Array(32);
const message = [seed, key, seed, key, key];
let count = 0;
let longest = 0;
let total = 0;
let start = 0;
function now(): number {
  return ${engine === "espruino" ? "getTime() * 1000" : "Date.now()"};
}
function run(name: string, step: () => boolean | number): void {
  let done: boolean | number = false;
  let time = 0;
  count = longest = total = 0;
  while (!done) {
    time = now();
    done = step();
    time = now() - time;
    count++;
    total += time;
    if (time > longest) longest = time;
  }
  print("slices " + count + " " + longest + " " + total + " " + start + " " + name);
}
function hash(): boolean {
  return own(out, message);
}
function all(): void {
  let i = 0;
  point[0] = 9;
  for (i = 0; i < ${String(runs)}; i++) {
    start = now();
    x25519Start(shared, seed, point);
    start = now() - start;
    run("X25519", x25519Step);
    start = now();
    ed25519VerifyStart(signature, [seed, seed, key], key);
    start = now() - start;
    run("verify", ed25519VerifyStep);
    start = 0;
    run("SHA-512 interpreted, 160 bytes", hash);
  }
  print("refused " + refused);
}
all();
`;
}

/** Number and longest of the slices of long arithmetic on the engines that the environment names: the least longest of the runs. */
export async function benchSlices(runs: number): Promise<void> {
  for (const engine of Object.keys(engines) as Engine[]) {
    if (!engines[engine]) continue;
    const output = await runEntry(engine, entry(engine, runs));
    const best = new Map<string, number[]>();
    for (const [, ...told] of output.matchAll(/slices (\S+) (\S+) (\S+) (\S+) ([\w, -]+)/g)) {
      const [count, longest, total, start] = told.map(Number);
      const name = told[4];
      const known = best.get(name);
      if (!known || longest < known[1]) best.set(name, [count, longest, total / count, start]);
    }
    if (best.size !== 3 || !output.includes("refused 0")) throw new Error(`slices on ${engine}: ${output.slice(-300)}`);
    for (const [name, [count, longest, average, start]] of best)
      console.log(
        `${engine}  ${name}: ${String(count)} slices, longest ${longest.toFixed(2)} ms, ${average.toFixed(2)} ms on average, start ${start.toFixed(2)} ms`,
      );
  }
}
