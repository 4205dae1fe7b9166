/** Short names, disjoint from the engine's globals. */
import { parse } from "acorn";
import { analyse, everyScope } from "./scopes.mjs";
import { editor } from "./edits.mjs";

const FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ$_";
const NEXT = FIRST + "0123456789";
const WORDS = new Set(["do", "if", "in", "of", "as", "is"]);

/** Names of pins on any board (A0, D28, LED1, BTN2): globals of the engine. */
const isPin = (name) => /^([A-HVQP]\d+|LED\d?|BTN\d?)$/.test(name);

export function* shortNames(from) {
  if (from <= 1) yield* FIRST;
  for (const a of FIRST) for (const b of NEXT) if (!WORDS.has(a + b)) yield a + b;
  for (const a of FIRST) for (const b of NEXT) for (const c of NEXT) yield a + b + c;
}

/** References to properties by name: `o.name`, `{name: ...}`. */
export function propertyNames(program, visit) {
  (function walk(node) {
    if (node.type === "MemberExpression" && !node.computed) visit(node.property.name, node.property, node);
    if (node.type === "Property") visit(node.key.type === "Identifier" ? node.key.name : String(node.key.value), node.key, node);
    for (const key of Object.keys(node)) {
      const value = node[key];
      for (const child of Array.isArray(value) ? value : [value]) if (child && typeof child.type === "string") walk(child);
    }
  })(program);
}

/**
 * A short name for every entry of the scope tree `root`, the shortest for the most used. Two entries may have the same name when nothing in the
 * inner one's scope refers to the outer one: Espruino looks names up from the inside out, and `prove` sees to it that the inner one has been
 * declared by then.
 */
function chooseNames(root, taken) {
  const scopes = everyScope(root);
  const inside = new Map(scopes.map((scope) => [scope, everyScope(scope)]));
  const chosen = new Map();
  const candidates = [];
  const source = shortNames(1);
  const nameAt = (index) => {
    while (candidates.length <= index) {
      const name = source.next().value;
      if (!taken(name)) candidates.push(name);
    }
    return candidates[index];
  };
  for (const entry of scopes.flatMap((scope) => [...scope.names.values()]).sort((a, b) => b.references.length - a.references.length)) {
    const near = [...entry.scope.mentions, ...entry.scope.names.values()];
    for (const scope of inside.get(entry.scope)) if (scope !== entry.scope && scope.mentions.has(entry)) near.push(...scope.names.values());
    const forbidden = new Set(near.map((other) => chosen.get(other)));
    let index = 0;
    while (forbidden.has(nameAt(index))) index++;
    chosen.set(entry, nameAt(index));
  }
  return chosen;
}

/**
 * `source` with short names. `reserved`: names never to be used (the engine's globals). `keepProperty(name)`: true for properties that
 * the engine or a host knows by name; all others are shortened alike everywhere.
 */
export function rename(source, { reserved, keepProperty }) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const { root, globals } = analyse(program);
  const edits = editor(source);
  const taken = (name) => reserved.has(name) || globals.has(name) || isPin(name);
  for (const [entry, name] of chooseNames(root, taken)) {
    for (const identifier of new Set(entry.references)) edits.replace(identifier.start, identifier.end, name);
  }

  const uses = new Map();
  propertyNames(program, (name, node) => {
    if (keepProperty(name)) return;
    if (!uses.has(name)) uses.set(name, []);
    uses.get(name).push(node);
  });
  const names = shortNames(1);
  for (const [, nodes] of [...uses].sort((a, b) => b[1].length - a[1].length)) {
    let name = names.next().value;
    while (keepProperty(name)) name = names.next().value;
    for (const node of nodes) edits.replace(node.start, node.end, name);
  }
  return edits.toString();
}
