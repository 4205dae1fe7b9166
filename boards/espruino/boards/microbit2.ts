import type { Board } from "../../board.js";
import type { EngineE, EngineSerial, EngineSpi } from "../engine.js";
import { contentIn } from "../../pages.js";
import { norPages } from "../nor.js";
import { nrf52Board, type BoardInMaking } from "../nrf52.js";
import { serialPort } from "../serial.js";
import { contact, keySupply, ramKeyMemory, tamperSwitch } from "../supply.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
declare const SPI1: EngineSpi;

export const BUTTON = "D5";
export const PRESSED = 1;
export const CONSOLE = "Serial1";

/** The LED is the light of the microphone: those of the display are lit row by row. */
function microbit2Board(): BoardInMaking {
  return nrf52Board("micro:bit 2", 0, serialPort(Serial1, 115200, "D1", "D2"), "H5", {
    convolve: E.convolve,
    crc32: E.CRC32,
    collect: process.memory,
  });
}

/** A card: its one UART is the wire to kiosk or reader. */
export function card(): Board {
  return microbit2Board();
}

/** A cartridge: contents in a NOR flash on SPI1, key capacitor on D0 and D12, slot contact on D4, case switch on D7. */
export function cartridge(): Board {
  const board = microbit2Board();
  SPI1.setup({ sck: "D13", miso: "D14", mosi: "D15", baud: 8000000 });
  board.keyMemory = ramKeyMemory(512);
  board.keySupply = keySupply("D0", 2, 4800, "D12");
  board.onContact = contact("D4");
  board.onTamper = tamperSwitch("D7");
  board.contentStore = contentIn(norPages(SPI1, "D16"), 0);
  return board;
}
