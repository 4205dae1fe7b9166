/** A whole loan with the devices in real interpreter processes, against the same loan in the sandbox. */
import * as assert from "uvu/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { jerryHost } from "../../sim/engine/jerry.js";
import { RemoteContext, espruino, jerry } from "../../sim/engine/remote.js";
import type { EngineContext } from "../../sim/espruino/context.js";
import { runLoan } from "../../sim/loan.js";
import type { LoanWorld } from "../../sim/loan-world.js";
import { reportHtml } from "../../sim/report.js";
import { summarize } from "../../sim/summary.js";
import { toVcd } from "../../sim/vcd.js";
import { suite } from "../suite.js";

const ESPRUINO = process.env.ESPRUINO ?? "";
const JERRY_HOME = process.env.JERRY_HOME ?? "";
const test = suite("real interpreters");
const withEspruino = test.when(ESPRUINO !== "", "ESPRUINO is not set");
const withJerry = test.when(JERRY_HOME !== "", "JERRY_HOME is not set");

type Role = "card" | "cartridge" | "reader";
const ROLES: readonly Role[] = ["card", "cartridge", "reader"];
const TEXT = "A content that is lent, played and gone when its time is up. ".repeat(40);

/** What a loan leaves, and what was found in memory on the way. */
interface Outcome {
  files: Record<string, string>;
  played: string;
  refused: boolean;
  /** The key in the cartridge's key memory while the loan runs, if the sandbox shows it; the title's key. */
  key: Uint8Array;
  titleKey: Uint8Array;
  /** How often the known key was found in the cartridge while it was held, and in all three devices together after the erase. */
  held: number;
  left: number;
}

interface Setting {
  engine: "espruino" | "jerryscript";
  custody?: number;
  /** Makes the interpreter for one start of a device, in a folder of its own. */
  make?: (folder: string) => EngineContext;
  real?: readonly Role[];
  /** Keys that are looked for in memory. */
  keys?: readonly Uint8Array[];
}

async function lend({ engine, custody = CUSTODY_CARTRIDGE, make, real = [], keys = [] }: Setting): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-engine-"));
  const file = join(folder, "content.txt");
  writeFileSync(file, TEXT);
  const running: EngineContext[] = [];
  const engines = Object.fromEntries(
    real.map((role) => [
      role,
      (device: string): EngineContext => {
        const context = (make as NonNullable<typeof make>)(join(folder, device));
        running.push(context);
        return context;
      },
    ]),
  );
  let world: LoanWorld | undefined;
  let key = new Uint8Array(0);
  let titleKey = new Uint8Array(0);
  let waited = false;
  let held = 0;
  let left = 0;
  try {
    const { loan, played } = await runLoan({
      file,
      name: "content.txt",
      custody,
      days: 1,
      seed: 11,
      folder,
      engine,
      engines,
      onStart: (_trace, started) => {
        world = started;
        const { center } = started;
        const add = center.addContent.bind(center);
        center.addContent = (content) => {
          titleKey = content.titleKey.slice();
          add(content);
        };
      },
      progress: (step) => {
        if (!world) return;
        if (step === "active") {
          key = world.cartridge.arenas.keyMemory?.slice(0, 32) ?? key;
          for (const wanted of keys) held += world.cartridge.searchMemory(wanted);
        }
        // The second time that something is to be played comes after the erase, with all three devices running.
        if (step === "waiting") waited = true;
        if (step === "playing" && waited)
          for (const board of [world.card, world.cartridge, world.reader]) for (const wanted of keys) left += board.searchMemory(wanted);
      },
    });
    const { trace } = loan.world;
    const summary = summarize(trace);
    return {
      files: {
        "summary.json": JSON.stringify(summary, null, 2),
        "report.html": reportHtml(trace, { title: "One loan", subtitle: "" }),
        "trace.vcd": toVcd(trace),
        "trace.jsonl": trace.toString(),
      },
      played: Buffer.from(played ?? []).toString("latin1"),
      refused: summary.refusedAfterErase && summary.erased?.reason === "deadline",
      key,
      titleKey,
      held,
      left,
    };
  } finally {
    for (const context of running) context.end?.();
    rmSync(folder, { recursive: true, force: true });
  }
}

const references = new Map<string, Promise<Outcome>>();

/** The same loan with every device in the sandbox. */
function reference(engine: Setting["engine"], custody = CUSTODY_CARTRIDGE): Promise<Outcome> {
  const name = `${engine} ${String(custody)}`;
  const known = references.get(name) ?? lend({ engine, custody });
  references.set(name, known);
  return known;
}

function same(found: Outcome, expected: Outcome): void {
  assert.is(found.played, TEXT);
  assert.ok(found.refused, "erased at the deadline, and refused afterwards");
  for (const [name, text] of Object.entries(expected.files)) assert.ok(found.files[name] === text, `${name} differs from the sandbox's`);
}

const onEspruino = (folder: string): EngineContext => new RemoteContext(espruino(ESPRUINO), folder);

test("dist/jerryscript: the whole loan runs on the host program's simulated hardware, erased at its deadline and refused after", async () => {
  const found = await reference("jerryscript");
  assert.is(found.played, TEXT);
  assert.ok(found.refused);
  assert.is.not(found.files["trace.jsonl"], (await reference("espruino")).files["trace.jsonl"]);
});

withEspruino(
  "[F8] card, cartridge and reader each in a real Espruino: the loan's files are those of the sandbox, and no piece of a key is left in a process",
  async () => {
    const expected = await reference("espruino");
    const keys = [expected.key, expected.titleKey];
    const found = await lend({ engine: "espruino", make: onEspruino, real: ROLES, keys });
    same(found, expected);
    assert.ok(found.held > 0, "the search finds the key while it is held");
    assert.is(found.left, 0, "a piece of a key is in an interpreter's memory after the erase");
  },
);

withEspruino("a real Espruino as card lends with a cartridge and a reader in the sandbox", async () => {
  same(await lend({ engine: "espruino", make: onEspruino, real: ["card"] }), await reference("espruino"));
});

const SETS: readonly (readonly Role[])[] = [["card"], ["cartridge"], ["reader"], ["card", "reader"], ROLES];
for (const real of SETS)
  withJerry(
    `[F6]${real.length === 3 ? "[F8]" : ""} ${real.join(", ")} in a real JerryScript: the loan's files are those of the sandbox`,
    async () => {
      const program = await jerryHost(JERRY_HOME);
      const expected = await reference("jerryscript");
      const keys = [expected.key, expected.titleKey];
      const found = await lend({ engine: "jerryscript", make: (folder) => new RemoteContext(jerry(program), folder), real, keys });
      same(found, expected);
      assert.ok(found.held > 0);
      assert.is(found.left, 0, "a piece of a key is in an interpreter's memory after the erase");
    },
  );

for (const [name, custody] of [
  ["card", CUSTODY_CARD],
  ["split", CUSTODY_SPLIT],
] as const)
  withJerry(`[F6] all three in a real JerryScript, custody ${name}`, async () => {
    const program = await jerryHost(JERRY_HOME);
    const expected = await reference("jerryscript", custody);
    const found = await lend({
      engine: "jerryscript",
      custody,
      make: (folder) => new RemoteContext(jerry(program), folder),
      real: ROLES,
      keys: [expected.titleKey],
    });
    assert.is(found.played, TEXT);
    for (const [file, text] of Object.entries(expected.files)) assert.ok(found.files[file] === text, `${file} differs from the sandbox's`);
    assert.is(found.left, 0);
  });

test.run();
