/**
 * One simulated board that goes with real time, for programs in other processes: its bundle is the one that is flashed, its flash chips and its SD card's files are files, its wires are
 * TCP ports. A card or cartridge is carried between places; a program that connects to the place where it is has it in its slot, until either end closes the
 * connection. Ending the process is what no real board survives either: whatever lived in memory, and on the capacitor, is gone.
 */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { openPort } from "../src/host/open.js";
import type { HostPort as RealPort } from "../src/host/port.js";
import type { MemoryCard } from "./card.js";
import type { EspruinoBoard } from "./espruino.js";
import type { NorFlash } from "./flash.js";
import { reach } from "./network.js";
import { CHARGE_VOLTS, storedBundle, specimen, type DeviceName } from "./specimens.js";
import type { HostPort, Wire } from "./wire.js";
import { World } from "./world.js";

/** Virtual time goes on by about this at once, in microseconds, and by so many times as much when it is late. */
const STEP = 5000;
const CATCH_UP = 4;
/** Real milliseconds between two steps, and between two tries to reach what is to be put into a reader's slot. */
const TICK = 2;
const RETRY = 250;
/** Real milliseconds in which a board that starts has sent its answer to reset; the request for it (T=1: S-block, RESET). */
const GREET = 400;
/** Real milliseconds in which the end of the last connection to a slot may come after the beginning of the next. */
const HANDOVER = 1000;
const RESET_REQUEST = Uint8Array.of(0x00, 0xcf, 0x00, 0xcf);
/** What every answer to reset has in it. */
const NAME = "LEYDEN";

/** Where a card or cartridge can be; kiosks charge. */
export const PLACES = ["rent", "return", "home"] as const;
export type Place = (typeof PLACES)[number];

export interface LiveOptions {
  role: DeviceName;
  /** Folder of the flash chips' files; made when missing. */
  folder: string;
  /** Days that a cartridge's capacitor is sized for. */
  days: number;
  /** First TCP port; the others follow it. 0 for free ones. */
  port: number;
  host?: string;
  /** Of a reader: where its card and its cartridge are, a serial port or tcp://host:port; of a client its cartridge. */
  slots?: { name: "card" | "cartridge"; address: string }[];
  /** Told what a reader or client has played to its end. */
  onPlayed?: (content: Uint8Array) => void;
}

