/**
 * A bundle is built for one board, so it is known which native primitives there are: questions for them are answered here, and what only other
 * answers lead to falls away, as do checks of programmers' mistakes. Code of core's own that takes the place of a native which fails its
 * known-answer test stays, where the board has room for it ("only" says that it has not).
 */
import { parse } from "acorn";
import { analyse, eachChild } from "./scopes.mjs";
import { editor } from "./edits.mjs";

const NATIVES = ["sha256", "sha512", "aesCbcEncrypt", "aesCbcDecrypt", "convolve", "crc32", "collect"];

/** Checks of a caller's mistakes, never of data: the host's build and the tests have them. */
const isGuard = (node) => node.type === "ExpressionStatement" && /^expect[A-Z]/.test(node.expression.callee?.name ?? "");

function walk(node, visit, parent) {
  visit(node, parent);
  eachChild(node, (child) => walk(child, visit, node));
}

/** True for `object.name` with the name of a native. */
const isNative = (node, ...objects) =>
  node?.type === "MemberExpression" && !node.computed && objects.includes(node.object.name) && NATIVES.includes(node.property.name);

const isMember = (node, object, property) =>
  node.type === "MemberExpression" && !node.computed && node.object.name === object && node.property.name === property;

/** True for a value that no condition lets pass. */
const isNothing = (node) =>
  node.type === "AssignmentExpression"
    ? node.operator === "=" && isNothing(node.right)
    : node.type === "Literal" && (node.value === null ? node.raw === "null" : !node.value);

/** What a value that no condition lets pass is written as. */
const written = (node) => (node.type === "AssignmentExpression" ? written(node.right) : node.raw);

/**
 * The chunk `source` without what waits for a property that nothing in this bundle ever sets: the initiator's part of a handshake where nobody
 * begins one, a hook that only transfers use. Where every setting is to the same 0 or false, that is the property's value everywhere. `keep(name)`: properties that the
 * engine sets.
 */
export function drop(source, keep) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const edits = editor(source);
  const set = new Set();
  const values = new Map();
  const note = (name, value) => {
    const nothing = value !== null && isNothing(value);
    if (!nothing) set.add(name);
    if (!values.has(name)) values.set(name, new Set());
    values.get(name).add(nothing ? written(value) : null);
  };
  walk(program, (node) => {
    const left = node.type === "AssignmentExpression" ? node.left : node.type === "UpdateExpression" ? node.argument : null;
    if (left?.type === "MemberExpression" && !left.computed) note(left.property.name, node.operator === "=" ? node.right : null);
    if (node.type === "Property") note(node.key.name, node.value);
  });
  const asked = new Set();
  const question = (node) => {
    if (node.type === "LogicalExpression") [node.left, node.right].forEach(question);
    else if (node.type === "UnaryExpression" && node.operator === "!") question(node.argument);
    else if (node.type === "MemberExpression" && !node.computed && !set.has(node.property.name) && !keep(node.property.name)) {
      asked.add(node);
      edits.replace(node.start, node.end, "!1");
    }
  };
  walk(program, (node) => node.test && question(node.test));
  walk(program, (node, parent) => {
    if (node.type !== "MemberExpression" || node.computed || asked.has(node) || keep(node.property.name) || set.has(node.property.name)) return;
    const [value, ...others] = values.get(node.property.name) ?? [];
    const isTarget = parent.left === node && parent.type === "AssignmentExpression";
    if (others.length === 0 && ["0", "false"].includes(value) && !isTarget) edits.replace(node.start, node.end, value);
  });
  return edits.toString();
}

/**
 * The chunk `source` without methods that nothing in it calls, such as sealing where only opening is asked for; and without values that nothing
 * reads. `keep(name)`: what the engine reads.
 */
export function dropUnread(source, keep) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const edits = editor(source);
  const read = new Set();
  const literals = [];
  walk(program, (node, parent) => {
    if (node.type === "MemberExpression" && !node.computed && !(parent.type === "AssignmentExpression" && parent.left === node && parent.operator === "="))
      read.add(node.property.name);
    if (node.type === "ObjectExpression") literals.push(node);
  });
  const idle = ({ type }) => type === "FunctionExpression" || type === "Literal" || type === "Identifier";
  const unread = ({ name }) => !read.has(name) && !keep(name);
  walk(program, (node) => {
    const expression = node.type === "ExpressionStatement" ? node.expression : {};
    const target = expression.type === "AssignmentExpression" && expression.operator === "=" ? expression.left : null;
    if (target?.type === "MemberExpression" && !target.computed && target.object.type === "Identifier" && unread(target.property) && idle(expression.right))
      edits.replace(node.start, node.end, ";");
  });
  let end = 0;
  let again = false;
  for (const { properties } of literals) {
    const left = properties.filter(({ key, value }) => !(key.type === "Identifier" && unread(key) && idle(value)));
    if (left.length === properties.length) continue;
    again ||= properties[0].start < end; // inside one that is being changed
    if (properties[0].start < end) continue;
    end = properties[properties.length - 1].end;
    edits.replace(properties[0].start, end, left.map((property) => source.slice(property.start, property.end)).join(","));
  }
  return again ? dropUnread(edits.toString(), keep) : edits.toString();
}

/** The chunk `source` with every question for a native answered: true where the board has it, false where not. */
export function settle(source, only) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const edits = editor(source);
  const used = new Set();
  const locals = new Map();
  const assigned = new Set();
  let offer = null;
  analyse(program);
  walk(program, (node, parent) => {
    const names = node.type === "ObjectExpression" ? node.properties.map((property) => property.key.name) : [];
    if (names.includes("crc32") && names.every((name) => NATIVES.includes(name))) offer = node;
    if (node.type === "AssignmentExpression" && node.left.type === "Identifier") assigned.add(node.left.entry);
    if (node.type === "VariableDeclarator" && isNative(node.init, "natives", "offered")) locals.set(node.id.entry, node.init);
    if (isNative(node, "natives") && !(parent.type === "AssignmentExpression" && parent.left === node)) used.add(node.property.name);
  });
  const present = (offer?.properties ?? []).filter((property) => used.has(property.key.name));
  const has = new Set(present.map((property) => property.key.name));
  if (offer) edits.replace(offer.start, offer.end, `{${present.map((property) => source.slice(property.start, property.end)).join(",")}}`);
  const answer = (node) => {
    const local = node.type === "Identifier" && !assigned.has(node.entry) ? locals.get(node.entry) : undefined;
    const native = isNative(node, "natives", "offered") ? node : local;
    if (native) edits.replace(node.start, node.end, has.has(native.property.name) ? "!0" : "!1");
    if (isMember(node, "natives", "only")) edits.replace(node.start, node.end, only ? "!0" : "!1");
  };
  walk(program, (node) => {
    if (node.type === "AssignmentExpression" && isNative(node.left, "natives") && !has.has(node.left.property.name))
      edits.replace(node.start, node.right.start, "");
    if (isGuard(node)) edits.replace(node.start, node.end, ";");
    if (node.test) answer(node.test);
    if (node.type === "UnaryExpression" && node.operator === "!") answer(node.argument);
    if (node.type === "LogicalExpression") for (const side of [node.left, node.right]) answer(side);
  });
  return edits.toString();
}

/** The chunk `source` without its checks of programmers' mistakes, for a bundle of no board. */
export function dropGuards(source) {
  const edits = editor(source);
  walk(parse(source, { ecmaVersion: 5 }), (node) => {
    if (isGuard(node)) edits.replace(node.start, node.end, ";");
  });
  return edits.toString();
}
