/**
 * What a bundle may use on each engine. Syntax is checked by parsing; globals, methods and properties against the tables below, each
 * entry with the file of the engine's public source that provides it. A property that is neither here nor made by the bundle itself is
 * refused, so a name that an engine lacks cannot slip in.
 */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { parse } from "acorn";
import { analyse, eachChild } from "./build/scopes.mjs";
import { propertyNames } from "./build/rename.mjs";

/** name: [source in Espruino 2v29, source in JerryScript 3.0]; null where the engine lacks it. */
const GLOBALS = {
  undefined: ["src/jswrap_functions.c", "builtin-objects/ecma-builtin-global.inc.h"],
  parseInt: ["src/jswrap_functions.c", "builtin-objects/ecma-builtin-global.inc.h"],
  NaN: ["src/jswrap_number.c", "builtin-objects/ecma-builtin-global.inc.h"],
  Error: ["src/jswrap_error.c", "builtin-objects/ecma-builtin-error.inc.h"],
  Math: ["src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"],
  String: ["src/jswrap_string.c", "builtin-objects/ecma-builtin-string.inc.h"],
  Date: ["src/jswrap_date.c", "builtin-objects/ecma-builtin-date.inc.h"],
  ArrayBufferView: ["src/jswrap_arraybuffer.c", null],
  Uint8Array: ["src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-uint8array.inc.h"],
  Uint16Array: ["src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-uint16array.inc.h"],
  Uint32Array: ["src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-uint32array.inc.h"],
  Int32Array: ["src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-int32array.inc.h"],
  Float64Array: ["src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-float64array.inc.h"],
  print: ["src/jswrap_interactive.c", "jerry-ext/handler/handler-print.c"],
  console: ["src/jswrap_interactive.c", null],
  require: ["src/jswrap_modules.c", null],
  process: ["src/jswrap_process.c", null],
  E: ["src/jswrap_espruino.c", null],
  NRF: ["libs/bluetooth/jswrap_bluetooth.c", null],
  Bangle: ["libs/banglejs/jswrap_bangle.c", null],
  Waveform: ["src/jswrap_waveform.c", null],
  getTime: ["src/jswrap_interactive.c", null],
  setTimeout: ["src/jswrap_interactive.c", null],
  clearTimeout: ["src/jswrap_interactive.c", null],
  setInterval: ["src/jswrap_interactive.c", null],
  setWatch: ["src/jswrap_io.c", null],
  setDeepSleep: ["src/jswrap_interactive.c", null],
  analogRead: ["src/jswrap_io.c", null],
  analogWrite: ["src/jswrap_io.c", null],
  digitalRead: ["src/jswrap_io.c", null],
  digitalWrite: ["src/jswrap_io.c", null],
  pinMode: ["src/jswrap_io.c", null],
  Serial1: ["src/jswrap_serial.c", null],
  Serial2: ["src/jswrap_serial.c", null],
  Serial3: ["src/jswrap_serial.c", null],
  Serial6: ["src/jswrap_serial.c", null],
  USB: ["src/jswrap_serial.c", null],
  Bluetooth: ["libs/bluetooth/jswrap_bluetooth.c", null],
  SPI1: ["src/jswrap_spi_i2c.c", null],
  SPI2: ["src/jswrap_spi_i2c.c", null],
  SPI3: ["src/jswrap_spi_i2c.c", null],
  leydenHost: [null, "boards/jerryscript/host/host.c, our own"],
};

