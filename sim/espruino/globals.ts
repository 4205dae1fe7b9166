/** The engine's global functions and objects other than pins: E, timers, require, process, console, SPI, NRF. */
import { crc32 } from "node:zlib";
import type { NorFlash } from "../flash.js";
import { StorageError, type Storage } from "../storage.js";
import type { MemoryCard } from "../card.js";
import type { SerialNor } from "../nor.js";
import type { Random } from "../random.js";
import { toBytes } from "./bytes.js";
import { convolve } from "./convolve.js";
import { engineCrypto } from "./crypto.js";
import type { Arenas } from "./memory.js";
import type { EngineProfile, Wiring } from "./profile.js";
import type { Decoder } from "../decoder.js";
import { httpModule, type HttpBoard } from "./http.js";
import type { EngineContext } from "./context.js";
import type { Timers } from "./timers.js";

/** What the globals need of the board they belong to. */
export interface GlobalsBoard extends HttpBoard {
  readonly profile: EngineProfile;
  readonly flash: NorFlash;
  readonly storage: Storage;
  readonly card: MemoryCard | undefined;
  readonly decoder: Decoder | undefined;
  readonly wiring: Wiring;
  readonly random: Random;
  /** Seconds since start by the board's own oscillator. */
  readonly seconds: number;
  /** Running code takes this much longer, in microseconds. */
  spend(microseconds: number): void;
  readonly localTime: number;
  nor(select: string): SerialNor | undefined;
  print(line: string): void;
  refused(what: string): void;
  setConsole(port: string | undefined): void;
  readonly timers: Timers;
  setDeepSleep(on: boolean): void;
  readonly arenas: Arenas;
  errorFlags(): string[];
  supplyVolts(): number;
  on(event: string, handler: (...args: unknown[]) => void): void;
  restart(why: string): void;
}

export function defineGlobals(board: GlobalsBoard, sandbox: EngineContext): void {
  const fail = (error: unknown): never => {
    throw error instanceof StorageError ? sandbox.error(error.message) : error;
  };
  const modules = new Map<string, Record<string, unknown>>();
  modules.set(
    "crypto",
    engineCrypto(sandbox, board.profile, (what) => {
      board.refused(what);
    }),
  );
  modules.set("Storage", storageModule(board, sandbox, fail));
  modules.set("Flash", flashModule(board, sandbox));
  if (board.profile.files) modules.set("fs", fsModule(board, sandbox));
  if (board.profile.http) modules.set("http", httpModule(board, sandbox));

  sandbox.define("require", (name: string) => {
    const module = modules.get(name);
    if (module) return module;
    const text = board.storage.read(name);
    if (!text) throw sandbox.error(`Module ${name} not found`);
    const made = sandbox.run(
      `(function(){var exports={};var module={exports:exports};${sandbox.string(text)}\n;return module.exports})()`,
      name,
    ) as Record<string, unknown>;
    modules.set(name, made);
    return made;
  });
  const print = (...items: unknown[]): void => {
    board.print(items.map((item) => (typeof item === "string" ? item : show(item))).join(" "));
  };
  sandbox.define("print", print);
  sandbox.define("console", sandbox.object({ log: print, info: print, warn: print, error: print, debug: print }));
  sandbox.define("trace", () => undefined);
  sandbox.define("getTime", () => board.seconds);
  sandbox.define("setTime", () => undefined);
  sandbox.define("setDeepSleep", (on: unknown) => {
    board.setDeepSleep(Boolean(on));
  });
  sandbox.define("setSleepIndicator", () => undefined);
  sandbox.define("setBusyIndicator", () => undefined);
  sandbox.define("load", () => {
    board.restart("load");
  });
  sandbox.define("reset", () => {
    board.restart("reset");
  });
  sandbox.define("save", () => {
    board.refused("save, which would write the memory image with all secrets to flash");
    throw sandbox.error("the simulator refuses save");
  });
  const timer =
    (repeat: boolean) =>
    (handler: unknown, milliseconds: unknown, ...args: unknown[]): number => {
      if (typeof handler !== "function") throw sandbox.error("Function or String not supplied!");
      return board.timers.set(() => (handler as (...all: unknown[]) => void)(...args), Number(milliseconds), repeat);
    };
  sandbox.define("setTimeout", timer(false));
  sandbox.define("setInterval", timer(true));
  const clear = (...ids: (number | undefined)[]): void => {
    if (!ids.length) board.timers.clearAll();
    else if (ids[0] === undefined) board.refused("clearing a timer by a missing id, which the engine takes for all timers");
    else board.timers.clear(ids[0]);
  };
  sandbox.define("clearTimeout", clear);
  sandbox.define("clearInterval", clear);
  sandbox.define("changeInterval", (id: number, milliseconds: number) => {
    board.timers.change(id, milliseconds);
  });
  sandbox.define("peek8", (address: number) => board.flash.read(address, 1)[0]);
  sandbox.define(
    "process",
    sandbox.object({
      version: board.profile.version,
      env: sandbox.object({
        BOARD: board.profile.board,
        VERSION: board.profile.version,
        FLASH: board.profile.flash.length,
        RAM: 65536,
        SERIAL: "00000000-00000000",
        CONSOLE: board.profile.console,
      }),
      memory: () => memory(board, sandbox),
    }),
  );
  for (const name of board.profile.spis) sandbox.define(name, spi(board, sandbox));
  if (board.profile.bluetooth) {
    const nothing = (): void => undefined;
    const names =
      "sleep wake disconnect restart setAdvertising setServices setTxPower setSecurity setWhitelist on removeAllListeners".split(" ");
    sandbox.define(
      "NRF",
      sandbox.object({ ...Object.fromEntries(names.map((name) => [name, nothing])), getAddress: () => "00:00:00:00:00:00 random" }),
    );
  }
  sandbox.define("E", engineObject(board, sandbox));
}

