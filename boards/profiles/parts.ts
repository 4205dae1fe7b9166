/** The parts that are wired to boards. */

/** Rails that run through a drawing; every other pin of a connection is one of the board. */
export type Rail = "V+" | "5 V" | "GND";
export const RAILS: readonly string[] = ["V+", "5 V", "GND", "USB"] satisfies readonly (Rail | "USB")[];

/** One wire of a drawing: a pin of the board or a rail, and the pin of the part it goes to. */
export interface Connection {
  readonly pin: string;
  readonly to: string;
  /** What the part's pin does, a word or two. */
  readonly does?: string;
  /** Resistor from this wire up to V+; on a rail, in series. */
  readonly resistor?: string;
}

/** A part beside the board. `symbol` chooses how it is drawn. */
export interface Part {
  readonly title: string;
  readonly symbol: "slot" | "chip" | "rails" | "regulator" | "supply" | "switch" | "button" | "amplifier" | "decoder" | "usb";
  readonly connections: readonly Connection[];
  /** What else there is to know, a line each. */
  readonly also?: readonly string[];
}

/** Resistors of the key supply, in ohms: the slot's 5 V down to a logic level, and the capacitor's voltage to the ADC (half of it) and to the comparator. */
export const CONTACT = { upper: 5600, lower: 8200 };
export const DIVIDER = { upper: 1e6, middle: 180e3, lower: 820e3 };
/** Pull-up at the case switch, in ohms. */
export const CASE_PULL_UP = 1e6;

/** The board's own power pins: what gives or takes the rails. */
export function rails(supply: string | null, fiveVolts: string | null): Part {
  return {
    title: "Power",
    symbol: "rails",
    connections: [
      ...(fiveVolts === null ? [] : [{ pin: fiveVolts, to: "5 V" }]),
      ...(supply === null ? [] : [{ pin: supply, to: "V+" }]),
      { pin: "GND", to: "GND" },
    ],
  };
}

/** A regulator from the slot's 5 V, for boards that do not take as much. */
export function regulator(supply: string): Part {
  return {
    title: "Power from the slot",
    symbol: "regulator",
    connections: [
      { pin: supply, to: "V+" },
      { pin: "GND", to: "GND" },
    ],
    also: ["LDO: 3.0 V, 200 mA, such as TPS7A0230"],
  };
}

/** The supply of a cartridge around `adc`, `fail` and the slot's `contact`, alike on every board, and the switch at `tamper`. */
export function supplyParts(supply: string, adc: string, fail: string, contact: string, tamper: string): Part[] {
  return [
    {
      title: "Key supply, with the slot's power contacts",
      symbol: "supply",
      connections: [
        { pin: contact, to: "docked" },
        { pin: supply, to: "V+" },
        { pin: adc, to: "half of C" },
        { pin: fail, to: "power fail" },
        { pin: "GND", to: "GND" },
      ],
      also: [
        "D1: 1N4001. D2: BAT54. LDO: TPS7A0230 (3.0 V). C: key capacitor, 5.5 V.",
        "Q1: P-channel MOSFET such as AO3401, its gate on the slot's 5 V.",
        "Comparator: MCP65R41-1202, VDD to V+, VSS to GND, VREF to −IN.",
        "Resistors of 1 percent. Only a kiosk's slot has the charge contact.",
      ],
    },
    { title: "Case switch", symbol: "switch", connections: [{ pin: tamper, to: "case" }], also: ["closed while the case is closed"] },
  ];
}

/** A slot for another device, or the one that this device goes into; `power` where its 5 V is not drawn elsewhere. */
export function slot(title: string, tx: string, rx: string, power = true): Part {
  return {
    title,
    symbol: "slot",
    connections: [
      ...(power ? [{ pin: "5 V", to: "5 V" }] : []),
      { pin: tx, to: "RXD", does: "receives" },
      { pin: rx, to: "TXD", does: "sends" },
      { pin: "GND", to: "GND" },
    ],
  };
}

/** A host on the board's own USB socket. */
export function usbHost(): Part {
  return { title: "Host", symbol: "usb", connections: [{ pin: "USB", to: "USB cable" }] };
}

/** A W25Q flash chip, numbered as its package of 8 pins (Winbond W25Q128JV data sheet, 3.1). */
export function norFlash(title: string, sck: string, miso: string, mosi: string, cs: string): Part {
  return {
    title,
    symbol: "chip",
    connections: [
      { pin: cs, to: "1 /CS", resistor: "10k" },
      { pin: sck, to: "6 CLK" },
      { pin: miso, to: "2 DO" },
      { pin: mosi, to: "5 DI" },
      { pin: "V+", to: "3 /WP", resistor: "10k" },
      { pin: "V+", to: "7 /HOLD", resistor: "10k" },
      { pin: "V+", to: "8 VCC" },
      { pin: "GND", to: "4 GND" },
    ],
  };
}

/** An SD card in SPI mode, numbered as a microSD card (SD Physical Layer Simplified Specification, 3.7 and 7). */
export function sdCard(title: string, sck: string, miso: string, mosi: string, cs: string): Part {
  return {
    title,
    symbol: "chip",
    connections: [
      { pin: cs, to: "2 CS", resistor: "10k" },
      { pin: sck, to: "5 SCLK" },
      { pin: miso, to: "7 DO", resistor: "10k" },
      { pin: mosi, to: "3 DI" },
      { pin: "V+", to: "1, 8", does: "unused", resistor: "10k" },
      { pin: "V+", to: "4 VDD" },
      { pin: "GND", to: "6 VSS" },
    ],
  };
}

/** A module with a decoder of the VS1053 class, its serial data interface (VLSI VS1053b data sheet, 7.3). */
export function decoder(sck: string, mosi: string, select: string, request: string): Part {
  return {
    title: "Decoder: VS1053 module",
    symbol: "decoder",
    connections: [
      { pin: sck, to: "SCLK" },
      { pin: mosi, to: "SI", does: "MOSI" },
      { pin: select, to: "XDCS" },
      { pin: request, to: "DREQ" },
      { pin: "V+", to: "XCS", does: "CS" },
      { pin: "V+", to: "XRESET", does: "RST" },
      { pin: "5 V", to: "VCC" },
      { pin: "GND", to: "GND" },
    ],
  };
}

/** An amplifier module behind a low pass of 4.8 kHz, half of which a pulse-width modulated tune of 8 kHz needs. */
export function amplifier(audio: string): Part {
  return {
    title: "Amplifier: PAM8302 module",
    symbol: "amplifier",
    connections: [
      { pin: audio, to: "A+" },
      { pin: "GND", to: "A−" },
      { pin: "5 V", to: "VIN" },
      { pin: "GND", to: "GND" },
    ],
  };
}

/** A button that lets the console back, for boards that have none which firmware can read; the chip's own pull-up holds `pin` high. */
export function consoleButton(pin: string): Part {
  return { title: "Button, held at power-on", symbol: "button", connections: [{ pin, to: "button" }], also: ["the chip pulls it up"] };
}
