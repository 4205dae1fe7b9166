/**
 * The JavaScript world a bundle runs in: a Node context from which everything is taken away that Espruino 2v29 lacks, whose remaining
 * functions compute what the engine computes where that differs, and whose every buffer is known, so that a test can search the
 * memory of a device. Misbehaviour that cannot be had cheaply is refused with an error instead; what is syntax (no hoisting, missing
 * statements) is left to the static check of the bundles.
 */
import vm from "node:vm";
import type { Random } from "../random.js";
import type { EngineContext } from "./context.js";
import { readTokens } from "./tokens.js";

const ABSENT = [
  "Symbol Map Set WeakMap WeakSet WeakRef FinalizationRegistry Proxy Reflect BigInt BigInt64Array BigUint64Array Intl Promise RangeError",
  "EvalError URIError AggregateError SharedArrayBuffer Atomics WebAssembly Iterator AsyncIterator escape unescape",
].flatMap((line) => line.split(" "));

/** Members the engine has not; "prototype." for methods. A member which the running Node has not either is passed over. */
const ABSENT_MEMBERS: Record<string, string> = {
  Math: "imul clz32 trunc log2 log10 log1p expm1 hypot cbrt fround sinh cosh tanh asinh acosh atanh f16round sumPrecise",
  Number: "isInteger isSafeInteger isFinite MAX_SAFE_INTEGER MIN_SAFE_INTEGER EPSILON prototype.toPrecision prototype.toExponential",
  String:
    "fromCodePoint raw prototype.codePointAt prototype.localeCompare prototype.normalize prototype.at prototype.matchAll prototype.isWellFormed prototype.toWellFormed",
  Array:
    "from of fromAsync prototype.flat prototype.flatMap prototype.lastIndexOf prototype.copyWithin prototype.at prototype.entries prototype.keys prototype.values prototype.findLast prototype.findLastIndex prototype.toSorted prototype.toReversed prototype.toSpliced prototype.with prototype.reduceRight",
  Object: "freeze seal is isFrozen isSealed isExtensible preventExtensions getOwnPropertySymbols fromEntries groupBy hasOwn",
  ArrayBuffer: "isView prototype.slice prototype.resize prototype.transfer prototype.transferToFixedLength",
};
const TYPED = "Uint8Array Uint8ClampedArray Int8Array Uint16Array Int16Array Uint32Array Int32Array Float32Array Float64Array".split(" ");
const ABSENT_TYPED =
  "copyWithin lastIndexOf entries keys values at findLast findLastIndex toSorted toReversed with toLocaleString reduceRight".split(" ");

