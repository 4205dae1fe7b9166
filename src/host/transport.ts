import { BULK_ABORTED, BULK_BROKEN, BULK_CONTENT, BULK_OK, BULK_TIMEOUT, bulkReceive, bulkSend } from "../core/link/bulk.js";
import { expectBetween, expectBytes, expectFunction, expectMember, expectWhole } from "../core/check.js";
import { createHostLink, linkDrop } from "../core/link/host.js";
import {
  LINK_ABORTED,
  LINK_BUSY,
  LINK_LOST,
  LINK_NO_ANSWER,
  LINK_TOO_LONG,
  linkReset,
  linkSend,
  type Link,
  type Port,
  type Timers,
} from "../core/link/t1.js";
import { MESSAGE_LENGTH } from "../core/protocol/constants.js";
import type { HostPort } from "./port.js";

let lastTimer = 0;
const running = new Map<number, NodeJS.Timeout>();

/** Real time. Bytes that wait to be read go before a timer that is due, so that a busy machine does not take its own delay for the device's. */
export const realTimers: Timers = {
  now: () => performance.now(),
  after: (milliseconds, handler) => {
    const id = ++lastTimer;
    const due = (): void => {
      setImmediate(() => {
        if (running.delete(id)) handler();
      });
    };
    running.set(id, setTimeout(due, milliseconds));
    return id;
  },
  cancel: (id) => {
    clearTimeout(running.get(id));
    running.delete(id);
  },
};

/** Milliseconds without a further answer to reset after which a reset is over. */
const RESET_QUIET = 250;

/** Added to a status of a bulk transfer, so that it is a reason of its own. */
const BULK = 100;
/** The port went away, or was closed. */
export const LINK_UNPLUGGED = 200;

const REASONS = new Map([
  [LINK_NO_ANSWER, "The device does not answer; check that it is in its slot and has power"],
  [LINK_LOST, "The exchange was lost on the wire; try again"],
  [LINK_ABORTED, "The device has no room for a message that long"],
  [LINK_TOO_LONG, "The device's answer is longer than any that is known"],
  [LINK_BUSY, "The device went on asking for time and did not end; reset it"],
  [BULK_TIMEOUT + BULK, "The device fell silent in the middle of a transfer; try again"],
  [BULK_ABORTED + BULK, "The device gave the transfer up; its medium may be full or failing"],
  [BULK_BROKEN + BULK, "The transfer was interrupted; try again"],
  [LINK_UNPLUGGED, "The device was unplugged; plug it in again"],
]);

/** The link to a device failed; the exchange may or may not have been carried out. */
export class LinkError extends Error {
  constructor(
    readonly reason: number,
    port = "",
  ) {
    super(`${port && `${port}: `}${REASONS.get(reason) ?? `The link failed for reason ${String(reason)}`}.`);
  }

  /** True when the same may succeed later without anybody changing it. */
  get passing(): boolean {
    return this.reason !== LINK_ABORTED && this.reason !== LINK_TOO_LONG && this.reason !== BULK_ABORTED + BULK;
  }
}

interface Waiting {
  succeed: (length: number) => void;
  fail: (error: Error) => void;
}

/** APDUs and bulk frames over T=1, as host end of one wire: one exchange at a time, in the order asked for. */
export class Transport {
  /** Told when a device starts: its role. */
  onReset: ((role: number) => void) | null = null;
  /** The device's last answer to reset, 17 bytes (ISO/IEC 7816-3, 8.2); null before the first. */
  answerToReset: Uint8Array | null = null;
  /** Told when the port goes away and comes back. */
  onChange: ((ready: boolean) => void) | null = null;
  readonly #link: Link;
  readonly #buffer = new Uint8Array(MESSAGE_LENGTH);
  readonly #port: Port & Partial<HostPort>;
  readonly #timers: Timers;
  #queue: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | null = null;
  #resetting: ((role: number) => void) | null = null;
  #ready: (() => void)[] = [];
  #closed = false;

