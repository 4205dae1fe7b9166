/** The button held at power-on, on every board's own binding over stand-ins for the engine's globals: all secrets go before the console comes back. */
import * as assert from "uvu/assert";
import { profiles } from "../../boards/profiles/index.js";
import type { Board } from "../../boards/board.js";
import { SerialNor } from "../../sim/nor.js";
import { suite } from "../suite.js";

const test = suite("the button held at power-on");
const MARK = new Uint8Array(64).fill(0x5a);

interface Binding {
  BUTTON: string;
  PRESSED: number;
  CONSOLE: string;
  [role: string]: unknown;
}
type SpiData = number | Uint8Array | { data: number; count: number } | SpiData[];

function flat(data: SpiData): number[] {
  if (typeof data === "number") return [data];
  if (data instanceof Uint8Array) return [...data];
  return Array.isArray(data) ? data.flatMap(flat) : Array<number>(data.count).fill(data.data);
}

/** What an engine gives a binding; `events` is what was done to consoles, flash, pins and wires, in order. */
class Engine {
  readonly events: string[] = [];
  pressed = -1;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #nors = new Map<string, SerialNor>();
  #storage = -1;

  constructor(
    readonly page: number,
    readonly button: string,
  ) {}

  #at(address: number): [page: Uint8Array, offset: number] {
    const base = address - (address % this.page);
    const page = this.#pages.get(base) ?? new Uint8Array(this.page).fill(0xff);
    this.#pages.set(base, page);
    return [page, address - base];
  }

  readonly #flash = {
    read: (length: number, address: number) =>
      Uint8Array.from({ length }, (_, i) => {
        const [page, offset] = this.#at(address + i);
        return page[offset];
      }),
    write: (bytes: Uint8Array, address: number) => {
      bytes.forEach((byte, i) => {
        const [page, offset] = this.#at(address + i);
        page[offset] &= byte;
      });
    },
    erasePage: (address: number) => {
      this.events.push("erase");
      this.#at(address)[0].fill(0xff);
    },
    getPage: (address: number) => {
      if (this.#storage < 0) this.#storage = address;
      return { addr: address - (address % this.page), length: this.page };
    },
  };

  readonly #files = {
    write: (name: string, _data: string, _offset: number, size: number) => {
      this.#flash.write(Uint8Array.of(size & 255, (size >> 8) & 255, size >> 16, 0, ...Buffer.from(name), 0), this.#storage);
      return true;
    },
    getFree: () => 40960,
  };

  #spi(): object {
    return {
      setup: () => undefined,
      send: (data: SpiData, select: string) => {
        const nor = this.#nors.get(select) ?? new SerialNor(0x100000);
        this.#nors.set(select, nor);
        const bytes = Uint8Array.from(flat(data));
        if (bytes[0] === 0x20) this.events.push("erase");
        const { answer, wait } = nor.transfer(bytes, this.#now);
        this.#now += wait + 1e6;
        return answer;
      },
    };
  }
  #now = 0;

  /** The globals by name. */
  globals(): Record<string, unknown> {
    const nothing = (): undefined => undefined;
    const port = { setup: nothing, on: nothing, removeAllListeners: nothing, write: () => this.events.push("sent") };
    return {
      E: {
        setConsole: (device: string | null, options?: { force: boolean }) =>
          this.events.push(device === null ? `closed${options?.force === true ? "" : " until a plug comes"}` : device),
        toUint8Array: (text: string) => Uint8Array.from(Buffer.from(text, "latin1")),
        hwRand: () => 0x12345678,
        getAddressOf: () => 1,
        getAnalogVRef: () => 3.3,
        connectSDCard: nothing,
      },
      NRF: { sleep: () => this.events.push("radio off") },
      ...Object.fromEntries(["USB", "Bluetooth", "Serial1", "Serial2", "Serial3"].map((name) => [name, port])),
      ...Object.fromEntries(["SPI1", "SPI2", "SPI3"].map((name) => [name, this.#spi()])),
      digitalRead: (pin: string) => (pin === this.button && this.pressed >= 0 ? this.pressed : 0),
      pinMode: (pin: string, mode: string) => this.events.push(`${pin} ${mode}`),
      ...Object.fromEntries(["digitalWrite", "analogWrite", "setWatch", "setDeepSleep"].map((name) => [name, nothing])),
      analogRead: () => 0.5,
      getTime: () => 0,
      require: (name: string) => (name === "Flash" ? this.#flash : name === "Storage" ? this.#files : { AES: {} }),
    };
  }
}

for (const profile of profiles.filter(({ engine }) => engine === "espruino"))
  for (const { role } of profile.roles)
    test(`${profile.title} as ${role}: both of the journal's regions are erased, then the console opens, and nothing starts`, async () => {
      const binding = (await import(`../../boards/espruino/boards/${profile.name}.js`)) as Binding;
      const { boot } = await import("../../boards/espruino/boot.js");
      const { BUTTON, PRESSED, CONSOLE } = binding;
      const make = binding[role] as () => Board;
      const engine = new Engine(profile.flashPage.value, BUTTON);
      const before = new Map(Object.keys(engine.globals()).map((name) => [name, Reflect.get(globalThis, name) as unknown]));
      Object.assign(globalThis, engine.globals());
      try {
        const made: Board[] = [];
        engine.pressed = 1 - PRESSED;
        boot(BUTTON, PRESSED, CONSOLE, make, (board) => made.push(board));
        const [board] = made;
        assert.ok(board, "it does not start");
        assert.is(engine.events.filter((event) => event !== "radio off" && event !== "erase").at(-1), "closed");
        assert.not(engine.events.includes(CONSOLE));
        for (const region of [0, 1]) board.journal.program(region, board.journal.regionLength - 64, MARK);
        engine.events.length = 0;

        engine.pressed = PRESSED;
        boot(BUTTON, PRESSED, CONSOLE, make, () => engine.events.push("started"));
        const { events } = engine;
        assert.is(events[0], "closed");
        assert.is(events.at(-1), CONSOLE);
        assert.is(events.indexOf(CONSOLE), events.length - 1);
        assert.ok(events.includes("erase"));
        assert.not(events.includes("sent"), "a wire says something");
        assert.not(events.includes("started"));
        assert.not(events.includes("radio off"), "Bluetooth is off, where the console may be");
        for (const region of [0, 1]) {
          const left = new Uint8Array(board.journal.regionLength);
          board.journal.read(region, 0, left);
          assert.ok(
            left.every((byte) => byte === 0xff),
            `region ${String(region)} still holds something`,
          );
        }
      } finally {
        for (const [name, value] of before) Reflect.set(globalThis, name, value);
      }
    });

test.run();
