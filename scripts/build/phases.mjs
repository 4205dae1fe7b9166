/**
 * Phases: parts of a bundle that are needed only for a while, such as the arithmetic of an authentication, with memory of their own. Each becomes
 * the inside of a function: running it makes the part's functions and memory, and forgetting what it answers gives all of that back. The
 * text stays in flash and costs no variable. What two phases share surrounds both.
 *
 * A phase comes into being at the first mention of one of its functions, and goes when another one comes or the function named RELEASE is called.
 */
import { parse } from "acorn";
import { analyse, eachChild, isFunction } from "./scopes.mjs";

/** Called by sources where a phase may end (src/core/phase.ts), and what they do then; they do nothing where code is not built in phases. */
const RELEASES = {
  releaseArithmetic: "function releaseArithmetic(){arithmeticAlive$=null,arithmeticKind$=0}",
  releaseCommands: "function releaseCommands(){alive$=[]}",
};

/** Keeps calls of them in a bundle: functions that do nothing would be left out before phases are made. */
export function keepReleases() {
  const code = Object.keys(RELEASES)
    .map((name) => `export function ${name}(){${name}$()}`)
    .join("\n");
  return { name: "keep-releases", transform: (_code, id) => (/src\/core\/phase\.js$/.test(id) ? { code, map: null } : null) };
}

/**
 * Places by index: the two kinds of arithmetic of an authentication, of which one lives at a time, what a verification computes with once it has hashed,
 * made inside its kind, and what all of them share; what every message goes through; what authenticates, and what makes a device somebody, so that other
 * commands go without; everything else that answers commands; what opens the chunks of a play, made for each and held by what its one entry answers.
 * Undefined: always there.
 */
const ARITHMETIC = [/src\/core\/curve\/(x25519|ladder)\./, /src\/core\/curve\/(ed25519|scalar)\./, /src\/core\/curve\/points\./];
const POINTS = ARITHMETIC.length - 1;
const VERIFICATION = POINTS - 1;
const SHARED = ARITHMETIC.length;
const EXCHANGE = SHARED + 1;
const HANDSHAKE = SHARED + 2;
const PERSONALIZATION = SHARED + 3;
const COMMANDS = SHARED + 4;
const OPENING = SHARED + 5;
const OPENS_FOR_A_PLAY = /src\/reader\/opening\./;
const OPENS = new RegExp(`src/core/stream/(suite1|suite2|salsa|poly1305)\\.|${OPENS_FOR_A_PLAY.source}`);
const EXCHANGES = /src\/core\/device\/(device|arithmetic)\./;
const AUTHENTICATES = /src\/core\/(protocol\/(responder|handshake|certificate)|device\/known-peers)\./;
const PERSONALIZES = /src\/core\/device\/personalization\./;
const WORK = /src\/core\/(protocol|device)\/|src\/core\/(journal|random|seal)\.|src\/(card|cartridge|reader|client)\//;
/** What lives until a command is answered, each from its first use on: the argument of work$ is the index here. */
const WORKS = [EXCHANGE, HANDSHAKE, PERSONALIZATION, COMMANDS];
/** How code outside reaches what is in a place, which is made where it is not alive. */
const ACCESS = { ...Object.fromEntries(WORKS.map((place, kind) => [place, `work$(${kind})`])), [OPENING]: "makeOpening$()", [POINTS]: "points$()" };

const ADOPTION = /src\/core\/adopt\./;

/** Where the functions of a module belong, if it is one of those that answer commands. */
const workOf = (module) =>
  [
    [OPENS, OPENING],
    [EXCHANGES, EXCHANGE],
    [AUTHENTICATES, HANDSHAKE],
    [PERSONALIZES, PERSONALIZATION],
    [WORK, COMMANDS],
  ].find(([pattern]) => pattern.test(module))?.[1];

/** Functions whose closures stay for good: they are no part of a phase. */
export const LASTING = /^(boot|(start|create)[A-Z]\w*)$/;

