/**
 * Scope analysis of an ES5 program: which function declares which name, and where each name is used. Blocks are no scopes in ES5;
 * a `catch` parameter is treated as a name of the enclosing function, which is stricter than the standard and true of Espruino.
 */

/** Calls `visit(child, key)` for every child node of `node`, in source order. */
export function eachChild(node, visit) {
  const children = [];
  for (const key of Object.keys(node)) {
    const value = node[key];
    if (Array.isArray(value)) for (const item of value) item && typeof item.type === "string" && children.push([item, key]);
    else if (value && typeof value.type === "string") children.push([value, key]);
  }
  children.sort((a, b) => a[0].start - b[0].start);
  for (const [child, key] of children) visit(child, key);
}

export const isFunction = (node) => node.type === "FunctionDeclaration" || node.type === "FunctionExpression";

function newScope(node, parent) {
  const scope = { node, parent, children: [], names: new Map(), mentions: new Set(), depth: parent ? parent.depth + 1 : 0 };
  if (parent) parent.children.push(scope);
  return scope;
}

function declare(scope, name, kind, node) {
  let entry = scope.names.get(name);
  if (!entry) scope.names.set(name, (entry = { name, scope, kind, declarations: [], references: [] }));
  entry.declarations.push(node);
  return entry;
}

/**
 * The scope tree of `program`. Each scope: `node`, `parent`, `children`, `names` (name to entry), `mentions` (entries that it or a scope in
 * it refers to). Each entry: `name`, `scope`, `kind`
 * ("param", "var", "function", "self" for a function expression's own name, "catch"), `declarations` and `references` (identifiers,
 * declarations included). `globals` maps each name declared nowhere to its identifiers.
 */
export function analyse(program) {
  const root = newScope(program, null);
  const globals = new Map();
  const pending = [];

  function collect(node, scope, inBlock) {
    if (isFunction(node)) {
      if (node.type === "FunctionDeclaration") {
        if (inBlock) throw new Error(`line ${node.loc.start.line}: a function is declared inside a block; declare it at the top of its function`);
        declare(scope, node.id.name, "function", node.id);
        pending.push([node.id, scope]);
      }
      const inner = newScope(node, scope);
      if (node.type === "FunctionExpression" && node.id) {
        declare(inner, node.id.name, "self", node.id);
        pending.push([node.id, inner]);
      }
      for (const param of node.params) {
        declare(inner, param.name, "param", param);
        pending.push([param, inner]);
      }
      for (const statement of node.body.body) collect(statement, inner, false);
      return;
    }
    switch (node.type) {
      case "VariableDeclarator":
        declare(scope, node.id.name, "var", node.id);
        break;
      case "CatchClause":
        if (node.param) declare(scope, node.param.name, "catch", node.param);
        break;
      case "Identifier":
        pending.push([node, scope]);
        return;
      case "MemberExpression":
        collect(node.object, scope, inBlock);
        if (node.computed) collect(node.property, scope, inBlock);
        return;
      case "Property":
        if (node.computed) collect(node.key, scope, inBlock);
        collect(node.value, scope, inBlock);
        return;
      case "LabeledStatement":
        throw new Error(`line ${node.loc.start.line}: labels do not exist on Espruino`);
    }
    const nested = inBlock || (node.type !== "Program" && /Statement$|Clause$|Case$/.test(node.type));
    eachChild(node, (child) => collect(child, scope, nested));
  }
  for (const statement of program.body) collect(statement, root, false);

  for (const [identifier, from] of pending) {
    let scope = from;
    while (scope && !scope.names.has(identifier.name)) scope = scope.parent;
    if (scope) {
      const entry = scope.names.get(identifier.name);
      entry.references.push(identifier);
      identifier.entry = entry;
      for (let inner = from; inner !== scope.parent; inner = inner.parent) inner.mentions.add(entry);
    } else {
      if (!globals.has(identifier.name)) globals.set(identifier.name, []);
      globals.get(identifier.name).push(identifier);
    }
  }
  return { root, globals };
}

/** All scopes of the tree, outermost first. */
export function everyScope(root) {
  return [root, ...root.children.flatMap(everyScope)];
}
