/**
 * A board that runs a built bundle, the very file that would be flashed, on the engine's globals. The bundle lies in the board's
 * simulated flash as `.boot0` and starts anew whenever the supply comes. Code takes no virtual time except where hardware makes it wait
 * (flash, SPI, and the costs set in the options); while a board is busy its events queue.
 */
import type { Clock, Scheduled } from "./clock.js";
import type { MemoryCard } from "./card.js";
import type { Decoder } from "./decoder.js";
import { PowerCut, type NorFlash, type Tear } from "./flash.js";
import type { SerialNor } from "./nor.js";
import type { Random } from "./random.js";
import type { Storage } from "./storage.js";
import type { KeyCell } from "./supply.js";
import { Chips } from "./espruino/chips.js";
import { runFirmware } from "./espruino/firmware.js";
import { Arenas } from "./espruino/memory.js";
import { Pins } from "./espruino/pins.js";
import type { BoardOptions, BoardWorld, Operation } from "./espruino/options.js";
import type { EngineProfile, Wiring } from "./espruino/profile.js";
import { WorkQueue } from "./espruino/queue.js";
import { Sandbox } from "./espruino/sandbox.js";
import type { EngineContext } from "./espruino/context.js";
import { BoardPort } from "./espruino/serial.js";
import { START_MARGIN, Supplies } from "./espruino/supplies.js";
import { Timers } from "./espruino/timers.js";

export class EspruinoBoard {
  readonly name: string;
  readonly profile: EngineProfile;
  readonly wiring: Wiring;
  readonly world: BoardWorld;
  readonly clock: Clock;
  readonly random: Random;
  readonly flash: NorFlash;
  readonly storage: Storage;
  readonly card: MemoryCard | undefined;
  readonly decoder: Decoder | undefined;
  readonly pins: Pins;
  readonly timers = new Timers(this);
  readonly keyCell: KeyCell | undefined;
  /** Supply voltage at which this specimen resets, and by how much its clock is fast. */
  readonly brownoutVolts: number;
  readonly clockError: number;
  readonly counts = { boots: 0, errors: 0, refused: 0, overflows: 0, deaf: 0, consoleBytes: 0, wakes: 0 };
  /** The running bundle's world, or undefined while the board is off or has nothing to run. */
  sandbox: EngineContext | undefined;
  /** What is known of the running bundle's memory. */
  arenas: Arenas;
  readonly #ports = new Map<string, BoardPort>();
  readonly #chips: Chips;
  readonly #options: BoardOptions;
  readonly #supplies: Supplies;
  #on = false;
  #bootEvent: Scheduled | undefined;
  #bootTime = 0;
  readonly #work: WorkQueue;
  #stalledUntil = 0;
  #fifo = 0;
  #handlers = new Map<string, ((...args: unknown[]) => void)[]>();
  #deepSleep = false;
  #keyValid = false;
  #errorFlags = new Set<string>();
  #restartAsked = false;
  #cut = false;
  #beside: string | undefined;

