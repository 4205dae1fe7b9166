/** Where a command's devices are: `sim`, a serial port, or tcp://host:port. */
import { join } from "node:path";
import { openPort } from "../host/open.js";
import type { HostPort } from "../host/port.js";
import { DeviceSession } from "../host/session.js";
import { LinkError, Transport } from "../host/transport.js";
import { LiveBoard, type Place } from "../../sim/live.js";
import type { DeviceName } from "../../sim/specimens.js";

/** What help says of an option that takes a device. */
export const ADDRESS = "sim, a serial port such as /dev/ttyACM0, or tcp://host:port";
export const SIMULATED = "sim";

export interface OpenDevice {
  transport: Transport;
  /** The board itself, where it is simulated in this process. */
  board: LiveBoard | null;
  close(): Promise<void>;
}

/** The folder of a simulated board, the same that `leyden board` takes. */
export function boardFolder(role: DeviceName): string {
  return join("out", "boards", role);
}

/** A simulated board in this process; it has what its folder keeps, and nothing of what was in its memory when the last process ended. */
export function simulate(role: DeviceName, slots: { name: "card" | "cartridge"; address: string }[] = []): Promise<LiveBoard> {
  return LiveBoard.start({ role, folder: boardFolder(role), days: 7, port: 0, slots });
}

/** The port at `address`; a simulated card or cartridge is made and carried to `place`. `made`: where the caller has made the board itself. */
export async function openPlace(
  role: DeviceName,
  address: string,
  place: Place,
  made: LiveBoard | null = null,
): Promise<{ port: HostPort; board: LiveBoard | null }> {
  const board = made ?? (address === SIMULATED ? await simulate(role) : null);
  return { port: await openPort(board ? (board.addresses.host ?? board.addresses[place]) : address), board };
}

/** Opens the device at `address`, and finds out that it answers. */
export async function openDevice(role: DeviceName, address: string, made: LiveBoard | null = null): Promise<OpenDevice> {
  const { port, board } = await openPlace(role, address, "home", made);
  const transport = new Transport(port);
  const close = async (): Promise<void> => {
    await transport.close();
    await board?.stop();
  };
  try {
    // A device that has just been given power may say so in the middle of the first exchange.
    await transport.retrying(() => new DeviceSession(transport).info());
  } catch (error) {
    await close();
    throw error;
  }
  return { transport, board, close };
}

/** Does `work` with the device, and again when it was unplugged and is plugged in again; says so on standard error. */
export function patiently<T>(device: OpenDevice, work: () => Promise<T>): Promise<T> {
  device.transport.onChange = (ready) => {
    console.error(ready ? "It is there again." : "The device was unplugged; plug it in again.");
  };
  return device.transport.retrying(work, (error: LinkError) => {
    console.error(`${error.message} Trying again.`);
  });
}