/** Roughly as the engine prints values. */
function show(value: unknown): string {
  if (value === undefined || value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  if (ArrayBuffer.isView(value)) return `new Uint8Array([${Array.from(value as Uint8Array).join(", ")}])`;
  if (value && typeof value === "object" && "message" in value && "stack" in value) return `Error: ${String(value.message)}`;
  return typeof value === "function" ? "function () { [native code] }" : (JSON.stringify(value) ?? "undefined");
}

function memory(board: GlobalsBoard, sandbox: EngineContext): unknown {
  const { variables, variableBytes, flash, storage } = board.profile;
  const usage = Math.min(variables, Math.ceil(sandbox.buffers().reduce((sum, buffer) => sum + buffer.byteLength / variableBytes + 2, 0)));
  return sandbox.object({
    free: variables - usage,
    usage,
    total: variables,
    history: 0,
    gc: 0,
    gctime: 0,
    blocksize: variableBytes,
    flash_start: flash.start,
    flash_code_start: storage.start,
    flash_length: flash.length,
  });
}

function storageModule(board: GlobalsBoard, sandbox: EngineContext, fail: (error: unknown) => never): Record<string, unknown> {
  const { storage } = board;
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      return fail(error);
    }
  };
  const read = (name: unknown, offset?: number, length?: number): string | undefined => {
    const bytes = storage.read(String(name), offset, length);
    return bytes && sandbox.string(bytes);
  };
  return sandbox.object({
    read,
    readArrayBuffer: (name: unknown) => {
      const bytes = storage.read(String(name));
      return bytes && sandbox.buffer(bytes);
    },
    readJSON: (name: unknown) => {
      const text = read(name);
      return text === undefined ? undefined : sandbox.run(`(${text})`, "json");
    },
    write: (name: unknown, data: unknown, offset?: number, size?: number) => {
      const plain = data && typeof data === "object" && !Array.isArray(data) && !ArrayBuffer.isView(data) && !("byteLength" in data);
      return guarded(() =>
        storage.write(
          String(name),
          plain ? Buffer.from(JSON.stringify(data), "latin1") : toBytes(data),
          plain ? 0 : offset,
          plain ? 0 : size,
        ),
      );
    },
    writeJSON: (name: unknown, data: unknown) => guarded(() => storage.write(String(name), Buffer.from(JSON.stringify(data), "latin1"))),
    erase: (name: unknown) => {
      guarded(() => storage.erase(String(name)));
    },
    eraseAll: () => {
      storage.eraseAll();
    },
    compact: () => {
      storage.compact();
    },
    list: (_pattern?: unknown, filter?: { sf?: boolean }) => sandbox.array(storage.list(filter?.sf)),
    getFree: () => storage.getFree(),
    getStats: () => sandbox.object(storage.stats()),
    open: () => {
      throw sandbox.error("the simulator has no StorageFile: firmware may not create files in the field");
    },
  });
}