/** True when moving the function `guest` into `host` leaves every phase whole. `moduleOf(name)`: the module of a function. */
export function mayMove(guest, host, moduleOf) {
  const from = moduleOf(guest);
  const to = moduleOf(host);
  const mathematics = /src\/core\/(curve|hash)\//;
  if (RELEASES[guest]) return false;
  if (workOf(from) !== undefined && !LASTING.test(guest) && (LASTING.test(host) || workOf(from) !== workOf(to))) return false;
  // Core's own code in place of natives is made when the device starts, if ever.
  if (!mathematics.test(from) || ADOPTION.test(to)) return true;
  return mathematics.test(to) && (/hash\//.test(from) || ARITHMETIC.every((pattern) => pattern.test(from) === pattern.test(to)));
}

/** Makes an array whose content means nothing once a command has been answered (src/core/bytes.ts). */
const SCRATCH = "scratch";

/** Devices on Espruino: its functions cost variables, and run from flash. */
export const inPhases = (bundle) => bundle.engine === "espruino" && bundle.board !== null;

/**
 * The top-level statements of `program` in groups that stay together: `names` that a group declares, `mentions` of names at the top, and the
 * groups that are its `users`. A statement that declares nothing goes with the first thing that it works on; where that is a function
 * that nothing else calls, with all variables that the function works on.
 */
function groupStatements(program, root) {
  const nodes = program.body.map((statement) => {
    const declared = statement.type === "FunctionDeclaration" ? [statement] : statement.type === "VariableDeclaration" ? statement.declarations : [];
    const node = { statement, names: declared.map(({ id }) => id.name), mentions: [] };
    node.group = { nodes: [node], users: new Set(), place: undefined };
    (function walk(part) {
      if (part.type === "Identifier" && part.entry && part.entry.scope === root) node.mentions.push(part);
      eachChild(part, walk);
    })(statement);
    return node;
  });
  const owners = new Map(nodes.flatMap((node) => node.names.map((name) => [name, node])));
  const join = (a, b) => {
    if (a.group === b.group) return;
    for (const node of b.group.nodes) {
      a.group.nodes.push(node);
      if (node !== b) node.group = a.group;
    }
    b.group = a.group;
  };
  const mentioned = (node) => [...new Set(node.mentions.map(({ name }) => owners.get(name)))];
  for (const node of nodes) {
    if (node.names.length || !node.mentions.length) continue;
    const owner = owners.get(node.mentions[0].name);
    join(owner, node);
    const once = nodes.every((other) => other === node || other === owner || !mentioned(other).includes(owner));
    if (once && isFunction(owner.statement)) for (const other of mentioned(owner)) if (!isFunction(other.statement)) join(other, owner);
  }
  for (const node of nodes) for (const owner of mentioned(node)) if (owner.group !== node.group) owner.group.users.add(node.group);
  return { nodes, owners };
}

/** Names of arrays at the top that something writes to by name. */
function writtenTo(program) {
  const names = new Set();
  (function walk(node) {
    const target = node.type === "AssignmentExpression" ? node.left : node.type === "UpdateExpression" ? node.argument : null;
    if (target?.type === "MemberExpression" && target.object.type === "Identifier") names.add(target.object.name);
    if (node.type === "CallExpression" && node.callee.type === "MemberExpression" && ["set", "fill"].includes(node.callee.property.name))
      names.add(node.callee.object.name);
    eachChild(node, walk);
  })(program);
  return names;
}

/** True for a statement that can run again for each phase: a function, or arrays that are scratch, views of scratch, or constant. */
function repeatable(node, written, isRepeatable) {
  if (isFunction(node.statement)) return true;
  if (node.statement.type !== "VariableDeclaration") return true;
  return node.statement.declarations.every(({ id, init }) => {
    if (init?.type === "CallExpression" && init.callee.name === SCRATCH) return true;
    const list = init?.type === "NewExpression" && init.arguments[0]?.type === "ArrayExpression";
    if (list) return !written.has(id.name);
    const views = init?.type === "NewExpression" ? node.mentions.filter(({ name }) => name !== id.name) : [];
    return views.length > 0 && views.every(({ name }) => isRepeatable(name));
  });
}

/** Puts every group that only phases use into the phase that uses it, or where phases share. */
function place(nodes, owners, written, moduleOf) {
  const groups = new Set(nodes.map((node) => node.group));
  const again = (name) => owners.get(name).group.nodes.every((node) => repeatable(node, written, again));
  const stays = ({ nodes }) => nodes.some(({ names }) => names.some((name) => LASTING.test(name) || RELEASES[name]));
  // Without its one entry, suites are there for whoever names them.
  const opens = nodes.some(({ names }) => names.some((name) => OPENS_FOR_A_PLAY.test(moduleOf(name) ?? "")));
  for (const node of nodes) {
    const [name] = node.names;
    const module = name === undefined ? undefined : moduleOf(name);
    if (module === undefined) continue;
    const arithmetic = ARITHMETIC.findIndex((pattern) => pattern.test(module));
    if (arithmetic >= 0) node.group.place = arithmetic;
    else if (OPENS.test(module)) {
      if (opens) node.group.place = OPENING;
    }
    else if (workOf(module) !== undefined && isFunction(node.statement) && !stays(node.group)) node.group.place = workOf(module);
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const group of groups) {
      if (group.place !== undefined || !group.users.size || stays(group)) continue;
      const places = new Set([...group.users].map((user) => user.place));
      if (places.has(undefined)) continue;
      const work = [...places].filter((place) => place > SHARED).length;
      if (work && (work < places.size || !group.nodes.every((node) => repeatable(node, written, again)))) continue;
      if (places.size > 1 && work && !group.nodes.every(({ statement }) => isFunction(statement))) continue;
      const verification = [...places].every((place) => place === VERIFICATION || place === POINTS);
      group.place = places.size === 1 ? [...places][0] : work ? COMMANDS : verification ? VERIFICATION : SHARED;
      changed = true;
    }
  }
  settle(groups, (group) => group.nodes.every((node) => repeatable(node, written, again)), stays);
}

