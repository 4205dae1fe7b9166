/** What every board with an nRF52832 or nRF52833 has alike: Storage of 40 KiB at the same place, a hardware generator, sleep by itself. */
import { ENTROPY_HARDWARE, type Board, type SerialPort } from "../board.js";
import type { Natives } from "../../src/core/natives.js";
import { closeConsole } from "./boot.js";
import { after, cancel, monotonicClock } from "./clock.js";
import type { EngineE, Pin } from "./engine.js";
import { journalIn } from "../pages.js";
import { storagePages } from "./flash.js";
import { entropy } from "./random.js";

declare const E: EngineE;
declare const NRF: { sleep(): void };
declare function digitalWrite(pin: Pin, value: boolean): void;

/** A board whose members can still be added. */
export type BoardInMaking = { -readonly [key in keyof Board]: Board[key] };

/** `name`: at most 16 characters; `suites`: bit 1 where AES is native. */
export function nrf52Board(name: string, suites: number, port: SerialPort, led: Pin, natives: Natives): BoardInMaking {
  return {
    name: E.toUint8Array(name),
    suites: suites,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_HARDWARE,
    serial: [port],
    journal: journalIn(storagePages(442368, 40960, 0), 4096),
    led: function (on: boolean): void {
      digitalWrite(led, on);
    },
    natives: natives,
    sleep: function (): void {
      // the nRF52 sleeps between events by itself, and its UART wakes it
    },
    closeConsole: function (): void {
      closeConsole();
      NRF.sleep(); // no advertising, no connection
    },
  };
}
