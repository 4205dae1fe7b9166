/**
 * Names of the engine that a bundle uses over and over get short ones of its own: methods of typed arrays by an alias on the prototype (as
 * fast as the method itself), constructors of byte arrays by a function, other globals by a variable.
 */
import { parse } from "acorn";
import { analyse, eachChild } from "./scopes.mjs";
import { editor } from "./edits.mjs";

/** Methods that only typed arrays have in bundles. */
const METHODS = ["subarray", "fill", "set"];

function walk(node, visit) {
  visit(node);
  eachChild(node, (child) => walk(child, visit));
}

/**
 * Statements that give all typed arrays the `methods` once more, as `name$`. On Espruino they inherit from ArrayBufferView (src/jswrap_arraybuffer.c); an alias in each
 * of their own prototypes would cost a dozen variables for each type.
 */
function installation(methods) {
  return `(function(){var b=new Uint8Array(1),p=ArrayBufferView.prototype;${methods.map((name) => `p.${name}$=b.${name}`).join(",")}})();`;
}

/**
 * `source` (ES5) with aliases where they make it shorter. Refuses a bundle that has methods of such a name on objects of its own.
 *
 * @param anywhere - true for a bundle that other engines run too: they know no ArrayBufferView
 */
export function shorten(source, anywhere) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const { globals } = analyse(program);
  const edits = editor(source);
  const calls = new Map(METHODS.map((name) => [name, []]));
  const bytes = [];
  const floors = [];
  walk(program, (node) => {
    if (node.type === "Property" && METHODS.includes(node.key.name)) throw new Error(`line ${node.loc.start.line}: "${node.key.name}" is for typed arrays`);
    if (node.type === "NewExpression" && node.callee.name === "Uint8Array" && node.arguments.length === 1) bytes.push(node);
    if (node.type !== "CallExpression" || node.callee.type !== "MemberExpression" || node.callee.computed) return;
    calls.get(node.callee.property.name)?.push(node.callee.property);
    if (node.callee.object.name === "Math" && node.callee.property.name === "floor") floors.push(node.callee);
  });
  const methods = anywhere ? [] : METHODS.filter((name) => calls.get(name).length > 20);
  const head = [];
  if (bytes.length > 9) {
    head.push("function bytes$(length){return new Uint8Array(length)}");
    for (const node of bytes) edits.replace(node.start, node.callee.end, "bytes$");
  }
  const variables = [];
  if (floors.length > 4) {
    variables.push("floor$=Math.floor");
    for (const node of floors) edits.replace(node.start, node.end, "floor$");
  }
  for (const [name, identifiers] of globals) {
    const left = identifiers.filter((node) => name !== "Uint8Array" || bytes.length <= 9);
    if (!/^[A-Z]\w+Array$/.test(name) || (left.length - 1) * (name.length - 1) < name.length + 3) continue;
    variables.push(`${name}$=${name}`);
    for (const node of left) edits.replace(node.start, node.end, `${name}$`);
  }
  if (variables.length) head.push(`var ${variables.join(",")};`);
  if (methods.length) {
    head.push(installation(methods));
    for (const name of methods) for (const node of calls.get(name)) edits.replace(node.start, node.end, `${name}$`);
  }
  edits.replace(0, 0, head.join(""));
  return edits.toString();
}