/** What answers commands goes along with the one place that uses it, if what both work on does; what the start uses besides is reached from there as well. */
function settle(groups, isRepeatable, stays) {
  const isMemory = (group) => !group.nodes.every(({ statement }) => isFunction(statement));
  const usersOf = (group) => [...group.users].filter((user) => !stays(user));
  const home = new Set([...groups].filter((group) => group.place === COMMANDS));
  const gone = new Set();
  // As long as one goes, since that may leave another with a single place.
  for (let before = -1; before < gone.size; ) {
    before = gone.size;
    for (const group of home) {
      const [only, ...more] = new Set(usersOf(group).map((user) => user.place));
      if (gone.has(group) || more.length || only === COMMANDS || !WORKS.includes(only) || !isRepeatable(group)) continue;
      group.place = only;
      gone.add(group);
    }
  }
  // As long as one comes back: memory and what works on it stay together.
  for (let before = -1; before !== gone.size; ) {
    before = gone.size;
    for (const group of home) {
      if (!isMemory(group)) continue;
      for (const user of usersOf(group))
        if (user.place !== group.place)
          for (const back of [group, user])
            if (gone.delete(back)) back.place = COMMANDS;
    }
  }
}

/** Makes memory, and does nothing else. */
const MAKES = /^(new|create)[A-Z]/;

/** True for a statement outside of functions that only makes memory, or fills memory of its own group with what is written there. */
function onlyPrepares({ statement, mentions, group }, owners) {
  const isMemory = ({ name }) => owners.get(name).group === group && !isFunction(owners.get(name).statement);
  const { type, expression } = statement;
  if (type === "ExpressionStatement") {
    const stored = expression.type === "AssignmentExpression" ? expression.left : null;
    const called = expression.type === "CallExpression" ? expression.callee : null;
    const fills = called?.type === "MemberExpression" && ["set", "fill"].includes(called.property.name) && !called.computed;
    return (stored?.type === "MemberExpression" || fills) && mentions.every(isMemory);
  }
  let only = type === "VariableDeclaration";
  (function walk(node) {
    if (isFunction(node)) return;
    if (node.type === "CallExpression" && node.callee.type === "Identifier") only = only && (node.callee.name === SCRATCH || MAKES.test(node.callee.name));
    eachChild(node, walk);
  })(statement);
  return only;
}

/** Throws an Error where a statement that does something at the start would go into a phase, and so be late, and done once for each phase. */
function refuseDeeds(nodes, owners, source) {
  const deed = nodes.find((node) => node.group.place !== undefined && !isFunction(node.statement) && !onlyPrepares(node, owners));
  if (deed)
    throw new Error(
      `line ${deed.statement.loc.start.line}: expected nothing but memory of its own to be made or filled at the top of what a phase takes, and found "${source.slice(deed.statement.start, deed.statement.end).slice(0, 60)}"; do it in a function that the start calls`,
    );
}

/** What a device answers one of its own commands with: it runs once for each. */
const ANSWERS = "command";

/** Takes scratch that only ANSWERS uses out of its place, to be made when that runs; what else a phase does goes without. Answers the statements. */
function takeInto(nodes, owners, written) {
  const host = owners.get(ANSWERS);
  if (host?.group.place !== COMMANDS || !isFunction(host.statement) || host.group.nodes.length > 1) return [];
  const memory = (name) => owners.get(name).group.nodes.every((node) => !isFunction(node.statement) && repeatable(node, written, memory));
  const taken = nodes.filter(
    ({ names, group, mentions }) =>
      group.place === COMMANDS &&
      names.length > 0 &&
      names.every(memory) &&
      mentions.every(({ name }) => [undefined, COMMANDS].includes(owners.get(name).group.place)) &&
      [...group.users].every((user) => user === host.group),
  );
  for (const { group } of taken) group.place = ANSWERS;
  return taken;
}

/** Marks the identifiers that are assigned to, and those that are called. */
function markUses(program) {
  (function walk(node) {
    if (node.type === "CallExpression") node.callee.called = true;
    if (node.type === "AssignmentExpression" && node.left.type === "Identifier") node.left.assigned = true;
    if (node.type === "UpdateExpression") node.argument.assigned = true;
    eachChild(node, walk);
  })(program);
}

