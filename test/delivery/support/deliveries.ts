/** Center, store and terminal of a delivery in this process, with a customer who orders; the terminal's client is a model. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createCustomer, enrollDevice } from "../../../src/center/api/admin-routes.js";
import {
  centerKey,
  createStore,
  getOrder,
  placeOrder,
  registerTerminal,
  type OrderBody,
  type OrderRequest,
} from "../../../src/center/api/order-routes.js";
import { publicEd25519 } from "../../../src/center/api/signature.js";
import { CenterClient } from "../../../src/center/client.js";
import type { CenterOptions } from "../../../src/center/main.js";
import { ROLE_CLIENT } from "../../../src/core/protocol/constants.js";
import { startStore, type Store, type StoreOptions } from "../../../src/store/server.js";
import { startTerminalServer, type TerminalServerOptions } from "../../../src/terminal/server.js";
import { chainOf, deviceId } from "../../center/support/keys.js";
import { addContent, addOffer, addOperator, startWorld, type World } from "../../center/support/world.js";
import { ModelTerminal } from "./model-client.js";

const logger = pino({ level: "silent" }) as never;

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

export class Deliveries {
  readonly folder = mkdtempSync(join(tmpdir(), "leyden-deliveries-"));
  readonly storeFolder = join(this.folder, "store");
  readonly terminal = new ModelTerminal("kitchen", join(this.folder, "terminal"));
  operatorId = "";
  contentId = "";
  customerId = "";
  customer!: CenterClient;
  store!: Store;
  storePort = 0;
  storeId = "";
  /** Of the terminal. */
  address = "";
  private secret = { key: "", centerKey: "" };
  /** Of the machine that the customer orders from. */
  credential = { terminalId: "", seed: new Uint8Array(32).fill(9) };
  private stopTerminal: () => Promise<void> = () => Promise.resolve();

  private constructor(
    readonly world: World,
    private readonly storeOptions: Partial<StoreOptions>,
  ) {}

  /** @param plain - the content; the devices `kitchen`, which is the terminal's, and `study` are enrolled */
  static async start(
    plain: Uint8Array,
    options: { center?: Partial<CenterOptions>; store?: Partial<StoreOptions>; terminal?: Partial<TerminalServerOptions> } = {},
  ): Promise<Deliveries> {
    const world = await startWorld({ allowLocal: ["127.0.0.1"], ...options.center });
    const deliveries = new Deliveries(world, { allowLocal: ["127.0.0.1"], ...options.store });
    await deliveries.setUp(plain, options.terminal ?? {});
    return deliveries;
  }

  private async setUp(plain: Uint8Array, terminalOptions: Partial<TerminalServerOptions>): Promise<void> {
    const { staff } = this.world;
    this.operatorId = (await addOperator(this.world, "library")).id;
    this.contentId = await addContent(this.world, "tune");
    await addOffer(this.world, this.operatorId, this.contentId);
    for (const name of ["kitchen", "study"])
      await staff.call(enrollDevice, { body: { chain: chainOf(name, ROLE_CLIENT, false), generation: 1 } });
    this.customerId = (await staff.call(createCustomer, { body: { name: "Ada" } })).id;
    const publicKey = Buffer.from(publicEd25519(this.credential.seed)).toString("hex");
    const params = { customerId: this.customerId };
    this.credential.terminalId = (await staff.call(registerTerminal, { params, body: { name: "desk", publicKey } })).id;
    this.connect();
    this.storePort = await freePort();
    const secret = await staff.call(createStore, { body: { name: "store", address: `http://127.0.0.1:${String(this.storePort)}` } });
    this.secret = secret;
    this.storeId = secret.id;
    mkdirSync(this.storeFolder);
    writeFileSync(join(this.storeFolder, "store.json"), JSON.stringify(secret));
    await this.runStore();
    const file = join(this.folder, "plain");
    writeFileSync(file, plain);
    await this.store.contents.add(this.contentId, file, 0);
    const center = Buffer.from((await staff.call(centerKey, {})).publicKey, "hex");
    const server = await startTerminalServer({ terminal: this.terminal, centerKey: center, port: 0, logger, ...terminalOptions });
    this.address = server.url;
    this.stopTerminal = () => server.stop();
  }

  /** Has the customer speak to the center where it is now. */
  connect(url = this.world.center.url, attempts = 1): void {
    this.customer = new CenterClient({ url, credential: this.credential, now: this.world.clock.now, attempts });
  }

  async runStore(): Promise<void> {
    const { key, centerKey: center } = this.secret;
    const own = { folder: this.storeFolder, key: Buffer.from(key, "hex"), centerKey: Buffer.from(center, "hex"), logger };
    this.store = await startStore({ ...own, port: this.storePort, ...this.storeOptions });
  }

  /** Orders the content for a day, delivered now, unless `changes` say something else. */
  place(changes: Partial<OrderRequest> = {}): Promise<OrderBody> {
    const now = this.world.clock.now();
    const { contentId, operatorId, address } = this;
    const period = { periodStart: now, periodEnd: now + 86_400, contentAt: now, keyAt: now };
    return this.customer.call(placeOrder, {
      body: { contentId, operatorId, terminalId: deviceId("kitchen"), address, ...period, ...changes },
    });
  }

  show(orderId: string): Promise<OrderBody> {
    return this.customer.call(getOrder, { params: { orderId } });
  }

  /** Lets time pass and delivers until `over` holds of the order. */
  async until(orderId: string, over: (order: OrderBody) => boolean, step = 5): Promise<OrderBody> {
    for (let round = 0; round < 400; round++) {
      await this.world.center.deliver();
      const order = await this.show(orderId);
      if (over(order)) return order;
      this.world.clock.advance(step);
      await pause(10);
    }
    throw new Error(`The order stayed ${JSON.stringify(await this.show(orderId))}.`);
  }

  delivered(orderId: string): Promise<OrderBody> {
    return this.until(orderId, ({ state }) => state === "DELIVERED");
  }

  received(orderId: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.folder, "terminal", "orders", orderId, "content")));
  }

  sealed(): Uint8Array {
    return new Uint8Array(readFileSync(this.store.contents.sealedPath(this.contentId, 1)));
  }

  async end(): Promise<void> {
    await this.stopTerminal();
    await this.store.stop();
    await this.world.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
