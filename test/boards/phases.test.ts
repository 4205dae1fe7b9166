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

test.run();
