/**
 * One simulation: a clock, a trace, a seed, and the boards, wires and slots in it. Scenarios are written in ordinary asynchronous host
 * code; `run` lets virtual time pass while that code waits, and stands still while it works.
 */
import { createHash, type Hash } from "node:crypto";
import { expectFunction, expectMember, expectObject, expectPositive, expectText } from "../src/core/check.js";
import type { Source } from "./capacitor.js";
import { Clock, DAY } from "./clock.js";
import { EspruinoBoard } from "./espruino.js";
import type { BoardOptions, BoardWorld, Operation } from "./espruino/options.js";
import type { Tear } from "./flash.js";
import { Random } from "./random.js";
import { KeyCell, type KeyCellOptions } from "./supply.js";
import { ApduTap } from "./tap.js";
import { Trace } from "./trace.js";
import { HostPort, Wire, type Noise, type WireOptions } from "./wire.js";

export interface WorldOptions {
  /** Default 1. */
  seed?: number | string;
  /** Puts the bytes on the wires into the trace. */
  wires?: boolean;
  /** False keeps no events: see `TraceOptions.keep`. */
  keep?: boolean;
  /** Noise of every wire that has none of its own. */
  noise?: Noise;
}

/** Decides which operations the power is cut at. */
export interface FaultPlan {
  operation(device: string, what: Operation): Tear | undefined;
}

export interface SlotOptions {
  name: string;
  /** Supply that the slot gives to what is in it, volt. Default 3.3. */
  volts?: number;
  /** What the charging contact gives when it is switched on. */
  charger?: Source;
  wire?: Omit<WireOptions, "name">;
}

/** A place that takes a card or cartridge: a wire, a supply, and at a kiosk a charging contact. End 0 of the wire is the slot's own side. */
export class Slot {
  readonly name: string;
  readonly wire: Wire;
  readonly volts: number;
  readonly charger: Source | undefined;
  device: EspruinoBoard | undefined;
  /** What gives the slot its power: while this is false, so is the slot's supply. */
  #live = true;

  constructor(wire: Wire, options: SlotOptions) {
    this.name = options.name;
    this.wire = wire;
    this.volts = options.volts ?? 3.3;
    this.charger = options.charger;
  }

  get live(): boolean {
    return this.#live;
  }

  set live(live: boolean) {
    this.#live = live;
    if (!live) this.device?.keyCell?.charge(undefined);
    this.device?.supply(this.name, live ? this.volts : 0);
  }

  /** Switches the charging contact. */
  charging(on: boolean): void {
    if (on && !this.charger) throw new Error(`Slot ${this.name} has no charging contact; give it a charger when it is made.`);
    this.device?.keyCell?.charge(on && this.#live ? this.charger : undefined);
  }
}

export class World implements BoardWorld {
  readonly clock = new Clock();
  readonly random: Random;
  readonly trace: Trace;
  readonly boards = new Map<string, EspruinoBoard>();
  readonly wires = new Map<string, Wire>();
  readonly slots = new Map<string, Slot>();
  /** Operations so far of each device and kind: what a fault can hit. */
  readonly operations = { flash: 0, serial: 0, timer: 0 };
  faults: FaultPlan | undefined;
  /** How long the supply of a board stays away after a fault cut it, in microseconds. Default one second. */
  cutTime = 1e6;
  readonly #options: WorldOptions;
  #woken = true;
  #held = 0;
  #waiting: { holds: () => boolean; go: () => void }[] = [];
  #release: (() => void) | undefined;
  readonly #played = new Map<string, { hash: Hash; bytes: number }>();

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.random = new Random(options.seed ?? 1);
    this.trace = new Trace(this.clock, { wires: options.wires, keep: options.keep });
  }

  board(options: Omit<BoardOptions, "keyCell"> & { keyCell?: KeyCellOptions }): EspruinoBoard {
    this.#expectNew("board", options, this.boards);
    expectMember("profile", options.profile, "variables", "an EngineProfile, such as PUCKJS");
    const keyCell =
      options.keyCell && new KeyCell(this.clock, this.trace, this.random.stream(`capacitor ${options.name}`), options.keyCell);
    if (keyCell) keyCell.device = options.name;
    const board = new EspruinoBoard(this, { ...options, keyCell });
    this.boards.set(options.name, board);
    return board;
  }

