/**
 * A card for any PC/SC program on this machine: the card's side of the protocol by which vpcd, the virtual smart card reader of vsmartcard
 * (virtualsmartcard/src/vpcd), asks a card over TCP. Each message is a 16-bit length, most significant byte first, and so many bytes. A message of one byte is
 * an order to the card's power or asks for its answer to reset; any other is a command APDU. Only answers to reset and response APDUs go back.
 */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { LinkError, type Transport } from "./transport.js";

/** Where vpcd listens unless told otherwise; a second slot listens on the next. */
export const VPCD_PORT = 35_963;

const POWER_OFF = 0;
const POWER_ON = 1;
const RESET = 2;
const GET_ATR = 4;
const LENGTH = 2;
/** Milliseconds between two tries to reach vpcd. */
const AGAIN = 1000;
/** What a command gets that the link to the card lost: no precise diagnosis (ISO/IEC 7816-4, 5.6). */
const LOST = Uint8Array.of(0x6f, 0x00);
const WRONG_LENGTH = Uint8Array.of(0x67, 0x00);

/** What vpcd can ask of a card. */
export interface VirtualCard {
  /** The answer to reset; the card is reset when `fresh`, else it answers as it did last. */
  answerToReset(fresh: boolean): Promise<Uint8Array>;
  /** A response APDU. Rejects when the card is not there any more. */
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

/** A device behind a transport as such a card. */
export function cardBehind(transport: Transport): VirtualCard {
  return {
    answerToReset: async (fresh) => {
      if (fresh || transport.answerToReset === null) await transport.reset();
      return transport.answerToReset ?? new Uint8Array(0);
    },
    transmit: async (apdu) => {
      try {
        return await transport.transmit(apdu);
      } catch (error) {
        if (!(error instanceof LinkError)) return WRONG_LENGTH;
        if (!transport.ready) throw error;
        return LOST;
      }
    },
  };
}

/** Takes messages out of a stream of bytes. */
export class Messages {
  #bytes = Buffer.alloc(0);

  /** Adds what came and answers every message that is complete. */
  take(bytes: Uint8Array): Buffer[] {
    const found: Buffer[] = [];
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    while (this.#bytes.length >= LENGTH && this.#bytes.length >= LENGTH + this.#bytes.readUInt16BE(0)) {
      const end = LENGTH + this.#bytes.readUInt16BE(0);
      found.push(this.#bytes.subarray(LENGTH, end));
      this.#bytes = this.#bytes.subarray(end);
    }
    return found;
  }
}

export function frameMessage(bytes: Uint8Array): Buffer {
  const message = Buffer.alloc(LENGTH + bytes.length);
  message.writeUInt16BE(bytes.length, 0);
  message.set(bytes, LENGTH);
  return message;
}

/**
 * Serves vpcd at the other end of `socket` until it closes. A card that goes away closes it, which vpcd takes as the card's removal.
 *
 * @returns resolves when the connection has ended
 */
export function serveCard(socket: Socket, card: VirtualCard): Promise<void> {
  const messages = new Messages();
  let queue = Promise.resolve();
  const answer = async (message: Buffer): Promise<void> => {
    if (message.length !== 1) socket.write(frameMessage(await card.transmit(new Uint8Array(message))));
    else if (message[0] === GET_ATR) socket.write(frameMessage(await card.answerToReset(false)));
    else if (message[0] === POWER_ON || message[0] === RESET) await card.answerToReset(true);
    else if (message[0] !== POWER_OFF) socket.destroy();
  };
  socket.setNoDelay(true);
  socket.on("data", (data: Buffer) => {
    for (const message of messages.take(data))
      queue = queue.then(() => (socket.destroyed ? undefined : answer(message))).catch(() => void socket.destroy());
  });
  socket.on("error", () => undefined);
  return new Promise((resolve) => {
    socket.once("close", () => {
      resolve();
    });
  });
}

/** A card that is offered to a vpcd. */
export interface Offer {
  /** Where this side listens, in reversed mode. */
  readonly port: number | null;
  /** Takes the card out of vpcd's reader; it is put in again once it is ready. */
  eject(): void;
  /** Takes the card away for good. */
  close(): Promise<void>;
}

/** How an offer tells of itself: vpcd connected or went away; `why` where a try failed. */
export type OfferChange = (connected: boolean, why?: string) => void;

/**
 * Default mode: vpcd listens, the card connects, and connects again whenever the connection has ended.
 *
 * @param ready - whether the card is there; while it is not, vpcd sees an empty reader
 */
export function offerCard(card: VirtualCard, host: string, port: number, change: OfferChange, ready: () => boolean = () => true): Offer {
  let closed = false;
  let socket: Socket | undefined;
  let timer: NodeJS.Timeout | undefined;
  let complaint = "";
  const tryLater = (): void => {
    if (!closed) timer = setTimeout(begin, AGAIN);
  };
  const begin = (): void => {
    if (!ready()) {
      tryLater();
      return;
    }
    const attempt = connect({ host, port });
    socket = attempt;
    attempt.once("error", (error) => {
      if (complaint !== error.message) change(false, error.message);
      complaint = error.message;
      tryLater();
    });
    attempt.once("connect", () => {
      complaint = "";
      attempt.removeAllListeners("error");
      change(true);
      void serveCard(attempt, card).then(() => {
        if (!closed) change(false);
        tryLater();
      });
    });
  };
  begin();
  return {
    port: null,
    eject: () => void socket?.destroy(),
    close: () => {
      closed = true;
      clearTimeout(timer);
      socket?.destroy();
      return Promise.resolve();
    },
  };
}

/** Reversed mode: the card listens on this machine and vpcd, started with a host name, connects. Port 0 takes a free one. */
export async function listenAsCard(card: VirtualCard, port: number, change: OfferChange): Promise<Offer> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    // vpcd has one slot for this card; whoever comes second is turned away
    if (open.size > 0) {
      socket.destroy();
      return;
    }
    open.add(socket);
    change(true);
    void serveCard(socket, card).then(() => {
      open.delete(socket);
      change(false);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new Error(
          error.code === "EADDRINUSE"
            ? `Port ${String(port)} is taken; end the other program or name another port.`
            : `The card cannot listen on port ${String(port)} (${error.message}).`,
        ),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    eject: () => {
      for (const socket of open) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => {
          resolve();
        });
      }),
  };
}
