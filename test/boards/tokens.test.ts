/** What is stored on Espruino boards is the bundle, and nothing but the bundle: read back by the engine's rules it is the same text, byte for byte. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { minify } from "terser";
import * as assert from "uvu/assert";
import { tokenise } from "../../scripts/build/tokens.mjs";
import { readTokens } from "../../sim/espruino/tokens.js";
import { TRAPS } from "./traps.js";
import fc from "../generate.js";
import { suite } from "../suite.js";

const test = suite("engine tokens");
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("every stored bundle is its script in the engine's tokens, and at least a tenth shorter", () => {
  const folders = ["dist", ...(existsSync("dist/boards") ? readdirSync("dist/boards").map((board) => join("dist/boards", board)) : [])];
  let found = 0;
  for (const folder of folders)
    for (const name of readdirSync(folder).filter((file) => file.endsWith(".boot0"))) {
      const stored = readFileSync(join(folder, name));
      const script = readFileSync(join(folder, name.replace(".boot0", ".js")), "latin1");
      assert.ok(readTokens(latin1(stored)) === script, `${folder}/${name} is not its script`);
      assert.ok(stored.length < 0.9 * script.length, `${folder}/${name}: ${String(stored.length)} of ${String(script.length)} bytes`);
      found++;
    }
  assert.ok(found >= 5, "card, cartridge, reader, client and selftest");
});

test("tokens are those of the engine's lexer", () => {
  // src/jslex.h: operators from 138 on, reserved words from 163 on, raw strings and numbers from 209 on.
  assert.is(hex(tokenise("a==b")), "618a62");
  assert.is(hex(tokenise("if(a)b")), "a328612962");
  assert.is(hex(tokenise("typeof a")), "bf61");
  assert.is(hex(tokenise('a="xy"')), "613dd1027879");
  assert.is(
    hex(tokenise("a(0,1,10,-10,127,128,32767,-32767,32768)")),
    "6128d32c312cd40a2cd4f62cd47f2cd580002cd5ff7f2cd501802c333237363829",
  );
  assert.is(hex(tokenise("return-10")), "abd4f6");
  assert.is(hex(tokenise("a-10")), "612dd40a", "a difference is none");
});

test("numbers, signs, strings and words that stand beside each other come back as they were", () => {
  const texts = [
    'a=b-1-10- -10-0;var c=-1;c=[-0,-12,-129,1e3,.5,0x60000000000000];d(e?-1:-99);if(a<-5&&b>=-300)c=-"10";return-7;',
    "function f(a,b){for(var i=0;i<10;i++)a[i]in b;return typeof a+ +b- --i}try{f()}catch(e){throw new f}",
    `a='it is "so"';b="it's";c="";d="\\\\";e="\\n";f="${"x".repeat(255)}";g="${"x".repeat(256)}";`,
    'case"a":case 10:delete a.b;void 0;do a++;while(!0)',
  ];
  for (const text of texts) assert.is(readTokens(latin1(tokenise(text))), text);
  assert.is(readTokens(latin1(tokenise("var a;\n"))), "var a;\n");
  for (const text of ["a = b", "a /*b*/", "a\n;b", 'a="\u00e4"', "a \n"]) assert.throws(() => tokenise(text), /expected/, text);
  assert.throws(() => readTokens("\u00c7"), /The engine knows no token 199/);
});

test("so does whatever the minifier makes of the known traps and of generated expressions", async () => {
  for (const { code } of TRAPS) {
    const text = (await minify(code, { ecma: 5, compress: false, mangle: false, format: { ascii_only: true } })).code ?? "";
    assert.is(readTokens(latin1(tokenise(text))), text);
  }
  const operand = fc.oneof(
    fc.integer({ min: -40_000, max: 40_000 }).map(String),
    fc.string({ maxLength: 20 }).map((text) => JSON.stringify(text)),
    fc.constantFrom("a", "a.b", "null", "this", "typeof a", "!a", "-a", "- -a", "+a", "i++", "--i", "new A", "a(1)", "[0,-1]"),
  );
  const operator = fc.constantFrom(
    "+",
    "-",
    "*",
    "==",
    "!==",
    "<<",
    ">>>",
    " in ",
    " instanceof ",
    "&&",
    "||",
    ",",
    "<",
    ">=",
    "&",
    "^",
    "%",
  );
  await fc.assert(
    fc.asyncProperty(operand, fc.array(fc.tuple(operator, operand), { maxLength: 6 }), async (first, more) => {
      const code = `x=${first}${more.map(([sign, next]) => ` ${sign} ${next}`).join("")};`;
      const text = (await minify(code, { ecma: 5, compress: false, mangle: false, format: { ascii_only: true } })).code ?? "";
      assert.is(readTokens(latin1(tokenise(text))), text);
    }),
  );
});

test.run();