/** Runs inside the context. `host` carries what it may call; nothing of it stays reachable by name. */
const SETUP = `(function (host) {
  "use strict";
  var global = globalThis, define = Object.defineProperty, Native = {}, names = host.typed;
  var apply = Reflect.apply, construct = Reflect.construct, MakeProxy = Proxy;
  var remove = Reflect.deleteProperty;
  function hide(object, key) { if (object && key in object) remove(object, key); }
  function replace(object, key, value) { define(object, key, { value: value, writable: true, configurable: true, enumerable: false }); }
  var typedPrototype = Object.getPrototypeOf(Uint8Array.prototype), typedConstructor = Object.getPrototypeOf(Uint8Array);
  var subarray = typedPrototype.subarray, slice = Array.prototype.slice, filter = Array.prototype.filter;
  var fromCharCode = String.fromCharCode;

  // Every buffer that the bundle makes is registered.
  names.concat(["ArrayBuffer", "DataView"]).forEach(function (name) {
    var constructor = Native[name] = global[name];
    var proxy = new MakeProxy(constructor, {
      construct: function (target, args, newTarget) {
        var made;
        if (name !== "ArrayBuffer" && typeof args[0] === "string") throw new TypeError("Unsupported first argument of type String");
        if (name !== "ArrayBuffer" && args.length > 1 && args[0] && args[0].byteLength !== undefined && !args[0].length) {
          if (args[1] > 65535) throw new Error("byteOffset too large (or negative)");
          if (args[2] !== undefined && args[1] + args[2] * (target.BYTES_PER_ELEMENT || 1) > args[0].byteLength) throw new Error(host.refuse("a view beyond the end of its buffer, which the engine would not notice"));
        }
        made = construct(target, args, newTarget === proxy ? target : newTarget);
        host.register(name === "ArrayBuffer" ? made : made.buffer);
        return made;
      },
    });
    global[name] = proxy;
  });

  replace(typedPrototype, "subarray", function (from, to) {
    if (to !== undefined && to > this.length) throw new Error(host.refuse("subarray beyond the end, which the engine answers with a longer array"));
    return apply(subarray, this, [from, to]);
  });
  replace(typedPrototype, "slice", function (from, to) { return apply(slice, apply(slice, this, []), [from, to]); });
  replace(typedPrototype, "filter", function (test) { return apply(filter, apply(slice, this, []), [test]); });
  host.absentTyped.forEach(function (key) { hide(typedPrototype, key); });
  global.ArrayBufferView = { prototype: typedPrototype };
  hide(typedConstructor, "from");
  hide(typedConstructor, "of");

  // Exact for small whole exponents, else by logarithms, as on the engine.
  var log = Math.log, exp = Math.exp, floor = Math.floor;
  replace(Math, "pow", function (x, y) {
    var p = 1, i = y | 0;
    if (i === y && i >= 0 && i < 10) { while (i--) p *= x; return p; }
    if (x < 0 && y === floor(y)) return y % 2 ? -exp(log(-x) * y) : exp(log(-x) * y);
    return exp(log(x) * y);
  });
  replace(Math, "round", function (x) {
    if (!(x - x === 0) || x === 0) return x;
    return x < 0 ? -floor(0.5 - x) : floor(x + 0.5);
  });
  replace(Math, "random", host.random);
  replace(String, "fromCharCode", function () {
    var bytes = [], i;
    for (i = 0; i < arguments.length; i++) bytes.push(arguments[i] & 255);
    return apply(fromCharCode, String, bytes);
  });
  var stringify = JSON.stringify;
  replace(JSON, "stringify", function (value) {
    return stringify(value, function (key, part) { return part && part.length !== undefined && part.buffer ? apply(slice, part, []) : part; });
  });

  // Time is the board's.
  var RealDate = Date;
  replace(RealDate, "now", host.now);
  global.Date = new MakeProxy(RealDate, {
    construct: function (target, args) { return construct(target, args.length ? args : [host.now()]); },
    apply: function () { return new RealDate(host.now()).toString(); },
  });

  Object.keys(host.absentMembers).forEach(function (owner) {
    host.absentMembers[owner].split(" ").forEach(function (key) {
      var object = owner === "ArrayBuffer" ? Native.ArrayBuffer : global[owner];
      if (key.indexOf("prototype.") === 0) hide(object.prototype, key.slice(10)); else hide(object, key);
    });
  });
  host.absent.forEach(function (key) { hide(global, key); });
  replace(global, "global", global);
  return { Error: Error, TypeError: TypeError, SyntaxError: SyntaxError, Object: Object, Array: Array, Native: Native };
})`;

interface Realm {
  Error: ErrorConstructor;
  Object: ObjectConstructor;
  Array: ArrayConstructor;
  Native: { Uint8Array: Uint8ArrayConstructor; ArrayBuffer: ArrayBufferConstructor };
}

export interface SandboxOptions {
  random: Random;
  /** Milliseconds, for Date. */
  now: () => number;
  /**
   * Also keep what the bundle has dropped, with the contents it had then. The engine does not wipe freed memory, so a secret that was
   * dropped without being overwritten is still there; memory grows with every buffer made. Default false: only what is reachable.
   */
  keepDropped?: boolean;
  /** Called when a bundle does what only a real engine would let pass. */
  onRefused?: (what: string) => void;
}

const scripts = new Map<string, vm.Script>();
const setup = new vm.Script(SETUP, { filename: "engine" });

export class Sandbox implements EngineContext {
  readonly #context: vm.Context;
  readonly #realm: Realm;
  readonly #global: Record<string, unknown>;
  readonly #keep: boolean;
  #weak: WeakRef<ArrayBuffer>[] = [];
  #strong: ArrayBuffer[] = [];
  #strings: string[] = [];
  #sweepAt = 4096;

