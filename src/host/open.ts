import { expectText } from "../core/check.js";
import type { HostPort } from "./port.js";
import { openSerial } from "./serial.js";
import { openTcp } from "./tcp.js";

/**
 * Opens the port to a device by the name that a user gives it.
 *
 * @param name - `tcp://host:port`, or a serial port such as `/dev/ttyACM0` or `COM3`
 * @param baud - of a serial port
 * @throws Error with what to do when it cannot be opened
 */
export async function openPort(name: string, baud = 115_200): Promise<HostPort> {
  expectText("name", name);
  return name.startsWith("tcp://") ? openTcp(name) : openSerial(name, baud);
}
