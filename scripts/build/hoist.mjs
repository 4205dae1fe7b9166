/**
 * Espruino declares a `var` or a function when execution reaches it, and until then the name means the outer variable of that name, or a
 * new global. This pass moves declarations so that execution in source order gives what ES5's hoisting gives.
 */
import { parse } from "acorn";
import { analyse, everyScope, isFunction } from "./scopes.mjs";
import { editor } from "./edits.mjs";

const bodyOf = (scope) => (scope.node.type === "Program" ? scope.node.body : scope.node.body.body);

/** The statement of `body` that holds source position `at`, or -1. */
function statementAt(body, at) {
  return body.findIndex((statement) => at >= statement.start && at < statement.end);
}

/** Statements that declare without condition: `var` in the body itself, and the head of a `for` loop standing there. */
function unconditional(statement) {
  if (statement.type === "VariableDeclaration") return [statement];
  if (statement.type === "ForStatement" && statement.init && statement.init.type === "VariableDeclaration") return [statement.init];
  return [];
}

function declarationsIn(node, into) {
  if (!node || typeof node.type !== "string") return;
  if (node.type === "VariableDeclaration") into.push(node);
  for (const key of Object.keys(node)) {
    const value = node[key];
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === "string" && !isFunction(child)) declarationsIn(child, into);
    }
  }
}

/** The names of one scope that must be declared ahead, and the function declarations that must move to the front. */
function plan(scope) {
  const body = bodyOf(scope);
  const functions = body.filter((statement) => statement.type === "FunctionDeclaration");
  const moved = new Set();
  const positionOf = (reference) => {
    for (const fn of moved) if (reference.start >= fn.start && reference.start < fn.end) return -1;
    return reference.start;
  };
  const early = (entry, at) => entry.references.some((reference) => !entry.declarations.includes(reference) && positionOf(reference) < at);
  for (let changed = true; changed; ) {
    changed = false;
    for (const fn of functions) {
      const entry = scope.names.get(fn.id.name);
      if (!moved.has(fn) && early(entry, fn.start)) {
        moved.add(fn);
        changed = true;
      }
    }
  }
  const safe = new Set(body.flatMap(unconditional));
  const all = [];
  for (const statement of body) if (!isFunction(statement)) declarationsIn(statement, all);
  const ahead = new Set();
  for (const declaration of all) {
    for (const declarator of declaration.declarations) {
      const entry = scope.names.get(declarator.id.name);
      if (entry.kind !== "var") continue;
      const first = all.find((other) => other.declarations.some((d) => d.id.name === entry.name));
      if (!safe.has(first) || early(entry, first.start)) ahead.add(entry.name);
    }
  }
  // Within one declaration either all names or none go ahead, so that it stays one statement.
  for (let changed = true; changed; ) {
    changed = false;
    for (const declaration of all) {
      const names = declaration.declarations.map((d) => d.id.name);
      if (names.some((name) => ahead.has(name))) {
        for (const name of names) {
          if (!ahead.has(name) && scope.names.get(name).kind === "var") {
            ahead.add(name);
            changed = true;
          }
        }
      }
    }
  }
  return { body, moved, ahead, all };
}

const functionsInOrder = (functions) => [...functions].sort((a, b) => a.start - b.start);

/** Puts the declarations of one scope where they belong, as edits of `source`. */
function place(scope, source, edits) {
  const { body, moved, ahead, all } = plan(scope);
  const front = scope.node.type === "Program" ? 0 : scope.node.body.start + 1;
  let head = ahead.size ? `var ${[...ahead].join(",")};` : "";
  if (!moved.size && !ahead.size) return;
  for (const fn of functionsInOrder(moved)) {
    head += source.slice(fn.start, fn.end);
    edits.replace(fn.start, fn.end, "");
  }
  edits.replace(front, front, head);
  for (const declaration of all) {
    if (!declaration.declarations.every((d) => ahead.has(d.id.name))) continue;
    const kept = declaration.declarations.filter((d) => d.init);
    const parent = body[statementAt(body, declaration.start)];
    const inFor = source[declaration.end - 1] !== ";";
    if (kept.length === 0) {
      const forIn = declaration.declarations.length === 1 && inFor && /^\s*in\b/.test(source.slice(declaration.end, declaration.end + 4));
      edits.replace(declaration.start, declaration.end, forIn ? declaration.declarations[0].id.name : parent === declaration || inFor ? "" : ";");
      continue;
    }
    edits.replace(declaration.start, kept[0].start, "");
    for (let i = 0; i + 1 < kept.length; i++) edits.replace(kept[i].end, kept[i + 1].start, ",");
    const last = kept[kept.length - 1].end;
    edits.replace(last, declaration.end, inFor ? "" : ";");
  }
}

/** `source` (ES5) with every declaration where execution in source order needs it. */
export function hoist(source) {
  // One depth at a time: the edits of an outer scope move the text of the inner ones.
  for (let depth = 0; ; depth++) {
    const scopes = everyScope(analyse(parse(source, { ecmaVersion: 5, locations: true })).root).filter((scope) => scope.depth === depth);
    const edits = editor(source);
    if (!scopes.length) return source;
    for (const scope of scopes) place(scope, source, edits);
    source = edits.toString();
  }
}