  constructor(options: SandboxOptions) {
    this.#keep = options.keepDropped ?? false;
    this.#context = vm.createContext({}, { codeGeneration: { strings: true, wasm: false } });
    this.#global = vm.runInContext("globalThis", this.#context) as Record<string, unknown>;
    const make = setup.runInContext(this.#context) as (host: object) => Realm;
    this.#realm = make({
      typed: TYPED,
      absentTyped: ABSENT_TYPED,
      absent: ABSENT,
      absentMembers: ABSENT_MEMBERS,
      random: () => options.random.unit(),
      now: options.now,
      register: (buffer: ArrayBuffer) => {
        this.#register(buffer);
      },
      refuse: (what: string) => {
        options.onRefused?.(what);
        return `the simulator refuses ${what}`;
      },
    });
  }

  /** Puts `value` into the context as a global. */
  define(name: string, value: unknown): void {
    Object.defineProperty(this.#global, name, { value, writable: true, configurable: true, enumerable: true });
  }

  /** Runs `code`, a text or a stored bundle (tokens.ts), as a script and answers its completion value. Compiled once for all sandboxes. */
  run(code: string, filename: string): unknown {
    const key = filename + "\n" + code;
    let script = scripts.get(key);
    if (!script) scripts.set(key, (script = new vm.Script(readTokens(code), { filename })));
    return script.runInContext(this.#context);
  }

  /** An error of the context, to be thrown by functions that the bundle calls. */
  error(message: string): Error {
    return new this.#realm.Error(message);
  }

  /** A Uint8Array of the context with a copy of `bytes`. */
  bytes(bytes: ArrayLike<number>): Uint8Array {
    const made = new this.#realm.Native.Uint8Array(bytes);
    this.#register(made.buffer as ArrayBuffer);
    return made;
  }

  /** An ArrayBuffer of the context with a copy of `bytes`. */
  buffer(bytes: ArrayLike<number>): ArrayBuffer {
    return this.bytes(bytes).buffer as ArrayBuffer;
  }

  array(items: unknown[]): unknown[] {
    const made = new this.#realm.Array();
    for (const item of items) made.push(item);
    return made;
  }

  object(members: object): Record<string, unknown> {
    return Object.assign(new this.#realm.Object(), members) as unknown as Record<string, unknown>;
  }

  /** A binary string, one character a byte; remembered when dropped things are kept. */
  string(bytes: Uint8Array): string {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    if (this.#keep && text.length > 3) this.#strings.push(text);
    return text;
  }

  /** Buffers of the device's memory that are alive. */
  buffers(): ArrayBuffer[] {
    const all = new Set(this.#strong);
    for (const reference of this.#weak) {
      const buffer = reference.deref();
      if (buffer) all.add(buffer);
    }
    return [...all];
  }

  /** How often `needle` stands in the device's memory: in its buffers, in strings made by the engine, in what globals lead to. */
  search(needle: Uint8Array): number {
    const wanted = Buffer.from(needle);
    const text = wanted.toString("latin1");
    let found = 0;
    for (const buffer of this.buffers()) {
      const bytes = Buffer.from(buffer);
      for (let at = bytes.indexOf(wanted); at >= 0; at = bytes.indexOf(wanted, at + 1)) found++;
    }
    const seen = new Set<unknown>();
    const walk = (value: unknown): void => {
      if (typeof value === "string") {
        if (value.includes(text)) found++;
      } else if (value && (typeof value === "object" || typeof value === "function") && !seen.has(value)) {
        seen.add(value);
        if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return;
        if (Array.isArray(value) && value.length >= needle.length && Buffer.from(value as number[]).includes(wanted)) found++;
        for (const key of Object.getOwnPropertyNames(value)) {
          const member = Object.getOwnPropertyDescriptor(value, key);
          if (member && "value" in member) walk(member.value);
        }
      }
    };
    walk(this.#global);
    for (const string of this.#strings) if (string.includes(text)) found++;
    return found;
  }

  #register(buffer: ArrayBuffer): void {
    if (this.#keep) this.#strong.push(buffer);
    else if (this.#weak.push(new WeakRef(buffer)) > this.#sweepAt) {
      this.#weak = this.#weak.filter((reference) => reference.deref());
      this.#sweepAt = Math.max(4096, 2 * this.#weak.length);
    }
  }
}
