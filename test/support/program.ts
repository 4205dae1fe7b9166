/**
 * A program of several TypeScript modules as one script of plain JavaScript: a process that runs it starts in a fraction of the time that it takes to load its modules one
 * by one, which counts where a test kills and starts it a hundred times. Packages stay where they are, unless they are named.
 */
import { existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rollup, type Plugin } from "rollup";
import ts from "typescript";

const FOLDER = fileURLToPath(new URL("../../build/test-programs/", import.meta.url));

const types: Plugin = {
  name: "types away",
  resolveId(source, importer) {
    if (!source.startsWith(".") || importer === undefined) return null;
    const file = resolve(dirname(importer), source).replace(/\.js$/, ".ts");
    return existsSync(file) ? file : null;
  },
  transform(code, id) {
    if (!id.endsWith(".ts")) return null;
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, sourceMap: true };
    const { outputText, sourceMapText } = ts.transpileModule(code, { compilerOptions, fileName: id });
    return { code: outputText, map: sourceMapText ?? null };
  },
};

/**
 * Answers the path of the script.
 *
 * @param entry - path of the module to begin with
 * @param inside - packages whose code goes into the script
 */
export async function program(entry: string, inside: string[] = []): Promise<string> {
  mkdirSync(FOLDER, { recursive: true });
  const file = join(mkdtempSync(FOLDER), "program.mjs");
  const bundle = await rollup({
    input: entry,
    plugins: [types, nodeResolve({ resolveOnly: (name) => inside.includes(name) })],
    external: (id) => !id.startsWith(".") && !isAbsolute(id) && !inside.includes(id),
    treeshake: "smallest",
    logLevel: "silent",
  });
  await bundle.write({ file, format: "es", inlineDynamicImports: true, sourcemap: "inline" });
  await bundle.close();
  return file;
}