const BOTH = (espruino, jerry) => [espruino, jerry];
const PROPERTIES = {
  // typed arrays, arrays, strings, functions
  length: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  buffer: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  byteOffset: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  byteLength: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  set: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  subarray: BOTH("src/jswrap_arraybuffer.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  fill: BOTH("src/jswrap_array.c", "typedarray/ecma-builtin-typedarray-prototype.inc.h"),
  push: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  pop: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  shift: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  splice: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  indexOf: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  join: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  concat: BOTH("src/jswrap_array.c", "builtin-objects/ecma-builtin-array-prototype.inc.h"),
  charCodeAt: BOTH("src/jswrap_string.c", "builtin-objects/ecma-builtin-string-prototype.inc.h"),
  substr: BOTH("src/jswrap_string.c", "builtin-objects/ecma-builtin-string-prototype.inc.h"),
  substring: BOTH("src/jswrap_string.c", "builtin-objects/ecma-builtin-string-prototype.inc.h"),
  fromCharCode: BOTH("src/jswrap_string.c", "builtin-objects/ecma-builtin-string.inc.h"),
  toString: BOTH("src/jswrap_object.c", "builtin-objects/ecma-builtin-object-prototype.inc.h"),
  call: BOTH("src/jswrap_functions.c", "builtin-objects/ecma-builtin-function-prototype.inc.h"),
  apply: BOTH("src/jswrap_functions.c", "builtin-objects/ecma-builtin-function-prototype.inc.h"),
  // Math
  floor: BOTH("src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"),
  ceil: BOTH("src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"),
  abs: BOTH("src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"),
  min: BOTH("src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"),
  max: BOTH("src/jswrap_math.c", "builtin-objects/ecma-builtin-math.inc.h"),
  now: BOTH("src/jswrap_date.c", "builtin-objects/ecma-builtin-date.inc.h"),
  log: ["src/jswrap_interactive.c", null],
  // E
  getFree: ["src/jswrap_storage.c", null],
  hwRand: ["src/jswrap_espruino.c", null],
  convolve: ["src/jswrap_espruino.c", null],
  CRC32: ["src/jswrap_espruino.c", null],
  toUint8Array: ["src/jswrap_espruino.c", null],
  getAnalogVRef: ["src/jswrap_espruino.c", null],
  getAddressOf: ["src/jswrap_espruino.c", null],
  setConsole: ["src/jswrap_espruino.c", null],
  getErrorFlags: ["src/jswrap_espruino.c", null],
  reboot: ["src/jswrap_espruino.c", null],
  force: ["src/jswrap_espruino.c, option of E.setConsole", null],
  on: ["src/jswrap_object.c", null],
  removeAllListeners: ["src/jswrap_object.c", null],
  // crypto
  SHA256: ["libs/crypto/jswrap_crypto.c", null],
  SHA512: ["libs/crypto/jswrap_crypto.c", null],
  AES: ["libs/crypto/jswrap_crypto.c", null],
  encrypt: ["libs/crypto/jswrap_crypto.c", null],
  decrypt: ["libs/crypto/jswrap_crypto.c", null],
  iv: ["libs/crypto/jswrap_crypto.c, option", null],
  mode: ["libs/crypto/jswrap_crypto.c, option", null],
  // Serial, SPI
  setup: ["src/jswrap_serial.c, src/jswrap_spi_i2c.c", null],
  unsetup: ["src/jswrap_serial.c", null],
  write: ["src/jswrap_serial.c, libs/filesystem/jswrap_file.c, src/jswrap_flash.c", null],
  send: ["src/jswrap_spi_i2c.c", null],
  tx: ["src/jswrap_serial.c, option", null],
  rx: ["src/jswrap_serial.c, option", null],
  bytesize: ["src/jswrap_serial.c, option", null],
  parity: ["src/jswrap_serial.c, option", null],
  stopbits: ["src/jswrap_serial.c, option", null],
  sck: ["src/jswrap_spi_i2c.c, option", null],
  miso: ["src/jswrap_spi_i2c.c, option", null],
  mosi: ["src/jswrap_spi_i2c.c, option", null],
  baud: ["src/jswrap_spi_i2c.c, option", null],
  data: ["src/jsvariterator.c, {data,count} arguments", null],
  count: ["src/jsvariterator.c, {data,count} arguments", null],
  // Flash, Storage, File
  read: ["src/jswrap_flash.c, src/jswrap_storage.c, libs/filesystem/jswrap_file.c", null],
  erasePage: ["src/jswrap_flash.c", null],
  getPage: ["src/jswrap_flash.c", null],
  addr: ["src/jswrap_flash.c, result of getPage", null],
  memory: ["src/jswrap_process.c", null],
  flash_code_start: ["src/jswrap_process.c, result of process.memory", null],
  connectSDCard: ["libs/filesystem/jswrap_file.c", null],
  openFile: ["libs/filesystem/jswrap_file.c", null],
  seek: ["libs/filesystem/jswrap_file.c", null],
  close: ["libs/filesystem/jswrap_file.c", null],
  // watches, audio, radio
  edge: ["src/jswrap_io.c, option of setWatch", null],
  repeat: ["src/jswrap_io.c, src/jswrap_waveform.c, option", null],
  debounce: ["src/jswrap_io.c, option of setWatch", null],
  state: ["src/jsinteractive.c, event of setWatch", null],
  freq: ["src/jswrap_io.c, option of analogWrite", null],
  doubleBuffer: ["src/jswrap_waveform.c, option", null],
  buffer2: ["src/jswrap_waveform.c", null],
  startOutput: ["src/jswrap_waveform.c", null],
  stop: ["src/jswrap_waveform.c", null],
  get: ["libs/network/http/jswrap_http.c", null],
  statusCode: ["libs/network/http/jswrap_http.c", null],
  sleep: ["libs/bluetooth/jswrap_bluetooth.c", null],
  x: ["libs/banglejs/jswrap_bangle.c, touch event", null],
  y: ["libs/banglejs/jswrap_bangle.c, touch event", null],
  // host functions of the JerryScript binding
  hostNow: [null, "boards/jerryscript/host/host.c, our own"],
  hostAfter: [null, "boards/jerryscript/host/host.c, our own"],
  hostCancel: [null, "boards/jerryscript/host/host.c, our own"],
  hostRandom: [null, "boards/jerryscript/host/host.c, our own"],
  hostWrite: [null, "boards/jerryscript/host/host.c, our own"],
  hostReceive: [null, "boards/jerryscript/host/host.c, our own"],
  hostFlashRead: [null, "boards/jerryscript/host/host.c, our own"],
  hostFlashProgram: [null, "boards/jerryscript/host/host.c, our own"],
  hostFlashErase: [null, "boards/jerryscript/host/host.c, our own"],
  hostSupply: [null, "boards/jerryscript/host/host.c, our own"],
  hostEvent: [null, "boards/jerryscript/host/host.c, our own"],
  hostSink: [null, "boards/jerryscript/host/host.c, our own"],
  hostKeyMemory: [null, "boards/jerryscript/host/host.c, our own"],
};

function sources(folder) {
  return existsSync(folder)
    ? readdirSync(folder, { recursive: true })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => `${folder}/${name}`)
    : [];
}

