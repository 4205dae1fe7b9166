/** What the simulator needs to know about a board and its engine build, and how the device built on it is wired. */
import type { FlashModel } from "../flash.js";
import type { StorageArea } from "../storage.js";

export interface EngineProfile {
  /** `process.env.BOARD` and `VERSION`. */
  board: string;
  version: string;
  /** Serial ports that exist, "Serial1", "USB", ... */
  serials: string[];
  spis: string[];
  /** Pins that exist as globals, "A0", "D28", "LED1". */
  pins: string[];
  /** What require("crypto") has. */
  crypto: ("SHA1" | "SHA224" | "SHA256" | "SHA384" | "SHA512" | "AES" | "CCM")[];
  /** Bluetooth: NRF exists. */
  bluetooth: boolean;
  /** E.openFile, E.connectSDCard and require("fs") exist. */
  files: boolean;
  /** require("http") exists. */
  http?: boolean;
  flash: FlashModel;
  storage: StorageArea;
  /** Number of the engine's variables and bytes in each. */
  variables: number;
  variableBytes: number;
  /** Bytes that wait in the engine while the bundle is busy; more are lost. */
  receiveBuffer: number;
  /** Bytes that the UART itself holds while a flash operation stops the processor. */
  receiveFifo: number;
  /** Port on which the engine offers its console at start. */
  console: string;
  /** In deep sleep the UART does not work: what arrives is lost. */
  deafInDeepSleep: boolean;
  /** Supply currents in ampere: deep asleep with memory kept and timer on; asleep but listening on a UART. */
  sleepAmperes: number;
  listenAmperes: number;
  /** Charge in coulomb that one wake-up takes. */
  wakeCoulombs: number;
  /** Supply voltage below which the chip resets, as a range over specimens. */
  brownout: [number, number];
  /** Largest deviation of the clock, parts per million. */
  oscillatorPpm: number;
}

/** Pins of a device around its board. */
export interface Wiring {
  led?: string;
  /** Divided capacitor voltage, and the factor from the pin to the capacitor. */
  capacitor?: { pin: string; ratio: number };
  /** Analog pin that is left open: it reads noise. */
  noise?: string;
  /** Comparator output, low while the capacitor is below the warning voltage. */
  powerFail?: string;
  /** High while the case is open. */
  tamper?: string;
  /** High while a slot supplies the board: the contact by which a cartridge knows that it is docked. */
  contact?: string;
  /** Audio decoder on SPI: chip select, and the pin on which it asks for data. */
  decoder?: { select: string; request: string };
  /** SPI NOR flash chips: chip select pin to length in bytes. */
  nor?: Record<string, number>;
  /** SD card: chip select pin and capacity in bytes. */
  card?: { select: string; capacity: number };
}

const range = (letter: string, count: number): string[] => Array.from({ length: count }, (_, i) => letter + String(i));

/** nRF52832 at 64 MHz. Flash: nRF52832 product specification 1.1, chapter 11; currents: chapter 19; brownout: chapter 21. */
export const PUCKJS: EngineProfile = {
  board: "PUCKJS",
  version: "2v29",
  serials: ["Serial1", "Bluetooth"],
  spis: ["SPI1"],
  pins: [...range("D", 32), "LED1", "LED2", "LED3", "BTN1", "FET"],
  crypto: ["SHA1", "SHA224", "SHA256", "AES"],
  bluetooth: true,
  files: false,
  flash: {
    start: 0,
    length: 0x80000,
    page: 4096,
    unit: 4,
    eraseTime: 85_000,
    programTime: 41,
    writeLimit: { bytes: 512, count: 181 },
    endurance: 10_000,
  },
  storage: { start: 0x6c000, length: 40960, alignment: 4 },
  variables: 2630,
  variableBytes: 13,
  receiveBuffer: 512,
  receiveFifo: 6,
  console: "Bluetooth",
  deafInDeepSleep: false,
  sleepAmperes: 2.5e-6,
  listenAmperes: 0.6e-3,
  wakeCoulombs: 8e-6,
  brownout: [1.5, 1.7],
  oscillatorPpm: 20,
};

/** STM32F401 at 84 MHz. Flash: STM32F401xD data sheet, tables "Flash memory programming"; currents: stop mode with RTC, sleep mode. */
export const PICO: EngineProfile = {
  board: "PICO_R1_3",
  version: "2v29",
  serials: ["Serial1", "Serial2", "Serial6", "USB"],
  spis: ["SPI1", "SPI2", "SPI3"],
  pins: [...range("A", 16), ...range("B", 16), ...range("C", 16), "LED1", "LED2", "BTN1"],
  crypto: ["SHA1", "SHA224", "SHA256", "AES"],
  bluetooth: false,
  files: true,
  flash: { start: 0x08000000, length: 0x10000, page: 16384, unit: 4, eraseTime: 250_000, programTime: 16, endurance: 10_000 },
  storage: { start: 0x08004000, length: 0xc000, alignment: 4 },
  variables: 5100,
  variableBytes: 13,
  receiveBuffer: 1024,
  receiveFifo: 1,
  console: "USB",
  deafInDeepSleep: true,
  sleepAmperes: 12e-6,
  listenAmperes: 11e-3,
  wakeCoulombs: 40e-6,
  brownout: [1.62, 1.74],
  oscillatorPpm: 20,
};

/** STM32F411 at 100 MHz with an ESP8266. Storage is one page of 64 KiB; the rest as on the Pico. */
export const ESPRUINOWIFI: EngineProfile = {
  ...PICO,
  board: "ESPRUINOWIFI",
  serials: ["Serial1", "Serial2", "Serial6", "USB"],
  crypto: ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "AES"],
  http: true,
  flash: { start: 0x08000000, length: 0x20000, page: 65536, unit: 4, eraseTime: 550_000, programTime: 16, endurance: 10_000 },
  storage: { start: 0x08010000, length: 0x10000, alignment: 4 },
  variables: 8190,
};

/** ESP32 at 240 MHz: it never sleeps here. Flash: outside, on SPI, 4 KiB pages (ESP32 data sheet, 3.1.4). */
export const ESP32: EngineProfile = {
  ...PICO,
  board: "ESP32",
  serials: ["Serial1", "Serial2", "Serial3"],
  spis: ["SPI1", "SPI2"],
  pins: range("D", 40),
  crypto: ["SHA1", "SHA224", "SHA256", "SHA384", "SHA512", "AES"],
  files: false,
  http: true,
  flash: { start: 0x320000, length: 0xe0000, page: 4096, unit: 4, eraseTime: 45_000, programTime: 10, endurance: 100_000 },
  storage: { start: 0x320000, length: 0xe0000, alignment: 4 },
  variables: 16383,
  variableBytes: 14,
  receiveBuffer: 4096,
  receiveFifo: 128,
  console: "Serial1",
  deafInDeepSleep: false,
};
