import type { AreaBody, Manifest } from "../center/api/delivery-messages.js";
import { newestRegistration } from "../center/api/advert-routes.js";
import { stateTime, takePeriodReceipt } from "../center/api/order-routes.js";
import type { CenterClient } from "../center/client.js";
import { CLIENT_FINISHED, ClientDevice, type ClientStatus } from "../host/client-device.js";
import { DeviceError } from "../host/session.js";
import type { Transport } from "../host/transport.js";
import { DeliveredOrders } from "./orders.js";
import { Turns } from "../host/turns.js";

/** Icon areas that a client keeps. */
const PLACES = 4;
/** Seconds after which the time is stated anew, long before the client asks for it. */
const TIME_STANDS = 6 * 3600;
/** Seconds between two questions after what the center permits the client. */
const PERMISSIONS = 60;

const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** What a terminal asks of the center for its client. */
export interface TerminalCenter {
  stateTime(clientId: string, nonce: string): Promise<string>;
  settle(clientId: string, receipt: string, clicks: { advertId: string; count: number }[]): Promise<string>;
  /** The client's newest registration, null when there is none above this serial. */
  registration(clientId: string, after: number): Promise<{ treeKeys: string[]; registration: string } | null>;
}

/** The center over HTTP. */
export function centerOf(client: CenterClient): TerminalCenter {
  return {
    stateTime: async (deviceId, nonce) => (await client.call(stateTime, { params: { deviceId }, body: { nonce } })).statement,
    settle: async (deviceId, receipt, clicks) =>
      (await client.call(takePeriodReceipt, { params: { deviceId }, body: { receipt, clicks } }, receipt.slice(-64))).settlement,
    registration: (deviceId, after) => client.call(newestRegistration, { params: { deviceId }, query: { after: String(after) } }),
  };
}

/** What one `care` did. */
export interface Care {
  timeStated: boolean;
  settled: string[];
}

/**
 * A destination terminal: a client on a wire, and what was delivered for it. It relays between servers and client, and can neither open nor lengthen
 * anything: keys and time come to the client sealed.
 */
export class Terminal {
  private readonly turns = new Turns();
  private readonly plays = new Turns();
  private readonly device: ClientDevice;
  private statedAt = -Infinity;
  private permittedAt = -Infinity;
  private stopping = false;

  private constructor(
    transport: Transport,
    /** 8 bytes, hex. */
    readonly id: string,
    readonly orders: DeliveredOrders,
    private readonly center: TerminalCenter,
    sleep?: (milliseconds: number) => Promise<void>,
  ) {
    this.device = new ClientDevice(transport, sleep);
    // A client that starts anew knows no time.
    transport.onReset = () => {
      this.statedAt = -Infinity;
    };
  }

  /**
   * @param sleep - waits so many milliseconds; other than real ones for a simulated board
   * @throws DeviceError, LinkError when the client does not answer; Error when it is nobody yet
   */
  static async open(
    transport: Transport,
    folder: string,
    center: TerminalCenter,
    sleep?: (milliseconds: number) => Promise<void>,
  ): Promise<Terminal> {
    const { session } = new ClientDevice(transport);
    const info = await session.info();
    if (!info.personalized) throw new Error("The client is blank; enroll it first.");
    return new Terminal(transport, hex(info.id), new DeliveredOrders(folder), center, sleep);
  }

  /** Has the client prove over a challenge (16 bytes, hex) that it is the one that it says. */
  identify(challenge: string): Promise<{ id: string; nonce: string; proof: string }> {
    return this.turns.take(async () => {
      const { nonce, proof } = await this.device.requestLicense(unhex(challenge));
      return { id: this.id, nonce: hex(nonce), proof: hex(proof) };
    });
  }

  /** Hands a sealed period key to the client; answers the client's proof. The same key again answers the same. */
  loadKey(orderId: string, sealed: string): Promise<string> {
    return this.turns.take(async () => {
      const proof = hex(await this.device.loadPeriodKey(unhex(sealed)));
      this.orders.keepProof(orderId, proof);
      return proof;
    });
  }