/** Members of the project's own interfaces: a bundle may read one that its own board or role never makes. */
const OWN = new Set(
  ["boards/board.ts", ...sources("src/core"), ...sources("src/reader")]
    .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/^ {2}(?:readonly )?(\w+)\??(?::|\(.*\): \w+;)/gm)])
    .map((match) => match[1]),
);

const column = (engine) => (engine === "espruino" ? 0 : 1);
const has = (table, name, engine) => Object.hasOwn(table, name) && table[name][column(engine)] !== null;

/** Names a bundle must not give to anything of its own. */
export const engineGlobals = (engine) => new Set(Object.keys(GLOBALS).filter((name) => has(GLOBALS, name, engine)));
/** True when the engine knows the property by this name, so that it must stay as it is. */
export const isEngineProperty = (name, engine) => has(PROPERTIES, name, engine);

const REFUSED = {
  RegExpLiteral: "regular expressions differ on Espruino",
  WithStatement: '"with" does not exist on Espruino',
  LabeledStatement: "labels do not exist on Espruino",
  DebuggerStatement: '"debugger" stops a device',
};

/** The value that Espruino reads for a literal: whole numbers as 64-bit integers, others digit by digit in doubles (src/jsutils.c). */
export function espruinoNumber(raw) {
  if (/^\d+$/.test(raw) || /^0x/i.test(raw)) return BigInt(raw) < 2n ** 63n ? Number(BigInt(raw)) : NaN;
  const [, whole, fraction = "", exponent = "0"] = /^(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(raw);
  let value = 0;
  let digit = 0.1;
  for (const c of whole) value = value * 10 + Number(c);
  for (const c of fraction) {
    value += digit * Number(c);
    digit /= 10;
  }
  for (let e = Number(exponent); e > 0; e--) value *= 10;
  for (let e = Number(exponent); e < 0; e++) value /= 10;
  return value;
}

function checkNode(node, fail) {
  const type = node.type === "Literal" && node.regex ? "RegExpLiteral" : node.type;
  if (REFUSED[type]) fail(node, REFUSED[type]);
  if (node.type === "Property" && node.kind !== "init") fail(node, "getters and setters are not run by Espruino in a statement");
  if (node.type === "Literal" && typeof node.value === "number" && espruinoNumber(node.raw) !== node.value)
    fail(node, `the number ${node.raw} is not read exactly by Espruino`);
  if (node.type === "Literal" && typeof node.value === "string" && [...node.value].some((c) => c.charCodeAt(0) > 126)) {
    fail(node, `the string ${JSON.stringify(node.value)} has a character beyond ASCII`);
  }
  if (node.type === "SwitchStatement" && node.cases.findIndex((one) => !one.test) !== -1 && node.cases[node.cases.length - 1].test) {
    fail(node, '"default" must be the last case');
  }
  if (node.type === "MemberExpression" && node.computed && node.property.type === "Literal" && typeof node.property.value === "string") {
    fail(node, "a property must be named without quotes, so that it can be checked");
  }
  eachChild(node, (child) => checkNode(child, fail));
}

/** Throws an Error that lists what no engine may be given, whatever the names: syntax, and literals that are read inexactly. */
export function checkSyntax(code) {
  const wrong = [];
  checkNode(parse(code, { ecmaVersion: 5, locations: true }), (node, why) =>
    wrong.push(`line ${node.loc.start.line} column ${node.loc.start.column}: ${why}`),
  );
  if (wrong.length) throw new Error(wrong.join("\n"));
}

/** Throws an Error that lists what `code` uses and `engine` ("espruino" or "jerryscript") does not support. */
export function checkBundle(code, engine) {
  const program = parse(code, { ecmaVersion: 5, locations: true });
  const wrong = [];
  const fail = (node, why) => wrong.push(`line ${node.loc.start.line}: ${why}`);
  checkNode(program, fail);
  for (const [name, identifiers] of analyse(program).globals) {
    if (!has(GLOBALS, name, engine)) fail(identifiers[0], `"${name}" is no global of ${engine} that firmware may use`);
  }
  const made = new Set();
  const used = new Map();
  const assigned = new Set();
  (function walk(node) {
    if (node.type === "AssignmentExpression" && node.left.type === "MemberExpression" && !node.left.computed)
      assigned.add(node.left.property.name);
    eachChild(node, walk);
  })(program);
  propertyNames(program, (name, key, node) => {
    if (node.type === "Property" || assigned.has(name)) made.add(name);
    if (!used.has(name)) used.set(name, key);
  });
  for (const [name, key] of used) {
    if (!made.has(name) && !OWN.has(name) && !has(PROPERTIES, name, engine))
      fail(key, `property "${name}" is neither made here nor known to ${engine}`);
  }
  if (wrong.length) throw new Error(wrong.join("\n"));
}