function flashModule(board: GlobalsBoard, sandbox: EngineContext): Record<string, unknown> {
  const { flash, storage } = board;
  return sandbox.object({
    read: (length: number, address: number) => (length > 0 ? sandbox.bytes(flash.read(address, length)) : undefined),
    write: (data: unknown, address: number) => {
      storage.writeAligned(address, toBytes(data));
    },
    erasePage: (address: number) => {
      flash.erase(address);
    },
    getPage: (address: number) => {
      const page = flash.page(address);
      return page && sandbox.object({ addr: page.start, length: page.length });
    },
    getFree: () => sandbox.array([]),
  });
}

function openFile(board: GlobalsBoard, sandbox: EngineContext, name: string, mode = "r"): unknown {
  const file = board.card?.open(name, mode);
  if (!file) throw sandbox.error(`Could not open file : ${board.card?.present ? "NO_FILE" : "NOT_READY"}`);
  return sandbox.object({
    write: (data: unknown) => {
      const bytes = toBytes(data);
      board.spend(500 * Math.ceil(bytes.length / 512));
      return file.write(bytes);
    },
    read: (length: number) => {
      const bytes = file.read(length);
      board.spend(300 * Math.ceil(length / 512));
      return bytes?.length ? sandbox.string(bytes) : undefined;
    },
    seek: (offset: number) => {
      file.seek(offset);
    },
    skip: (count: number) => {
      file.seek(file.position + count);
    },
    close: () => {
      file.close();
    },
  });
}

function fsModule(board: GlobalsBoard, sandbox: EngineContext): Record<string, unknown> {
  return sandbox.object({
    readFileSync: (name: string) => {
      const bytes = board.card?.content(name);
      return bytes && sandbox.string(bytes);
    },
    writeFileSync: (name: string, data: unknown) => {
      const file = board.card?.open(name, "w");
      if (!file) return false;
      file.write(toBytes(data));
      file.close();
      return true;
    },
    readdirSync: () => sandbox.array(board.card?.names() ?? []),
    unlinkSync: (name: string) => board.card?.remove(name) ?? false,
    statSync: (name: string) => {
      const bytes = board.card?.content(name);
      return bytes && sandbox.object({ size: bytes.length, dir: false });
    },
  });
}

function spi(board: GlobalsBoard, sandbox: EngineContext): unknown {
  let baud = 100_000;
  return sandbox.object({
    setup: (options?: { baud?: number }) => {
      baud = options?.baud ?? 100_000;
    },
    send: (data: unknown, select?: unknown) => {
      const sent = toBytes(data);
      const chip = select === undefined ? undefined : board.nor(String(select));
      board.spend((sent.length * 8e6) / baud);
      if (select !== undefined && String(select) === board.wiring.decoder?.select) board.decoder?.take(sent, board.localTime);
      if (!chip) return typeof data === "number" ? 0xff : sandbox.bytes(new Uint8Array(sent.length).fill(0xff));
      const { answer, wait } = chip.transfer(sent, board.localTime);
      board.spend(wait);
      return typeof data === "number" ? answer[0] : sandbox.bytes(answer);
    },
    write: (...data: unknown[]) => {
      board.spend((toBytes(data).length * 8e6) / baud);
    },
  });
}

