import * as assert from "uvu/assert";
import { existsSync, readFileSync } from "node:fs";
import { parse } from "acorn";
import { checkBundle, checkSyntax, espruinoNumber } from "../../scripts/engine-support.mjs";
import { prove } from "../../scripts/build/prove.mjs";
import { suite } from "../suite.js";

const test = suite("engine support");
const BUNDLES = ["", "jerryscript/"].flatMap((folder) =>
  ["card", "cartridge", "reader", "client", "selftest"].map((name) => `dist/${folder}${name}.js`),
);

test("every bundle parses as ES5, holds nothing newer, and is proved independent of hoisting", () => {
  const present = BUNDLES.filter((file) => existsSync(file));
  assert.ok(present.length >= 8, `expected the bundles in dist, found ${present.join(", ")}`);
  for (const file of present) {
    const code = readFileSync(file, "utf8");
    assert.not.throws(() => parse(code, { ecmaVersion: 5 }), file);
    assert.not.throws(() => checkSyntax(code), file);
    assert.not.throws(() => prove(code), file);
    assert.not.match(code, /\b(BigInt|async|await|Symbol|Promise|class)\b/, file);
  }
});

const refuses = (code: string, why: RegExp, engine = "espruino"): void => assert.throws(() => checkBundle(code, engine), why, code);

test("what an engine lacks is refused by name and line", () => {
  refuses("var a=Math.pow(2,3)", /line 1: property "pow"/);
  refuses("var a=Symbol()", /"Symbol" is no global of espruino/);
  refuses("var a=[1].lastIndexOf(1)", /"lastIndexOf"/);
  refuses("var a=/x/", /regular expressions/);
  refuses("switch(1){default:case 1:}", /last case/);
  refuses("var o={get a(){return 1}}", /getters/);
  refuses('var o={a:1};o["a"]', /without quotes/);
  refuses("var a=getTime()", /"getTime" is no global of jerryscript/, "jerryscript");
  refuses("a:for(;;)break a", /labels/);
  assert.throws(() => checkBundle("let a=1", "espruino"));
});

test("what is there, or made by the bundle itself, is let through", () => {
  checkBundle("var o={made:1};o.made;o.later=2;o.later;new Uint8Array(3).fill(0);E.hwRand()", "espruino");
  checkBundle("leydenHost.hostNow()", "jerryscript");
});

test("literals are judged by how Espruino reads them", () => {
  assert.is(espruinoNumber("0.5"), 0.5);
  assert.is.not(espruinoNumber("0.3"), 0.3);
  assert.is(espruinoNumber("0x60000000000000"), 0x60000000000000);
  assert.is(espruinoNumber("4294967296"), 4294967296);
  assert.is(espruinoNumber("1e3"), 1000);
  refuses("var a=0.3", /the number 0.3 is not read exactly/);
  refuses("var a=1e-10", /not read exactly/);
});

test.run();
