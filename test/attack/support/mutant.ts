/**
 * A copy of a bundle with one of its defenses taken out, or with something counted: the sources as they are, each edit applied to one file, bundled in
 * memory. Only for the simulator, beside the board's flash: the steps that make a bundle small, and portable to weaker engines, are left out.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { rollup } from "rollup";
import ts from "typescript";

export type Firmware = "card" | "cartridge" | "reader";

export interface Edit {
  /** Path from the root of the repository. */
  file: string;
  /** Text that stands there exactly once. */
  from: string;
  to: string;
}

const root = fileURLToPath(new URL("../../../", import.meta.url));
const mutants = join(root, "build/mutants");
const boards: Record<Firmware, string> = { card: "puckjs", cartridge: "pico", reader: "pico" };

/** Applies the edits that name `file`; an edit whose text is not there, or there twice, is an error: the defense has moved. */
function edited(file: string, edits: Edit[]): string {
  let code = readFileSync(file, "utf8");
  for (const edit of edits.filter((one) => resolve(root, one.file) === file)) {
    const found = code.split(edit.from).length - 1;
    if (found !== 1) throw new Error(`${edit.file} holds ${String(found)} times, not once: ${edit.from}`);
    code = code.replace(edit.from, () => edit.to);
  }
  return code;
}

function sourcesHash(): string {
  const hash = createHash("sha256");
  for (const folder of ["src/core", "src/card", "src/cartridge", "src/reader", "boards"])
    for (const name of readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).sort())
      if (name.endsWith(".ts")) hash.update(name).update(readFileSync(join(root, folder, name)));
  return hash.digest("hex");
}

let sources = "";

/** JavaScript of the TypeScript in `code`, ES5 unless told otherwise; kept in `build/mutants`, since a mutant differs from the next in a file or two. */
function transpiled(code: string, target = ts.ScriptTarget.ES5): string {
  const kept = join(mutants, `${createHash("sha256").update(code).digest("hex").slice(0, 24)}.${ts.ScriptTarget[target].toLowerCase()}.js`);
  if (existsSync(kept)) return readFileSync(kept, "utf8");
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  keep(kept, outputText);
  return outputText;
}

/** Writes a file in one step, so that another test that builds the same at the same time reads all of it or nothing. */
function keep(file: string, text: string): void {
  mkdirSync(mutants, { recursive: true });
  const partial = `${file}.${String(process.pid)}`;
  writeFileSync(partial, text);
  renameSync(partial, file);
}

/** Builds `firmware` with `edits`; kept in `build/mutants` until a source changes. */
export async function mutant(firmware: Firmware, edits: Edit[]): Promise<string> {
  sources ||= sourcesHash();
  const name = createHash("sha256").update(sources).update(JSON.stringify(edits)).digest("hex").slice(0, 24);
  const kept = join(mutants, `${firmware}-${name}.js`);
  if (existsSync(kept)) return readFileSync(kept, "utf8");
  for (const edit of edits) edited(resolve(root, edit.file), [edit]);
  const bundle = await rollup({
    input: join(root, `boards/espruino/${firmware}.ts`),
    plugins: [
      {
        name: "sources",
        resolveId(id, from) {
          if (id === "leyden:board") return join(root, `boards/espruino/boards/${boards[firmware]}.ts`);
          return id.startsWith(".") && from !== undefined ? resolve(dirname(from), id).replace(/\.js$/, ".ts") : null;
        },
        load: (id) => transpiled(edited(id, edits)),
      },
    ],
    onwarn: () => undefined,
  });
  const { output } = await bundle.generate({ format: "es", strict: false });
  keep(kept, output[0].code);
  return output[0].code;
}

/**
 * The same for what runs on a host: the module at `entry` (path from the root of the repository) and everything of ours that it imports, with `edits`. What it shares with the
 * test by identity, such as classes of errors, is a copy.
 */
export async function mutantModule(entry: string, edits: Edit[]): Promise<unknown> {
  for (const edit of edits) edited(resolve(root, edit.file), [edit]);
  const bundle = await rollup({
    input: join(root, entry),
    external: (id) => !id.startsWith(".") && !id.startsWith("/"),
    plugins: [
      {
        name: "sources",
        resolveId: (id, from) => (id.startsWith(".") && from !== undefined ? resolve(dirname(from), id).replace(/\.js$/, ".ts") : null),
        load: (id) => transpiled(edited(id, edits), ts.ScriptTarget.ES2022),
        // A module finds what lies beside its source.
        resolveImportMeta: (property, { moduleId }) => (property === "url" ? JSON.stringify(pathToFileURL(moduleId).href) : null),
      },
    ],
    onwarn: () => undefined,
  });
  const { output } = await bundle.generate({ format: "es" });
  const name = createHash("sha256").update(output[0].code).digest("hex").slice(0, 24);
  const file = join(mutants, `${name}.mjs`);
  if (!existsSync(file)) keep(file, output[0].code);
  return import(file);
}

/** A certificate with any signature is taken. */
export const SIGNATURE: Edit = {
  file: "src/core/protocol/responder.ts",
  from: "if (result !== 1) return answer(h, HANDSHAKE_CERTIFICATE);",
  to: "",
};

/**
 * The reader's, card's or cartridge's log then has a line for each scalar multiplication and each signature check, one before where that is of an issuer's certificate, and
 * one before that of an ephemeral key.
 */
export const COUNTED: Edit[] = [
  { file: "src/core/curve/x25519.ts", from: "  clamped.set(scalar);", to: '  print("multiplication");\n  clamped.set(scalar);' },
  {
    file: "src/core/curve/ed25519.ts",
    from: "  expectedR.set(signature",
    to: '  print("verification");\n  expectedR.set(signature',
  },
  {
    file: "src/core/protocol/responder.ts",
    from: "  compute(h, after, [certificate.subarray(64), key,",
    to: '  if (issuer) print("issuer");\n  compute(h, after, [certificate.subarray(64), key,',
  },
  {
    file: "src/core/protocol/responder.ts",
    from: "  h.party.random(h.ephemeral);",
    to: '  print("ephemeral");\n  h.party.random(h.ephemeral);',
  },
];