/** `source` in phases. `moduleOf(name)`: the path of the module that declares a name at the top, or undefined. */
export function phase(source, moduleOf) {
  const program = parse(source, { ecmaVersion: 5, locations: true });
  const { root } = analyse(program);
  markUses(program);
  const { nodes, owners } = groupStatements(program, root);
  const written = writtenTo(program);
  place(nodes, owners, written, moduleOf);
  refuseDeeds(nodes, owners, source);
  const taken = takeInto(nodes, owners, written);
  const placeOf = (node) => node.group.place;
  /** What can be reached from outside, by phase: names in the order of the array that the phase answers. */
  const entries = Array.from({ length: OPENING + 1 }, () => []);
  const surrounds = (outer, inner) =>
    outer === inner || (outer === SHARED && inner !== undefined && inner < SHARED) || (outer === VERIFICATION && inner === POINTS);
  /** The text of a statement; from outside, phases are reached through what they answer. */
  function text(node) {
    let out = "";
    let at = node.statement.start;
    if (taken.length && node.names[0] === ANSWERS) {
      out = source.slice(at, node.statement.body.start + 1) + taken.map(text).join("\n");
      at = node.statement.body.start + 1;
    }
    for (const identifier of [...new Set(node.mentions)].sort((a, b) => a.start - b.start)) {
      const owner = owners.get(identifier.name);
      const where = placeOf(owner);
      if (identifier.name === SCRATCH) {
        out += source.slice(at, identifier.start) + "new Uint8Array";
        at = identifier.end;
      }
      if (identifier.name === SCRATCH || where === undefined || where === ANSWERS || surrounds(where, placeOf(node))) continue;
      if (where === SHARED || (where === POINTS && placeOf(node) !== VERIFICATION) || identifier.assigned || !isFunction(owner.statement))
        throw new Error(`line ${identifier.loc.start.line}: "${identifier.name}" belongs to a phase, and can only be called from outside`);
      if (!entries[where].includes(identifier.name)) entries[where].push(identifier.name);
      const inPhase = `${ACCESS[where] ?? `arithmetic$(${where + 1})`}[${entries[where].indexOf(identifier.name)}]`;
      // A function that is handed on would keep its phase for as long as it is held.
      const given = owner.statement.params.map((_, index) => `given${index}$`).join(",");
      out += source.slice(at, identifier.start) + (ACCESS[where] && !identifier.called ? `function(${given}){return ${inPhase}(${given})}` : inPhase);
      at = identifier.end;
    }
    return out + source.slice(at, node.statement.end);
  }
  const inside = entries.map((_, index) => nodes.filter((node) => placeOf(node) === index && node.names[0] !== SCRATCH).map(text));
  const outside = nodes
    .filter((node) => placeOf(node) === undefined && node.names[0] !== SCRATCH)
    .map((node) => RELEASES[node.names[0]] ?? text(node));
  const answer = (index) => `return [${entries[index].join(",")}]`;
  const points = `var pointsAlive$=null;function makePoints$(){${inside[POINTS].join("\n")}\n${answer(POINTS)}}
function points$(){return pointsAlive$||(pointsAlive$=makePoints$())}`;
  inside[VERIFICATION].push(points);
  const kinds = ARITHMETIC.slice(0, POINTS).map((_, index) => `function arithmetic${index + 1}$(){${inside[index].join("\n")}\n${answer(index)}}`);
  const choice = kinds.map((_, index) => `if(kind===${index + 1})return arithmetic${index + 1}$();`).join("");
  if (entries[OPENING].length > 1) throw new Error(`${entries[OPENING].join(" and ")}: what opens chunks is made for one entry alone`);
  const opening = entries[OPENING].length ? `function makeOpening$(){${inside[OPENING].join("\n")}\n${answer(OPENING)}}` : "";
  const makers = WORKS.map((index, kind) => `function makeWork${kind}$(){${inside[index].join("\n")}\n${answer(index)}}`);
  // The last statement starts the device. What does not wait for arithmetic goes when that begins.
  const start = outside.pop();
  return `var arithmeticAlive$=null;var arithmeticKind$=0;var alive$=[];
${outside.join("\n")}
function makeArithmetic$(kind){${inside[SHARED].join("\n")}
${kinds.join("\n")}
${choice}}
function arithmetic$(kind){
if(kind!==arithmeticKind$){alive$[${WORKS.indexOf(COMMANDS)}]=null;arithmeticAlive$=null;arithmeticKind$=kind;arithmeticAlive$=makeArithmetic$(kind)}
return arithmeticAlive$}
${makers.join("\n")}
function work$(kind){return alive$[kind]||(alive$[kind]=${WORKS.map((_, kind) => (kind < WORKS.length - 1 ? `kind<${kind + 1}?` : "") + `makeWork${kind}$()`).join(":")})}
${opening}
${start}`;
}
