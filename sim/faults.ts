/**
 * Power cuts as a feature of the runner: a scenario is played once to count the operations of its devices, then once more for each of
 * them with the power cut there, in every way an operation can be torn. What fails is reported with a short string that replays exactly
 * that run. Snapshots are replays too: a run depends on its seed and its cuts alone, so any earlier moment is reached by playing up to it.
 */
import { Stopped } from "./clock.js";
import type { Operation } from "./espruino/options.js";
import type { Tear } from "./flash.js";
import { World, type WorldOptions } from "./world.js";

export interface FaultScenario {
  name: string;
  seed: number | string;
  world?: Omit<WorldOptions, "seed">;
  /** What happens before any fault may: building, flashing, enrolling. */
  setup?(world: World): Promise<void>;
  /** What is tried. It has to come through: a cut that it cannot get over is a failure. */
  run(world: World): Promise<void>;
  /** Throws when something does not hold that must hold whatever happened. */
  check(world: World): Promise<void> | void;
}

export type TearKind = Tear["how"];

/** The power of `device` goes at its `index`-th operation (from 1) of one kind. */
export interface Cut {
  device: string;
  what: Operation;
  index: number;
  how: TearKind;
  /** Which subset of the bits is done, for `subset`. */
  variant: number;
}

export interface FaultOptions {
  /** Only these devices, kinds of operations and tears. Default: all devices; flash, serial, timer; none, all, allButLast, subset. */
  devices?: string[];
  operations?: Operation[];
  tears?: TearKind[];
  /** Subsets of bits tried for each operation. Default 1. */
  variants?: number;
  /** At most so many runs, spread evenly over all of them. */
  limit?: number;
  /** Cuts in one run: each further one at a place drawn by seed, after the one before. Default 1. */
  depth?: number;
  /** Called after each run. */
  progress?: (done: number, of: number) => void;
}

export interface FaultFailure {
  /** Give it to `replay`. */
  replay: string;
  cuts: Cut[];
  error: Error;
}

export interface FaultReport {
  runs: number;
  /** Operations counted without faults, by device and kind. */
  counted: Map<string, number>;
  failures: FaultFailure[];
}

const KINDS: Operation[] = ["flash", "serial", "timer"];
const TEARS: TearKind[] = ["none", "all", "allButLast", "subset"];

/** Plays the scenario with the power cut at every operation. */
export async function cutEverywhere(scenario: FaultScenario, options: FaultOptions = {}): Promise<FaultReport> {
  const counted = new Map<string, number>();
  const calm = new World({ seed: scenario.seed, ...scenario.world });
  const failures: FaultFailure[] = [];
  await play(calm, scenario, [], counted);
  const all = list(counted, options);
  const limit = options.limit ?? all.length;
  const stride = Math.max(1, all.length / limit);
  const random = calm.random.stream("cuts");
  let runs = 0;
  for (let at = 0; at < all.length && runs < limit; at += stride) {
    const cuts = [all[Math.floor(at)]];
    while (cuts.length < (options.depth ?? 1)) {
      const { device, what, index } = cuts[cuts.length - 1];
      cuts.push({
        device,
        what,
        index: index + 1 + random.below(20),
        how: random.chance(0.5) ? "subset" : "none",
        variant: random.below(256),
      });
    }
    runs++;
    const error = await attempt(scenario, cuts);
    if (error) failures.push({ replay: encodeCuts(scenario, cuts), cuts, error });
    options.progress?.(runs, Math.min(limit, all.length));
  }
  return { runs, counted, failures };
}

/** Plays one run again; `scenarios` has to contain the one that the string names. Answers the world as it ended, and what failed. */
export async function replay(text: string, scenarios: FaultScenario[]): Promise<{ world: World; error: Error | undefined; cuts: Cut[] }> {
  const { name, seed, cuts } = decodeCuts(text);
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (!scenario) throw new Error(`replay string names scenario "${name}", known are ${scenarios.map((known) => known.name).join(", ")}`);
  const world = new World({ ...scenario.world, seed });
  const error = await outcome(play(world, scenario, cuts));
  return { world, error, cuts };
}

/**
 * The world as it was after `steps` events, faults included: stepping back is playing up to an earlier step. `resume` goes on to the end.
 * A scenario that is to be stopped lets time pass by `await world.sleep`, not by `carry`.
 */