  constructor(world: BoardWorld, options: BoardOptions) {
    const { profile } = options;
    this.world = world;
    this.clock = world.clock;
    this.#work = new WorkQueue(this.clock, (task) => {
      this.#execute(task);
    });
    this.arenas = new Arenas(options.fragmented ?? false);
    this.#options = options;
    this.name = options.name;
    this.profile = profile;
    this.wiring = options.wiring ?? {};
    this.random = world.random.stream(`board ${options.name}`);
    const specimen = this.random.stream("specimen");
    this.brownoutVolts = specimen.between(...profile.brownout);
    this.clockError = specimen.between(-profile.oscillatorPpm, profile.oscillatorPpm) * 1e-6;
    this.pins = new Pins(this, profile.pins);
    this.#chips = new Chips({
      world,
      clock: this.clock,
      name: this.name,
      profile,
      wiring: this.wiring,
      random: this.random,
      tear: () => this.#tear("flash"),
      operation: () => {
        this.#operation("flash");
      },
      stalled: (time) => {
        this.spend(time);
        this.#stalledUntil = this.localTime;
        this.#fifo = 0;
      },
      drive: (pin, level) => {
        this.pins.drive(pin, level);
      },
    });
    ({ flash: this.flash, storage: this.storage, card: this.card, decoder: this.decoder } = this.#chips);
    for (const id of profile.serials) this.#ports.set(id, new BoardPort(this, id));
    this.keyCell = options.keyCell;
    this.#supplies = new Supplies(this);
    this.#loadChanged();
  }

  get http(): BoardOptions["http"] {
    return this.#options.http;
  }

  get receiveBuffer(): number {
    return this.profile.receiveBuffer;
  }

  get powered(): boolean {
    return this.#on;
  }

  /** The device's key memory holds something other than zeroes. */
  get keyValid(): boolean {
    return this.#keyValid;
  }

  get localTime(): number {
    return this.#work.localTime;
  }

  get seconds(): number {
    return ((this.localTime - this.#bootTime) * (1 + this.clockError)) / 1e6;
  }

  /** A serial port by its engine name. */
  port(id: string): BoardPort {
    const port = this.#ports.get(id);
    if (!port) throw new Error(`${this.profile.board} has no port ${id}; it has ${[...this.#ports.keys()].join(", ")}`);
    return port;
  }

  nor(select: string): SerialNor | undefined {
    return this.#chips.nors.get(select);
  }

  /**
   * Puts a bundle, text or a character a byte, into the flash, as flashing does: everything else in Storage goes. An experimental script (`beside`) takes no room there, so that a
   * bundle with something added to it still finds the room of its board.
   */
  install(bundle: string, beside = false): void {
    const { guard, onOperation, onStall } = this.flash;
    this.flash.guard = this.flash.onOperation = this.flash.onStall = undefined;
    this.storage.eraseAll();
    this.#beside = beside ? bundle : undefined;
    this.storage.write(".boot0", Buffer.from(beside ? "0" : bundle, "latin1"));
    Object.assign(this.flash, { guard, onOperation, onStall });
  }

  /** Connects a supply of `volts` under a name, or takes it away (0). */
  supply(from: string, volts: number): void {
    this.#supplies.set(from, volts);
    this.#supplyChanged(volts > 0 ? from : `${from} gone`);
  }

  supplyVolts(): number {
    return this.#supplies.volts;
  }

  /** Takes every supply away at once and at any moment, also inside the bundle's code; the capacitor included. */
  cutPower(why: string): void {
    this.#powerOff(why);
  }

  /** Starts again when there is still a supply. */
  restorePower(): void {
    this.#supplyChanged("restored");
  }

  /** How often `bytes` stands in the processor's memory, which is empty while the board is off. */
  searchMemory(bytes: Uint8Array): number {
    return this.sandbox?.search(bytes) ?? 0;
  }

  /** Runs `task`, a call into the bundle, as soon as the board has time. */
  run(task: () => void): void {
    if (this.sandbox) this.#work.run(task);
  }

  spend(microseconds: number): void {
    this.#work.spend(microseconds);
  }

  admits(count: number): number {
    this.#wake();
    if (this.#deepSleep && this.profile.deafInDeepSleep && !this.#supplies.has("USB")) {
      this.counts.deaf += count;
      return 0;
    }
    if (this.#options.costs?.byte) this.#work.delay(count * this.#options.costs.byte);
    if (this.clock.now >= this.#stalledUntil) return count;
    const room = Math.max(0, this.profile.receiveFifo - this.#fifo);
    this.#fifo += Math.min(room, count);
    return Math.min(room, count);
  }

  writing(): void {
    this.#operation("serial");
  }

  overflow(port: string, lost: number): void {
    this.counts.overflows += lost;
    this.#errorFlags.add("FIFO_FULL");
    this.world.trace.add(this.name, "fault", { what: "receive overflow", detail: `${port} lost ${String(lost)} bytes` });
  }

  consoleTook(port: string, bytes: Uint8Array): void {
    this.counts.consoleBytes += bytes.length;
    this.world.trace.add(this.name, "fault", { what: "console open", detail: `${port} took ${String(bytes.length)} bytes as commands` });
  }

  print(line: string): void {
    this.world.trace.add(this.name, "log", { line });
    for (const port of this.#ports.values()) if (port.isConsole) port.write(Buffer.from(`${line}\r\n`, "latin1"));
  }

  refused(what: string): void {
    this.counts.refused++;
    this.world.trace.add(this.name, "fault", { what: "refused", detail: what });
  }

  setConsole(id: string | undefined): void {
    for (const [name, port] of this.#ports) port.isConsole = name === id;
  }

  setDeepSleep(on: boolean): void {
    this.#deepSleep = on;
    this.#loadChanged();
  }

  driven(pin: string, level: boolean): void {
    if (pin === this.wiring.led) this.world.trace.add(this.name, "led", { pin, on: level });
  }

  analog(pin: string): number | undefined {
    return pin === this.wiring.noise ? this.random.unit() : this.#supplies.reading(pin);
  }

  played(pin: string, what: "begin" | "end" | Uint8Array): void {
    this.world.played(this, pin, what);
  }

  fired(handler: () => void): void {
    this.#wake();
    this.run(() => {
      this.#operation("timer");
      handler();
    });
  }

  errorFlags(): string[] {
    const flags = [...this.#errorFlags];
    this.#errorFlags.clear();
    return flags;
  }

  on(event: string, handler: (...args: unknown[]) => void): void {
    this.#handlers.set(event, [...(this.#handlers.get(event) ?? []), handler]);
  }

  restart(why: string): void {
    void why;
    this.#restartAsked = true;
  }

  #operation(what: Operation): void {
    if (this.#tear(what)) throw new PowerCut();
  }

  /** Once the power is gone nothing more gets done, even if the bundle catches what is thrown at it. */
  #tear(what: Operation): Tear | undefined {
    if (this.#cut) return { how: "none" };
    const tear = this.world.operation(this.name, what);
    if (tear) this.#cut = true;
    return tear;
  }

  #execute(task: () => void): void {
    const before = this.sandbox;
    if (!before) return;
    this.spend(this.#options.costs?.event ?? 0);
    try {
      task();
    } catch (error) {
      if (!this.#cut) this.#caught(error);
    }
    if (this.#cut) {
      this.#powerOff("fault");
      this.world.wasCut(this);
      return;
    }
    if (this.sandbox !== before) return;
    this.#checkKey();
    if (this.#restartAsked) {
      this.#powerOff("restart");
      this.#supplyChanged("restart");
    }
    this.#loadChanged();
  }

  #caught(error: unknown): void {
    this.counts.errors++;
    const detail = error && typeof error === "object" && "message" in error ? String(error.message) : String(error);
    this.world.trace.add(this.name, "fault", { what: "uncaught error", detail });
    for (const handler of this.#handlers.get("uncaughtException") ?? []) handler(error);
  }

  #checkKey(): void {
    const valid = this.sandbox !== undefined && (this.sandbox.keyValid ?? this.arenas.keyValid);
    if (valid === this.#keyValid) return;
    this.#keyValid = valid;
    this.world.trace.add(this.name, "key", { valid });
  }

  #supplyChanged(why: string): void {
    const volts = this.supplyVolts();
    if (this.#on && volts < this.brownoutVolts) this.#powerOff(this.#supplies.outside ? why : "brownout");
    else if (!this.#on && volts >= this.brownoutVolts + START_MARGIN) this.#powerOn(why);
    this.#loadChanged();
  }

  #powerOn(why: string): void {
    this.#on = true;
    this.world.trace.add(this.name, "power", { on: true, why });
    this.#bootEvent = this.clock.after(this.#options.bootTime ?? 100_000, () => {
      this.#boot();
    });
  }

  #powerOff(why: string): void {
    this.#restartAsked = this.#cut = false;
    if (!this.#on) return;
    this.#on = false;
    this.clock.cancel(this.#bootEvent);
    this.timers.reset();
    this.#work.reset();
    this.#handlers.clear();
    this.#stalledUntil = 0;
    this.#deepSleep = false;
    this.sandbox?.end?.();
    this.sandbox = undefined;
    this.arenas = new Arenas(this.#options.fragmented ?? false);
    for (const port of this.#ports.values()) port.powerOff();
    this.#chips.powerOff();
    this.pins.powerOff();
    this.world.trace.add(this.name, "power", { on: false, why });
    this.#checkKey();
  }

  /** The engine's start: it checks Storage, then runs the boot files. */
  #boot(): void {
    this.counts.boots++;
    this.#bootTime = this.clock.now;
    this.#errorFlags.clear();
    const sandbox =
      this.#options.engine?.(this.name) ??
      new Sandbox({
        random: this.random.stream(`engine ${String(this.counts.boots)}`),
        now: () => this.seconds * 1000,
        keepDropped: this.#options.keepDropped,
        onRefused: (what) => {
          this.refused(what);
        },
      });
    this.sandbox = sandbox;
    this.#work.now(() => {
      if (this.storage.checkAtStart())
        this.world.trace.add(this.name, "fault", { what: "storage erased", detail: "the engine found Storage corrupt at start" });
      this.setConsole(this.profile.console);
      runFirmware(this, sandbox, this.#ports, this.#beside);
      for (const handler of this.#handlers.get("init") ?? []) handler();
    });
  }

  capacitorChanged(): void {
    this.#supplyChanged("capacitor");
  }

  #wake(): void {
    this.counts.wakes++;
    if (this.#on) this.#supplies.wake();
  }

  #loadChanged(): void {
    const listening = !this.#deepSleep && [...this.#ports.values()].some((port) => port.id.startsWith("Serial") && port.baud > 0);
    this.#supplies.draw(this.#on, listening);
  }
}
