/**
 * A program of several TypeScript modules as one script of plain JavaScript, packages and all: a process that runs it starts in a fraction of the time that it takes to
 * load its modules one by one, which counts where a test kills and starts it a hundred times.
 */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const FOLDER = fileURLToPath(new URL("../../build/test-programs/", import.meta.url));

/** PGlite reads files that stand beside its modules; the other is a native driver that pg does without. */
const OUTSIDE = ["@electric-sql/pglite", "pg-native"];

/** What packages of the older kind expect to find. */
const OLDER = `import { createRequire } from "node:module";
import { dirname as directoryOf } from "node:path";
const require = createRequire(import.meta.url);
const __filename = import.meta.filename ?? new URL(import.meta.url).pathname;
const __dirname = directoryOf(__filename);`;

/**
 * Answers the path of the script.
 *
 * @param entry - path of the module to begin with
 */
export async function program(entry: string): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const outfile = join(mkdtempSync(FOLDER), "program.mjs");
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "esm",
    external: OUTSIDE,
    banner: { js: OLDER },
    // Beside the script: within it, each start would read megabytes more.
    sourcemap: "linked",
    logLevel: "error",
  });
  return outfile;
}