  wire(options: WireOptions): Wire {
    this.#expectNew("wire", options, this.wires);
    const wire = new Wire(this.clock, this.trace, this.random.stream(`wire ${options.name}`), { noise: this.#options.noise, ...options });
    this.wires.set(options.name, wire);
    return wire;
  }

  slot(options: SlotOptions): Slot {
    this.#expectNew("slot", options, this.slots);
    const slot = new Slot(this.wire({ ...options.wire, name: options.name }), options);
    new ApduTap(this.trace, slot.wire);
    this.slots.set(options.name, slot);
    return slot;
  }

  /** A host program on an end of `wire`. */
  hostPort(name: string, wire: Wire, end: 0 | 1 = 0, baud = 115_200): HostPort {
    return new HostPort(name, baud, () => {
      this.wake();
    }).connect(wire, end);
  }

  /** Puts a board into a slot: wire first, then supply. */
  dock(board: EspruinoBoard, slot: Slot, port = "Serial1"): void {
    expectMember("board", board, "port", "a board of this world");
    expectMember("slot", slot, "wire", "a slot of this world");
    if (slot.device) throw new Error(`Slot ${slot.name} holds ${slot.device.name} already; undock that first.`);
    slot.device = board;
    this.trace.add(board.name, "dock", { to: slot.name });
    board.port(port).connect(slot.wire, 1);
    if (slot.live) board.supply(slot.name, slot.volts);
  }

  /** Pulls a board out of its slot at this very moment. */
  undock(board: EspruinoBoard): void {
    expectMember("board", board, "port", "a board of this world");
    const slot = [...this.slots.values()].find(({ device }) => device === board);
    if (!slot) throw new Error(`Board ${board.name} is in no slot; dock it first.`);
    slot.device = undefined;
    this.trace.add(board.name, "undock", { from: slot.name });
    slot.wire.detach(1);
    if (board.keyCell?.capacitor.source) board.keyCell.charge(undefined);
    board.supply(slot.name, 0);
  }

  /** Lets days pass. */
  carry(days: number): void {
    expectPositive("days", days);
    this.clock.runFor(days * DAY);
  }

  /** A party outside the boards tells what it did: "recorded" `name`, "enrolled" `whom`; other details are told behind. */
  note(device: string, what: string, detail: Record<string, string | number | boolean> = {}): void {
    const taken = ["t", "device", "kind", "what"].find((key) => key in detail);
    if (taken) throw new Error(`every note has its ${taken} already; call the detail otherwise`);
    this.trace.add(device, "note", { what, ...detail });
  }

  /** Resolves after `milliseconds` of virtual time. */
  sleep(milliseconds: number): Promise<void> {
    if (milliseconds !== 0) expectPositive("milliseconds", milliseconds);
    return new Promise((resolve) => {
      this.clock.after(milliseconds * 1000, () => {
        this.wake();
        resolve();
      });
    });
  }

  /** Resolves as soon as `holds` does, which `run` asks after every event; rejects after `milliseconds` of virtual time. */
  until(holds: () => boolean, milliseconds: number, what = "the condition"): Promise<void> {
    expectFunction("holds", holds);
    expectPositive("milliseconds", milliseconds);
    return new Promise((resolve, reject) => {
      if (holds()) {
        resolve();
        return;
      }
      const limit = this.clock.after(milliseconds * 1000, () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        this.wake();
        reject(new Error(`${what} did not come true within ${String(milliseconds)} ms of virtual time`));
      });
      const waiter = {
        holds,
        go: (): void => {
          this.clock.cancel(limit);
          this.wake();
          resolve();
        },
      };
      this.#waiting.push(waiter);
    });
  }

  /** Something that takes real time (a file, a database, a process): virtual time stands still until it is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    this.#held++;
    try {
      return await work;
    } finally {
      this.#woken = true;
      if (--this.#held === 0) this.#release?.();
    }
  }

  /** Says that host code may have something to do before the next event. Timers, ports and sleeps of this world say so themselves. */
  wake(): void {
    this.#woken = true;
  }

  /**
   * Lets events happen until `work` settles, and answers what it came to. Host code runs to its next wait between two events, so that the
   * order of things depends on virtual time alone; whatever it waits for besides this world's promises must be wrapped in `during`.
   */
  async run<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    let settled = false;
    const promise = typeof work === "function" ? work() : work;
    const settle = (): void => {
      settled = true;
      this.#woken = true;
      this.#release?.();
    };
    promise.then(settle, settle);
    for (;;) {
      if (this.#woken) {
        this.#woken = false;
        await nextRound();
        if (this.#woken && !settled) continue;
      }
      if (settled) return promise;
      if (this.#held > 0) {
        await new Promise<void>((resolve) => {
          this.#release = resolve;
        });
        this.#release = undefined;
        this.#woken = true;
        continue;
      }
      if (!this.clock.step())
        throw new Error("nothing is left to happen, but the scenario still waits; wrap what takes real time in during()");
      if (this.#waiting.length) this.#askWaiting();
    }
  }

  /** Parts of a world are known by name, so that each name is taken once. */
  #expectNew(what: string, options: { name: string }, taken: Map<string, unknown>): void {
    expectObject("options", options);
    expectText("name", options.name);
    if (taken.has(options.name)) throw new Error(`There is a ${what} ${options.name} already; call this one otherwise.`);
  }

  #askWaiting(): void {
    const come = this.#waiting.filter(({ holds }) => holds());
    if (!come.length) return;
    this.#waiting = this.#waiting.filter((waiter) => !come.includes(waiter));
    for (const { go } of come) go();
  }

