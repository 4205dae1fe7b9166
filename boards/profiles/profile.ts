/** What is known of a board, each fact with its source, and how devices are wired on it. Host code only: nothing of this is in a bundle. */
import type { Part } from "./parts.js";

export interface Fact<T> {
  readonly value: T;
  /** File of the engine's public source, or data sheet with its section. */
  readonly source: string;
}

export type Role = "card" | "cartridge" | "reader" | "client";

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

/** Pins that carry power, as they are printed on the board; null where there is none that a drawing needs. */
export interface Power {
  /** Takes or gives V+, some 3 V, on which the chip runs. */
  readonly supply: Fact<string>;
  /** Gives the 5 V of USB, for what is in the slots. */
  readonly gives: Fact<string> | null;
  /** Takes a slot's 5 V. */
  readonly takes: Fact<string> | null;
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
  /** How its pins are printed on the board, a sentence, where that differs from the engine's names. */
  readonly printed?: string;
  /** Pins that are led out and that a drawing may use, by the engine's names; empty where nothing is wired. */
  readonly outside: Fact<readonly string[]>;
  /** Those of `outside` that measure voltage. */
  readonly adc: Fact<readonly string[]>;
  /** null where nothing is wired. */
  readonly power: Power | null;
  readonly serial: Fact<readonly string[]>;
  readonly receiveBuffer: Fact<number>;
  /**
   * Current of all that hangs on V+ with memory and timer alive, the key supply's own parts aside, at its worst, in microamperes; null where the board is no
   * cartridge, or draws so much that no capacitor holds it for a day.
   */
  readonly standby: Fact<number> | null;
  /** Supply below which the chip may reset, at its worst, in millivolts; null where `standby` is. */
  readonly brownout: Fact<number> | null;
  /** Clock error at its worst, parts per million. */
  readonly clock: Fact<number>;
  readonly roles: readonly RoleWiring[];
  /** What a builder must know, one sentence each. */
  readonly notes: readonly string[];
}

/** Bytes in an Espruino variable by their number: a variable holds four references of as many bits as that number needs. */
export function variableBytes(variables: number): Fact<number> {
  return {
    value: variables <= 2047 ? 12 : variables <= 8191 ? 13 : variables <= 16383 ? 14 : 16,
    source: "src/jsutils.h, JSVARREF_BITS by JSVAR_CACHE_SIZE",
  };
}

/** Pins `from` to `to` of a port: `pins("D", 28, 31)` is D28, D29, D30, D31. */
export function pins(port: string, from: number, to = from): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => port + String(from + i));
}
