import type { Board } from "../../board.js";
import { ENTROPY_HARDWARE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineE, EngineSerial, Pin } from "../engine.js";
import { contentIn, journalIn, type FlashPages } from "../../pages.js";
import { storagePages } from "../flash.js";
import type { BoardInMaking } from "../nrf52.js";
import { entropy } from "../random.js";
import { openPort, serialPort } from "../serial.js";
import { audioSink, noSink } from "../sink.js";
import { contact, keySupply, ramKeyMemory, tamperSwitch } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const Serial2: EngineSerial;
declare const USB: EngineSerial;
declare function digitalWrite(pin: Pin, value: boolean): void;
declare function pinMode(pin: Pin, mode: "input_pullup"): void;

/** The board has no button that firmware can read; one is wired from D22 to GND, since the RP2350 cannot hold an input down (erratum E9). */
export const BUTTON = "D22";
export const PRESSED = 0;
export const CONSOLE = "USB";

function pico2(pages: FlashPages): BoardInMaking {
  // Nothing else holds it up, and a button that seems pressed erases the journal.
  pinMode(BUTTON, "input_pullup");
  return {
    name: E.toUint8Array("Pico 2"),
    suites: 0,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_HARDWARE,
    serial: [serialPort(Serial1, 115200, "D0", "D1")],
    journal: journalIn(pages, 4096),
    led: function (on: boolean): void {
      digitalWrite("D25", on);
    },
    natives: { convolve: E.convolve, crc32: E.CRC32, collect: process.memory },
    sleep: function (): void {
      // this engine build has no deep sleep
    },
    closeConsole: closeConsole,
  };
}

/** A card: Serial1 is the wire to kiosk or reader. */
export function card(): Board {
  return pico2(storagePages(269484032, 3145728, 12288));
}

/** A cartridge: contents in Storage, key capacitor on D26 and D14, case switch on D15. */
export function cartridge(): Board {
  const pages = storagePages(269484032, 3145728, 3080192);
  const board = pico2(pages);
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("D26", 2, 4800, "D14");
  board.onContact = contact("D16");
  board.onTamper = tamperSwitch("D15");
  board.contentStore = contentIn(pages, 8192);
  return board;
}

/** A reader: serial 0 is the card's slot, 1 the cartridge's, 2 (USB) the host's; it plays on D20. */
export function reader(): Board {
  const board = pico2(storagePages(269484032, 3145728, 12288));
  board.serial.push(serialPort(Serial2, 115200, "D4", "D5"));
  board.serial.push(openPort(USB));
  board.sink = audioSink("D20", noSink());
  return board;
}