export class LiveBoard {
  readonly world = new World({ seed: randomBytes(16).toString("hex"), keep: false });
  readonly board: EspruinoBoard;
  /** Addresses as `tcp://host:port`: of a card or cartridge by place, of a reader or client "host". */
  readonly addresses: Record<string, string> = {};
  /** Where the board is; null lets whoever comes first have it, undefined nobody. */
  #place: Place | null | undefined = null;
  #holder: Socket | undefined;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #ports: RealPort[] = [];
  readonly #files: number[] = [];
  #awaiting: ((content: Uint8Array) => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  private constructor(options: LiveOptions) {
    this.board = this.world.board({ ...specimen(options.role, options.days), http: (url) => reach(url) });
    mkdirSync(options.folder, { recursive: true, mode: 0o700 });
    this.#load(options);
  }

  /** Starts the board with what its folder holds; a new folder is a blank board with its firmware just flashed. */
  static async start(options: LiveOptions): Promise<LiveBoard> {
    const live = new LiveBoard(options);
    if (options.role === "reader" || options.role === "client") await live.#startReader(options);
    else await live.#startCarried(options);
    let last = performance.now();
    let behind = 0;
    live.#timer = setInterval(() => {
      const now = performance.now();
      // What a busy machine was late for is made up, a few steps at a time: a board's clock does not go slow.
      behind += (now - last) * 1000;
      last = now;
      const step = Math.min(STEP * CATCH_UP, behind);
      behind -= step;
      live.world.clock.runFor(step);
    }, TICK);
    return live;
  }

  /** Carries the board to a place, out of the slot that it is in; undefined for nowhere, null for wherever somebody takes it. */
  carry(place: Place | null | undefined): void {
    this.#place = place;
    this.#holder?.destroy();
  }

  /** Lets so many seconds pass at once. */
  pass(seconds: number): void {
    this.world.clock.runFor(seconds * 1e6);
  }

  /** Presses the board's button. */
  press(): void {
    const { pins } = this.board;
    pins.drive("C13", true);
    this.world.clock.runFor(100_000);
    pins.drive("C13", false);
  }

  /** Resolves with the next content that a reader plays to its end. */
  whenPlayed(): Promise<Uint8Array> {
    return new Promise((resolve) => this.#awaiting.push(resolve));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    for (const port of this.#ports) await port.close();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    for (const file of this.#files) closeSync(file);
  }

  async #startCarried(options: LiveOptions): Promise<void> {
    const { world, board } = this;
    for (const place of PLACES) {
      const charges = options.role === "cartridge" && place !== "home";
      const slot = world.slot({ name: `${place} slot`, charger: charges ? { volts: CHARGE_VOLTS, ohms: 0.5, amperes: 1 } : undefined });
      const port = world.hostPort(`${place} port`, slot.wire);
      const take = (socket: Socket, until = performance.now() + HANDOVER): void => {
        if (socket.destroyed) return;
        if (this.#place !== null && this.#place !== place) {
          socket.destroy();
          return;
        }
        if (this.#holder) {
          if (performance.now() > until) socket.destroy();
          else setTimeout(take, TICK, socket, until);
          return;
        }
        this.#holder = socket;
        bridge(socket, port);
        world.dock(board, slot);
        if (charges) slot.charging(true);
        socket.once("close", () => {
          this.#holder = undefined;
          world.undock(board);
        });
      };
      await this.#serve(place, options, take);
    }
  }

  async #startReader(options: LiveOptions): Promise<void> {
    const { world, board } = this;
    const wire = world.wire({ name: "host wire" });
    board.port("USB").connect(wire, 1);
    const port = world.hostPort("host", wire, 0, 1_000_000);
    await this.#serve("host", options, (socket) => {
      bridge(socket, port);
    });
    for (const { name, address } of options.slots ?? []) {
      const slot = world.wire({ name: `${name} slot` });
      board.port(name === "card" || options.role === "client" ? "Serial1" : "Serial2").connect(slot, 0);
      this.#fill(slot, address);
    }
    world.trace.onEvent((event) => {
      if (event.kind !== "sink" || event.op !== "end") return;
      const played = board.decoder?.contents.splice(0) ?? [];
      for (const content of played) {
        options.onPlayed?.(content);
        for (const resolve of this.#awaiting.splice(0)) resolve(content);
      }
    });
    board.supply("wall", 3.3);
  }

  /** Whenever the card or cartridge is at home, or plugged in, it is in the reader's slot. */
  #fill(slot: Wire, address: string): void {
    const far = this.world.hostPort(`${slot.name} contact`, slot, 1);
    const attempt = (): void => {
      openPort(address).then(
        (port) => {
          if (this.#stopped) return void port.close();
          let heard = false;
          // A board that had power before it came into the slot does not say by itself that it is there.
          const greet = (): void => {
            heard = false;
            setTimeout(() => {
              if (!heard) port.write(RESET_REQUEST);
            }, GREET);
          };
          this.#ports.push(port);
          port.onReceive((bytes) => {
            heard ||= Buffer.from(bytes).includes(NAME);
            far.write(new Uint8Array(bytes));
          });
          port.onChange((ready) => {
            if (ready) greet();
          });
          greet();
          far.onReceive((bytes) => {
            port.write(bytes);
          });
        },
        () => {
          if (!this.#stopped) setTimeout(attempt, RETRY);
        },
      );
    };
    attempt();
  }

  /** The board's chips take up their files, and write every later change through. */
  #load({ role, folder }: LiveOptions): void {
    const chips = new Map<string, NorFlash>([["internal", this.board.flash]]);
    for (const select of Object.keys(this.board.wiring.nor ?? {})) {
      const chip = this.board.nor(select);
      if (chip) chips.set(`nor-${select}`, chip.flash);
    }
    if (!existsSync(join(folder, "internal.flash"))) this.board.install(storedBundle(role));
    for (const [name, chip] of chips) this.#keep(join(folder, `${name}.flash`), chip);
    if (this.board.card) keepCard(join(folder, "sd-card"), this.board.card);
  }

  #keep(path: string, chip: NorFlash): void {
    const known = existsSync(path);
    if (known) {
      const cells = readFileSync(path);
      if (cells.length !== chip.cells.length)
        throw new Error(
          `${path} has ${String(cells.length)} bytes, and the chip ${String(chip.cells.length)}; name the folder of this role's board.`,
        );
      chip.cells.set(cells);
    }
    const file = openSync(path, known ? "r+" : "w", 0o600);
    this.#files.push(file);
    writeSync(file, chip.cells, 0, chip.cells.length, 0);
    const told = chip.onOperation;
    chip.onOperation = (operation, torn) => {
      const at = operation.address - chip.model.start;
      writeSync(file, chip.cells, at, operation.length, at);
      told?.(operation, torn);
    };
  }

  #serve(name: string, { port, host = "127.0.0.1" }: LiveOptions, take: (socket: Socket) => void): Promise<void> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.once("close", () => this.#sockets.delete(socket));
      take(socket);
    });
    const wanted = port === 0 ? 0 : port + this.#servers.length;
    this.#servers.push(server);
    return new Promise((resolve, reject) => {
      server.once("error", (error) => {
        reject(new Error(`The TCP port ${String(wanted)} cannot be used (${error.message}); name another with --port.`));
      });
      server.listen(wanted, host, () => {
        this.addresses[name] = `tcp://${host}:${String((server.address() as AddressInfo).port)}`;
        resolve();
      });
    });
  }
}

/** Every file of the SD card is one in this folder, as it was at its last close: what was written since is lost, as it may be on a card. */
function keepCard(folder: string, card: MemoryCard): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const files = readdirSync(folder).filter((name) => !name.endsWith(".part"));
  for (const name of files) card.put(decodeURIComponent(name), readFileSync(join(folder, name)));
  card.onSettled = (name, content) => {
    const path = join(folder, encodeURIComponent(name));
    writeFileSync(`${path}.part`, content, { mode: 0o600 });
    renameSync(`${path}.part`, path);
  };
}

/** Bytes between a connection and the port of a wire. */
function bridge(socket: Socket, port: HostPort): void {
  socket.setNoDelay(true);
  port.onReceive((bytes) => {
    if (!socket.destroyed) socket.write(bytes);
  });
  socket.on("data", (data) => {
    port.write(new Uint8Array(data));
  });
}
