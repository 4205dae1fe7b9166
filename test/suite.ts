/**
 * uvu with a report: `suite(name)` is uvu's, but tells the runner (descriptor in LEYDEN_TEST_REPORT) the name and outcome of every test, and knows
 * tests that are skipped by name with a reason.
 */
import { writeSync } from "node:fs";
import { suite as uvuSuite, type Callback, type Context, type Test } from "uvu";

export interface ReportedSuite<T extends Context = Context> {
  (name: string, run: Callback<T>): void;
  /** Counts the test as skipped, by name, with the reason; never runs it. */
  skip(name: string, reason: string): void;
  /** Runs the test when `condition` holds, else skips it with the reason. */
  when(condition: boolean, reason: string): (name: string, run: Callback<T>) => void;
  before: Test<T>["before"];
  after: Test<T>["after"];
  run(): void;
}

function report(name: string, outcome: "passed" | "failed" | "skipped"): void {
  const descriptor = Number(process.env.LEYDEN_TEST_REPORT ?? "0");
  if (descriptor > 2) writeSync(descriptor, `${JSON.stringify({ name, outcome })}\n`);
  else if (outcome === "skipped") console.log(`skipped: ${name}`);
}

export function suite<T extends Context = Context>(title: string): ReportedSuite<T> {
  const inner = uvuSuite<T>(title);
  const add = (name: string, run: Callback<T>): void => {
    const full = `${title}: ${name}`;
    inner(name, async (context) => {
      try {
        await run(context);
      } catch (error) {
        report(full, "failed");
        throw error;
      }
      report(full, "passed");
    });
  };
  const skip = (name: string, reason: string): void => {
    report(`${title}: ${name} (${reason})`, "skipped");
  };
  return Object.assign(add, {
    skip,
    when: (condition: boolean, reason: string) => (name: string, run: Callback<T>) => {
      if (condition) add(name, run);
      else skip(name, reason);
    },
    before: inner.before,
    after: inner.after,
    run: () => {
      inner.run();
    },
  });
}
