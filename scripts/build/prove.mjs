/**
 * Proof that a script means the same on an engine without hoisting: parses as ES5; every name is declared, on all paths, before code that
 * uses it runs or a function that uses it is made, so that no outer name of the same spelling can be meant.
 */
import { parse } from "acorn";
import { analyse, eachChild, everyScope, isFunction } from "./scopes.mjs";

function where(node) {
  return `line ${node.loc.start.line} column ${node.loc.start.column}`;
}

/** Free names of a function: entries of scopes outside it that it uses. */
function freeEntries(fn, scopeOf) {
  const inside = new Set(everyScope(scopeOf.get(fn)));
  const out = new Set();
  (function walk(node) {
    if (node.type === "Identifier" && node.entry && !inside.has(node.entry.scope)) out.add(node.entry);
    eachChild(node, walk);
  })(fn);
  return out;
}

/** Throws an Error that names the first place where Espruino could differ from ES5; returns the parsed program otherwise. */
export function prove(source) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const { root } = analyse(program);
  const scopeOf = new Map(everyScope(root).map((scope) => [scope.node, scope]));

  function checkScope(scope) {
    const own = (entry) => entry && entry.scope === scope;
    const declared = new Set();
    for (const entry of scope.names.values()) if (entry.kind === "param" || entry.kind === "self") declared.add(entry);

    function need(entry, node) {
      if (own(entry) && !declared.has(entry)) throw new Error(`${where(node)}: "${entry.name}" is used before its declaration has run`);
    }
    function makeFunction(fn) {
      for (const entry of freeEntries(fn, scopeOf)) need(entry, fn);
      checkScope(scopeOf.get(fn));
    }
    function expression(node) {
      if (isFunction(node)) return makeFunction(node);
      if (node.type === "Identifier") return need(node.entry, node);
      if (node.type === "MemberExpression") {
        expression(node.object);
        return node.computed ? expression(node.property) : undefined;
      }
      if (node.type === "Property") return expression(node.value);
      eachChild(node, expression);
    }
    function declaration(node) {
      for (const declarator of node.declarations) {
        // the engine makes the variable before it reads the initial value
        declared.add(scope.names.get(declarator.id.name));
        if (declarator.init) expression(declarator.init);
      }
    }
    /** What is declared inside counts only inside. */
    function maybe(run) {
      const before = new Set(declared);
      run();
      for (const entry of [...declared]) if (!before.has(entry)) declared.delete(entry);
    }
    function list(statements) {
      for (let i = 0; i < statements.length; i++) {
        // A run of function declarations executes nothing in between, so they may name each other.
        let end = i;
        while (end < statements.length && statements[end].type === "FunctionDeclaration") declared.add(scope.names.get(statements[end++].id.name));
        for (; i < end; i++) makeFunction(statements[i]);
        if (i < statements.length) statement(statements[i]);
      }
    }
    function statement(node) {
      switch (node.type) {
        case "VariableDeclaration":
          return declaration(node);
        case "BlockStatement":
          return list(node.body);
        case "IfStatement":
          expression(node.test);
          maybe(() => statement(node.consequent));
          return node.alternate ? maybe(() => statement(node.alternate)) : undefined;
        case "ForStatement":
          if (node.init) (node.init.type === "VariableDeclaration" ? declaration : expression)(node.init);
          if (node.test) expression(node.test);
          return maybe(() => {
            statement(node.body);
            if (node.update) expression(node.update);
          });
        case "ForInStatement":
          expression(node.right);
          return maybe(() => {
            (node.left.type === "VariableDeclaration" ? declaration : expression)(node.left);
            statement(node.body);
          });
        case "WhileStatement":
        case "DoWhileStatement":
          if (node.type === "WhileStatement") expression(node.test);
          maybe(() => statement(node.body));
          return node.type === "DoWhileStatement" ? expression(node.test) : undefined;
        case "TryStatement":
          maybe(() => statement(node.block));
          if (node.handler) {
            maybe(() => {
              declared.add(scope.names.get(node.handler.param.name));
              statement(node.handler.body);
            });
          }
          return node.finalizer ? statement(node.finalizer) : undefined;
        case "SwitchStatement":
          expression(node.discriminant);
          return maybe(() => {
            node.cases.forEach((one, index) => {
              if (!one.test && index !== node.cases.length - 1) throw new Error(`${where(one)}: "default" must be the last case`);
              if (one.test) expression(one.test);
              maybe(() => list(one.consequent));
            });
          });
        default:
          eachChild(node, expression);
      }
    }
    list(scope.node.type === "Program" ? scope.node.body : scope.node.body.body);
  }
  checkScope(root);
  return program;
}
