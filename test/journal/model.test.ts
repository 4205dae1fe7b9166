import fc from "../generate.js";
import * as assert from "uvu/assert";
import {
  createJournal,
  journalGet,
  journalKey,
  journalNext,
  journalPut,
  journalRecycle,
  journalRekey,
  type Journal,
} from "../../src/core/journal.js";
import { suite } from "../suite.js";
import { PowerCut, TornFlash, noise } from "./flash.js";

/** The specification: a map. Under [1, 0] lies the journal's key. */
type Model = Map<string, Uint8Array>;
type Command =
  | { do: "put"; type: number; index: number; value: Uint8Array }
  | { do: "recycle" }
  | { do: "restart" }
  | { do: "rekey"; value: Uint8Array };

const TYPES = [1, 2, 7, 254];
const INDICES = [0, 1, 255];

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      type: fc.constantFrom(...TYPES.slice(1)),
      index: fc.constantFrom(...INDICES),
      value: fc.uint8Array({ maxLength: 60 }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: "recycle" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "restart" as const }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((value) => ({ do: "rekey" as const, value })) },
);

function open(flash: TornFlash): Journal {
  const journal = createJournal(flash);
  const key = new Uint8Array(32);
  if (journalGet(journal, 1, 0, key) === 32) journalKey(journal, key);
  return journal;
}

function after(model: Model, step: Command): Model {
  const next = new Map(model);
  if (step.do === "rekey") next.set("1,0", step.value);
  if (step.do === "put") {
    if (step.value.length) next.set(`${step.type},${step.index}`, step.value);
    else next.delete(`${step.type},${step.index}`);
  }
  return next;
}

function apply(journal: Journal, flash: TornFlash, step: Command): Journal {
  if (step.do === "restart") return open(flash);
  if (step.do === "put") assert.ok(journalPut(journal, step.type, step.index, step.value), "put");
  else if (step.do === "recycle") assert.ok(journalRecycle(journal), "recycle");
  else assert.ok(journalRekey(journal, step.value, 1, 0, step.value), "rekey");
  return journal;
}

function contents(journal: Journal): Model {
  const found: Model = new Map();
  for (const type of TYPES)
    for (let index = journalNext(journal, type, 0); index >= 0; index = journalNext(journal, type, index + 1)) {
      const out = new Uint8Array(320);
      const length = journalGet(journal, type, index, out);
      assert.ok(length > 0, `value ${type},${index} is forged or gone`);
      found.set(`${type},${index}`, out.slice(0, length));
    }
  return found;
}

function same(a: Model, b: Model): boolean {
  return a.size === b.size && [...a].every(([name, value]) => Buffer.compare(value, b.get(name) ?? new Uint8Array()) === 0 && b.has(name));
}

/** Runs the steps with power cuts at operation `cut` and, during the restart, `second`; after each the journal must be as before or as after the step. */
function run(steps: Command[], cut: number, second: number, seed: number): number {
  const flash = new TornFlash(1024);
  const draw = noise(seed);
  let model: Model = new Map();
  // Torn bits: nothing done, all done, done up to some byte, from some byte on, or each by chance.
  const manner = seed % 6;
  const edge = (draw() & 255) / 256;
  flash.torn = (i, length) => {
    const ahead = i < Math.round(edge * edge * length);
    return manner === 0 || (manner === 2 && !ahead) || (manner === 3 && ahead) ? 255 : manner < 4 ? 0 : draw() & 255;
  };
  flash.cutAt = cut;
  const powered = <T>(work: () => T): T | undefined => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof PowerCut)) throw error;
      flash.cutAt = second ? flash.operations + second : 0;
      second = 0;
      return undefined;
    }
  };
  const restart = (): Journal => {
    for (;;) {
      const opened = powered(() => open(flash));
      if (opened) return opened;
    }
  };
  let journal = restart();
  for (const step of steps) {
    const before = model;
    const current: Journal = journal;
    const next: Journal | undefined = powered(() => apply(current, flash, step));
    model = after(model, step);
    if (!next) {
      journal = restart();
      const found = contents(journal);
      assert.ok(
        same(found, before) || same(found, model),
        `neither before nor after: cut ${cut}, ${second}, seed ${seed}, step ${JSON.stringify(step)}`,
      );
      model = found;
    } else journal = next;
  }
  assert.ok(same(contents(journal), model), "live contents");
  flash.cutAt = 0;
  assert.ok(same(contents(open(flash)), model), "contents after a restart");
  return flash.operations;
}

const test = suite("journal model");

test("any commands leave what the model has, with a power cut and torn bits at every flash operation", () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 20, maxLength: 60 }), fc.integer({ min: 1 }), (steps, seed) => {
      const operations = run(steps, 0, 0, seed);
      for (let cut = 1; cut <= operations; cut++) {
        run(steps, cut, 0, seed + cut);
        run(steps, cut, 1 + (seed % 3), seed + 3 * cut);
      }
    }),
    { numRuns: Number(process.env.LEYDEN_RUNS ?? "25") },
  );
});

test.run();
