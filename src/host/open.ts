import type { HostPort } from "./port.js";
import { openSerial } from "./serial.js";
import { openTcp } from "./tcp.js";

/**
 * Opens a device by the address that a user names.
 *
 * @param address - `tcp://host:port`, or a serial port such as `/dev/ttyACM0` or `COM3`
 * @throws Error with what to do when nothing is there
 */
export function openPort(address: string): Promise<HostPort> {
  return address.startsWith("tcp:") ? openTcp(address) : openSerial(address);
}
