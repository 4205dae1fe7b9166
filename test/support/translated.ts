/**
 * The tests, and the programs that they start, as plain JavaScript: a run of many files translates all of them at once, in place of each process anew. Beside a single
 * file there is nothing of the kind, and its programs are translated as they start.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDER = join(ROOT, "build", "tests");

/** Names the folder of a run to its processes. */
const TRANSLATED = "LEYDEN_TESTS_TRANSLATED";

/** Processes that live for seconds have no use for WebAssembly that is optimized in the background: of PGlite, that takes as long as their work. */
export const SHORT_LIVED = "--liftoff-only";

/** Simulated devices make and drop small objects all the time: with room for them a third less time goes into collecting. */
const ROOMY = "--max-semi-space-size=48";

/** Programs that tests start as processes of their own. */
const PROGRAMS = [
  "test/delivery/support/child-center.ts",
  "test/enroll/blank-process.ts",
  "test/scenario/support/kiosk-process.ts",
  "test/scenario/support/mortal-center.ts",
].map((name) => join(ROOT, name));

/** A test of a runner of tests has files elsewhere, which are not worth it. */
const isOurs = (path: string): boolean => !relative(ROOT, path).startsWith("..");

/** What stands for `import.meta.url` and `import.meta.dirname` in a module, so that it goes on finding what lies beside it. */
const OWN_URL = "ownUrl$";
const OWN_FOLDER = "ownFolder$";

const inPlace: Plugin = {
  name: "in-place",
  setup(context) {
    context.onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      loader: "ts",
      contents: `const ${OWN_URL} = ${JSON.stringify(pathToFileURL(path).href)}, ${OWN_FOLDER} = ${JSON.stringify(dirname(path))}; ${readFileSync(path, "utf8")}`,
    }));
  },
};

/**
 * Translates test files and all programs, for as long as this process lives; answers the environment in which `nodeArguments` finds them.
 *
 * @param files - paths of the test files
 */
export async function translate(files: readonly string[]): Promise<Record<string, string>> {
  const ours = files.map((file) => resolve(file)).filter(isOurs);
  if (ours.length === 0) return {};
  mkdirSync(FOLDER, { recursive: true });
  const outdir = mkdtempSync(join(FOLDER, "run-"));
  process.once("exit", () => {
    rmSync(outdir, { recursive: true });
  });
  await build({
    entryPoints: [...ours, ...PROGRAMS],
    outbase: ROOT,
    outdir,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    target: "node20",
    format: "esm",
    keepNames: true,
    sourcemap: true,
    define: { "import.meta.url": OWN_URL, "import.meta.dirname": OWN_FOLDER },
    plugins: [inPlace],
    logLevel: "error",
  });
  return { [TRANSLATED]: outdir };
}

/**
 * What to give Node to run a test or a program.
 *
 * @param entry - path of its module
 */
export function nodeArguments(entry: string, environment: NodeJS.ProcessEnv = process.env): string[] {
  const folder = environment[TRANSLATED];
  const path = resolve(ROOT, entry);
  if (folder === undefined || !isOurs(path)) return [SHORT_LIVED, "--import", "tsx", path];
  return [SHORT_LIVED, ROOMY, "--enable-source-maps", join(folder, relative(ROOT, path).replace(/\.ts$/, ".mjs"))];
}
