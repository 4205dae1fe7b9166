/** The last step of a bundle: checked against the engine, compressed, made independent of hoisting, named, proved. */
import { readFileSync, writeFileSync } from "node:fs";
import { parse } from "acorn";
import { minify } from "terser";
import { storedAs } from "./bundles.mjs";
import { checkBundle, checkSyntax, engineGlobals, isEngineProperty } from "../engine-support.mjs";
import { hoist } from "./hoist.mjs";
import { nest } from "./nest.mjs";
import { LASTING, inPhases, mayMove, phase } from "./phases.mjs";
import { prove } from "./prove.mjs";
import { rename } from "./rename.mjs";
import { analyse } from "./scopes.mjs";
import { drop, dropGuards, dropUnread, settle } from "./settle.mjs";
import { shares, table } from "./shares.mjs";
import { shorten } from "./shorten.mjs";
import { tokenise } from "./tokens.mjs";
import { trim } from "./trim.mjs";

/**
 * What terser may do: nothing that moves a declaration or leans on V8's arithmetic, and no functions inlined as function expressions: an
 * interpreter would read and make those again on every call.
 */
const COMPRESS = {
  ecma: 5,
  passes: 3,
  toplevel: true,
  arguments: false,
  booleans_as_integers: true,
  evaluate: true,
  hoist_funs: false,
  hoist_vars: false,
  keep_fargs: true,
  inline: 2,
  negate_iife: false,
  pure_getters: true,
  reduce_funcs: false,
  sequences: true,
  side_effects: true,
  switches: false,
  typeofs: false,
  unsafe: false,
};

/** Properties that the engine knows by name only in what it takes from or gives to these globals: without them the name is the bundle's own. */
const SOURCES = {
  memory: ["process"],
  state: ["setWatch"],
  x: ["Bangle"],
  y: ["Bangle"],
  mode: ["require", "pinMode"],
  count: ["SPI1", "SPI2", "SPI3"],
};

/** Functions that only make something: without a use of what they make, a call of them is nothing. */
const MAKERS = ["scratch", "newField", "newPoint", "newRing"];

/** What answered questions leave behind goes before anything looks at who uses what, memory that nothing uses included. */
const DEAD = {
  defaults: false,
  conditionals: true,
  dead_code: true,
  evaluate: true,
  keep_fargs: true,
  passes: 3,
  pure_funcs: ({ expression }) => expression.property !== "subarray" && !MAKERS.includes(expression.name),
  pure_new: true,
  side_effects: true,
  toplevel: true,
  unused: true,
};

async function withoutDead(code) {
  return (await minify(code, { ecma: 5, compress: DEAD, mangle: false, toplevel: true, format: { ecma: 5, comments: false } })).code;
}

/** Modules whose functions run for every frame or chunk: they take no other function inside. */
const HOT = /src\/core\/(link|stream)\/|src\/core\/hash\/(sha256|hmac)\.|src\/core\/seal\./;

/** The module of every name that `chunk` declares at the top. */
function modulesOf(chunk) {
  const modules = new Map();
  for (const [id, module] of Object.entries(chunk.modules))
    if (module.code) for (const name of analyse(parse(module.code, { ecmaVersion: 5, locations: true })).root.names.keys()) modules.set(name, id);
  return modules;
}

/** Minified text of `code` for `engine`; with `anywhere`, for others too. Throws an Error naming what the engine does not support. */
export async function makePortable(code, engine, anywhere = false) {
  checkBundle(code, engine);
  const result = await minify(code, {
    ecma: 5,
    compress: COMPRESS,
    mangle: false,
    toplevel: true,
    format: { ecma: 5, comments: false, ascii_only: true, semicolons: true, wrap_iife: true },
  });
  const plain = result.code.replace(/(^|[{;])"use strict";/g, "$1");
  const hoisted = hoist(engine === "espruino" ? trim(shorten(plain, anywhere)) : plain);
  const used = analyse(parse(hoisted, { ecmaVersion: 5, locations: true })).globals;
  const unused = Object.keys(SOURCES).filter((name) => SOURCES[name].every((source) => !used.has(source)));
  const keepProperty = (name) => name === "prototype" || (isEngineProperty(name, engine) && !unused.includes(name));
  const short = rename(hoisted, { reserved: engineGlobals(engine), keepProperty });
  const again = await minify(short, {
    ecma: 5,
    compress: false,
    mangle: false,
    format: { ecma: 5, comments: false, ascii_only: true, semicolons: true, wrap_iife: true },
  });
  prove(again.code);
  checkSyntax(again.code);
  return again.code.replace(/;+\s*$/, "") + ";\n";
}

/** With SHARES set, what each source file contributes to each of Espruino's bundles. */
const columns = new Map();
async function note(bundle, settled, moduleOf) {
  if (!process.env.SHARES || !bundle.board || bundle.engine !== "espruino") return;
  columns.set(bundle.name, await shares(settled, bundle.engine, moduleOf));
}

/** Prints what was noted; an empty text where nothing was. */
export const sharesTable = () => (columns.size ? table(columns) : "");

/**
 * The step as a Rollup output plugin. Core's own code for what the engine has natively is in the bundle where the board has room for it;
 * `report` hears when it is left out.
 */
export function portable(bundle) {
  async function make(code, modules, only) {
    const hot = (name) => HOT.test(modules.get(name) ?? "");
    const keep = (name) => name === "only" || isEngineProperty(name, bundle.engine);
    const settled = bundle.board ? await withoutDead(dropUnread(await withoutDead(settle(drop(code, keep), only)), keep)) : await withoutDead(dropGuards(code));
    await note(bundle, settled, (name) => modules.get(name)?.replace(/^.*build\/es5\//, "").replace(/\.js$/, ".ts"));
    const lasting = (name) => LASTING.test(name) || /boards\//.test(modules.get(name) ?? "");
    const nested = bundle.engine === "espruino" ? nest(settled, (host, guest) => !hot(host) && mayMove(guest, host, (name) => modules.get(name) ?? ""), lasting) : settled;
    const phased = inPhases(bundle) ? phase(nested, (name) => modules.get(name)) : nested;
    return makePortable(phased, bundle.engine, bundle.board === null);
  }
  return {
    name: "portable",
    async renderChunk(code, chunk) {
      try {
        const modules = modulesOf(chunk);
        const whole = await make(code, modules, false);
        bundle.only = bundle.engine === "espruino" && typeof bundle.room === "number" && tokenise(whole).length > bundle.room;
        return { code: bundle.only ? await make(code, modules, true) : whole, map: null };
      } catch (error) {
        // Rollup hides what a plugin throws behind an error of its own
        console.error(`${bundle.engine}/${bundle.name}: ${error.message}`);
        throw error;
      }
    },
    writeBundle({ file }) {
      if (bundle.engine === "espruino") writeFileSync(storedAs(file), tokenise(readFileSync(file, "latin1")));
    },
  };
}
