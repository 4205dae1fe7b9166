/**
 * A living function costs an Espruino 8 or 9 of its few thousand variables. A function that is only ever called on behalf of one other
 * moves inside that one, so that it lives only while the other runs. The price is reading over its text on each such call, so functions
 * that run for every frame or chunk take nobody in.
 */
import { parse } from "acorn";
import { editor } from "./edits.mjs";
import { analyse, eachChild, everyScope, isFunction } from "./scopes.mjs";

/** Immediate dominators of the graph `edges` (node to its successors) from `root`. */
function dominators(nodes, edges, root) {
  const before = new Map(nodes.map((node) => [node, []]));
  for (const [from, targets] of edges) for (const to of targets) before.get(to)?.push(from);
  const order = [];
  const seen = new Set();
  (function visit(node) {
    if (seen.has(node)) return;
    seen.add(node);
    for (const to of edges.get(node) ?? []) visit(to);
    order.unshift(node);
  })(root);
  const rank = new Map(order.map((node, index) => [node, index]));
  const idom = new Map([[root, root]]);
  const meet = (a, b) => {
    while (a !== b) {
      while (rank.get(a) > rank.get(b)) a = idom.get(a);
      while (rank.get(b) > rank.get(a)) b = idom.get(b);
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const node of order) {
      if (node === root) continue;
      let best;
      for (const from of before.get(node)) if (idom.has(from)) best = best === undefined ? from : meet(best, from);
      if (best !== undefined && idom.get(node) !== best) {
        idom.set(node, best);
        changed = true;
      }
    }
  }
  return idom;
}

/** `code` with no local name that is also a name at the top, so that a function that moves inward still sees what it named. */
function separate(code) {
  const { root, globals } = analyse(parse(code, { ecmaVersion: 5, locations: true }));
  const edits = editor(code);
  const taken = new Set([...root.names.keys(), ...globals.keys()]);
  let count = 0;
  for (const scope of everyScope(root)) {
    if (scope === root) continue;
    for (const entry of scope.names.values()) {
      if (!taken.has(entry.name)) continue;
      const name = `${entry.name}$local${count++}`;
      for (const identifier of new Set(entry.references)) edits.replace(identifier.start, identifier.end, name);
    }
  }
  return edits.toString();
}

/**
 * `source` (functions declared side by side) with functions moved into those that `mayHost(host, guest)` allows to take them in. Closures
 * keep what they see alive, so those of functions that are `lasting(name)` gain nothing by it.
 */
export function nest(source, mayHost, lasting = () => false) {
  const code = separate(source);
  const program = parse(code, { ecmaVersion: 5, locations: true });
  const { root } = analyse(program);
  const functions = program.body.filter((node) => node.type === "FunctionDeclaration");
  const byName = new Map(functions.map((node) => [node.id.name, node]));
  const called = new Set();
  (function walk(node) {
    if (node.type === "CallExpression") called.add(node.callee);
    eachChild(node, walk);
  })(program);
  const ownerOf = (at) => functions.find((node) => at >= node.start && at < node.end);
  const inClosure = (fn, at) => {
    let found = false;
    (function walk(node) {
      if (isFunction(node) && at >= node.start && at < node.end) found = true;
      else eachChild(node, walk);
    })(fn.body);
    return found;
  };
  const edges = new Map([["", new Set()]]);
  const fixed = new Set();
  for (const fn of functions) edges.set(fn.id.name, new Set());
  for (const fn of functions) {
    const name = fn.id.name;
    for (const reference of root.names.get(name).references) {
      if (reference === fn.id) continue;
      const owner = ownerOf(reference.start);
      if (owner === fn) continue;
      edges.get(owner ? owner.id.name : "").add(name);
      if (!called.has(reference) || (owner && lasting(owner.id.name) && inClosure(owner, reference.start))) fixed.add(name);
    }
  }
  // What is kept by reference can run at any time, so it is reachable from outside as well.
  for (const name of fixed) edges.get("").add(name);
  const idom = dominators(["", ...byName.keys()], edges, "");
  const hosts = new Map();
  for (const name of byName.keys()) hosts.set(name, idom.get(name));
  const users = (name) => [...edges].filter(([, targets]) => targets.has(name)).map(([user]) => user);
  const isInside = (user, host) => user === host || (user !== "" && isInside(hosts.get(user) ?? "", host));
  // Whoever calls a guest is in its host as well; so when one goes out, others may have to.
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, host] of hosts) {
      if (!host || (mayHost(host, name) && users(name).every((user) => isInside(user, host)))) continue;
      hosts.set(name, idom.get(host));
      changed = true;
    }
  }
  const guests = new Map();
  for (const fn of functions) {
    const host = hosts.get(fn.id.name);
    if (!host) continue;
    if (!guests.has(host)) guests.set(host, []);
    guests.get(host).push(fn.id.name);
  }
  const guest = new Set([...guests.values()].flat());
  const text = (name) => {
    const fn = byName.get(name);
    const inside = (guests.get(name) ?? []).map(text).join("\n");
    return code.slice(fn.start, fn.body.start + 1) + inside + code.slice(fn.body.start + 1, fn.end);
  };
  let out = "";
  let at = 0;
  for (const fn of functions) {
    out += code.slice(at, fn.start) + (guest.has(fn.id.name) ? "" : text(fn.id.name));
    at = fn.end;
  }
  return out + code.slice(at);
}
