import type { Duplex } from "node:stream";
import { bulkReceive, bulkSend } from "../../src/core/link/bulk.js";
import { linkDrop } from "../../src/core/link/host.js";
import { createLink, linkReset, linkSend, type Link } from "../../src/core/link/t1.js";
import { realTimers } from "../../src/host/transport.js";

/**
 * A device on the other end of a stream: it answers a message by its reverse, 200 ms late when it begins with 9; 1 then sends three frames, 2 takes some and
 * counts them.
 */
export class EchoDevice {
  taken = 0;
  exchanges = 0;
  #receiver: (bytes: Uint8Array) => void = () => undefined;
  #stream: Duplex | null = null;
  readonly #link: Link;

  constructor(role = 2) {
    const buffer = new Uint8Array(640);
    this.#link = createLink(
      role,
      { write: (bytes) => this.#stream?.write(Buffer.from(bytes)), onReceive: (to) => (this.#receiver = to) },
      realTimers,
      buffer,
      (length) => {
        const [command] = buffer;
        this.exchanges++;
        buffer.set(buffer.slice(0, length).reverse());
        realTimers.after(command === 9 ? 200 : 0, () => linkSend(this.#link, length));
        if (command === 1 || command === 2) realTimers.after(1, () => this.transfer(command === 1));
      },
    );
  }

  /** Plugs the device in at `stream`, in place of where it was. */
  attach(stream: Duplex): void {
    this.#stream = stream;
    stream.on("data", (data: Buffer) => {
      if (this.#stream === stream) this.#receiver(data);
    });
    stream.on("error", () => undefined);
  }

  start(): void {
    linkReset(this.#link);
  }

  /** Ends what is under way. */
  stop(): void {
    linkDrop(this.#link);
  }

  private transfer(sends: boolean): void {
    const done = (): void => undefined;
    if (sends) bulkSend(this.#link, 3, (index, content) => content.fill(index, 0, 512).length, done);
    else
      bulkReceive(
        this.#link,
        (_index, content, release) => {
          this.taken += content.length;
          release();
          return true;
        },
        done,
      );
  }
}
