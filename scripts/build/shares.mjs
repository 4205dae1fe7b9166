/** What each source file contributes to a bundle: its statements, without what answered questions left out, named and written as short as the bundle's. */
import { parse } from "acorn";
import { minify } from "terser";
import { isEngineProperty } from "../engine-support.mjs";
import { editor } from "./edits.mjs";
import { rename } from "./rename.mjs";

/** Bytes by source file, largest first; functions that move into others, and what phases cost, count where they were written. `moduleOf(name)`: path of the module that declares a name. */
export async function shares(source, engine, moduleOf) {
  const short = (await minify(source, { ecma: 5, compress: { defaults: false, sequences: true, conditionals: true, booleans: true, if_return: true, join_vars: true }, mangle: false, format: { ecma: 5 } })).code;
  const bytes = new Map();
  const program = parse(short, { ecmaVersion: 5, locations: true });
  const owners = program.body.map((node) => {
    const name = node.type === "FunctionDeclaration" ? node.id.name : node.type === "VariableDeclaration" ? node.declarations[0].id.name : undefined;
    return name === undefined ? undefined : moduleOf(name);
  });
  // A mark that nothing shortens stands before each statement.
  const edits = editor(short);
  program.body.forEach((node, index) => edits.replace(node.start, node.start, `"@${index}";`));
  const named = rename(edits.toString(), { reserved: new Set(), keepProperty: (name) => isEngineProperty(name, engine) });
  let owner = "start";
  for (const [, index, text] of named.matchAll(/"@(\d+)";((?:(?!"@\d+";)[^])*)/g)) {
    owner = owners[Number(index)] ?? owner;
    bytes.set(owner, (bytes.get(owner) ?? 0) + text.length);
  }
  return new Map([...bytes].sort((a, b) => b[1] - a[1]));
}

/** The table of several bundles, one column each. */
export function table(columns) {
  const files = new Map();
  for (const found of columns.values()) for (const [file, count] of found) files.set(file, Math.max(files.get(file) ?? 0, count));
  const names = [...columns.keys()];
  const line = (first, cells) => first.padEnd(44) + cells.map((cell) => String(cell ?? "").padStart(11)).join("");
  const sorted = [...files].sort((a, b) => b[1] - a[1]).map(([file]) => file);
  return [
    line("bytes by source file", names),
    ...sorted.map((file) => line(file, names.map((name) => columns.get(name).get(file)))),
    line("together", names.map((name) => [...columns.get(name).values()].reduce((sum, count) => sum + count, 0))),
  ].join("\n");
}
