/** What is known of a board, each fact with its source, and how devices are wired on it. Host code only: nothing of this is in a bundle. */

export interface Fact<T> {
  readonly value: T;
  /** File of the engine's public source, or data sheet with its section. */
  readonly source: string;
}

export type Role = "card" | "cartridge" | "reader" | "client";

/** One wire of a drawing: a pin of the board, and the pin of the part it goes to. */
export interface Connection {
  readonly pin: string;
  readonly to: string;
}

/** A part beside the board. `symbol` chooses how it is drawn. */
export interface Part {
  readonly title: string;
  readonly symbol: "connector" | "chip" | "supply" | "switch" | "speaker";
  readonly connections: readonly Connection[];
  /** What its other pins need, a few words a line. */
  readonly also?: readonly string[];
}

export interface RoleWiring {
  readonly role: Role;
  /** Plaintext bytes of a stream chunk. */
  readonly chunk: number;
  /** Where content is kept, and the most of it in bytes; null where the role keeps none. */
  readonly content: { readonly where: string; readonly bytes: number } | null;
  /** Where the journal is. */
  readonly journal: string;
  readonly parts: readonly Part[];
}

export interface BoardProfile {
  /** Name in commands: `--board NAME`; a module of that name in boards/espruino/boards or boards/jerryscript/boards binds it. */
  readonly name: string;
  readonly title: string;
  readonly engine: "espruino" | "jerryscript";
  /** Board name of the engine's build. */
  readonly engineBoard: string;
  readonly chip: Fact<string>;
  readonly variables: Fact<number>;
  /** Bytes in one variable; null where the engine has a plain heap. */
  readonly variableBytes: Fact<number> | null;
  /** Bytes of Storage for code, and journal where it is there. */
  readonly codeArea: Fact<number>;
  readonly flashPage: Fact<number>;
  readonly nativeCrypto: Fact<readonly string[]>;
  readonly random: Fact<string>;
  /** Pins that measure voltage. */
  readonly adc: Fact<string>;
  readonly serial: Fact<readonly string[]>;
  readonly receiveBuffer: Fact<number>;
  /** Current with memory and timer alive, at its worst, in microamperes; null where the board cannot be a cartridge. */
  readonly standby: Fact<number> | null;
  /** Supply below which the chip may reset, at its worst, in millivolts. */
  readonly brownout: Fact<number> | null;
  /** Clock error at its worst, parts per million. */
  readonly clock: Fact<number>;
  readonly roles: readonly RoleWiring[];
  /** What a builder must know, one sentence each. */
  readonly notes: readonly string[];
}

/** Bytes in an Espruino variable by their number (src/jsvar.h). */
export function variableBytes(variables: number): Fact<number> {
  return { value: variables <= 2047 ? 12 : variables <= 8191 ? 13 : variables <= 16383 ? 14 : 16, source: "src/jsvar.h, JSVAR_CACHE_SIZE" };
}

/** The supply of a cartridge around `adc`, `fail` and the slot's `contact`, alike on every board, and the switch at `tamper` if there is a pin. */
export function supplyParts(adc: string, fail: string, contact: string, tamper: string | null): Part[] {
  return [
    {
      title: "Key supply",
      symbol: "supply",
      connections: [
        { pin: "VCC", to: "V+" },
        { pin: adc, to: "divider" },
        { pin: fail, to: "power fail" },
        { pin: contact, to: "slot contact" },
        { pin: "GND", to: "GND" },
      ],
    },
    ...(tamper === null
      ? []
      : [{ title: "Case switch", symbol: "switch" as const, connections: [{ pin: tamper, to: "opens with the case" }] }]),
  ];
}

/** A wire to another device. */
export function wire(title: string, tx: string, rx: string): Part {
  return {
    title,
    symbol: "connector",
    connections: [
      { pin: tx, to: "RXD" },
      { pin: rx, to: "TXD" },
      { pin: "GND", to: "GND" },
    ],
  };
}

/** A W25Q flash chip. */
export function norFlash(title: string, sck: string, miso: string, mosi: string, cs: string): Part {
  return {
    title,
    symbol: "chip",
    connections: [
      { pin: sck, to: "CLK" },
      { pin: miso, to: "DO" },
      { pin: mosi, to: "DI" },
      { pin: cs, to: "/CS" },
    ],
    also: ["VCC, /WP, /HOLD to V+", "GND to GND"],
  };
}

/** An SD card in SPI mode (SD Physical Layer Simplified Specification, 7). */
export function sdCard(title: string, sck: string, miso: string, mosi: string, cs: string): Part {
  return { ...norFlash(title, sck, miso, mosi, cs), also: ["VDD to V+", "VSS to GND", "10k: DO, /CS to V+"] };
}

/** A decoder of the VS1053 class, its serial data interface (VLSI VS1053b data sheet, 7.3). */
export function decoder(sck: string, mosi: string, select: string, request: string): Part {
  return {
    title: "Decoder: VS1053",
    symbol: "speaker",
    connections: [
      { pin: sck, to: "SCLK" },
      { pin: mosi, to: "SI" },
      { pin: select, to: "XDCS" },
      { pin: request, to: "DREQ" },
    ],
    also: ["XCS, XRESET to V+"],
  };
}
