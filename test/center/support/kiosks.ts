import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CenterClient } from "../../../src/center/client.js";
import type { KioskCard, KioskCartridge, KioskDevices } from "../../../src/kiosk/devices.js";
import { SimulatedTerminal } from "../../../src/kiosk/payment.js";
import { RentalKiosk } from "../../../src/kiosk/rental-kiosk.js";
import { ReturnKiosk } from "../../../src/kiosk/return-kiosk.js";
import type { ModelCard, ModelCartridge } from "./devices.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, kioskClient, startWorld } from "./world.js";

export const DAY = 86400;

/** A center with one operator, who lends a content in each custody; and what its kiosks need. */
export const world = await startWorld();
export const folder = mkdtempSync(join(tmpdir(), "leyden-kiosk-"));
let users = 0;
/** Ends center and folder when the tests of all files that share them are done. */
export function endAfter(test: { after: (hook: () => Promise<void>) => void }): void {
  users++;
  test.after(async () => {
    if (--users === 0) await end();
  });
}
async function end(): Promise<void> {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
}

export const operator = await addOperator(world, "library");
export const contents = [
  await addContent(world, "first tune"),
  await addContent(world, "second tune"),
  await addContent(world, "third tune"),
];
const tariffId = await addTariff(world, operator.id);
for (const [index, contentId] of contents.entries()) await addOffer(world, operator.id, contentId, { custody: index + 1, tariffId });

let numbers = 0;
export const fresh = (name: string): string => `${name} ${String(++numbers)}`;

/** Slots that a test fills and empties. */
export class Slots implements KioskDevices {
  inserted: KioskCartridge | null = null;
  insertedCard: KioskCard | null = null;

  cartridge(): Promise<KioskCartridge | null> {
    return Promise.resolve(this.inserted);
  }

  card(): Promise<KioskCard | null> {
    return Promise.resolve(this.insertedCard);
  }
}

export interface Visit {
  slots: Slots;
  cartridge: ModelCartridge;
  card: ModelCard;
  customerId: string;
}

export async function visit(): Promise<Visit> {
  const cartridge = await addCartridge(world, fresh("cartridge"));
  const { id, card } = await addCustomer(world, fresh("customer"));
  const slots = new Slots();
  slots.inserted = cartridge;
  slots.insertedCard = card;
  return { slots, cartridge, card, customerId: id };
}

export function renting(
  slots: Slots,
  options: { client?: CenterClient; folder?: string; step?: (name: string) => void } = {},
): RentalKiosk {
  return new RentalKiosk({
    folder: options.folder ?? join(folder, "rent"),
    client: options.client ?? operator.kiosk,
    devices: slots,
    step: options.step,
  });
}

interface ReturnOptions {
  client?: CenterClient;
  folder?: string;
  payment?: SimulatedTerminal;
  paymentTimeout?: number;
  cap?: number;
  askPeers?: ConstructorParameters<typeof ReturnKiosk>[0]["askPeers"];
  step?: (name: string) => void;
}

export function returning(slots: Slots, options: ReturnOptions = {}): ReturnKiosk {
  return new ReturnKiosk({
    folder: join(folder, fresh("return")),
    client: operator.kiosk,
    devices: slots,
    payment: new SimulatedTerminal(),
    askPeers: () => Promise.resolve(null),
    paymentTimeout: 20,
    now: world.clock.now,
    ...options,
  });
}

/** A center that nobody reaches. */
export const away = kioskClient("http://127.0.0.1:9", "library kiosk", world.clock.now);
