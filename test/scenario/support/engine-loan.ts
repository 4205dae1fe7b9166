/** A whole loan with the devices in real interpreter processes, against the same loan in the sandbox. */
import * as assert from "uvu/assert";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CUSTODY_CARTRIDGE } from "../../../src/core/protocol/constants.js";
import type { EngineContext } from "../../../sim/espruino/context.js";
import { runLoan } from "../../../sim/loan.js";
import type { LoanWorld } from "../../../sim/loan-world.js";
import { reportHtml } from "../../../sim/report.js";
import { summarize } from "../../../sim/summary.js";
import { toVcd } from "../../../sim/vcd.js";

export type Role = "card" | "cartridge" | "reader";
export const ROLES: readonly Role[] = ["card", "cartridge", "reader"];
export const TEXT = "A content that is lent, played and gone when its time is up. ".repeat(40);

/** What a loan leaves, and what was found in memory on the way. */
export interface Outcome {
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

export interface Setting {
  engine: "espruino" | "jerryscript";
  custody?: number;
  /** Makes the interpreter for one start of a device, in a folder of its own. */
  make?: (folder: string) => EngineContext;
  real?: readonly Role[];
  /** Keys that are looked for in memory. */
  keys?: readonly Uint8Array[];
}

export async function lend({ engine, custody = CUSTODY_CARTRIDGE, make, real = [], keys = [] }: Setting): Promise<Outcome> {
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
export function reference(engine: Setting["engine"], custody = CUSTODY_CARTRIDGE): Promise<Outcome> {
  const name = `${engine} ${String(custody)}`;
  const known = references.get(name) ?? lend({ engine, custody });
  references.set(name, known);
  return known;
}

export function same(found: Outcome, expected: Outcome): void {
  assert.is(found.played, TEXT);
  assert.ok(found.refused, "erased at the deadline, and refused afterwards");
  for (const [name, text] of Object.entries(expected.files)) assert.ok(found.files[name] === text, `${name} differs from the sandbox's`);
}
