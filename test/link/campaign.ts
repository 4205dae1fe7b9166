/**
 * Ten million hostile frames at each kind of end: npm run campaign:frames [-- FRAMES [SEED]]. Prints a line a hundred thousand; a failure names the seed that
 * brings it back.
 */
import { attack } from "./hostile.js";

const total = Number(process.argv[2] ?? "10000000");
const first = Number(process.argv[3] ?? "1");
const PART = 100_000;

for (let done = 0, seed = first; done < total; done += PART, seed++)
  for (const [role, name] of ["host", "card", "cartridge"].entries())
    try {
      const outcome = attack(role, Math.min(PART, total - done), seed);
      if (role === 2) console.log(`${String(done + outcome.frames)} frames at each end`);
    } catch (error) {
      console.error(`${name} end: npm run campaign:frames -- ${String(Math.min(PART, total - done))} ${String(seed)}`);
      throw error;
    }
