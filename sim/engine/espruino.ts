/** Runs a device's bundle in a real Espruino process, booting it from the engine's Storage as a board does. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { BENCH_LENGTH, CONSOLE_CLOSED, LINUX_FLASH_LENGTH, NOR_FILE, NOR_LENGTH, SINK_FILE, benchScript } from "./espruino-bench.js";
import type { EngineDevice, EngineOptions, WireEnd } from "./device.js";
import { openPseudoTerminal, type PseudoTerminal } from "./pty.js";
import { storageFiles, storageImage } from "./storage-image.js";

const FLASH_FILE = "espruino.flash";
/** What the engine runs at power-on, in this order (src/jsflash.c): the bench, then the bundle. */
const BENCH = ".bootPowerOn";
const BUNDLE = ".boot0";
const BENCH_ROOM = BENCH_LENGTH - 32;
const ASCII = new TextEncoder();

export interface EspruinoDevice extends EngineDevice {
  /** What the engine has printed on its console. */
  console(): string;
  /** Types on the console's port, closed or not. */
  type(text: string): void;
  /** Whether the button is held at the next power-on. */
  holdButton(held: boolean): void;
  /** The serial port that moves the board's pins. */
  readonly bench: WireEnd;
}

/** A device in `options.folder`; its flash survives power cuts and new runs. */
export async function espruinoDevice(options: EngineOptions): Promise<EspruinoDevice> {
  const flashFile = path.join(options.folder, FLASH_FILE);
  const norFile = path.join(options.folder, NOR_FILE);
  mkdirSync(options.folder, { recursive: true });
  if (!existsSync(norFile)) writeFileSync(norFile, new Uint8Array(NOR_LENGTH).fill(0xff));
  const terminals: PseudoTerminal[] = [];
  for (let i = 0; i <= options.wires; i++) terminals.push(await openPseudoTerminal());
  const bench = terminals[options.wires] as PseudoTerminal;
  let millivolts = 5000;
  let held = false;
  let child: ChildProcess | undefined;
  let text = "";

  /** The bench takes the same room whatever it says, so that a new one leaves the rest of Storage where it is. */
  function load(): void {
    const script = ASCII.encode(
      benchScript(
        terminals.map((terminal) => terminal.path),
        millivolts,
        held,
      ) + (options.probe ?? ""),
    );
    if (script.length > BENCH_ROOM) throw new Error(`the bench script has ${script.length} bytes, more than ${BENCH_ROOM}`);
    const padded = new Uint8Array(BENCH_ROOM).fill(32);
    padded.set(script);
    const bundle = Buffer.from(options.bundle, "latin1");
    const fresh = storageImage(LINUX_FLASH_LENGTH, { [BENCH]: padded, [BUNDLE]: bundle });
    const present = existsSync(flashFile) ? readFileSync(flashFile) : undefined;
    const old = present === undefined ? undefined : storageFiles(present).get(BUNDLE);
    if (present === undefined || old === undefined || !bundle.equals(old)) writeFileSync(flashFile, fresh);
    else {
      present.set(padded, 32);
      writeFileSync(flashFile, present);
    }
  }

  async function powerOff(): Promise<void> {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    dying.kill("SIGKILL");
    await once(dying, "exit");
  }

  return {
    wires: terminals.slice(0, options.wires),
    pins: {
      setMillivolts: (value) => {
        millivolts = value;
        bench.write(ASCII.encode(`V${value}\n`));
      },
      powerFail: () => bench.write(ASCII.encode("F\n")),
      contact: (docked) => bench.write(ASCII.encode(docked ? "C1\n" : "C0\n")),
      tamper: () => bench.write(ASCII.encode("T\n")),
      press: () => bench.write(ASCII.encode("B\n")),
    },
    get pid() {
      return child?.pid;
    },
    played: () => {
      const file = path.join(options.folder, SINK_FILE);
      return existsSync(file) ? new Uint8Array(readFileSync(file)) : new Uint8Array(0);
    },
    bench,
    console: () => text,
    type: (line) => void child?.stdin?.write(line),
    holdButton: (value) => (held = value),
    powerOn: () =>
      new Promise((resolve, reject) => {
        load();
        text = "";
        rmSync(path.join(options.folder, SINK_FILE), { force: true });
        const running = spawn(path.resolve(options.program), [], { cwd: options.folder, stdio: ["pipe", "pipe", "ignore"] });
        child = running;
        running.on("error", () => reject(new Error(`cannot run "${options.program}"; set ESPRUINO to an Espruino built for Linux`)));
        running.on("exit", () => reject(new Error(`Espruino ended while it started: ${text.slice(-300)}`)));
        running.stdout.on("data", (data: Buffer) => {
          text += data.toString("latin1");
          if (text.includes(CONSOLE_CLOSED) || text.endsWith(">")) resolve();
        });
      }),
    powerOff,
    dispose: async () => {
      await powerOff();
      for (const terminal of terminals) terminal.close();
      rmSync(options.folder, { recursive: true, force: true });
    },
  };
}
