/** The self-test, with nothing native. */
import { selftest } from "../../src/core/selftest.js";

declare const print: (line: string) => void;

selftest({}, print, function (): number {
  return Date.now();
});
