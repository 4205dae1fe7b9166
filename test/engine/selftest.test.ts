import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runInNewContext } from "node:vm";
import { makePortable } from "../../scripts/build/portable.mjs";
import { TRAPS } from "../boards/traps.js";
import { suite } from "../suite.js";
import { ESPRUINO, JERRY, output, script, temporary } from "./support.js";

const test = suite("self-test on engines");
const DUKTAPE = spawnSync("duk", ["-e", ""], { stdio: "ignore" }).error === undefined;

/** What ES2015 added to typed arrays and an ES5 engine lacks. */
const TYPED_ARRAYS = `[Uint8Array,Int32Array,Uint32Array,Float64Array].forEach(function(T){if(!T.prototype.fill)T.prototype.fill=function(v,a,b){
if(b===undefined)b=this.length;for(var i=a||0;i<b;i++)this[i]=v;return this;};});\n`;

function allPassed(text: string): void {
  const summary = /self-test: (\d+) passed, (\d+) failed/.exec(text);
  assert.ok(summary, `no summary in: ${text.slice(-400)}`);
  assert.is(summary?.[2], "0", text);
  for (const name of ["crc32", "sha256", "sha512", "hmac", "hkdf", "x25519", "ed25519", "suite 1", "suite 2"])
    assert.match(text, new RegExp(`ok ${name} [0-9]+ ms`));
  assert.not.match(text, /FAILED|REFUSED/);
}

async function run(program: string, text: string): Promise<string> {
  const folder = temporary();
  writeFileSync(join(folder, "test.js"), text);
  const out = await output(resolve(program), ["test.js"], folder);
  rmSync(folder, { recursive: true });
  return out;
}

for (const name of ["selftest", "jerryscript/selftest"]) {
  test(`dist/${name}.js on V8`, () => {
    const lines: string[] = [];
    runInNewContext(script(name), { print: (line: string) => lines.push(line) });
    allPassed(lines.join("\n"));
  });
}
test.when(DUKTAPE, "no duk; Debian's package is duktape")("dist/selftest.js on duktape", async () => {
  const folder = temporary();
  writeFileSync(join(folder, "test.js"), TYPED_ARRAYS + script("selftest"));
  allPassed(await output("duk", ["test.js"], folder));
  rmSync(folder, { recursive: true });
});
test.when(ESPRUINO !== "", "ESPRUINO is not set")("dist/selftest.js on Espruino, with its native primitives", async () => {
  const text = await run(ESPRUINO, script("selftest"));
  allPassed(text);
  for (const name of ["sha256", "sha512", "aes", "convolve", "crc32"]) assert.match(text, `native ${name} in use`);
});
test.when(JERRY !== "", "JERRY is not set")("dist/jerryscript/selftest.js on JerryScript", async () => {
  allPassed(await run(JERRY, script("jerryscript/selftest")));
});
test.when(ESPRUINO !== "", "ESPRUINO is not set")(
  "every trap comes out right on Espruino after the build's passes, and wrong or refused without",
  async () => {
    const safe: string[] = [];
    for (const trap of TRAPS)
      if (!trap.refused) safe.push(await makePortable(`print("<"+(${trap.code.replace(/;$/, "")})+">");`, "espruino"));
    const text = await run(ESPRUINO, safe.join(""));
    const results = [...text.matchAll(/<(\w*)>/g)].map((match) => match[1]);
    assert.equal(
      results,
      TRAPS.filter((trap) => !trap.refused).map((trap) => trap.result),
    );
    const first = await run(ESPRUINO, `print("<"+(${TRAPS[0]?.code.replace(/;$/, "") ?? ""})+">");`);
    assert.match(first, "<5>", "the engine has learned to hoist; the passes may go");
  },
);

test.run();
