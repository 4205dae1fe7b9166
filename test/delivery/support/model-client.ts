import { MESSAGE_LICENSE_REQUEST, MESSAGE_PERIOD_HELD, MESSAGE_PERIOD_KEY, PERIOD_LENGTH } from "../../../src/core/protocol/client.js";
import { ROLE_CLIENT } from "../../../src/core/protocol/constants.js";
import { KEY_PERIOD } from "../../../src/core/protocol/derive.js";
import { openFor, prove } from "../../../src/core/protocol/loan.js";
import { DeliveredOrders } from "../../../src/terminal/orders.js";
import type { Receiver } from "../../../src/terminal/server.js";
import { deviceId, keys } from "../../center/support/keys.js";

const none = new Uint8Array(0);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

/** A terminal whose client is this program: the real messages, no board. Counts what it was given. */
export class ModelTerminal implements Receiver {
  readonly id: string;
  readonly orders: DeliveredOrders;
  /** How often each order's key was handed to the client. */
  readonly keys = new Map<string, number>();
  private readonly deviceKey: Uint8Array;
  private nonces = 0;

  constructor(name: string, folder: string) {
    this.id = deviceId(name);
    this.deviceKey = keys.deviceKey(ROLE_CLIENT, unhex(this.id), 1);
    this.orders = new DeliveredOrders(folder);
  }

  async identify(challenge: string): Promise<{ id: string; nonce: string; proof: string }> {
    const nonce = new Uint8Array(16);
    new DataView(nonce.buffer).setUint32(0, ++this.nonces);
    return { id: this.id, nonce: hex(nonce), proof: this.prove(MESSAGE_LICENSE_REQUEST, unhex(challenge), nonce) };
  }

  async loadKey(orderId: string, sealed: string): Promise<string> {
    const period = new Uint8Array(PERIOD_LENGTH);
    if (!openFor(period, this.deviceKey, KEY_PERIOD, MESSAGE_PERIOD_KEY, unhex(this.id), none, unhex(sealed)))
      throw new Error("The key is not sealed for this client.");
    if (hex(period.subarray(0, 16)) !== orderId) throw new Error("The key is another order's.");
    this.keys.set(orderId, (this.keys.get(orderId) ?? 0) + 1);
    const proof = this.prove(MESSAGE_PERIOD_HELD, unhex(orderId));
    this.orders.keepProof(orderId, proof);
    return proof;
  }

  private prove(message: number, ...parts: Uint8Array[]): string {
    const proof = new Uint8Array(16);
    prove(proof, this.deviceKey, message, Buffer.concat(parts));
    return hex(proof);
  }
}
