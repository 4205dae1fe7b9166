import * as assert from "uvu/assert";
import { runInNewContext } from "node:vm";
import { hoist } from "../../scripts/build/hoist.mjs";
import { nest } from "../../scripts/build/nest.mjs";
import { makePortable } from "../../scripts/build/portable.mjs";
import { prove } from "../../scripts/build/prove.mjs";
import { rename } from "../../scripts/build/rename.mjs";
import { suite } from "../suite.js";
import { TRAPS } from "./traps.js";

const test = suite("minifier");
const options = { reserved: new Set(["E", "print"]), keepProperty: () => true };

test("the proof refuses every known trap as it is written", () => {
  for (const trap of TRAPS) {
    if (trap.unsafe) assert.throws(() => prove(trap.code), /declared again|used before|default|label/, trap.name);
    else assert.not.throws(() => prove(trap.code), trap.name);
  }
});

test("hoisting and naming make each trap safe and keep its meaning", () => {
  for (const trap of TRAPS) {
    if (trap.refused) {
      assert.throws(() => rename(hoist(trap.code), options), /label|inside a block/, trap.name);
      continue;
    }
    const safe = rename(hoist(trap.code), options);
    assert.not.throws(() => prove(safe), trap.name);
    assert.is(String(runInNewContext(safe)), trap.result, trap.name);
  }
});

test("the whole pipeline keeps the meaning of each trap", async () => {
  for (const trap of TRAPS) {
    if (trap.refused) continue;
    const small = await makePortable(`print(${trap.code.replace(/;$/, "")});`, "espruino");
    const out: string[] = [];
    runInNewContext(small, { print: (value: unknown) => out.push(String(value)) });
    assert.is(out.join(), trap.result, trap.name);
  }
});

test("a function that moves inside another still sees the outer name that a local of its host hides", () => {
  const code = `
    var level = 1;
    function read() { return level; }
    function host() { var level = 5; return read() + level; }
    var result = host() + host();
    result;
  `;
  const nested = nest(code, () => true);
  assert.ok(nested.indexOf("function read") > nested.indexOf("function host"), "read moved into host");
  assert.is(runInNewContext(nested), 12);
});

test("functions that are kept by reference, or wanted by two, stay where they are", () => {
  const code = `
    function kept() { return 1; }
    function shared() { return 2; }
    function one() { return shared(); }
    function two() { return shared(); }
    function start(f) { return f() + one() + two(); }
    start(kept);
  `;
  const nested = nest(code, (name: string) => name !== "start");
  for (const name of ["kept", "shared"]) assert.match(nested, new RegExp(`^\\s*function ${name}`, "m"));
  assert.is(runInNewContext(nested), 5);
});

test("no name of the engine, no pin and no outer name is given to a variable", () => {
  const names = Array.from({ length: 120 }, (_, i) => `variable${String(i)}`);
  const code = `(function(){${names.map((name) => `var ${name}=1;`).join("")}return function(${names.map((name) => `p${name}`).join(",")}){return ${names.map((name) => `p${name}+${name}`).join("+")}}})()`;
  const short = rename(code, options);
  prove(short);
  for (const [name] of short.matchAll(/[A-Za-z_$][\w$]*/g)) assert.not.match(name, /^(E|print|[A-H]\d+|LED\d?|BTN\d?)$/);
});

test.run();
