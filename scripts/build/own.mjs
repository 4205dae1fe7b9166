/**
 * Properties that firmware's sources name as an engine does in what it takes or gives, such as the data of an SPI transfer. No source under src touches an engine's objects
 * but typed arrays, so that there the names are the bundle's own, and get short like all others.
 */
import { parse } from "acorn";
import { editor } from "./edits.mjs";
import { propertyNames } from "./rename.mjs";

const NAMES = ["count", "data", "mode", "state"];

/** `code` (a module) with names of its own in place of these. */
export function ownProperties(code) {
  const edits = editor(code);
  propertyNames(parse(code, { ecmaVersion: 2020, sourceType: "module" }), (name, node) => {
    if (NAMES.includes(name)) edits.replace(node.start, node.end, `${name}$own`);
  });
  return edits.toString();
}

/** The step as a Rollup plugin. */
export function ownNames() {
  return { name: "own-names", transform: (code, id) => (/\/build\/es5\/src\//.test(id) ? { code: ownProperties(code), map: null } : null) };
}
