/** A serial port of a simulated board: the engine's Serial object on one side, a wire on the other. */
import type { EngineContext } from "./context.js";
import { toBytes } from "./bytes.js";
import type { Wire, WireEnd, WireParty } from "../wire.js";

/** What a port needs of its board. */
export interface PortBoard {
  readonly name: string;
  readonly sandbox: EngineContext | undefined;
  /** Time inside the running code. */
  readonly localTime: number;
  readonly receiveBuffer: number;
  /** How many of `count` bytes that arrive now reach the engine at all. */
  admits(count: number): number;
  /** Asked before every write; may cut the power. */
  writing(port: string, bytes: Uint8Array): void;
  /** The bundle's code is run by this, when the board has time. */
  run(task: () => void): void;
  overflow(port: string, lost: number): void;
  /** The bytes went to the engine's console, where anybody could give commands. */
  consoleTook(port: string, bytes: Uint8Array): void;
}

type Listener = (data: string) => void;

export class BoardPort implements WireParty {
  readonly id: string;
  readonly name: string;
  /** Bits a second; 0 while the bundle has not set the port up. A USB port needs no setting up. */
  baud: number;
  /** The engine's console is on this port. */
  isConsole = false;
  readonly counts = { received: 0, lost: 0, sent: 0 };
  readonly #board: PortBoard;
  readonly #fixedBaud: number;
  #end: WireEnd | undefined;
  #where: { wire: Wire; end: 0 | 1 } | undefined;
  #listeners: Listener[] = [];
  #buffer: Uint8Array[] = [];
  #buffered = 0;
  #queued = false;

  constructor(board: PortBoard, id: string) {
    this.#board = board;
    this.id = id;
    this.name = board.name;
    this.#fixedBaud = id.startsWith("Serial") ? 0 : 1_000_000;
    this.baud = this.#fixedBaud;
  }

  get listening(): boolean {
    return this.baud > 0 && this.#listeners.length > 0;
  }

  connect(wire: Wire, end: 0 | 1): void {
    this.disconnect();
    this.#where = { wire, end };
    this.#end = wire.attach(end, this);
  }

  disconnect(): void {
    this.#where?.wire.detach(this.#where.end);
    this.#where = undefined;
    this.#end = undefined;
  }

  receive(bytes: Uint8Array): void {
    if (!this.#board.sandbox || !this.baud) return;
    const admitted = this.#board.admits(bytes.length);
    const room = Math.min(admitted, this.#board.receiveBuffer - this.#buffered);
    if (room < bytes.length) {
      this.counts.lost += bytes.length - room;
      this.#board.overflow(this.id, bytes.length - room);
    }
    if (room <= 0) return;
    const part = room < bytes.length ? bytes.slice(0, room) : bytes;
    this.counts.received += part.length;
    if (this.isConsole) {
      this.#board.consoleTook(this.id, part);
      return;
    }
    this.#buffer.push(part);
    this.#buffered += part.length;
    if (this.#queued) return;
    this.#queued = true;
    this.#board.run(() => {
      this.#queued = false;
      this.#deliver();
    });
  }

  /** Sends what the bundle or the console gives. */
  write(bytes: Uint8Array): void {
    this.#board.writing(this.id, bytes);
    this.counts.sent += bytes.length;
    this.#end?.send(bytes, this.#board.localTime);
  }

  powerOff(): void {
    this.#end?.cut();
    this.baud = this.#fixedBaud;
    this.#listeners = [];
    this.#buffer = [];
    this.#buffered = 0;
    this.#queued = false;
    this.isConsole = false;
  }

  /** The Serial object that the bundle sees. */
  object(sandbox: EngineContext): Record<string, unknown> {
    const write = (...data: unknown[]): void => {
      this.write(toBytes(data.length === 1 ? data[0] : data));
    };
    return sandbox.object({
      setup: (baud?: number) => {
        if (!this.#fixedBaud) this.baud = baud || 9600;
      },
      unsetup: () => {
        this.baud = this.#fixedBaud;
      },
      write,
      print: (text: unknown) => {
        write(String(text));
      },
      println: (text: unknown) => {
        write(`${String(text)}\r\n`);
      },
      on: (event: string, listener: Listener) => {
        if (event === "data") this.#listeners.push(listener);
        if (this.#buffered)
          this.#board.run(() => {
            this.#deliver();
          });
      },
      removeListener: (event: string, listener: Listener) => {
        if (event === "data") this.#listeners = this.#listeners.filter((other) => other !== listener);
      },
      removeAllListeners: (event?: string) => {
        if (event === undefined || event === "data") this.#listeners = [];
      },
      available: () => this.#buffered,
      read: (count = this.#buffered) => {
        const bytes = this.#take(count);
        return sandbox.string(bytes);
      },
      setConsole: () => {
        this.isConsole = true;
      },
      flush: () => undefined,
    });
  }

  #take(count: number): Uint8Array {
    const all = this.#buffer.length === 1 ? this.#buffer[0] : Buffer.concat(this.#buffer);
    const bytes = all.subarray(0, count);
    const rest = all.subarray(count);
    this.#buffer = rest.length ? [rest] : [];
    this.#buffered = rest.length;
    return bytes;
  }

  #deliver(): void {
    const { sandbox } = this.#board;
    if (!sandbox || !this.#listeners.length || !this.#buffered) return;
    const data = sandbox.string(this.#take(this.#buffered));
    for (const listener of [...this.#listeners]) listener(data);
  }
}
