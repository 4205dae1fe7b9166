import { bulkReceive, bulkSend, BULK_ABORTED, BULK_BROKEN, BULK_OK, BULK_TIMEOUT } from "../core/link/bulk.js";
import {
  LINK_ABORTED,
  LINK_BUSY,
  LINK_LOST,
  LINK_NO_ANSWER,
  LINK_TOO_LONG,
  createLink,
  linkReset,
  linkSend,
  type Link,
  type Port,
  type Timers,
} from "../core/link/t1.js";
import { MESSAGE_LENGTH } from "../core/protocol/constants.js";

/** Real time. */
export const realTimers: Timers = {
  now: () => performance.now(),
  after: (milliseconds, handler) => Number(setTimeout(handler, milliseconds)),
  cancel: (id) => {
    clearTimeout(id);
  },
};

const REASONS = new Map([
  [LINK_NO_ANSWER, "The device does not answer; check that it is in its slot and has power"],
  [LINK_LOST, "The exchange was lost on the wire; try again"],
  [LINK_ABORTED, "The device has no room for a message that long"],
  [LINK_TOO_LONG, "The device's answer is longer than any that is known"],
  [LINK_BUSY, "The device went on asking for time and did not end; reset it"],
  [BULK_TIMEOUT + 100, "The device fell silent in the middle of a transfer; try again"],
  [BULK_ABORTED + 100, "The device gave the transfer up; its medium may be full or failing"],
  [BULK_BROKEN + 100, "The transfer was interrupted; try again"],
]);

/** The link to a device failed; the exchange may or may not have been carried out. */
export class LinkError extends Error {
  constructor(readonly reason: number) {
    super(`${REASONS.get(reason) ?? `The link failed for reason ${String(reason)}`}.`);
  }
}

/** APDUs and bulk frames over T=1, as host end of one wire: one exchange at a time, in the order asked for. */
export class Transport {
  /** Told when a device starts: its role. */
  onReset: ((role: number) => void) | null = null;
  private readonly link: Link;
  private readonly buffer = new Uint8Array(MESSAGE_LENGTH);
  private queue: Promise<unknown> = Promise.resolve();
  private settle: ((length: number, reason: number) => void) | null = null;

  constructor(port: Port, timers: Timers = realTimers) {
    this.link = createLink(0, port, timers, this.buffer, (length) => this.settle?.(length, 0));
    this.link.onFailure = (reason) => this.settle?.(0, reason);
    this.link.onReset = (_atr, role) => {
      this.settle?.(0, LINK_LOST);
      this.onReset?.(role);
    };
  }

  /**
   * Sends a command APDU and answers the response APDU.
   *
   * @throws LinkError when none came
   */
  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    return this.exclusively(
      () =>
        new Promise((resolve, reject) => {
          this.settle = (length, reason) => {
            this.settle = null;
            if (reason) reject(new LinkError(reason));
            else resolve(this.buffer.slice(0, length));
          };
          this.buffer.set(apdu);
          if (!linkSend(this.link, apdu.length)) this.settle(0, LINK_LOST);
        }),
    );
  }

  /** Asks the device for its answer to reset; resolves with its role. */
  reset(): Promise<number> {
    return this.exclusively(
      () =>
        new Promise((resolve, reject) => {
          const before = this.onReset;
          const restore = (): void => {
            this.settle = null;
            this.onReset = before;
          };
          this.onReset = (role) => {
            restore();
            before?.(role);
            resolve(role);
          };
          this.settle = (_length, reason) => {
            if (reason !== LINK_NO_ANSWER) return;
            restore();
            reject(new LinkError(reason));
          };
          linkReset(this.link);
        }),
    );
  }

  /**
   * Sends `count` frames of up to 512 bytes, right after a command that begins a transfer.
   *
   * @throws LinkError when the device did not take them all
   */
  bulkSend(count: number, frame: (index: number) => Uint8Array): Promise<void> {
    return this.exclusively(
      () =>
        new Promise((resolve, reject) => {
          bulkSend(
            this.link,
            count,
            (index, content) => {
              const bytes = frame(index);
              content.set(bytes);
              return bytes.length;
            },
            (status) => {
              if (status === BULK_OK) resolve();
              else reject(new LinkError(status + 100));
            },
          );
        }),
    );
  }

  /** Receives frames until the device ends. */
  bulkReceive(take: (index: number, content: Uint8Array) => void): Promise<void> {
    return this.exclusively(
      () =>
        new Promise((resolve, reject) => {
          bulkReceive(
            this.link,
            (index, content, release) => {
              take(index, content);
              release();
              return true;
            },
            (status) => {
              if (status === BULK_OK) resolve();
              else reject(new LinkError(status + 100));
            },
          );
        }),
    );
  }

  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}
