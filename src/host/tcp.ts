import { connect } from "node:net";
import { expectText } from "../core/check.js";
import { StreamPort, type HostPort } from "./port.js";

/** Milliseconds that a connection may take. */
const TIMEOUT = 5000;

/**
 * Opens a device, or a simulated one, that listens on a TCP port.
 *
 * @param address - `tcp://host:port`
 * @throws Error with what to do when the address is none, or nobody answers there
 */
export async function openTcp(address: string): Promise<HostPort> {
  expectText("address", address);
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:/\s]+):(\d{1,5})\/?$/.exec(address);
  if (!match || Number(match[2]) > 65_535) throw new Error(`${address} is not an address: expected tcp://host:port.`);
  const host = match[1].replace(/^\[(.*)\]$/, "$1");
  return StreamPort.open(
    address,
    () =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port: Number(match[2]), noDelay: true });
        const fail = (why: string): void => {
          socket.destroy();
          reject(new Error(`${address} does not answer (${why}): start the device there, or name another address.`));
        };
        socket.setTimeout(TIMEOUT, () => {
          fail("no connection after 5 s");
        });
        socket.once("error", (error) => {
          fail(error.message);
        });
        socket.once("connect", () => {
          socket.setTimeout(0);
          socket.removeAllListeners("error");
          resolve(socket);
        });
      }),
  );
}
