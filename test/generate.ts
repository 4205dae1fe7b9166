/**
 * fast-check as the tests use it. Shrinking may go on for hours where each run is slow; so every property ends after a while and
 * tells the smallest failure found until then, before `test/run.ts` stops the file without a word of it.
 */
import fc from "fast-check";

fc.configureGlobal({ interruptAfterTimeLimit: 200_000, markInterruptAsFailure: true });

export default fc;
