import type { Board } from "../../board.js";
import { ENTROPY_HARDWARE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineCrypto, EngineE, EngineSerial, Pin } from "../engine.js";
import { contentIn, journalIn } from "../../pages.js";
import { storagePages } from "../flash.js";
import { entropy } from "../random.js";
import { openPort } from "../serial.js";
import { audioSink, noSink } from "../sink.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Bluetooth: EngineSerial;
declare const Bangle: { on(event: "touch", handler: (side: number, at: { x: number; y: number }) => void): void };
declare function digitalWrite(pin: Pin, value: boolean): void;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "D17";
export const PRESSED = 1;
export const CONSOLE = "Bluetooth";

/** A client: Bluetooth's UART service is its wire, since no pin leads outside; it plays on the buzzer. */
export function client(): Board {
  const pages = storagePages(1610612736, 8388608, 8323072);
  return {
    name: E.toUint8Array("Bangle.js 2"),
    suites: 0,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_HARDWARE,
    serial: [openPort(Bluetooth)],
    journal: journalIn(pages, 8192),
    led: function (on: boolean): void {
      digitalWrite("D8", on);
    },
    natives: {
      sha256: require("crypto").SHA256,
      sha512: require("crypto").SHA512,
      convolve: E.convolve,
      crc32: E.CRC32,
      collect: process.memory,
    },
    sleep: function (): void {
      // the nRF52 sleeps between events by itself
    },
    closeConsole: closeConsole,
    contentStore: contentIn(pages, 16384),
    onTouch: function (handler: (x: number, y: number) => void): void {
      Bangle.on("touch", function (_side: number, at: { x: number; y: number }): void {
        handler(Math.floor((at.x * 255) / 175), Math.floor((at.y * 255) / 175));
      });
    },
    sink: audioSink("D19", noSink()),
  };
}
