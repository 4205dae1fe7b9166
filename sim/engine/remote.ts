/** A bundle in a real interpreter process, on the hardware of a simulated board: the same calls, in the same order, as from the sandbox. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { EngineContext } from "../espruino/context.js";
import { PowerCut } from "../flash.js";
import { Channel, type Message } from "./channel.js";
import { LINUX_FLASH_LENGTH } from "./espruino-bench.js";
import { ESPRUINO_INSIDE, ESPRUINO_LOCKSTEP, JERRY_LOCKSTEP } from "./lockstep.js";
import { searchProcess } from "./memory.js";
import { storageImage } from "./storage-image.js";

type Callable = (...args: unknown[]) => unknown;
type Handler = (event?: { state: boolean }) => void;
interface Engine {
  program: string;
  /** Puts `bundle` where the interpreter finds it at its start; answers its arguments. */
  load(folder: string, bundle: string): string[];
}

/** An Espruino built for Linux, booting from its own Storage. `inside`: it looks at its variables inside events, for `peak`. */
export function espruino(program: string, inside = false): Engine {
  return {
    program,
    load: (folder, bundle) => {
      const encoder = new TextEncoder();
      const files = {
        ".bootPowerOn": encoder.encode(ESPRUINO_LOCKSTEP + (inside ? ESPRUINO_INSIDE : "")),
        ".boot0": Buffer.from(bundle, "latin1"),
      };
      writeFileSync(path.join(folder, "espruino.flash"), storageImage(LINUX_FLASH_LENGTH, files));
      return [];
    },
  };
}

/** JerryScript in our host program, which is told to leave the hardware to the simulator. */
export function jerry(program: string): Engine {
  return {
    program,
    load: (folder, bundle) => {
      writeFileSync(path.join(folder, "lockstep.js"), JERRY_LOCKSTEP);
      writeFileSync(path.join(folder, "bundle.js"), bundle, "latin1");
      writeFileSync(path.join(folder, "loop.js"), "$loop();");
      return ["--lockstep", "to-board", "from-board", "lockstep.js", "bundle.js", "loop.js"];
    },
  };
}

export class RemoteContext implements EngineContext {
  keyValid = false;
  /** Told whenever the interpreter has run a handler of the bundle to its end. */
  onIdle: (() => void) | undefined;
  readonly #engine: Engine;
  readonly #folder: string;
  readonly #globals = new Map<string, unknown>();
  readonly #files: Record<string, Callable>[] = [];
  #channel: Channel | undefined;

  /** `folder` is the process's own; it is emptied. */
  constructor(engine: Engine, folder: string) {
    this.#engine = engine;
    this.#folder = folder;
  }

  /** Id of the interpreter's process, or undefined while none runs. */
  get pid(): number | undefined {
    return this.#channel?.pid;
  }

  define(name: string, value: unknown): void {
    this.#globals.set(name, value);
  }

  run(code: string): undefined {
    rmSync(this.#folder, { recursive: true, force: true });
    mkdirSync(this.#folder, { recursive: true });
    this.#channel = new Channel(this.#engine.program, this.#engine.load(this.#folder, code), this.#folder);
    this.#serve();
  }

  error(message: string): Error {
    return new Error(message);
  }
  bytes(bytes: ArrayLike<number>): Uint8Array {
    return Uint8Array.from(bytes);
  }
  buffer(bytes: ArrayLike<number>): ArrayBuffer {
    return Uint8Array.from(bytes).buffer;
  }
  array(items: unknown[]): unknown[] {
    return items;
  }
  object(members: object): Record<string, unknown> {
    return members as Record<string, unknown>;
  }
  string(bytes: Uint8Array): string {
    return Buffer.from(bytes).toString("latin1");
  }
  buffers(): ArrayBuffer[] {
    return [];
  }
  search(needle: Uint8Array): number {
    return this.pid === undefined ? 0 : searchProcess(this.pid, needle);
  }

  /** Variables in use on Espruino, the bench's among them, garbage collected before. */
  variables(): number {
    return this.#ask("m");
  }

  /** Most variables in use inside events so far, of an engine that looks there. */
  peak(): number {
    return this.#ask("i");
  }

  #ask(what: string): number {
    const channel = this.#channel;
    if (!channel) return 0;
    channel.send([what]);
    const { message } = channel.receive();
    this.#serve();
    return Number(message[1]);
  }

  end(): void {
    this.#channel?.end();
    this.#channel = undefined;
  }

  /** Lets the interpreter run a handler of the bundle to its end. */
  #fire(message: Message, bytes?: Uint8Array): void {
    this.#channel?.send(message, bytes);
    this.#serve();
    this.onIdle?.();
  }

