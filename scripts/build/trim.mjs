/**
 * Characters that say nothing: first values that are overwritten before anything reads them, and the third equals sign against a number
 * (TypeScript lets nothing be compared with a number but numbers and what is absent, and those compare alike either way).
 */
import { parse } from "acorn";
import { analyse, eachChild, everyScope, isFunction } from "./scopes.mjs";
import { editor } from "./edits.mjs";

const ASIDE = [
  "IfStatement",
  "WhileStatement",
  "DoWhileStatement",
  "ForInStatement",
  "TryStatement",
  "SwitchStatement",
  "ConditionalExpression",
];

const isNumber = (node) =>
  node.type === "UnaryExpression" ? isNumber(node.argument) : node.type === "Literal" && typeof node.value === "number";

/**
 * The entries of `scope` whose value is surely overwritten before it is read: the first mention after the declaration, in the order of
 * execution, is an assignment that nothing can pass by.
 */
function overwritten(scope) {
  const settled = new Set(); // mentioned since
  const out = new Set();
  const own = (node) => node.type === "Identifier" && node.entry?.scope === scope;
  function visit(node, certain) {
    if (own(node)) return void settled.add(node.entry);
    if (isFunction(node)) {
      // whatever it mentions may be read whenever it is called
      for (const inner of everyScope(scope)) if (inner.node === node) for (const entry of inner.mentions) settled.add(entry);
      return;
    }
    switch (node.type) {
      case "VariableDeclarator":
        if (node.init) visit(node.init, certain);
        return;
      case "AssignmentExpression":
        if (node.operator === "=" && own(node.left)) {
          visit(node.right, certain);
          if (!settled.has(node.left.entry) && certain) out.add(node.left.entry);
          return void settled.add(node.left.entry);
        }
        break;
      case "LogicalExpression":
        visit(node.left, certain);
        return visit(node.right, false);
      case "ForStatement":
        if (node.init) visit(node.init, certain);
        for (const part of [node.test, node.body, node.update]) if (part) visit(part, false);
        return;
    }
    if (ASIDE.includes(node.type)) {
      const head = node.test ?? node.discriminant ?? node.right;
      if (head && node.type !== "DoWhileStatement") visit(head, certain && node.type !== "WhileStatement");
      eachChild(node, (child) => child !== head && visit(child, false));
      return node.type === "DoWhileStatement" ? visit(head, false) : undefined;
    }
    eachChild(node, (child) => visit(child, certain));
  }
  for (const statement of scope.node.body.body) visit(statement, true);
  return out;
}

/** `source` (ES5) without them. */
export function trim(source) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const edits = editor(source);
  const { root } = analyse(program);
  const dead = new Set();
  for (const scope of everyScope(root))
    if (scope !== root) for (const entry of overwritten(scope)) if (entry.kind === "var") dead.add(entry);
  (function walk(node) {
    if (
      node.type === "VariableDeclarator" &&
      dead.has(node.id.entry) &&
      node.init?.type === "Literal" &&
      node.id.entry.declarations.length === 1
    )
      edits.replace(node.id.end, node.init.end, "");
    if (node.type === "BinaryExpression" && /^[!=]==$/.test(node.operator) && (isNumber(node.left) || isNumber(node.right))) {
      const at = source.indexOf(node.operator, node.left.end);
      edits.replace(at, at + 3, node.operator.slice(0, 2));
    }
    eachChild(node, walk);
  })(program);
  return edits.toString();
}
