/** A device whose firmware runs in a real interpreter process, in real time, seen from outside by its wires and its pins. */

/** One end of a wire: what a host holds. */
export interface WireEnd {
  write(bytes: Uint8Array): void;
  /** Installs the one receiver. */
  onReceive(receiver: (bytes: Uint8Array) => void): void;
}

/** What can be done to the board's pins from outside. */
export interface Pins {
  /** Voltage of the key capacitor, in millivolts. */
  setMillivolts(millivolts: number): void;
  /** Trips the power-fail comparator. */
  powerFail(): void;
  /** A slot begins or stops to supply the board. */
  contact(docked: boolean): void;
  tamper(): void;
  press(): void;
}

export interface EngineDevice {
  /** Wires by the index of the board's serial port. */
  readonly wires: readonly WireEnd[];
  readonly pins: Pins;
  /** Everything that the reader's sink has put out so far. */
  played(): Uint8Array;
  /** Id of the interpreter's process while it runs. */
  readonly pid: number | undefined;
  /** Runs the bundle from power-on. What flash holds stays; RAM starts empty. */
  powerOn(): Promise<void>;
  /** Takes the power away at once, as a cut does. */
  powerOff(): Promise<void>;
  /** Powers off and removes everything that the device kept. */
  dispose(): Promise<void>;
}

/** What an engine runner is given. */
export interface EngineOptions {
  /** The interpreter, or for JerryScript the host program. */
  program: string;
  /** The bundle, a character a byte: on Espruino in the engine's tokens, as the flashing tool stores it, or as text. */
  bundle: string;
  /** Espruino only: statements that the bench runs before the bundle, in room of its own, to look at it from inside. */
  probe?: string;
  /** Folder for the device's flash and files; made if missing. */
  folder: string;
  /** Number of wires; 1 for card and cartridge, 2 for a reader. */
  wires: number;
}
