/**
 * Ten million hostile frames at each wire of each device, built bundles in the simulator: npm run campaign:devices [-- FRAMES [SEED [TARGET]]]. It can be
 * interrupted; a failure prints the command that brings it back.
 */
import { SingleBar } from "cli-progress";
import { TARGETS, underFire, type Target } from "./devices.js";

const total = Number(process.argv[2] ?? "10000000");
const first = Number(process.argv[3] ?? "1");
const named = process.argv[4] as Target | undefined;
const PART = 20_000;

if (!(total > 0) || !Number.isInteger(first) || (named !== undefined && !TARGETS.includes(named))) {
  console.error(`Expected a number of frames, a seed, and one of: ${TARGETS.join("; ")}.`);
  process.exit(2);
}
for (const target of named ? [named] : TARGETS) {
  const bar = new SingleBar({
    format: `${target} [{bar}] {value} of {total} frames, {eta_formatted} left`,
    noTTYOutput: true,
    notTTYSchedule: 60_000,
  });
  bar.start(total, 0);
  for (let done = 0, seed = first; done < total; done += PART, seed++) {
    const count = Math.min(PART, total - done);
    try {
      await underFire(target, count, seed);
    } catch (error) {
      bar.stop();
      console.error(`npm run campaign:devices -- ${String(count)} ${String(seed)} "${target}"`);
      throw error;
    }
    bar.update(done + count);
  }
  bar.stop();
}
