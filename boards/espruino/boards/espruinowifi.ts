import type { Board, Network } from "../../board.js";
import { ENTROPY_NOISE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineCrypto, EngineE, EngineSerial, EngineSpi, Pin } from "../engine.js";
import { contentIn, journalIn } from "../../pages.js";
import { httpNetwork } from "../network.js";
import { norPages } from "../nor.js";
import type { BoardInMaking } from "../nrf52.js";
import { entropy } from "../random.js";
import { openPort, serialPort } from "../serial.js";
import { decoderSink } from "../sink.js";
import { button, contact, keySupply, ramKeyMemory, sleepUntilWire, tamperSwitch } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const USB: EngineSerial;
declare const SPI1: EngineSpi;
declare const SPI2: EngineSpi;
declare function digitalWrite(pin: Pin, value: boolean): void;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "C13";
export const PRESSED = 1;
export const CONSOLE = "USB";

/** Journal and contents share one NOR flash, since Storage here is a single page, under the code. */
function espruinoWifi(): BoardInMaking {
  SPI1.setup({ sck: "A5", miso: "A6", mosi: "A7", baud: 8000000 });
  const flash = norPages(SPI1, "A4");
  return {
    name: E.toUint8Array("Espruino WiFi"),
    suites: 2,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_NOISE,
    serial: [],
    journal: journalIn(flash, 8192),
    led: function (on: boolean): void {
      digitalWrite("B2", on);
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
    sleep: sleepUntilWire("B7"),
    closeConsole: closeConsole,
    contentStore: contentIn(flash, 16384),
  };
}

/** A client: serial 0 (USB) is the host's, 1 the cartridge's slot; a decoder on SPI2 plays, asking for more on B8. */
export function client(): Board {
  const board = espruinoWifi();
  board.serial.push(openPort(USB));
  board.serial.push(serialPort(Serial1, 115200, "B6", "B7"));
  SPI2.setup({ sck: "B13", miso: "B14", mosi: "B15", baud: 2000000 });
  board.onTouch = button(BUTTON, "rising");
  board.sink = decoderSink(SPI2, "B9", "B8");
  board.network = httpNetwork() satisfies Network;
  return board;
}

/** A cartridge: key capacitor on A0 and A1, case switch on B3, slot contact on B10: watched pins of an STM32 differ in number. */
export function cartridge(): Board {
  const board = espruinoWifi();
  board.serial.push(serialPort(Serial1, 115200, "B6", "B7"));
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("A0", 2, 4800, "A1");
  board.onContact = contact("B10");
  board.onTamper = tamperSwitch("B3");
  return board;
}
