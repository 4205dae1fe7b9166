/** Espruino's Storage as the simulator has it, against its laws and against the engine itself where ESPRUINO names one. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { NorFlash, PowerCut } from "../../sim/flash.js";
import { Random } from "../../sim/random.js";
import { Storage } from "../../sim/storage.js";
import { suite } from "../suite.js";

const test = suite("storage");
const engine = process.env.ESPRUINO;

function make(length = 8192, page = 1024): Storage {
  const flash = new NorFlash({ start: 0x10000000, length, page, unit: 4, eraseTime: 0, programTime: 0 });
  return new Storage(flash, { start: 0x10000000, length, alignment: 4 });
}
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("latin1");
const bytes = (value: string): Uint8Array => Buffer.from(value, "latin1");

test("files are written, read in parts, filled up by offset and deleted", () => {
  const storage = make();
  storage.write("a", bytes("Hello"), 0, 14);
  storage.write("a", bytes(" "), 5);
  storage.write("a", bytes("World!!!"), 6);
  assert.is(text(storage.read("a")), "Hello World!!!");
  assert.is(text(storage.read("a", 6, 5)), "World");
  assert.throws(() => storage.write("a", bytes("x"), 3), /different data/);
  assert.throws(() => storage.write("a", bytes("xxxx"), 12), /Too much data/);
  assert.throws(() => storage.write("b", bytes("x"), 3), /Unable to find/);
  assert.equal(storage.list(), ["a"]);
  storage.erase("a");
  assert.is(storage.read("a"), undefined);
  assert.equal(storage.list(), []);
});

test("appending by offset to a preallocated file creates nothing and moves nothing", () => {
  const storage = make();
  storage.write("journal", new Uint8Array(0), 0, 4096);
  const { free, address } = { free: storage.getFree(), address: storage.locate("journal")?.address };
  for (let i = 0; i < 999; i++) storage.write("journal", Uint8Array.of(i & 127, 1, 2, 3), i * 4, 4096);
  assert.is(storage.getFree(), free);
  assert.is(storage.locate("journal")?.address, address);
  assert.is(storage.compactions, 0);
});

test("overwriting is not atomic: a cut between leaves neither file", () => {
  const storage = make();
  storage.write("state", bytes("old state"));
  let operations = 0;
  storage.flash.guard = () => (++operations === 2 ? { how: "none" } : undefined);
  assert.throws(
    () => storage.write("state", bytes("new state!")),
    (error: unknown) => error instanceof PowerCut,
  );
  storage.flash.guard = undefined;
  assert.is(storage.checkAtStart(), false);
  assert.is(storage.read("state"), undefined);
});

test("compaction is counted, keeps files, and loses some when the power goes", () => {
  const fill = (storage: Storage): void => {
    for (let i = 0; i < 7; i++) storage.write(`f${String(i)}`, new Uint8Array(900).fill(i));
    for (let i = 0; i < 7; i += 2) storage.erase(`f${String(i)}`);
  };
  const whole = make();
  fill(whole);
  whole.write("big", new Uint8Array(3000).fill(9));
  assert.is(whole.compactions, 1);
  for (let i = 1; i < 7; i += 2) assert.equal(whole.read(`f${String(i)}`), new Uint8Array(900).fill(i));
  let lost = 0;
  for (let cut = 1; cut < 20; cut++) {
    const storage = make();
    fill(storage);
    let operations = 0;
    storage.flash.guard = () => (++operations === cut ? { how: "none" } : undefined);
    try {
      storage.compact();
    } catch {
      storage.flash.guard = undefined;
      storage.checkAtStart();
      if ([1, 3, 5].some((i) => storage.read(`f${String(i)}`)?.every((byte) => byte === i) !== true)) lost++;
    }
  }
  assert.ok(lost > 0, "no cut lost anything");
});

test("a Storage that makes no sense is erased at start", () => {
  const storage = make();
  storage.write("a", bytes("data"));
  storage.flash.program(0x10000000, Uint8Array.of(0, 0, 0, 0));
  assert.is(storage.checkAtStart(), true);
  assert.ok(storage.flash.cells.every((byte) => byte === 0xff));
});

interface Step {
  op: "write" | "erase" | "compact";
  name: string;
  fill: number;
  length: number;
  offset: number;
  size: number;
}

function steps(random: Random, count: number): Step[] {
  return Array.from({ length: count }, () => {
    const op = random.chance(0.72) ? "write" : random.chance(0.9) ? "erase" : "compact";
    const length = random.chance(0.3) ? random.below(40) : random.below(14_000);
    const partial = random.chance(0.2);
    return {
      op,
      name: `file${String(random.below(14))}`,
      fill: random.below(255),
      length,
      offset: partial ? random.below(3000) : 0,
      size: random.chance(0.3) ? length + random.below(5000) : 0,
    };
  });
}

/** The same operations as a script for the engine, one line of outcome each. */
function script(list: Step[]): string {
  return `var s=require("Storage");
function d(n,f){return E.toString({data:f,count:n})}
${JSON.stringify(list)}.forEach(function(o){var r;try{
if(o.op=="write")r=s.write(o.name,d(o.length,o.fill),o.offset,o.size);else if(o.op=="erase"){s.erase(o.name);r="done"}else{s.compact();r="done"}
}catch(e){r=e.message||e}print("\\n> "+r+" "+s.getFree())});
print("\\n> "+s.list().join());
`;
}

function outcome(storage: Storage, step: Step): string {
  let result: string;
  try {
    if (step.op === "write") result = String(storage.write(step.name, new Uint8Array(step.length).fill(step.fill), step.offset, step.size));
    else {
      if (step.op === "erase") storage.erase(step.name);
      else storage.compact();
      result = "done";
    }
  } catch (error) {
    result = (error as Error).message;
  }
  return `${result} ${String(storage.getFree())}`;
}

test.when(engine !== undefined, "ESPRUINO names no engine")("random operations leave the same bytes in flash as on the engine", () => {
  let compactions = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const list = steps(new Random(seed), 160);
    const folder = mkdtempSync(join(tmpdir(), "leyden-storage-"));
    writeFileSync(join(folder, "script.js"), script(list));
    const run = spawnSync(engine as string, ["script.js"], {
      cwd: folder,
      input: "",
      encoding: "latin1",
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    const answers = run.stdout
      .split("\n")
      .filter((line) => line.startsWith("> "))
      .map((line) => line.slice(2).trim());
    const storage = make(256 * 1024);
    const own = list.map((step) => outcome(storage, step));
    own.push(storage.list().join(","));
    assert.equal(own, answers, `seed ${String(seed)}`);
    assert.ok(Buffer.from(storage.flash.cells).equals(readFileSync(join(folder, "espruino.flash"))), `seed ${String(seed)}: flash differs`);
    compactions += storage.compactions;
    rmSync(folder, { recursive: true });
  }
  assert.ok(compactions > 12, `only ${String(compactions)} compactions`);
});

test.run();