function engineObject(board: GlobalsBoard, sandbox: EngineContext): unknown {
  const nothing = (): void => undefined;
  // The engine's iterators read 32-bit elements as signed.
  const numbers = (value: unknown): ArrayLike<number> => {
    if (typeof value === "string") return toBytes(value);
    const array = value as ArrayLike<number>;
    return Object.prototype.toString.call(array) === "[object Uint32Array]" ? Int32Array.from(array, (word) => word | 0) : array;
  };
  // A bundle's arrays are of its own context, one type for each device; the same bytes as an array of this context are read faster.
  const views = new WeakMap<object, Float64Array | Int32Array>();
  /** The factors in `value`, and `value` itself where the same ones are in there as long as it lives. */
  const factors = (value: unknown): [Float64Array | Int32Array, unknown] => {
    const known = typeof value === "object" && value !== null ? views.get(value) : undefined;
    if (known) return [known, value];
    const array = numbers(value);
    const kind = Object.prototype.toString.call(array);
    if (kind !== "[object Float64Array]" && kind !== "[object Int32Array]") return [Float64Array.from(array), nothing];
    const { buffer, byteOffset, length } = array as Float64Array | Int32Array;
    const view = kind === "[object Int32Array]" ? new Int32Array(buffer, byteOffset, length) : new Float64Array(buffer, byteOffset, length);
    views.set(array, view);
    return [view, array === value ? value : nothing];
  };
  // A product of field elements asks a dozen times in a row for the same two.
  let lastFirst: unknown = nothing;
  let lastSecond: unknown = nothing;
  let a = new Int32Array(0) as Float64Array | Int32Array;
  let b = a;
  return sandbox.object({
    hwRand: () => board.random.uint32() | 0,
    srand: nothing,
    CRC32: (data: unknown) => crc32(toBytes(data)),
    sum: (value: unknown) => {
      const array = numbers(value);
      let sum = 0;
      for (let i = 0; i < array.length; i++) sum += array[i];
      return sum;
    },
    convolve: (first: unknown, second: unknown, shift: number) => {
      if (first !== lastFirst) [a, lastFirst] = factors(first);
      if (second !== lastSecond) [b, lastSecond] = factors(second);
      return convolve(a, b, shift);
    },
    toString: (...data: unknown[]) => sandbox.string(toBytes(data.length === 1 ? data[0] : data)),
    toUint8Array: (...data: unknown[]) => sandbox.bytes(toBytes(data.length === 1 ? data[0] : data)),
    toArrayBuffer: (text: unknown) => (typeof text === "string" ? sandbox.buffer(toBytes(text)) : undefined),
    memoryArea: (address: number, length: number) => (address ? sandbox.string(board.flash.read(address, length)) : undefined),
    getAddressOf: (value: unknown) => board.arenas.addressOf(value),
    getAnalogVRef: () => board.supplyVolts(),
    getTemperature: () => 25,
    getErrorFlags: () => sandbox.array(board.errorFlags()),
    getBattery: () => 100,
    setConsole: (port: unknown, options?: { force?: boolean }) => {
      void options;
      board.setConsole(
        port === null || port === undefined ? undefined : typeof port === "string" ? port : String((port as { id?: string }).id),
      );
    },
    getConsole: () => null,
    lockConsole: nothing,
    setPassword: nothing,
    setFlags: nothing,
    getFlags: () => sandbox.object({}),
    defrag: nothing,
    kickWatchdog: nothing,
    enableWatchdog: nothing,
    setClock: nothing,
    setBootCode: (code: unknown, always?: boolean) => {
      const name = always ? ".bootrst" : ".bootcde";
      board.storage.erase(name);
      if (typeof code === "string" && code) board.storage.write(name, toBytes(code));
    },
    dumpStr: () => "",
    on: (event: string, handler: (...args: unknown[]) => void) => {
      board.on(event, handler);
    },
    removeAllListeners: nothing,
    reboot: () => {
      board.restart("reboot");
    },
    ...(board.profile.files
      ? {
          connectSDCard: nothing,
          unmountSD: nothing,
          openFile: (name: string, mode?: string) => openFile(board, sandbox, name, mode),
        }
      : {}),
  });
}
