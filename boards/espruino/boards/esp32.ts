import type { Board, JournalFlash } from "../../board.js";
import { ENTROPY_NOISE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineCrypto, EngineE, EngineSerial, EngineSpi, Pin } from "../engine.js";
import { contentIn, journalIn } from "../../pages.js";
import { storagePages } from "../flash.js";
import { httpNetwork } from "../network.js";
import { norPages } from "../nor.js";
import type { BoardInMaking } from "../nrf52.js";
import { pinNoise } from "../random.js";
import { serialPort } from "../serial.js";
import { audioSink, noSink } from "../sink.js";
import { button } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const Serial2: EngineSerial;
declare const Serial3: EngineSerial;
declare const SPI2: EngineSpi;
declare function digitalWrite(pin: Pin, value: boolean): void;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "D0";
export const PRESSED = 1;
export const CONSOLE = "Serial1";

function esp32(journal: JournalFlash): BoardInMaking {
  return {
    name: E.toUint8Array("ESP32"),
    suites: 2,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: pinNoise("D36"),
    entropyQuality: ENTROPY_NOISE,
    serial: [],
    journal: journal,
    led: function (on: boolean): void {
      digitalWrite("D2", on);
    },
    natives: {
      sha256: require("crypto").SHA256,
      sha512: require("crypto").SHA512,
      aesCbcEncrypt: require("crypto").AES.encrypt,
      aesCbcDecrypt: require("crypto").AES.decrypt,
      convolve: E.convolve,
      crc32: E.CRC32,
      collect: process.memory,
    },
    sleep: function (): void {
      // the board has a supply of its own
    },
    closeConsole: closeConsole,
    onTouch: button(BUTTON, "rising"),
    sink: audioSink("D25", noSink()),
  };
}

/** A reader: serial 0 is the card's slot, 1 the cartridge's, 2 the host's (the port that the board was flashed over). */
export function reader(): Board {
  const board = esp32(journalIn(storagePages(3276800, 917504, 12288), 4096));
  board.serial.push(serialPort(Serial2, 115200, "D4", "D5"));
  board.serial.push(serialPort(Serial3, 115200, "D17", "D16"));
  board.serial.push(serialPort(Serial1, 115200, "D1", "D3"));
  return board;
}

/** A client: serial 0 is the host's (the port that the board was flashed over), 1 the cartridge's slot, 2 the card's; journal and contents are in a NOR flash on SPI2. */
export function client(): Board {
  SPI2.setup({ sck: "D18", miso: "D19", mosi: "D23", baud: 8000000 });
  const flash = norPages(SPI2, "D22");
  const board = esp32(journalIn(flash, 8192));
  board.serial.push(serialPort(Serial1, 115200, "D1", "D3"));
  board.serial.push(serialPort(Serial3, 115200, "D17", "D16"));
  board.serial.push(serialPort(Serial2, 115200, "D4", "D5"));
  board.contentStore = contentIn(flash, 16384);
  board.network = httpNetwork();
  return board;
}
