import { SerialPort } from "serialport";
import { expectText, expectWhole } from "../core/check.js";
import { StreamPort, type HostPort } from "./port.js";

/**
 * Opens a serial port, 8N1, no handshake lines.
 *
 * @param path - such as `/dev/ttyACM0`, or `COM3`
 * @throws Error with what to do when there is none, or it is in use
 */
export async function openSerial(path: string, baud = 115_200): Promise<HostPort> {
  expectText("path", path);
  expectWhole("baud", baud, 50, 12_000_000);
  return StreamPort.open(
    path,
    () =>
      new Promise((resolve, reject) => {
        const port = new SerialPort({ path, baudRate: baud, autoOpen: false });
        port.open((error) => {
          if (!error) return resolve(port);
          const why = error.message.replace(/^Error: /, "").replace(/,? cannot open .*$/, "");
          reject(
            new Error(`${path} cannot be opened (${why}): plug the device in and end other programs that use it, or name another port.`),
          );
        });
      }),
  );
}
