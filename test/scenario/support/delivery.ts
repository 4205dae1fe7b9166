/** Set-up of deliveries by the services' own interfaces, in place of commands: scenarios walk what they are about, not how everything came to be. */
import { createServer } from "node:net";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as admin from "../../../src/center/api/admin-routes.js";
import * as adverts from "../../../src/center/api/advert-routes.js";
import * as catalog from "../../../src/center/api/catalog-routes.js";
import type { AreaBody } from "../../../src/center/api/delivery-messages.js";
import * as orders from "../../../src/center/api/order-routes.js";
import { publicEd25519 } from "../../../src/center/api/signature.js";
import type { CenterClient } from "../../../src/center/client.js";
import { enrollDevice } from "../../../src/center/enrollment.js";
import { openTcp } from "../../../src/host/tcp.js";
import { Transport } from "../../../src/host/transport.js";
import { StoreContents } from "../../../src/store/contents.js";
import type { Board, Service } from "./service.js";

/** A picture of one pixel. */
export const PIXEL = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

export async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const place = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof place === "object" && place !== null ? String(place.port) : "";
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

export async function addOperator(staff: CenterClient, name: string): Promise<string> {
  return (await staff.call(admin.createOperator, { body: { name, currency: "EUR" } })).id;
}

/** A content that an operator lends for a day, free of charge; sealed at the center when `bytes` are given. */
export async function addContent(staff: CenterClient, operatorId: string, title: string, bytes?: Uint8Array): Promise<string> {
  const { id } = await staff.call(catalog.createContent, {
    body: { title, type: "application/octet-stream", description: "", producer: "somebody", copies: null },
  });
  if (bytes)
    for (const suite of [1, 2]) await staff.put(`/v1/contents/${id}/sealed/1/${String(suite)}`, "application/octet-stream", once(bytes));
  const terms = { custody: 1, durationSeconds: 86_400, plays: 0, windowSeconds: 0, totalSeconds: 0, readers: 0 };
  await staff.call(admin.setOffer, { params: { operatorId }, body: { contentId: id, tariffId: null, ...terms } });
  return id;
}

export async function addAdvert(
  staff: CenterClient,
  operatorId: string,
  picture: Uint8Array,
  type: string,
  areas: AreaBody[],
): Promise<string> {
  const { id } = await staff.call(adverts.createAdvert, { params: { operatorId }, body: { name: "advert", areas } });
  await staff.put(`/v1/adverts/${id}/picture`, type, once(picture));
  return id;
}

/** Personalizes a blank board and brings it into the center's books. */
export async function enrollBoard(service: Service, board: Board, customerId?: string): Promise<string> {
  const port = await openTcp(board.addresses.host ?? board.addresses.rent);
  const transport = new Transport(port);
  await transport.reset();
  const now = Math.floor(Date.now() / 1000);
  const { id, chain, generation } = await enrollDevice(service.keys, transport, {
    validity: { notBefore: now - 3600, notAfter: now + 365 * 86_400 },
    now,
  });
  await port.close();
  await service.staff.call(admin.enrollDevice, { body: { chain, generation, ...(customerId !== undefined && { customerId }) } });
  return id;
}

/** A customer with a machine to order from; answers the customer's id. */
export async function addCustomer(service: Service, name: string, identity: string): Promise<string> {
  const { id: customerId } = await service.staff.call(admin.createCustomer, { body: { name } });
  const seed = new Uint8Array(32).fill(7);
  const body = { name: "customer terminal", publicKey: Buffer.from(publicEd25519(seed)).toString("hex") };
  const { id: terminalId } = await service.staff.call(orders.registerTerminal, { params: { customerId }, body });
  writeFileSync(identity, JSON.stringify({ terminalId, seed: Buffer.from(seed).toString("hex") }));
  return customerId;
}

/** A store of its own folder, known to the center, with one content; run it by `leyden store run --data`. */
export async function addStore(staff: CenterClient, folder: string, address: string, item: string, file: string): Promise<StoreContents> {
  const secret = await staff.call(orders.createStore, { body: { name: "store", address } });
  const contents = new StoreContents(folder, Buffer.from(secret.key, "hex"));
  writeFileSync(join(folder, "store.json"), JSON.stringify(secret));
  await contents.add(item, file, 0);
  return contents;
}
