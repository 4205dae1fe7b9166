/**
 * Runs every `*.test.ts` below this folder, each in a process of its own, and prints one line a file and the sums at the end. Boards that go with real time wait most of theirs:
 * their files run one by one, before the others in priority, which run two at a time beside them.
 *
 *   npx tsx test/run.ts [--grep TEXT] [--json FILE]
 *
 * A file named on the command line runs alone. The last line is `N passed, N failed, N skipped`; the exit code is 1 when anything failed.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism, setPriority } from "node:os";
import { join, relative, sep } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { nodeArguments, translate } from "./support/translated.js";

interface Outcome {
  file: string;
  passed: number;
  failed: number;
  skipped: number;
  milliseconds: number;
  tests: { name: string; outcome: "passed" | "failed" | "skipped" }[];
  output: string;
}

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "..");
/** Files whose boards go with real time, over real ports and processes. */
const IN_REAL_TIME = /scenario\/(serial|lending|operators|household|household-kill|delivery)\.test\.ts$/;
/** Of processes that wait for nobody: boards in real time would be late beside them. */
const LOWER = 10;
const LIMIT = 5 * 60_000;
/** Files whose devices run in real interpreters, where those are named: two to three orders of magnitude slower. */
const ON_ENGINES = /engine\/\w+\.test\.ts$|crypto\/engines\.test\.ts$|scenario\/(espruino|jerryscript)\.test\.ts$/;
const ENGINE_LIMIT = 30 * 60_000;

function files(): string[] {
  const named = process.argv.slice(2).filter((word) => word.endsWith(".test.ts"));
  if (named.length > 0) return named;
  return readdirSync(here, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join(here, name))
    .sort();
}

/** Folders whose files take long come first. */
function weight(file: string): number {
  return ["scenario", "center", "attack", "cli"].includes(relative(here, file).split(sep)[0]) ? 1 : 0;
}

/** One file in its own process; the reporter in `test/suite.ts` writes a line of JSON a test to descriptor 3. */
function run(file: string, translated: Record<string, string>): Promise<Outcome> {
  return new Promise((resolve) => {
    const started = Date.now();
    const env = { ...process.env, ...translated, LEYDEN_TEST_REPORT: "3", FORCE_COLOR: "0" };
    const child = spawn(process.execPath, nodeArguments(file, env), {
      cwd: root,
      env,
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    }) as ChildProcessByStdio<null, Readable, Readable>;
    if (child.pid !== undefined && !IN_REAL_TIME.test(file)) setPriority(child.pid, LOWER);
    let output = "";
    let report = "";
    const collect = (data: Buffer): void => {
      output += data.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.stdio[3]?.on("data", (data: Buffer) => (report += data.toString()));
    const limit = ON_ENGINES.test(file) ? ENGINE_LIMIT : LIMIT;
    const timer = setTimeout(() => {
      output += `\nstopped after ${String(limit / 60_000)} minutes`;
      child.kill("SIGKILL");
    }, limit);
    child.on("close", (code) => {
      clearTimeout(timer);
      const tests = report
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Outcome["tests"][number]);
      const count = (outcome: string): number => tests.filter((test) => test.outcome === outcome).length;
      const crashed = code !== 0 && count("failed") === 0;
      const empty = tests.length === 0;
      if (crashed || empty) tests.push({ name: crashed ? `exit code ${String(code)}` : "no test ran", outcome: "failed" });
      resolve({
        file: relative(root, file),
        passed: count("passed"),
        failed: tests.filter((test) => test.outcome === "failed").length,
        skipped: count("skipped"),
        milliseconds: Date.now() - started,
        tests,
        output,
      });
    });
  });
}

async function main(): Promise<void> {
  // One worker begins with the boards in real time, so that no two of their files meet; long files come early, so that all end together.
  const named = files();
  const live = named.filter((file) => IN_REAL_TIME.test(file));
  const others = named.filter((file) => !IN_REAL_TIME.test(file)).sort((a, b) => weight(b) - weight(a));
  const outcomes: Outcome[] = [];
  const translated = await translate(named);
  const worker = async (first: boolean): Promise<void> => {
    for (;;) {
      const file = (first ? live.shift() : undefined) ?? others.shift();
      if (file === undefined) return;
      let outcome = await run(file, translated);
      if (outcome.failed > 0 && IN_REAL_TIME.test(outcome.file)) {
        console.log(`     ${outcome.file} failed; boards in real time can be late on a busy machine, so it is tried once more:`);
        console.log(outcome.output);
        outcome = await run(file, translated);
      }
      outcomes.push(outcome);
      const skipped = outcome.skipped > 0 ? `, ${String(outcome.skipped)} skipped` : "";
      console.log(
        `${outcome.failed > 0 ? "FAIL" : "ok  "} ${outcome.file}  ${String(outcome.passed)} passed${skipped}, ${(outcome.milliseconds / 1000).toFixed(1)} s`,
      );
      for (const test of outcome.tests) if (test.outcome === "skipped") console.log(`     skipped: ${test.name}`);
      if (outcome.failed > 0) console.log(outcome.output);
    }
  };
  await Promise.all(Array.from({ length: 1 + Math.min(2, availableParallelism()) }, (_, index) => worker(index === 0)));
  const at = process.argv.indexOf("--json");
  if (at > 0) writeFileSync(process.argv[at + 1], `${JSON.stringify(outcomes, null, 2)}\n`);
  const sum = (field: "passed" | "failed" | "skipped"): string => String(outcomes.reduce((total, outcome) => total + outcome[field], 0));
  console.log(`${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`);
  process.exitCode = sum("failed") === "0" ? 0 : 1;
}

await main();
