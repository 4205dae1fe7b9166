import * as assert from "uvu/assert";
import { runInNewContext } from "node:vm";
import { phase } from "../../scripts/build/phases.mjs";
import { suite } from "../suite.js";

const test = suite("phases");

/** A program whose functions `ladder` and `newField` are arithmetic; `top` stands between them and the start. */
const program = (top: string): string => `
function newField(){return new Float64Array(2)}
var field=newField();
var order=new Uint8Array(4);
function ladder(value){log.push("ladder");field[0]+=value;return order[1]+field[0]}
${top}
function start(){log.push(ladder(1));log.push(ladder(1))}
start();`;

const moduleOf = (name: string): string | undefined =>
  ["newField", "field", "order", "ladder"].includes(name) ? "src/core/curve/ladder.js" : undefined;

/** What the program says, phased or as it is written. */
function said(code: string): unknown[] {
  const log: unknown[] = [];
  runInNewContext(code, { log, Float64Array, Uint8Array });
  return log;
}

test("what makes and fills memory of a phase goes into it, and the program says the same", () => {
  for (const top of ["", "order[1]=7;", "order.set([1,2,3]);", "order.fill(5);"]) {
    const phased = phase(program(top), moduleOf);
    assert.match(phased, /function arithmetic1\$\(\)\{[^]*var field=newField\(\)/, top);
    assert.equal(said(phased), said(program(top)), top);
  }
});

test("a statement that does something at the start is refused where a phase would take it, late and once for each phase", () => {
  const refused = [
    "ladder(3);",
    "order[1]=ladder(3);",
    "order.set(ladder(3));",
    "field=newField();",
    "order.reverse();",
    "if(order[0]===0)ladder(1);",
    "while(order[0]===0)ladder(1);",
  ];
  for (const top of refused) assert.throws(() => phase(program(top), moduleOf), /expected nothing but memory of its own .* and found/, top);
});

test("so is memory whose making does more than make it", () => {
  const code = program("").replace("var order=new Uint8Array(4);", "var order=[0,ladder(2)];");
  assert.throws(() => phase(code, moduleOf), /and found "var order=\[0,ladder\(2\)\];"/);
});

/** A signature check: `verify` hashes first, `combine` computes with points, `answer` of what answers messages begins it. */
const check = `
function newField(){return new Float64Array(2)}
var hashed=new Uint8Array(3);
function verify(value){hashed[0]+=value;return hashed[0]<3?0:combine(hashed[0])}
var table=newField();
function combine(value){table[0]+=value;return table[0]}
function answer(value){return verify(value)}
function start(){log.push(answer(1));log.push(answer(1));log.push(answer(1));log.push(answer(1))}
start();`;

const checks: Record<string, string> = {
  hashed: "src/core/curve/ed25519.js",
  verify: "src/core/curve/ed25519.js",
  table: "src/core/curve/points.js",
  combine: "src/core/curve/points.js",
  newField: "src/core/curve/field.js",
  answer: "src/core/protocol/responder.js",
};

test("what a signature check computes with is made once its message has been hashed, and kept until its end", () => {
  const phased = phase(check, (name) => checks[name]);
  const log: unknown[] = [];
  const counted = function (length: number): Float64Array {
    log.push("points");
    return new Float64Array(length);
  };
  runInNewContext(phased, { log, Float64Array: counted, Uint8Array });
  assert.equal(log, [0, 0, "points", 3, 7]);
});

test("only the check itself reaches it", () => {
  const code = check.replace("return verify(value)", "return verify(value)+combine(1)");
  assert.throws(() => phase(code, (name) => checks[name]), /"combine" belongs to a phase, and can only be called from outside/);
});

/** `derive` and `forget` serve `answer`, which authenticates; `seal` and its `key` serve `command` as well. */
const served = `
var digest=scratch(4);
var key=scratch(4);
function scratch(length){return new Uint8Array(length)}
function derive(value){digest[0]=value;return digest[0]}
function seal(value){key[0]=value;return key[0]}
function open(value){key[1]=value;return key[1]}
function answer(value){return derive(value)+seal(value)+open(value)}
function command(value){return seal(value)}
function startDevice(){log.push(answer(1),command(2),answer(3))}
startDevice();`;

const serves: Record<string, string> = {
  digest: "src/core/protocol/derive.js",
  derive: "src/core/protocol/derive.js",
  key: "src/core/seal.js",
  seal: "src/core/seal.js",
  open: "src/core/seal.js",
  answer: "src/core/protocol/responder.js",
  command: "src/card/card.js",
  scratch: "src/core/bytes.js",
};

test("what only authenticating uses is not there for other commands, unless it works on memory that they use as well", () => {
  const phased = phase(served, (name) => serves[name]);
  const made = (name: string): string =>
    /function makeWork\d\$\(\)\{(?:(?!function makeWork)[^])*$/.exec(phased.slice(0, phased.indexOf(name)))?.[0].slice(0, 20) ?? "";
  assert.is(made("function derive("), made("function answer("));
  assert.is(made("digest="), made("function answer("));
  for (const name of ["function seal(", "function open(", "key="]) assert.is(made(name), made("function command("), name);
  assert.is.not(made("function command("), made("function answer("));
  assert.equal(said(phased), [3, 2, 9]);
});

test.run();
