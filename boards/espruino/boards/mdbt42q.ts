import type { Board } from "../../board.js";
import type { EngineCrypto, EngineE, EngineSerial, EngineSpi } from "../engine.js";
import { contentIn } from "../../pages.js";
import { norPages } from "../nor.js";
import { nrf52Board, type BoardInMaking } from "../nrf52.js";
import { serialPort } from "../serial.js";
import { contact, keySupply, ramKeyMemory, tamperSwitch } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const SPI1: EngineSpi;
declare function require(name: "crypto"): EngineCrypto;

export const BUTTON = "D0";
export const PRESSED = 1;
export const CONSOLE = "Bluetooth";

function mdbt42qBoard(): BoardInMaking {
  return nrf52Board("MDBT42Q", 0, serialPort(Serial1, 115200, "D6", "D8"), "D1", {
    sha256: require("crypto").SHA256,
    convolve: E.convolve,
    crc32: E.CRC32,
    collect: process.memory,
  });
}

/** A card: its one UART is the wire to kiosk or reader. */
export function card(): Board {
  return mdbt42qBoard();
}

/** A cartridge: contents in a NOR flash on SPI1, key capacitor on D3 and D4, case switch on D5. */
export function cartridge(): Board {
  const board = mdbt42qBoard();
  SPI1.setup({ sck: "D14", miso: "D15", mosi: "D16", baud: 8000000 });
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("D3", 2, 4800, "D4");
  board.onContact = contact("D11");
  board.onTamper = tamperSwitch("D5");
  board.contentStore = contentIn(norPages(SPI1, "D17"), 0);
  return board;
}
