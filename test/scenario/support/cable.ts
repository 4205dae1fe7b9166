/** What a user plugs: a serial port of this machine (a pseudo-terminal under a name that stays) that leads to a simulated board in another process. */
import { symlinkSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { openPseudoTerminal, type PseudoTerminal } from "../../../sim/engine/pty.js";

export class Cable {
  #terminal: PseudoTerminal | undefined;
  #socket: Socket | undefined;

  /** `path`: name of the serial port; `address`: tcp://host:port of the board's end. */
  constructor(
    readonly path: string,
    private readonly address: string,
  ) {}

  async plug(): Promise<this> {
    const { hostname, port } = new URL(this.address);
    const terminal = await openPseudoTerminal();
    const socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#terminal = terminal;
    this.#socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (data) => {
      terminal.write(data);
    });
    terminal.onReceive((bytes) => socket.write(bytes));
    await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
    symlinkSync(terminal.path, this.path);
    return this;
  }

  unplug(): void {
    rmSync(this.path, { force: true });
    this.#terminal?.close();
    this.#socket?.destroy();
    this.#terminal = this.#socket = undefined;
  }
}
