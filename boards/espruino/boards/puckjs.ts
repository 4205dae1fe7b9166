import type { Board } from "../../board.js";
import type { EngineCrypto, EngineE, EngineSerial } from "../engine.js";
import { nrf52Board, type BoardInMaking } from "../nrf52.js";
import { serialPort } from "../serial.js";

declare const E: EngineE;
declare const process: { memory(): unknown };
declare const Serial1: EngineSerial;
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
