import { get16, get32, put16, put32 } from "../core/bytes.js";
import { SW_CONDITIONS, SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import { BULK_CONTENT } from "../core/link/bulk.js";
import {
  INS_ACKNOWLEDGE,
  INS_ADVERT,
  INS_COPY,
  INS_ENABLE,
  INS_ERASE,
  INS_GET_DATA,
  INS_LICENSE,
  INS_LOAD_PERIOD_KEY,
  INS_MOVE,
  INS_OFFER,
  INS_PERIOD_RECEIPT,
  INS_PLAY,
  INS_PUT_DATA,
  INS_REGISTER,
  INS_STATUS,
  INS_STOP,
  INS_SUPPLY,
  INS_TIME,
  INS_TREE_KEYS,
  TAG_CLICKS,
  TAG_CLIENT_LICENSES,
  TAG_PERIODS,
  TAG_REGISTRATION,
} from "../core/protocol/constants.js";
import { readClicks, writeClicks, type Clicks } from "./clicks.js";
import { LinkError, type Transport } from "./transport.js";
import { DeviceError, DeviceSession } from "./session.js";

/** Content that a terminal has for the client: the sealed bytes behind the header, in any piece asked for. */
export interface ContentSource {
  /** 48 bytes. */
  header: Uint8Array;
  /** Bytes behind the header. */
  sealedLength: number;
  /** Samples a second, 0 for plain bytes. */
  rate: number;
  /** `length` bytes from `offset` behind the header. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Opens content of an order or of a card's loan: its id 16, and the envelope 48 that came with the content. */
export interface Envelope {
  id: Uint8Array;
  envelope: Uint8Array;
}

export const CLIENT_IDLE = 0;
export const CLIENT_PLAYING = 1;
export const CLIENT_FINISHED = 2;
export const CLIENT_REFUSED = 3;
export const CLIENT_STOPPED = 4;
/** It looks for what it may use, and for the content: own store, cartridge, network. */
export const CLIENT_SEEKING = 5;

export const SOURCE_STORE = 1;
export const SOURCE_CARTRIDGE = 2;
export const SOURCE_NETWORK = 3;

/** What a client says about itself to anyone. */
export interface ClientStatus {
  state: number;
  /** 0 none, 1 card, 2 cartridge, 3 license, 4 key, 5 chunk, 6 link, 7 no right to it, 8 content not found. */
  reason: number;
  sw: number;
  /** With reasons 1, 3 and 7: 1 no fresh time, 2 too early, 3 too late, 4 no plays left, 5 no seconds left, 6 not for this reader. */
  detail: number;
  played: number;
  /** 0 not found yet, 1 own store, 2 cartridge, 3 network. */
  source: number;
  /** What it wants of the host: 0 nothing, 1 an offer of the content being sought, 2 more bytes. */
  wants: number;
  /** With `wants` 2: the next byte, bytes in all, and bytes of one frame. */
  next: number;
  length: number;
  frame: number;
  /** Its time, seconds; 0 while it has no fresh statement. */
  time: number;
}

export interface HeldPeriod {
  /** True when the period is over and its receipt waits to be settled. */
  over: boolean;
  orderId: Uint8Array;
  contentId: Uint8Array;
  start: number;
  end: number;
}

export interface HeldLicense {
  licenseId: Uint8Array;
  contentId: Uint8Array;
  /** 48 and 12 bytes. */
  terms: Uint8Array;
  conditions: Uint8Array;
  epoch: number;
  /** Where it went, when the license was moved away and that is not settled yet. */
  moved: { destination: Uint8Array; useId: Uint8Array } | null;
}

/** Frames that one SUPPLY carries, so that STATUS and STOP come in between; at 8 kHz about two seconds of sound. */
const SUPPLIED = 32;
/** Milliseconds between two looks at a client that seeks or plays from elsewhere. */
const LOOK = 50;
const none = new Uint8Array(0);

/**
 * A client on one wire: every command of docs/protocol.md, "Client", over any transport (simulated board, serial port, TCP).
 *
 * The terminal of a delivery: relay `challengeTime` to the order server and its answer to `stateTime` after every start of the client and at least once a
 * day; `loadPeriodKey` as it comes and send the proof back; `play` with a source that reads its file, and the order's envelope; now and then `periods`, and for
 * each that is over `periodReceipt` to the server, its settlement to `settle`; `setAdvert` with each content, `clicks` and `clearClicks` to report.
 * A household: `register`, then `enable` and `requestLicense`, `takeLicense` between client and license server; to move, `requestMove` and `remove` at the source,
 * `takeCopy` at the destination (before it `enable`, if the certificate's epoch is newer), `settle` of the use id at the source.
 */
export class ClientDevice {
  readonly session: DeviceSession;

  /** @param sleep - waits so many milliseconds; other than real ones for a simulated board */
  constructor(
    private readonly transport: Transport,
    private readonly sleep: (milliseconds: number) => Promise<void> = (milliseconds) =>
      new Promise((resolve) => {
        setTimeout(resolve, milliseconds);
      }),
  ) {
    this.session = new DeviceSession(transport);
  }

  async status(): Promise<ClientStatus> {
    const data = await this.command(INS_STATUS, 0, none, "The client does not tell its status");
    return {
      state: data[0],
      reason: data[1],
      sw: get16(data, 2),
      detail: data[4],
      played: get32(data, 10),
      source: data[18],
      wants: data[19],
      next: get32(data, 20),
      length: get32(data, 24),
      frame: get16(data, 28),
      time: get32(data, 30),
    };
  }

  /** A nonce, 16 bytes, for the server's statement of time. It is good for a minute and for one statement. */
  challengeTime(): Promise<Uint8Array> {
    return this.command(INS_TIME, 0, none, "The client made no nonce for the time");
  }

  /** Hands over the server's statement, 20 bytes. */
  async stateTime(statement: Uint8Array): Promise<void> {
    await this.command(INS_TIME, 1, statement, "The client did not take the time");
  }

  /** Hands over a period key, 88 bytes; answers the proof, 16 bytes, for the order server. Safe to repeat. */
  loadPeriodKey(sealed: Uint8Array): Promise<Uint8Array> {
    return this.command(INS_LOAD_PERIOD_KEY, 0, sealed, "The client did not take the key of the period");
  }

  periods(): Promise<HeldPeriod[]> {
    return this.list(TAG_PERIODS, (data) => ({
      over: data[0] === 2,
      orderId: data.slice(1, 17),
      contentId: data.slice(17, 33),
      start: get32(data, 33),
      end: get32(data, 37),
    }));
  }

  /** Receipt of a period that is over, 52 bytes, for the order server; null while it is not over. */
  async periodReceipt(orderId: Uint8Array): Promise<Uint8Array | null> {
    const { sw, data } = await this.session.transfer(0x80, INS_PERIOD_RECEIPT, 0, orderId);
    if (sw === SW_CONDITIONS) return null;
    if (sw !== SW_OK) throw new DeviceError(sw, data, "The client has no receipt for this order");
    return data;
  }

  /** Destroys the key of a period before its end; answers the receipt. */
  endPeriod(orderId: Uint8Array): Promise<Uint8Array> {
    return this.command(INS_ERASE, 0, orderId, "The client did not end the period");
  }

  /** Hands over the server's settlement (16 bytes) of an order (its id), or of a move (the id of its use). Safe to repeat. */
  async settle(id: Uint8Array, settlement: Uint8Array): Promise<void> {
    await this.command(INS_ACKNOWLEDGE, 0, join(id, settlement), "The client did not take the settlement");
  }

  /** Hands over key-tree keys and registration, in this order; repeat all of it after a cut. */
  async register(messages: { treeKeys: Uint8Array[]; registration: Uint8Array }): Promise<void> {
    for (const part of messages.treeKeys) await this.command(INS_TREE_KEYS, 0, part, "The client did not take its keys of the key tree");
    await this.command(INS_REGISTER, 0, messages.registration, "The client did not take its registration");
  }

  /** Registration in force: serial, license server, leaf and newest epoch; null where there is none. */
  async registration(): Promise<{ serial: number; server: Uint8Array; leaf: number; epoch: number } | null> {
    const { sw, data } = await this.session.transfer(0x00, INS_GET_DATA, TAG_REGISTRATION, none);
    if (sw === SW_NOT_FOUND) return null;
    if (sw !== SW_OK) throw new DeviceError(sw, data, "The client does not tell its registration");
    return { serial: get32(data, 0), server: data.slice(4, 12), leaf: get32(data, 12), epoch: get32(data, 16) };
  }

  /** Hands over the client's slice of an enabling block, whole; answers the epoch that it opened. */
  async enable(slice: Uint8Array): Promise<number> {
    for (let offset = 0; offset < slice.length; offset += 480)
      await this.command(INS_ENABLE, offset, slice.subarray(offset, offset + 480), "The client did not take the enabling block");
    const length = new Uint8Array(2);
    put16(length, 0, slice.length);
    return get32(await this.command(INS_ENABLE, 0xffff, length, "The client did not open the enabling block"), 0);
  }

  /** Asks for a license of a content: nonce 16 and proof 16 for the license server. */
  async requestLicense(contentId: Uint8Array): Promise<{ nonce: Uint8Array; proof: Uint8Array }> {
    return nonceAndProof(await this.command(INS_LICENSE, 0, contentId, "The client does not ask for a license"));
  }

  /** Hands over a license, 212 bytes; answers the proof, 16 bytes, that the client holds it. Safe to repeat. */
  takeLicense(sealed: Uint8Array): Promise<Uint8Array> {
    return this.command(INS_LICENSE, 1, sealed, "The client did not take the license");
  }

  licenses(): Promise<HeldLicense[]> {
    return this.list(TAG_CLIENT_LICENSES, (data) => ({
      licenseId: data.slice(1, 17),
      contentId: data.slice(17, 33),
      terms: data.slice(33, 81),
      conditions: data.slice(81, 93),
      epoch: get32(data, 93),
      moved: data[0] === 2 ? { destination: data.slice(97, 105), useId: data.slice(105, 121) } : null,
    }));
  }

  /** Asks to move a license to another client (8): nonce 16 and proof 16 for the license server. */
  async requestMove(licenseId: Uint8Array, destination: Uint8Array): Promise<{ nonce: Uint8Array; proof: Uint8Array }> {
    return nonceAndProof(await this.command(INS_MOVE, 0, join(licenseId, destination), "The client does not ask to move the license"));
  }

  /** Hands over the server's order to remove, 72 bytes; answers 28 bytes that prove that the license is gone. Safe to repeat. */
  remove(order: Uint8Array): Promise<Uint8Array> {
    return this.command(INS_MOVE, 1, order, "The client did not remove the license");
  }

  /**
   * Hands over a copy certificate, 316 bytes; answers the proof, 16 bytes, that the client holds its license. Safe to repeat.
   *
   * @throws DeviceError with 0x6A80; its first byte of data is the reason (`COPY_MALFORMED` 1 to `COPY_SEAL` 8 without their sign)
   */
  takeCopy(certificate: Uint8Array): Promise<Uint8Array> {
    return this.command(INS_COPY, 0, certificate, "The client did not take the copy certificate");
  }

  /** Sets icon area `place` (0 to 3), each bound 0 to 255 and included, and where a touch on it leads. */
  async setAdvert(
    place: number,
    advertId: Uint8Array,
    area: { left: number; top: number; right: number; bottom: number },
    address: string,
  ): Promise<void> {
    const data = Buffer.concat([advertId, Uint8Array.of(area.left, area.top, area.right, area.bottom), Buffer.from(address, "latin1")]);
    await this.command(INS_ADVERT, place << 8, data, "The client did not take the advert");
  }

  /** Removes all icon areas. */
  async clearAdverts(): Promise<void> {
    await this.command(INS_ADVERT, 0xff00, none, "The client did not remove the adverts");
  }

  /** Clicks that could not be sent over the client's own network. */
  async clicks(): Promise<Clicks[]> {
    return readClicks(await this.getData(TAG_CLICKS, "The client does not tell its clicks"));
  }

  /** Takes clicks that have been reported off the client's count. */
  async clearClicks(clicks: Clicks[]): Promise<void> {
    await this.session.command(0x00, INS_PUT_DATA, TAG_CLICKS, writeClicks(clicks), "The client did not clear its clicks");
  }

  async stop(): Promise<void> {
    await this.command(INS_STOP, 0, none, "The client did not stop");
  }

  /** Begins to play a content: the client looks for it in its own store, on the cartridge, then asks the host for it (`status`, `wants` 1). */
  async begin(contentId: Uint8Array, envelope: Envelope | null = null): Promise<void> {
    const data = envelope ? join(contentId, envelope.id, envelope.envelope) : contentId;
    await this.command(INS_PLAY, 0, data, "The client does not play");
  }

  /**
   * Plays a content to its end and serves the client's requests for bytes.
   *
   * @param source - finds the content where the client has it neither in its store nor on the cartridge; null when this host has not got it either
   * @param watch - told each status on the way, when other commands may be given; answers false to stop
   * @returns the last status: finished, refused or stopped, with the reason
   */
  async play(
    contentId: Uint8Array,
    envelope: Envelope | null,
    source: () => Promise<ContentSource | null>,
    watch: (status: ClientStatus) => boolean | Promise<boolean> = () => true,
  ): Promise<ClientStatus> {
    let found: ContentSource | null = null;
    await this.begin(contentId, envelope);
    for (;;) {
      const status = await this.status();
      if (!(await watch(status))) {
        await this.stop();
        return this.status();
      }
      if (status.state !== CLIENT_SEEKING && status.state !== CLIENT_PLAYING) return status;
      if (status.wants === 1) {
        found = await source();
        if (found) await this.offer(found, false);
        else {
          await this.stop();
          return { ...status, state: CLIENT_REFUSED, reason: 8 };
        }
      } else if (status.wants === 2 && found) await this.supply(found, status);
      else await this.sleep(LOOK);
    }
  }

  /**
   * Puts a content into the client's own store, in place of what was there.
   *
   * @param progress - told bytes stored and bytes in all
   */
  async store(content: ContentSource, progress: (stored: number, length: number) => void = () => undefined): Promise<void> {
    await this.offer(content, true);
    for (;;) {
      const status = await this.status();
      progress(status.wants === 2 ? status.next : content.sealedLength, content.sealedLength);
      if (status.wants !== 2) return;
      await this.supply(content, status);
    }
  }

  /** Offers a content: for the play that asks for it, or to be kept. */
  async offer(content: ContentSource, keep: boolean): Promise<void> {
    const data = new Uint8Array(56);
    data.set(content.header);
    put32(data, 48, content.sealedLength);
    put32(data, 52, content.rate);
    await this.command(INS_OFFER, keep ? 1 : 0, data, "The client did not take the content offered");
  }

  /** Sends the frames that the client wants next. It lets them in as fast as it plays. */
  private async supply(content: ContentSource, status: ClientStatus): Promise<void> {
    const count = Math.min(SUPPLIED, Math.ceil((status.length - status.next) / status.frame));
    const end = Math.min(status.length, status.next + count * status.frame);
    const bytes = await content.read(status.next, end - status.next);
    const data = new Uint8Array(6);
    if (bytes.length !== end - status.next || status.frame > BULK_CONTENT)
      throw new Error(`The content has ${String(bytes.length)} bytes at ${String(status.next)}, not ${String(end - status.next)}.`);
    put32(data, 0, status.next);
    put16(data, 4, count);
    await this.command(INS_SUPPLY, 0, data, "The client does not want these bytes");
    try {
      await this.transport.bulkSend(count, (index) => bytes.subarray(index * status.frame, (index + 1) * status.frame));
    } catch (error) {
      // Whether the client refused a chunk or the wire failed, its next status tells.
      if (!(error instanceof LinkError)) throw error;
    }
  }

  private async list<T>(tag: number, read: (data: Uint8Array) => T): Promise<T[]> {
    const held: T[] = [];
    for (let place = 0; ; place++) {
      const { sw, data } = await this.session.transfer(0x00, INS_GET_DATA, tag + place, none);
      if (sw === SW_NOT_FOUND) return held;
      if (sw !== SW_OK) throw new DeviceError(sw, data, "The client does not tell what it holds");
      if (data.length > 0) held.push(read(data));
    }
  }

  private getData(tag: number, what: string): Promise<Uint8Array> {
    return this.session.command(0x00, INS_GET_DATA, tag, none, what);
  }

  private command(ins: number, tag: number, data: Uint8Array, what: string): Promise<Uint8Array> {
    return this.session.command(0x80, ins, tag, data, what);
  }
}

function join(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

function nonceAndProof(data: Uint8Array): { nonce: Uint8Array; proof: Uint8Array } {
  return { nonce: data.slice(0, 16), proof: data.slice(16, 32) };
}