  /** States the time where it is not known, has the client take what the center permits it, hands in receipts of periods that are over with the clicks that were kept. */
  care(): Promise<Care> {
    return this.turns.take(async () => {
      const care: Care = { timeStated: false, settled: [] };
      if (performance.now() / 1000 - this.statedAt > TIME_STANDS || (await this.device.status()).time === 0) {
        const nonce = await this.device.challengeTime();
        await this.device.stateTime(unhex(await this.center.stateTime(this.id, hex(nonce))));
        this.statedAt = performance.now() / 1000;
        care.timeStated = true;
      }
      await this.takePermissions();
      for (const period of await this.device.periods()) {
        if (!period.over) continue;
        const receipt = await this.device.periodReceipt(period.orderId);
        if (receipt === null) continue;
        const clicks = await this.device.clicks();
        const kept = clicks.map(({ advertId, count }) => ({ advertId: hex(advertId), count }));
        const settlement = await this.center.settle(this.id, hex(receipt), kept);
        if (clicks.length > 0) await this.device.clearClicks(clicks);
        await this.device.settle(period.orderId, unhex(settlement));
        care.settled.push(hex(period.orderId));
      }
      return care;
    });
  }

  private async takePermissions(): Promise<void> {
    if (performance.now() / 1000 - this.permittedAt < PERMISSIONS) return;
    const held = await this.device.registration();
    const newer = await this.center.registration(this.id, held?.serial ?? 0);
    if (newer) await this.device.register({ treeKeys: newer.treeKeys.map(unhex), registration: unhex(newer.registration) });
    this.permittedAt = performance.now() / 1000;
  }

  /** Gives an order back before its end: the client destroys the key. */
  giveBack(orderId: string): Promise<void> {
    return this.turns.take(async () => {
      await this.device.endPeriod(unhex(orderId));
    });
  }

  /**
   * Plays an order's content to its end, with its adverts on the screen. Keys, time and receipts have their turn in between.
   *
   * @throws Error when the content is not here whole
   */
  play(orderId: string, watch: (status: ClientStatus) => void = () => undefined): Promise<ClientStatus> {
    const manifest = this.orders.manifest(orderId);
    const source = this.orders.source(orderId);
    if (manifest === undefined || source === null)
      return Promise.reject(new Error(`The content of order ${orderId} has not come yet; wait for it.`));
    const play = async (): Promise<ClientStatus> => {
      await this.showAdverts(manifest);
      this.stopping = false;
      return this.device.play(
        unhex(manifest.contentId),
        { id: unhex(orderId), envelope: unhex(manifest.envelope) },
        () => Promise.resolve(source),
        async (status) => {
          watch(status);
          await this.turns.others();
          return !this.stopping;
        },
      );
    };
    return this.plays.take(() => this.turns.take(play));
  }

  /** Ends what is played. */
  stop(): void {
    this.stopping = true;
  }

  private async showAdverts(manifest: Manifest): Promise<void> {
    const areas = this.orders
      .adverts(manifest.orderId)
      .flatMap((advert) => advert.areas.map((area): [string, AreaBody] => [advert.id, area]))
      .slice(0, PLACES);
    await this.device.clearAdverts();
    for (const [place, [id, { address, ...area }]] of areas.entries())
      try {
        await this.device.setAdvert(place, unhex(id), area, address);
      } catch (error) {
        // An advert that the client refuses, for where it leads, keeps nobody from playing.
        if (!(error instanceof DeviceError)) throw error;
      }
  }
}

/** What came of playing, for people. */
export function outcomeOf(status: ClientStatus): string {
  if (status.state === CLIENT_FINISHED) return `Played ${String(status.played)} bytes to the end.`;
  const details = ["", "no fresh time", "too early", "too late", "no plays left", "no seconds left", "not for this reader"];
  const reasons = ["", "the card", "the cartridge", "the license", "the key", "a chunk", "the link", "no right to it", "content not found"];
  const detail = details[status.detail] || reasons[status.reason] || `status ${status.sw.toString(16)}`;
  return `Not played to the end: ${detail}.`;
}