  operation(device: string, what: Operation): Tear | undefined {
    this.operations[what]++;
    const tear = this.faults?.operation(device, what);
    if (tear) this.trace.add(device, "fault", { what: "power cut", detail: `${what} ${String(this.operations[what])}, ${tear.how}` });
    return tear;
  }

  /** After a cut the supply stays away for `cutTime`, then comes back as it was. */
  wasCut(board: EspruinoBoard): void {
    this.wake();
    this.clock.after(this.cutTime, () => {
      board.restorePower();
    });
  }

  /** Collects what arrives at a byte sink on `wire`: its beginning, and after `quiet` microseconds without bytes its end, go into the trace. */
  sink(name: string, wire: Wire, end: 0 | 1 = 0, baud = 1_000_000, quiet = 2e6): Sink {
    return new Sink(this, name, wire, end, baud, quiet);
  }

  played(board: EspruinoBoard, pin: string, what: "begin" | "end" | Uint8Array): void {
    const name = `${board.name} ${pin}`;
    if (what === "begin") {
      this.#played.set(name, { hash: createHash("sha256"), bytes: 0 });
      this.trace.add(board.name, "sink", { op: "begin", name, bytes: 0 });
      return;
    }
    const heard = this.#played.get(name);
    if (!heard) return;
    if (what === "end") {
      this.#played.delete(name);
      this.trace.add(board.name, "sink", { op: "end", name, bytes: heard.bytes, sha256: heard.hash.digest("hex") });
    } else {
      heard.hash.update(what);
      heard.bytes += what.length;
    }
  }
}

/** Bytes between two progress events of a sink. */
const PROGRESS = 65_536;

/** A byte sink: what a reader plays, byte by byte. */
export class Sink {
  readonly name: string;
  /** Contents that have ended, oldest first. */
  readonly contents: Uint8Array[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #last = 0;

  constructor(world: World, name: string, wire: Wire, end: 0 | 1, baud: number, quiet: number) {
    this.name = name;
    const port = world.hostPort(name, wire, end, baud);
    const finish = (): void => {
      if (world.clock.now - this.#last < quiet) {
        world.clock.at(this.#last + quiet, finish);
        return;
      }
      const content = Uint8Array.from(Buffer.concat(this.#parts));
      this.contents.push(content);
      this.#parts = [];
      this.#bytes = 0;
      world.trace.add(name, "sink", { op: "end", name, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
      world.wake();
    };
    port.onReceive((bytes) => {
      if (!this.#bytes) {
        world.trace.add(name, "sink", { op: "begin", name, bytes: 0 });
        world.clock.after(quiet, finish);
      }
      const before = Math.floor(this.#bytes / PROGRESS);
      this.#parts.push(bytes);
      this.#bytes += bytes.length;
      this.#last = world.clock.now;
      if (Math.floor(this.#bytes / PROGRESS) > before) world.trace.add(name, "sink", { op: "bytes", name, bytes: this.#bytes });
    });
  }

  /** What has come of the content that is being played. */
  get current(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.#parts));
  }
}

/** All host code that can go on has gone on when this resolves. */
function nextRound(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
