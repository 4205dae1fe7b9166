/** What a bundle finds in the simulated engine, and what it does not; values are those measured on Espruino 2v29. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PICO, PUCKJS } from "../../sim/espruino/profile.js";
import type { EspruinoBoard } from "../../sim/espruino.js";
import { World } from "../../sim/world.js";
import { suite } from "../suite.js";

const test = suite("sandbox");

function boot(
  code: string,
  options: { keepDropped?: boolean; pico?: boolean } = {},
): { world: World; board: EspruinoBoard; lines: string[] } {
  const world = new World({ seed: 5 });
  const board = world.board({
    name: "board",
    profile: options.pico ? PICO : PUCKJS,
    keepDropped: options.keepDropped,
    wiring: { card: { select: "B10", capacity: 4096 } },
  });
  board.install(code);
  board.supply("wall", 3.3);
  world.clock.runFor(1e6);
  return { world, board, lines: world.trace.of("log").map(({ line }) => line) };
}
const evaluate = (expression: string, pico = false): string => {
  const { lines, world } = boot(`print(${expression})`, { pico });
  assert.equal(
    world.trace.of("fault").filter(({ what }) => what === "uncaught error"),
    [],
    expression,
  );
  return lines.join("|");
};

test("what the engine lacks is not there", () => {
  for (const name of "Symbol Map Set WeakMap Proxy Reflect BigInt Promise Intl RangeError TextEncoder queueMicrotask structuredClone Buffer setImmediate".split(
    " ",
  ))
    assert.is(evaluate(`typeof ${name}`), "undefined", name);
  for (const name of "Math.imul Math.clz32 Math.trunc Math.log2 Math.fround Number.isInteger Array.from Array.of Object.freeze Object.is Uint8Array.from ArrayBuffer.isView".split(
    " ",
  ))
    assert.is(evaluate(`typeof ${name}`), "undefined", name);
  for (const name of "new_Uint8Array(1).copyWithin [].flat [].lastIndexOf ''.codePointAt ''.localeCompare".split(" "))
    assert.is(evaluate(`typeof ${name.replace("_", " ")}`), "undefined", name);
});

test("what the engine has is there", () => {
  for (const name of "setTimeout setInterval clearTimeout changeInterval getTime setWatch clearWatch digitalWrite analogRead print require load peek8 Waveform E.CRC32 E.hwRand E.convolve E.sum Serial1.write NRF.sleep process.memory Object.assign [].forEach".split(
    " ",
  ))
    assert.is(evaluate(`typeof ${name}`), "function", name);
  assert.is(evaluate("process.env.BOARD+process.env.VERSION"), "PUCKJS2v29");
  assert.is(evaluate("typeof require('crypto').SHA512"), "undefined");
  assert.is(evaluate("global===globalThis"), "true");
});

test("it computes what the engine computes, also where that is wrong", () => {
  assert.is(evaluate("Math.pow(2,12)===4096"), "false");
  assert.is(evaluate("Math.pow(2,9)===512"), "true");
  assert.is(evaluate("Math.round(-2.5)"), "-3");
  assert.is(evaluate("E.sum(new Uint32Array([4294967295]))"), "-1");
  assert.is(evaluate("E.convolve(new Uint32Array([4294967295]),[1],0)"), "-1");
  assert.is(evaluate("E.convolve(new Float64Array([67108863,1]),new Float64Array([134217727,-5,7]),2)"), "603979768");
  assert.is(evaluate("String.fromCharCode(0x20ac).charCodeAt(0)"), "172");
  assert.is(evaluate("Array.isArray(new Uint8Array([1,2,3]).slice(1))"), "true");
  assert.is(evaluate("JSON.stringify(new Uint8Array([1,2]))"), "[1,2]");
  assert.is(evaluate("E.CRC32('123456789')"), "3421780262");
  assert.is(evaluate("E.toUint8Array([1,{data:2,count:3},'hi']).join()"), "1,2,2,2,104,105");
});

const engine = process.env.ESPRUINO ?? "";

test.when(engine !== "", "ESPRUINO names no engine")("answers as the engine does on whatever firmware may ask", () => {
  const expressions = [
    "Math.pow(2,12)===4096,Math.pow(2,9)===512,Math.pow(10,11)===1e11,Math.pow(3,4),Math.pow(-2,3)",
    "Math.round(-2.5),Math.round(2.5),Math.round(-0.4),Math.round(1e9+0.5),Math.floor(-2.5),Math.ceil(2.1),Math.abs(-7)",
    "E.sum(new Uint32Array([4294967295])),E.sum(new Uint8Array([1,2,3])),E.sum(new Float64Array([67108863,134217727]))",
    "E.convolve(new Uint32Array([4294967295]),[1],0),E.convolve(new Float64Array([67108863,1]),new Float64Array([134217727,-5,7]),2),E.convolve([1,2,3],[4,5],-1)",
    "E.CRC32('123456789'),E.CRC32(new Uint8Array([0,255,128])),E.CRC32(new Uint8Array(0))",
    "E.toUint8Array([1,{data:2,count:3},'hi']).join(),E.toUint8Array('\\xff\\0').join(),E.toString([65,{data:[66,67],count:2}])",
    "new Uint8Array(new Uint8Array([1,2,3,4]).subarray(1,3)).join(),new Uint8Array([1,2,3,4]).subarray(-2).join(),new Uint8Array([5,6]).slice(1).length",
    "new Uint32Array(new Uint8Array([1,2,3,4]).buffer)[0],new Uint16Array(2).byteLength,new Uint8Array(new ArrayBuffer(8),2,3).byteOffset",
    "String.fromCharCode(65,0x141).charCodeAt(1),'abc'.substr(1,1),'abc'.charCodeAt(9)",
    "JSON.stringify({a:new Uint8Array([1,2]),b:'x'}),[3,1,2].sort().join(),[1,2,3,4].splice(1,2).join(),[1,2].concat([3]).indexOf(3)",
    "typeof Map,typeof Symbol,typeof Math.imul,typeof Object.freeze,typeof Array.from,typeof Uint8Array.from,typeof BigInt,typeof Proxy",
    "-1>>>0,(-7)%3,0xffffffff|0,1<<31,5/2|0,(1<<30)*4,0x80000000>>1",
    "new Uint8Array(require('crypto').SHA256(['a',new Uint8Array([98,99])])).join()",
    "new Uint8Array(require('crypto').AES.encrypt(new Uint8Array(32),new Uint8Array(16),{iv:new Uint8Array([1,2,3]),mode:'CBC'})).join()",
    "new Uint8Array(require('crypto').AES.decrypt(new Uint8Array(32),new Uint8Array(32),{mode:'ECB'})).join()",
    "require('crypto').AES.encrypt(new Uint8Array(15),new Uint8Array(16),{mode:'CBC'})===undefined,new Uint8Array(require('crypto').AES.encrypt(new Uint8Array(20),new Uint8Array(16),{mode:'CFB'})).join()",
  ];
  const code = expressions.map((expression) => `print("> "+[${expression}].join("|"));`).join("\n");
  const folder = mkdtempSync(join(tmpdir(), "leyden-sandbox-"));
  writeFileSync(join(folder, "script.js"), code);
  const run = spawnSync(engine, ["script.js"], {
    cwd: folder,
    input: "",
    encoding: "latin1",
    timeout: 30_000,
    killSignal: "SIGKILL",
  });
  rmSync(folder, { recursive: true });
  const answers = run.stdout
    .split("\n")
    .filter((line) => line.startsWith("> "))
    .map((line) => line.trim());
  const { lines } = boot(code);
  assert.is(lines.length, expressions.length);
  expressions.forEach((expression, i) => assert.is(lines[i], answers[i], expression));
});

test("native cryptography matches its published vectors; CTR is refused", () => {
  const hex =
    "function h(b){var a=new Uint8Array(b),s='',i;for(i=0;i<a.length;i++)s+=(a[i]>>4).toString(16)+(a[i]&15).toString(16);return s}";
  const run = (code: string): string => boot(`${hex};print(${code})`).lines.join();
  assert.is(
    run("h(require('crypto').SHA256(['a',new Uint8Array([98,99])]))"),
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  );
  const key = "E.toUint8Array('\\x2b\\x7e\\x15\\x16\\x28\\xae\\xd2\\xa6\\xab\\xf7\\x15\\x88\\x09\\xcf\\x4f\\x3c')";
  const block = "new Uint8Array([0x6b,0xc1,0xbe,0xe2,0x2e,0x40,0x9f,0x96,0xe9,0x3d,0x7e,0x11,0x73,0x93,0x17,0x2a])";
  const iv = "new Uint8Array([0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15])";
  assert.is(run(`h(require('crypto').AES.encrypt(${block},${key},{iv:${iv},mode:'CBC'}))`), "7649abac8119b246cee98e9b12e9197d");
  assert.is(
    run(
      `h(require('crypto').AES.decrypt(new Uint8Array(require('crypto').AES.encrypt(${block},${key},{mode:'ECB'})),${key},{mode:'ECB'}))`,
    ),
    "6bc1bee22e409f96e93d7e117393172a",
  );
  const { board } = boot(`try{require('crypto').AES.encrypt(${block},${key},{iv:${iv},mode:'CTR'})}catch(e){}`);
  assert.is(board.counts.refused, 1);
});

test("views beyond the end are refused, since the engine would not notice", () => {
  const { board, lines } = boot(
    "try{new Uint8Array(4).subarray(2,99)}catch(e){print(e.message)}try{new Uint8Array(new ArrayBuffer(4),2,50)}catch(e){print(e instanceof Error)}",
  );
  assert.is(board.counts.refused, 2);
  assert.match(lines[0], /refuses subarray/);
  assert.is(lines[1], "true");
});

test("an error in a callback is traced, and the device goes on", () => {
  const { world, board, lines } = boot("var n=0;setInterval(function(){n++;if(n===2)throw new Error('second');print(n)},10);undeclared()");
  assert.is(board.counts.errors, 2);
  assert.match(String(world.trace.of("fault")[0].detail), /undeclared/);
  assert.equal(lines.slice(0, 3), ["1", "3", "4"]);
});

test("time and chance are the simulation's", () => {
  const once = boot("print(Math.random(),E.hwRand(),Date.now());setTimeout(function(){print(Date.now(),new Date().getTime())},500)").lines;
  assert.equal(
    boot("print(Math.random(),E.hwRand(),Date.now());setTimeout(function(){print(Date.now(),new Date().getTime())},500)").lines,
    once,
  );
  assert.match(once[0], / 0$/);
  assert.ok(Math.abs(Number(once[1].split(" ")[0]) - 500) < 1);
});

test("a secret is found wherever it is in memory, and not once it is overwritten", () => {
  const secret = Uint8Array.from({ length: 16 }, (_, i) => 200 - 7 * i);
  const literal = `new Uint8Array([${secret.join()}])`;
  assert.is(boot(`(function(){var k=${literal};setTimeout(function(){k[0]},1e9)})()`).board.searchMemory(secret), 1);
  assert.ok(boot(`global.o={deep:[1,{s:E.toString(${literal})}]}`).board.searchMemory(secret) >= 1);
  assert.ok(boot(`global.list=[${secret.join()}]`).board.searchMemory(secret) >= 1);
  const dropped = `(function(){var k=${literal};require('crypto').SHA256(k)})()`;
  assert.is(boot(dropped, { keepDropped: true }).board.searchMemory(secret), 1, "dropped without wiping");
  assert.is(boot(dropped.replace("})()", ";k.fill(0)})()"), { keepDropped: true }).board.searchMemory(secret), 0);
  const digest = "(function(){var d=new Uint8Array(require('crypto').SHA256('x'));global.w=d[0]})()";
  const found = boot(digest, { keepDropped: true }).board;
  assert.is(
    found.searchMemory(Buffer.from("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881", "hex")) > 0,
    true,
    "native results are searched",
  );
  found.supply("wall", 0);
  assert.is(found.searchMemory(secret), 0);
});

test("a card's files keep what was settled, and some of the rest, over a power cut", () => {
  const code =
    "SPI2.setup({});E.connectSDCard(SPI2,'B10');var f=E.openFile('x','w');f.write('settled');f.close();f=E.openFile('x','r+');f.seek(7);f.write('unsettled');";
  const { board } = boot(code, { pico: true });
  assert.is(board.counts.errors, 0);
  board.supply("wall", 0);
  const left = Buffer.from(board.card?.content("x") ?? []).toString();
  assert.ok("settledunsettled".startsWith(left) && left.length >= 7, left);
  const full = boot("var f=E.openFile('x','w');print(f.write(new Uint8Array(5000)),f.read)", { pico: true });
  assert.match(full.lines[0], /^4096/);
});

test.run();
