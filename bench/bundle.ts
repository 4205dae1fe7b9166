import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { rollup } from "rollup";
import typescript from "typescript";
import { adoptLines } from "../test/crypto/engine.js";
import { portable } from "../scripts/build/portable.mjs";

const root = path.resolve(import.meta.dirname, "..");

/**
 * An entry text in the firmware dialect, with imports relative to the project's root, as one minified ES5 script, made by the same steps as
 * the firmware.
 *
 * @param room - bytes, where code of core's own in place of natives is to be left out of a larger script
 */
export async function bundle(entry: string, engine: "espruino" | "jerryscript", room?: number): Promise<string> {
  const build = await rollup({
    input: "\0entry.ts",
    plugins: [
      {
        name: "sources",
        resolveId(id, from) {
          if (id === "\0entry.ts") return id;
          const file = path.resolve(from === "\0entry.ts" ? root : path.dirname(from ?? root), id).replace(/\.js$/, ".ts");
          return existsSync(file) ? file : null;
        },
        load: (id) => (id === "\0entry.ts" ? entry : readFileSync(id, "utf8")),
        transform(code, id) {
          return typescript.transpileModule(code, {
            fileName: id,
            compilerOptions: {
              target: typescript.ScriptTarget.ES5,
              module: typescript.ModuleKind.ESNext,
              ignoreDeprecations: "6.0",
              verbatimModuleSyntax: true,
            },
          }).outputText;
        },
      },
    ],
    treeshake: { moduleSideEffects: true },
  });
  // As rollup.config.mjs does it: what the engine has natively is known, so that core's own code for it is left out.
  const { output } = await build.generate({
    format: engine === "espruino" ? "es" : "iife",
    strict: false,
    plugins: [portable({ name: "bench", engine, board: engine, room })],
  });
  await build.close();
  return output[0].code;
}

/** What a script is built for: an engine with hashes, AES and inner product, with or without core's own code in their place; or one with nothing. */
export type Build = "natives only" | "natives" | "no natives";

/** Bytes of the minified script that holds these exports of these modules, the known-answer tests of natives, and nothing else. */
export async function minifiedSize(imports: Record<string, string[]>, build: Build): Promise<number> {
  const engine = build === "no natives" ? "jerryscript" : "espruino";
  const lines = Object.entries(imports).map(([file, members]) => `import { ${members.join(", ")} } from "./${file}";`);
  const entry = `${adoptLines(engine)}${lines.join("\n")}
declare const print: (...all: unknown[]) => void;
let result: unknown = refused;
result = [${Object.values(imports).flat().join(", ")}];
print(result);
`;
  return (await bundle(entry, engine, build === "natives only" ? 0 : undefined)).length;
}
