import type { Board } from "../../board.js";
import type { EngineCrypto, EngineE, EngineSerial, EngineSpi } from "../engine.js";
import { contentIn } from "../../pages.js";
import { norPages } from "../nor.js";
import { nrf52Board, type BoardInMaking } from "../nrf52.js";
import { serialPort } from "../serial.js";
import { contact, keySupply, ramKeyMemory } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const SPI1: EngineSpi;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "D0";
export const PRESSED = 1;
export const CONSOLE = "Bluetooth";

function puckjsBoard(): BoardInMaking {
  return nrf52Board("Puck.js", 2, serialPort(Serial1, 115200, "D28", "D29"), "D5", {
    sha256: require("crypto").SHA256,
    aesCbcEncrypt: require("crypto").AES.encrypt,
    aesCbcDecrypt: require("crypto").AES.decrypt,
    convolve: E.convolve,
    crc32: E.CRC32,
    collect: process.memory,
  });
}

/** A card: its one UART is the wire to kiosk or reader. */
export function card(): Board {
  return puckjsBoard();
}

/** A cartridge: contents in a NOR flash on SPI1, key capacitor on D31 and D30, slot contact on D11; no pad is left for a case switch. */
export function cartridge(): Board {
  const board = puckjsBoard();
  SPI1.setup({ sck: "D2", miso: "D1", mosi: "D24", baud: 8000000 });
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("D31", 2, 4800, "D30");
  board.onContact = contact("D11");
  board.contentStore = contentIn(norPages(SPI1, "D23"), 0);
  return board;
}