export async function worldAt(
  scenario: FaultScenario,
  steps: number,
  cuts: Cut[] = [],
): Promise<{ world: World; resume: () => Promise<void> }> {
  const world = new World({ seed: scenario.seed, ...scenario.world });
  world.clock.stopAt = steps;
  const work = script(world, scenario, cuts);
  const go = (): Promise<void> => world.run(work);
  try {
    await go();
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  }
  world.clock.stopAt = Infinity;
  return { world, resume: go };
}

/** "F1" and, in base64url: seed, name and cuts, each text with its length before it, each number in groups of seven bits. */
export function encodeCuts(scenario: Pick<FaultScenario, "name" | "seed">, cuts: Cut[]): string {
  const out: number[] = [];
  const text = (value: string): void => {
    const bytes = Buffer.from(value, "utf8");
    out.push(bytes.length, ...bytes);
  };
  const number = (value: number): void => {
    let rest = value;
    for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
    out.push(rest);
  };
  text(typeof scenario.seed === "number" ? `#${String(scenario.seed)}` : scenario.seed);
  text(scenario.name);
  for (const { device, what, index, how, variant } of cuts) {
    text(device);
    number(KINDS.indexOf(what) * 4 + TEARS.indexOf(how));
    number(index);
    number(variant);
  }
  return `F1${Buffer.from(out).toString("base64url")}`;
}

export function decodeCuts(text: string): { name: string; seed: number | string; cuts: Cut[] } {
  if (!text.startsWith("F1")) throw new Error(`a replay string begins with F1, got "${text.slice(0, 12)}"`);
  const bytes = Buffer.from(text.slice(2), "base64url");
  const cuts: Cut[] = [];
  let at = 0;
  const need = (count: number): void => {
    if (at + count > bytes.length) throw new Error("the replay string is cut short: copy all of it");
  };
  const word = (): string => {
    need(1);
    const length = bytes[at++];
    need(length);
    at += length;
    return bytes.toString("utf8", at - length, at);
  };
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      need(1);
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const seed = word();
  const name = word();
  while (at < bytes.length) {
    const device = word();
    const code = number();
    const what = KINDS[code >> 2];
    if (!what) throw new Error("the replay string names an unknown operation: it is damaged or of another version");
    cuts.push({ device, what, how: TEARS[code & 3], index: number(), variant: number() });
  }
  return { name, seed: seed.startsWith("#") ? Number(seed.slice(1)) : seed, cuts };
}

function list(counted: Map<string, number>, options: FaultOptions): Cut[] {
  const cuts: Cut[] = [];
  for (const [key, count] of counted) {
    const [what, device] = key.split(/ (.*)/s) as [Operation, string];
    if (options.devices && !options.devices.includes(device)) continue;
    if (options.operations && !options.operations.includes(what)) continue;
    // Sending and timers are not torn: the power goes before them.
    const tears = (options.tears ?? TEARS).filter((how) => what === "flash" || how === "none");
    for (let index = 1; index <= count; index++)
      for (const how of tears)
        for (let variant = 0; variant < (how === "subset" ? (options.variants ?? 1) : 1); variant++)
          cuts.push({ device, what, index, how, variant });
  }
  return cuts;
}

async function attempt(scenario: FaultScenario, cuts: Cut[]): Promise<Error | undefined> {
  return outcome(play(new World({ seed: scenario.seed, ...scenario.world }), scenario, cuts));
}

async function outcome(run: Promise<void>): Promise<Error | undefined> {
  try {
    await run;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function play(world: World, scenario: FaultScenario, cuts: Cut[], counted?: Map<string, number>): Promise<void> {
  await world.run(script(world, scenario, cuts, counted));
}

async function script(world: World, scenario: FaultScenario, cuts: Cut[], counted?: Map<string, number>): Promise<void> {
  const seen = counted ?? new Map<string, number>();
  await scenario.setup?.(world);
  world.faults = {
    operation(device, what) {
      const key = `${what} ${device}`;
      const index = (seen.get(key) ?? 0) + 1;
      seen.set(key, index);
      const cut = cuts.find((candidate) => candidate.device === device && candidate.what === what && candidate.index === index);
      if (!cut) return undefined;
      return cut.how === "subset"
        ? { how: "subset", random: world.random.stream(`tear ${String(index)} ${String(cut.variant)}`) }
        : { how: cut.how };
    },
  };
  await scenario.run(world);
  world.faults = undefined;
  await scenario.check(world);
}