  /** Answers the interpreter's calls until it waits for the next event. */
  #serve(): void {
    const channel = this.#channel;
    while (channel) {
      const { message, bytes } = channel.receive();
      const [name, ...rest] = message;
      if (name === "done" || name === "error") {
        this.keyValid = rest.at(-1) === 1;
        if (name === "error") throw new Error(String(rest[0]));
        return;
      }
      let answer: unknown;
      try {
        answer = this.#call(name, rest[0] as unknown[], bytes);
      } catch (error) {
        if (error instanceof PowerCut || !(error instanceof Error)) throw error;
        channel.send(["x", error.message]);
        continue;
      }
      reply(channel, answer);
    }
  }

  #call(name: string, args: unknown[], bytes: Uint8Array): unknown {
    const [owner, member] = name.split(".");
    if (name === "setTimeout" || name === "setInterval") {
      let id = 0;
      const handler: Handler = () => {
        this.#fire(["t", id, name === "setInterval"]);
      };
      id = this.#function(name)(handler, args[0]) as number;
      return id;
    }
    if (name === "setWatch") {
      let id = 0;
      const handler: Handler = (event) => {
        this.#fire(["w", id, event?.state ?? false]);
      };
      id = this.#function(name)(handler, ...args) as number;
      return id;
    }
    if (member === undefined) return this.#function(name)(...args);
    if (owner === "file") return this.#file(member, args, bytes);
    const object = this.#object(owner);
    if (owner === "host") return this.#host(object, member, args, bytes);
    const call = object[member] as Callable;
    if (member === "on")
      return call.call(object, args[0], (data: string) => {
        this.#fire(["d", owner], Buffer.from(data, "latin1"));
      });
    if (member === "openFile") return this.#files.push(call(...args) as Record<string, Callable>) - 1;
    if (owner === "Storage" && member === "write") return call(args[0], this.string(bytes), args[1], args[2]);
    return bytes.length > 0 || member === "write" || member === "send" ? call(Uint8Array.from(bytes), ...args) : call(...args);
  }

  #host(host: Record<string, unknown>, member: string, args: unknown[], bytes: Uint8Array): unknown {
    const call = host[member] as Callable;
    if (member === "receive")
      return call(args[0], (data: string) => {
        this.#fire(["d", args[0]], Buffer.from(data, "latin1"));
      });
    if (member === "event") {
      let id = 0;
      id = call(args[0], (state: boolean) => {
        this.#fire(["w", id, state]);
      }) as number;
      return id;
    }
    return bytes.length > 0 ? call(Uint8Array.from(bytes), ...args) : call(...args);
  }

  #file(member: string, [handle, ...args]: unknown[], bytes: Uint8Array): unknown {
    const file = this.#files[handle as number];
    return member === "write" ? file.write(Uint8Array.from(bytes)) : file[member](...args);
  }

  #function(name: string): Callable {
    return this.#globals.get(name) as Callable;
  }

  #object(name: string): Record<string, unknown> {
    const known = this.#globals.get(name);
    if (known) return known as Record<string, unknown>;
    return this.#function("require")(name) as Record<string, unknown>;
  }
}

/** A number that JSON does not carry exactly goes as its eight bytes. */
function reply(channel: Channel, answer: unknown): void {
  if (typeof answer === "number" && !Number.isInteger(answer)) channel.send(["f"], new Uint8Array(new Float64Array([answer]).buffer));
  else if (typeof answer === "string") channel.send(["s"], Buffer.from(answer, "latin1"));
  else if (answer instanceof ArrayBuffer) channel.send(["b"], new Uint8Array(answer));
  else if (ArrayBuffer.isView(answer)) channel.send(["b"], new Uint8Array(answer.buffer, answer.byteOffset, answer.byteLength));
  else channel.send(answer === undefined ? ["n"] : ["v", answer]);
}
