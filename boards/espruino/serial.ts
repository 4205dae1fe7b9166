import type { SerialPort } from "../board.js";
import type { EngineE, EngineSerial, Pin } from "./engine.js";

declare const E: EngineE;

/** A port that needs no setting up: USB, or Bluetooth's UART service. */
export function openPort(port: EngineSerial): SerialPort {
  return {
    write: function (bytes: Uint8Array): void {
      port.write(bytes);
    },
    onReceive: function (receiver: (bytes: Uint8Array) => void): void {
      port.removeAllListeners("data");
      port.on("data", function (data: string): void {
        // An event that ran out of memory broke off wherever it was, and nothing but a start makes that whole.
        if (E.getErrorFlags().indexOf("MEMORY") < 0) receiver(E.toUint8Array(data));
        else E.reboot();
      });
    },
  };
}

/** One hardware UART, 8N1 at `baud`, on the pins `tx` and `rx`. */
export function serialPort(port: EngineSerial, baud: number, tx: Pin, rx: Pin): SerialPort {
  port.setup(baud, { tx: tx, rx: rx });
  return openPort(port);
}
