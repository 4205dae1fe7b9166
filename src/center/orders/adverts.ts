import type { Database, Trx } from "../db/database.js";

/** The longest address that a client keeps. */
const ADDRESS = 120;

/** The address with the customer's id, for a customer who agreed to that; without, where there is no room for it. */
export function withCustomer(address: string, customerId: string): string {
  const url = new URL(address);
  url.searchParams.set("customer", customerId);
  return url.href.length <= ADDRESS ? url.href : address;
}

/** Adds clicks that a client or a cartridge kept. Who clicked is not told. */
export async function countClicks(trx: Trx, clicks: { advertId: string; count: number }[]): Promise<void> {
  for (const { advertId, count } of clicks)
    await trx
      .insertInto("advert_clicks")
      .values({ advert_id: advertId, count })
      .onConflict((conflict) => conflict.column("advert_id").doUpdateSet((eb) => ({ count: eb("advert_clicks.count", "+", count) })))
      .execute();
}

/** Whether adverts may lead a client into the local network, and the serial of the registration that says so; never, until the staff permits it. */
export async function localAdvertsOf(db: Database | Trx, deviceId: string): Promise<{ allowed: boolean; serial: number }> {
  const row = await db.selectFrom("local_adverts").select(["allowed", "serial"]).where("device_id", "=", deviceId).executeTakeFirst();
  return row ?? { allowed: false, serial: 0 };
}
