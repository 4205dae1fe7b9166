import type { Board } from "../../board.js";
import { ENTROPY_NOISE } from "../../board.js";
import { closeConsole } from "../boot.js";
import { after, cancel, monotonicClock } from "../clock.js";
import type { EngineCrypto, EngineE, EngineSerial, EngineSpi, Pin } from "../engine.js";
import { journalIn } from "../../pages.js";
import { norPages } from "../nor.js";
import { entropy } from "../random.js";
import { contentOnCard } from "../sd.js";
import { openPort, serialPort } from "../serial.js";
import { decoderSink } from "../sink.js";
import { button, contact, keySupply, ramKeyMemory, sleepUntilWire, tamperSwitch } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const Serial2: EngineSerial;
declare const USB: EngineSerial;
declare const SPI1: EngineSpi;
declare const SPI2: EngineSpi;
declare const SPI3: EngineSpi;
declare function digitalWrite(pin: Pin, value: boolean): void;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "C13";
export const PRESSED = 1;
export const CONSOLE = "USB";

/** What cartridge and reader have alike; the journal is in a NOR flash, since Storage here has 16 KiB pages, all but one under code. */
function pico(): Board {
  SPI1.setup({ sck: "A5", miso: "A6", mosi: "A7", baud: 8000000 });
  return {
    name: E.toUint8Array("Espruino Pico"),
    suites: 2,
    now: monotonicClock(),
    after: after,
    cancel: cancel,
    entropy: entropy,
    entropyQuality: ENTROPY_NOISE,
    serial: [serialPort(Serial1, 115200, "B6", "B7")],
    journal: journalIn(norPages(SPI1, "A4"), 8192),
    led: function (on: boolean): void {
      digitalWrite("B2", on);
    },
    natives: {
      sha256: require("crypto").SHA256,
      aesCbcEncrypt: require("crypto").AES.encrypt,
      aesCbcDecrypt: require("crypto").AES.decrypt,
      convolve: E.convolve,
      crc32: E.CRC32,
      collect: process.memory,
    },
    sleep: sleepUntilWire("B7"),
    closeConsole: closeConsole,
  };
}

/** A cartridge: contents on an SD card, key capacitor on A0 and A1, case switch on B3, slot contact on A8: watched pins of an STM32 differ in number. */
export function cartridge(): Board {
  const board = pico() as { -readonly [key in keyof Board]: Board[key] };
  SPI2.setup({ sck: "B13", miso: "B14", mosi: "B15", baud: 8000000 });
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("A0", 2, 4800, "A1");
  board.onTamper = tamperSwitch("B3");
  board.onContact = contact("A8");
  board.contentStore = contentOnCard(SPI2, "B10", 1073741824);
  return board;
}

/** A reader: serial 0 is the card's slot, 1 the cartridge's, 2 (USB) the host's; a decoder on SPI3 plays, asking for more on B8. */
export function reader(): Board {
  const board = pico() as { -readonly [key in keyof Board]: Board[key] };
  SPI3.setup({ sck: "B3", miso: "B4", mosi: "B5", baud: 2000000 });
  board.serial.push(serialPort(Serial2, 115200, "A2", "A3"));
  board.serial.push(openPort(USB));
  board.onTouch = button(BUTTON, "rising");
  board.sink = decoderSink(SPI3, "B9", "B8");
  return board;
}
