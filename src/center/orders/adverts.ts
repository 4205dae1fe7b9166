import type { Static } from "typebox";
import type { AdvertView } from "../api/advert-routes.js";
import type { Database, Trx } from "../db/database.js";

/** The longest address that a client keeps. */
const ADDRESS = 120;

/** The address with the customer's id, for a customer who agreed to that; without, where there is no room for it. */
export function withCustomer(address: string, customerId: string): string {
  const url = new URL(address);
  url.searchParams.set("customer", customerId);
  return url.href.length <= ADDRESS ? url.href : address;
}

/**
 * An operator's adverts that have a picture and were not withdrawn, the oldest first.
 *
 * @param contentId - only those for this content or for all; undefined for every one
 */
export async function currentAdverts(
  db: Database,
  operatorId: string,
  contentId: string | undefined,
  limit = 100,
): Promise<Static<typeof AdvertView>[]> {
  let adverts = db.selectFrom("adverts").selectAll().where("operator_id", "=", operatorId).where("withdrawn_at", "is", null);
  if (contentId !== undefined) adverts = adverts.where((eb) => eb.or([eb("content_id", "is", null), eb("content_id", "=", contentId)]));
  const rows = await adverts.where("sha256", "is not", null).orderBy("created_at").orderBy("id").limit(limit).execute();
  const areas = await db
    .selectFrom("advert_areas")
    .selectAll()
    .where("advert_id", "in", [...rows.map(({ id }) => id), ""])
    .orderBy("number")
    .execute();
  return rows.flatMap(({ id, name, content_id, media_type, length, sha256 }) =>
    media_type === null || length === null || sha256 === null
      ? []
      : [
          {
            id,
            name,
            contentId: content_id,
            mediaType: media_type,
            length,
            sha256,
            areas: areas
              .filter((area) => area.advert_id === id)
              .map((area) => ({
                left: area.left_at,
                top: area.top_at,
                right: area.right_at,
                bottom: area.bottom_at,
                address: area.address,
              })),
          },
        ],
  );
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
