/** Runs a device's bundle on JerryScript, inside our host program, which is compiled against the engine installed at JERRY_HOME. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import path from "node:path";
import { PROJECT } from "../../src/host/project.js";
import type { EngineDevice, EngineOptions, WireEnd } from "./device.js";

const WIRES = 3;
const HOST = path.join(PROJECT, "boards/jerryscript/host");
const BUILT = path.join(PROJECT, "build/jerryscript-host");
const ASCII = new TextEncoder();

/** The compiler's arguments; docs/boards.md shows the same command. */
export function compilerArguments(home: string, sources: readonly string[], output: string): string[] {
  return [
    "-std=gnu11",
    "-O2",
    "-o",
    output,
    ...sources,
    `-I${path.join(home, "include")}`,
    `-L${path.join(home, "lib")}`,
    "-ljerry-core",
    "-ljerry-ext",
    "-ljerry-port",
    "-lm",
  ];
}

/** The host program, compiled when its sources are newer. Rejects with what is missing. */
export async function jerryHost(home: string): Promise<string> {
  if (!existsSync(path.join(home, "include", "jerryscript.h"))) {
    throw new Error(`JERRY_HOME names "${home}", which holds no include/jerryscript.h; install JerryScript there`);
  }
  const sources = readdirSync(HOST)
    .filter((file) => file.endsWith(".c"))
    .map((file) => path.join(HOST, file));
  const newest = Math.max(...sources.map((file) => statSync(file).mtimeMs));
  if (existsSync(BUILT) && statSync(BUILT).mtimeMs > newest) return BUILT;
  mkdirSync(path.dirname(BUILT), { recursive: true });
  const output = `${BUILT}.${String(process.pid)}`;
  await promisify(execFile)(process.env.CC ?? "cc", compilerArguments(home, sources, output));
  renameSync(output, BUILT);
  return BUILT;
}

/** A wire whose far end changes with every run of the host. */
class RunningWire implements WireEnd {
  #stream: Duplex | undefined;
  #receiver: ((bytes: Uint8Array) => void) | undefined;
  write(bytes: Uint8Array): void {
    this.#stream?.write(Buffer.from(bytes));
  }
  onReceive(receiver: (bytes: Uint8Array) => void): void {
    this.#receiver = receiver;
  }
  connect(stream: Duplex): void {
    this.#stream = stream;
    stream.on("data", (data: Buffer) => this.#receiver?.(data));
    stream.on("error", () => undefined);
  }
}

/** A device in `options.folder`; `options.program` is what `jerryHost` gave. */
export function jerryDevice(options: EngineOptions): EngineDevice & { readonly messages: () => string } {
  const bundle = path.join(options.folder, "bundle.js");
  const flash = path.join(options.folder, "flash.bin");
  const sink = path.join(options.folder, "played.bin");
  mkdirSync(options.folder, { recursive: true });
  writeFileSync(bundle, options.bundle);
  const wires = Array.from({ length: WIRES }, () => new RunningWire());
  const bench = new RunningWire();
  const tell = (line: string): void => bench.write(ASCII.encode(`${line}\n`));
  let child: ChildProcess | undefined;
  let text = "";
  let millivolts = 5000;

  async function powerOff(): Promise<void> {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    dying.kill("SIGKILL");
    await once(dying, "exit");
  }
  return {
    wires: wires.slice(0, options.wires),
    pins: {
      setMillivolts: (value) => {
        millivolts = value;
        tell(`V${String(value)}`);
      },
      powerFail: () => tell("F"),
      contact: (docked) => tell(docked ? "C1" : "C0"),
      tamper: () => tell("T"),
      press: () => tell("B"),
    },
    get pid() {
      return child?.pid;
    },
    messages: () => text,
    played: () => (existsSync(sink) ? new Uint8Array(readFileSync(sink)) : new Uint8Array(0)),
    powerOn: async () => {
      text = "";
      const running = spawn(options.program, [bundle, flash, sink], { stdio: ["ignore", "pipe", "pipe", "pipe", "pipe", "pipe", "pipe"] });
      child = running;
      running.stdout?.on("data", (data: Buffer) => (text += data.toString()));
      running.stderr?.on("data", (data: Buffer) => (text += data.toString()));
      [...wires, bench].forEach((wire, index) => wire.connect(running.stdio[3 + index] as Duplex));
      await once(running, "spawn");
      tell(`V${String(millivolts)}`);
    },
    powerOff,
    dispose: async () => {
      await powerOff();
      rmSync(options.folder, { recursive: true, force: true });
    },
  };
}
