import type { Duplex } from "node:stream";
import type { Port } from "../core/link/t1.js";

/** A port of this machine that can go away and come back: a serial port that is unplugged, a network connection that breaks. */
export interface HostPort extends Port {
  /** As the user named it. */
  readonly name: string;
  /** False while unplugged; what is written then is lost. */
  readonly ready: boolean;
  /** Installs the one listener for changes of `ready`. */
  onChange(listener: (ready: boolean) => void): void;
  /** Gives the port back; it does not come back by itself afterwards. */
  close(): Promise<void>;
}

/** Milliseconds between two tries to open a port that has gone away. */
const REOPEN = 250;

/**
 * A port over a stream of bytes. When the stream ends or fails it is opened again, and again, until `close`.
 *
 * @param open - opens the stream anew; rejects while that is not possible
 */
export class StreamPort implements HostPort {
  #stream: Duplex | null = null;
  #receiver: (bytes: Uint8Array) => void = () => undefined;
  #listener: (ready: boolean) => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    readonly name: string,
    private readonly open: () => Promise<Duplex>,
  ) {}

  /** Opens the port for the first time; rejects when that fails, since then the name is probably wrong. */
  static async open(name: string, open: () => Promise<Duplex>): Promise<StreamPort> {
    const port = new StreamPort(name, open);
    port.attach(await open());
    return port;
  }

  get ready(): boolean {
    return this.#stream !== null;
  }

  write(bytes: Uint8Array): void {
    this.#stream?.write(Buffer.from(bytes));
  }

  onReceive(receiver: (bytes: Uint8Array) => void): void {
    this.#receiver = receiver;
  }

  onChange(listener: (ready: boolean) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    const stream = this.#stream;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stream = null;
    if (!stream || stream.closed) return;
    await new Promise<void>((resolve) => {
      stream.once("close", resolve);
      stream.destroy();
    });
  }

  private attach(stream: Duplex): void {
    const lost = (): void => {
      if (this.#stream !== stream) return;
      this.#stream = null;
      stream.destroy();
      this.#listener(false);
      if (!this.#closed) this.reopen();
    };
    this.#stream = stream;
    stream.on("data", (data: Buffer) => {
      if (this.#stream === stream) this.#receiver(data);
    });
    for (const event of ["close", "end", "error"]) stream.on(event, lost);
  }

  private reopen(): void {
    this.#timer = setTimeout(() => {
      this.open().then(
        (stream) => {
          if (this.#closed) return void stream.destroy();
          this.attach(stream);
          this.#listener(true);
        },
        () => {
          if (!this.#closed) this.reopen();
        },
      );
    }, REOPEN);
  }
}
