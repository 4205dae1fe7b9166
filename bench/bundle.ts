import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { rollup } from "rollup";
import typescript from "typescript";
import { portable } from "../scripts/build/portable.mjs";

const root = path.resolve(import.meta.dirname, "..");

/**
 * An entry text in the firmware dialect, with imports relative to the project's root, as one minified ES5 script, made by the same steps as
 * the firmware.
 */
export async function bundle(entry: string, engine: "espruino" | "jerryscript"): Promise<string> {
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
    plugins: [portable({ name: "bench", engine, board: engine })],
  });
  await build.close();
  return output[0].code;
}

/** Bytes of the minified script that holds these exports of these modules and nothing else. */
export async function minifiedSize(imports: Record<string, string[]>): Promise<number> {
  let entry = "";
  const names: string[] = [];
  for (const [file, members] of Object.entries(imports)) {
    entry += `import { ${members.join(", ")} } from "./${file}";\n`;
    names.push(...members);
  }
  return (await bundle(`${entry}declare const print: (...all: unknown[]) => void;\nprint(${names.join(", ")});\n`, "jerryscript")).length;
}