  constructor(port: Port & Partial<HostPort>, timers: Timers = realTimers) {
    expectMember("port", port, "onReceive", "a port, such as openPort opens");
    expectMember("timers", timers, "after", "timers with now, after and cancel");
    this.#port = port;
    this.#timers = timers;
    this.#link = createHostLink(port, timers, this.#buffer, (length) => this.#waiting?.succeed(length));
    this.#link.onFailure = (reason) => {
      this.#fail(reason);
    };
    this.#link.onReset = (atr, role) => {
      this.answerToReset = atr.slice();
      const resetting = this.#resetting;
      if (resetting) resetting(role);
      else this.#fail(LINK_LOST);
      this.onReset?.(role);
    };
    port.onChange?.((ready) => {
      if (!ready) this.#unplugged();
      this.onChange?.(ready);
      if (ready) for (const resolve of this.#ready.splice(0)) resolve();
    });
  }

  /** False while the port is unplugged or closed. */
  get ready(): boolean {
    return !this.#closed && (this.#port.ready ?? true);
  }

  /**
   * Sends a command APDU and answers the response APDU.
   *
   * @param apdu - at most 640 bytes
   * @throws LinkError when none came
   */
  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    expectBytes("apdu", apdu);
    if (apdu.length < 1 || apdu.length > MESSAGE_LENGTH)
      throw new Error(`A command is 1 to ${String(MESSAGE_LENGTH)} bytes long, got ${String(apdu.length)}.`);
    return this.#exchange((succeed) => {
      this.#buffer.set(apdu);
      if (!linkSend(this.#link, apdu.length)) this.#fail(LINK_LOST);
      return (length) => {
        succeed(this.#buffer.slice(0, length));
      };
    });
  }

  /** Asks the device for its answer to reset; resolves with its role. What it does for this host ends, sessions too. */
  reset(): Promise<number> {
    return this.#exchange<number>((succeed) => {
      let quiet = 0;
      // A device that starts this very moment answers twice, unasked and asked: the exchange is over when no more comes.
      this.#resetting = (role) => {
        this.#timers.cancel(quiet);
        quiet = this.#timers.after(RESET_QUIET, () => {
          succeed(role);
        });
      };
      linkReset(this.#link);
      return () => undefined;
    });
  }

  /**
   * Sends `count` frames of up to 512 bytes, right after a command that begins a transfer. `frame` may be asked for one of the last two again.
   *
   * @throws LinkError when the device did not take them all; what `frame` throws, which gives the transfer up
   */
  async bulkSend(count: number, frame: (index: number) => Uint8Array): Promise<void> {
    expectWhole("count", count, 0, 0xffffffff);
    expectFunction("frame", frame);
    return this.#transfer((done, own) => {
      bulkSend(
        this.#link,
        count,
        (index, content) =>
          own(() => {
            const bytes = frame(index);
            expectBetween(`frame(${String(index)})`, bytes, 0, BULK_CONTENT);
            content.set(bytes);
            return bytes.length;
          }, -1),
        done,
      );
    });
  }

  /** Receives frames until the device ends. `take` keeps no reference to `content`; what it throws gives the transfer up. */
  async bulkReceive(take: (index: number, content: Uint8Array) => void): Promise<void> {
    expectFunction("take", take);
    return this.#transfer((done, own) => {
      bulkReceive(
        this.#link,
        (index, content, release) =>
          own(() => {
            take(index, content);
            release();
            return true;
          }, false),
        done,
      );
    });
  }

  /**
   * Does `work`, and does it again when the link failed in a way that may pass: a few times when the wire disturbed it, and as often as the user unplugs
   * the device and plugs it in again, waiting up to `patience` milliseconds for that. `work` begins from the start each time, a session included.
   *
   * @param again - told before each new try; the user wants to read the error's message
   */
  async retrying<T>(work: () => Promise<T>, again: (error: LinkError) => void = () => undefined, tries = 3, patience = 60_000): Promise<T> {
    expectFunction("work", work);
    expectWhole("tries", tries, 1, 1000);
    expectWhole("patience", patience, 0, 0x7fffffff);
    for (let left = tries; ;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof LinkError) || !error.passing || this.#closed) throw error;
        if (error.reason !== LINK_UNPLUGGED && --left < 1) throw error;
        again(error);
        if (!this.ready && !(await this.#plugged(patience))) throw error;
      }
    }
  }

  /** Ends what is under way with an error, and gives the port back. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unplugged();
    for (const resolve of this.#ready.splice(0)) resolve();
    await this.#port.close?.();
  }

  #unplugged(): void {
    linkDrop(this.#link);
    this.#fail(LINK_UNPLUGGED);
  }

  #fail(reason: number): void {
    this.#waiting?.fail(new LinkError(reason, this.#port.name));
  }

  /** Waits for the port to come back; false when it does not in time. */
  async #plugged(patience: number): Promise<boolean> {
    await new Promise<void>((resolve) => {
      const timer = this.#timers.after(patience, resolve);
      this.#ready.push(() => {
        this.#timers.cancel(timer);
        resolve();
      });
    });
    return this.ready;
  }

  /** Runs `begin` when those before have ended. It answers what to do when the link has a message. */
  #exchange<T>(begin: (succeed: (value: T) => void) => (length: number) => void): Promise<T> {
    const result = this.#queue.then(
      () =>
        new Promise<T>((resolve, reject) => {
          const end = (): void => {
            this.#waiting = null;
            this.#resetting = null;
          };
          if (!this.ready) throw new LinkError(LINK_UNPLUGGED, this.#port.name);
          let onMessage: (length: number) => void = () => undefined;
          this.#waiting = {
            succeed: (length) => {
              onMessage(length);
            },
            fail: (error) => {
              end();
              reject(error);
            },
          };
          onMessage = begin((value) => {
            end();
            resolve(value);
          });
        }),
    );
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** `own` calls what belongs to the caller: when that throws it answers `refusal`, and the transfer ends with the error. */
  #transfer(begin: (done: (status: number) => void, own: <T>(work: () => T, refusal: T) => T) => void): Promise<void> {
    return this.#exchange<undefined>((succeed) => {
      let thrown: Error | null = null;
      begin(
        (status) => {
          if (thrown) this.#waiting?.fail(thrown);
          else if (status === BULK_OK) succeed(undefined);
          else this.#fail(this.ready ? status + BULK : LINK_UNPLUGGED);
        },
        (work, refusal) => {
          try {
            return work();
          } catch (error) {
            thrown = error instanceof Error ? error : new Error(String(error));
            return refusal;
          }
        },
      );
      return () => undefined;
    });
  }
}
