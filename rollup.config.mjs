/**
 * Bundles: one self-contained ES5 script for each device and engine. First all firmware sources become ES5 modules (one TypeScript
 * program), then each entry file is bundled and minified from those. `BOARD=name` builds for another board profile than the default.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import typescript from "@rollup/plugin-typescript";
import { boardOf, bundles, modulesFolder, outputOf } from "./scripts/build/bundles.mjs";
import { ownNames } from "./scripts/build/own.mjs";
import { inPhases, keepReleases } from "./scripts/build/phases.mjs";
import { portable, sharesTable } from "./scripts/build/portable.mjs";
import { report, stamp } from "./scripts/build/report.mjs";

const only = process.env.ONLY?.split(",");
const present = bundles(process.env.BOARD).filter((bundle) => existsSync(bundle.source) && (!only || only.includes(bundle.name)));

/** Types are checked by `npm run lint`; here they are only reported. */
const onwarn = (warning) => {
  if (warning.plugin !== "typescript") throw new Error(warning.message);
  if (!/TS5096/.test(warning.message)) console.warn(warning.message);
};

/** `leyden:board` is the board module that this bundle is built for. */
function boardModule(bundle) {
  const board = boardOf(bundle, process.env.BOARD);
  return {
    name: "leyden-board",
    resolveId: (id) => (id === "leyden:board" ? path.resolve(modulesFolder, `boards/${bundle.engine}/boards/${board}.js`) : null),
  };
}

const modules = {
  input: Object.fromEntries(
    [...present.map((bundle) => bundle.source), ...new Set(present.flatMap((bundle) => boardOf(bundle, process.env.BOARD, true)))].map(
      (file) => [file.replace(/\.ts$/, ""), file],
    ),
  ),
  external: ["leyden:board"],
  output: { dir: modulesFolder, format: "es", preserveModules: true, preserveModulesRoot: "." },
  treeshake: false,
  plugins: [typescript({ tsconfig: "tsconfig.firmware.json", compilerOptions: { outDir: modulesFolder }, outputToFilesystem: false })],
  onwarn,
};

/** On Espruino a wrapping function would cost every function one variable more, to hold its scope. */
const scripts = present.map((bundle) => ({
  input: path.join(modulesFolder, bundle.source.replace(/\.ts$/, ".js")),
  output: {
    file: outputOf(bundle, process.env.BOARD),
    format: bundle.engine === "espruino" ? "es" : "iife",
    strict: false,
    plugins: [portable(bundle)],
  },
  plugins: [boardModule(bundle), ownNames(), ...(inPhases(bundle) ? [keepReleases()] : [])],
  onwarn,
}));
if (scripts.length)
  scripts[scripts.length - 1].plugins.push({
    name: "report",
    closeBundle: () => report(present, process.env.BOARD) || stamp() || console.log(sharesTable()),
  });

export default [modules, ...scripts];
