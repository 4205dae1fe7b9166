import type { Board } from "../../board.js";
import { ENTROPY_HARDWARE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineE, EngineSerial, Pin } from "../engine.js";
import { journalIn, storagePages } from "../flash.js";
import { aesCbcDecrypt, aesCbcEncrypt, crc32, sha256 } from "../natives.js";
import { entropy } from "../random.js";
import { serialPort } from "../serial.js";

declare const E: EngineE;
declare const Serial1: EngineSerial;
declare const NRF: { sleep(): void };
declare function digitalWrite(pin: Pin, value: boolean): void;

export const BUTTON = "D0";
export const PRESSED = 1;
export const CONSOLE = "Bluetooth";

/** A card: its one UART is the wire to kiosk or reader. */
export function card(): Board {
  return {
    name: E.toUint8Array("Puck.js"),
    suites: 2,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_HARDWARE,
    serial: [serialPort(Serial1, 115200, "D28", "D29")],
    journal: journalIn(storagePages(442368, 81920, 12288), 4096),
    led: function (on: boolean): void {
      digitalWrite("D5", on);
    },
    natives: { sha256: sha256, aesCbcEncrypt: aesCbcEncrypt, aesCbcDecrypt: aesCbcDecrypt, convolve: E.convolve, crc32: crc32 },
    sleep: function (): void {
      // the nRF52 sleeps between events by itself, and its UART wakes it
    },
    closeConsole: function (): void {
      closeConsole();
      NRF.sleep(); // no advertising, no connection
    },
  };
}
