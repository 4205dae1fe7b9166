/** What a board's own binding does, over stand-ins for the engine's globals. */
import type { Board } from "../../boards/board.js";
import { profiles } from "../../boards/profiles/index.js";
import type { BoardProfile, Role } from "../../boards/profiles/profile.js";
import { SerialNor } from "../../sim/nor.js";

export interface Binding {
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
export class Engine {
  readonly events: string[] = [];
  /** Pins that are watched, in order. */
  readonly watched: string[] = [];
  pressed = -1;
  readonly #pages = new Map<number, Uint8Array>();
  readonly #nors = new Map<string, SerialNor>();
  #storage = -1;

  constructor(
    readonly page: number,
    readonly button: string,
    /** Bytes of every NOR flash chip. */
    readonly nor = 0x100000,
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
        const nor = this.#nors.get(select) ?? new SerialNor(this.nor);
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
      ...Object.fromEntries(["digitalWrite", "analogWrite", "setDeepSleep"].map((name) => [name, nothing])),
      setWatch: (_handler: unknown, pin: string) => this.watched.push(pin),
      analogRead: () => 0.5,
      getTime: () => 0,
      require: (name: string) => (name === "Flash" ? this.#flash : name === "Storage" ? this.#files : { AES: {} }),
    };
  }
}

/** Every board of the engine in each of its roles. */
export const devices: readonly (readonly [BoardProfile, Role])[] = profiles
  .filter(({ engine }) => engine === "espruino")
  .flatMap((profile) => profile.roles.map(({ role }) => [profile, role] as const));

/** Calls `use` with the binding of `profile` and the maker of its board as `role` while `engine`'s globals are in place. */
export async function onEngine(
  profile: BoardProfile,
  role: Role,
  nor: number,
  use: (engine: Engine, binding: Binding, make: () => Board) => void,
): Promise<void> {
  const binding = (await import(`../../boards/espruino/boards/${profile.name}.ts`)) as Binding;
  const engine = new Engine(profile.flashPage.value, binding.BUTTON, nor);
  const before = new Map(Object.keys(engine.globals()).map((name) => [name, Reflect.get(globalThis, name) as unknown]));
  Object.assign(globalThis, engine.globals());
  try {
    use(engine, binding, binding[role] as () => Board);
  } finally {
    for (const [name, value] of before) Reflect.set(globalThis, name, value);
  }
}
