import { listOffers } from "../center/api/rental-routes.js";
import type { Output } from "../center/api/route.js";
import { CenterAway, type CenterClient } from "../center/client.js";
import type { SealedForm } from "./contents.js";
import { Spool } from "./spool.js";

export type Offer = Output<typeof listOffers>["offers"][number];

interface Kept {
  offers: Offer[];
  currency: string;
  /** Seconds, the center's time. */
  time: number;
}

/** A line of the choosing screen. */
export interface Choice {
  offer: Offer;
  /** Place among the recommendations of the cartridge, from 1 on; null when it is none of them. */
  recommended: number | null;
}

const PAGE = 100;

/** What this kiosk's operator lends, kept for when the center is away. */
export class KioskCatalog {
  private readonly spool: Spool<Kept>;

  constructor(
    folder: string,
    private readonly client: CenterClient,
  ) {
    this.spool = new Spool<Kept>(folder);
  }

  /** Brings the catalog up to date; answers false when the center is away and the catalog is the last one known. */
  async refresh(): Promise<boolean> {
    const offers: Offer[] = [];
    try {
      for (let after: string | undefined; ;) {
        const page = await this.client.call(listOffers, { query: after === undefined ? {} : { after } });
        offers.push(...page.offers);
        if (page.offers.length < PAGE) {
          this.spool.put("catalog", { offers, currency: page.currency, time: page.time });
          return true;
        }
        after = page.offers[page.offers.length - 1].content.id;
      }
    } catch (error) {
      if (error instanceof CenterAway) return false;
      throw error;
    }
  }

  get currency(): string {
    return this.spool.get("catalog")?.currency ?? "";
  }

  offer(contentId: string): Offer | undefined {
    return this.spool.get("catalog")?.offers.find((offer) => offer.content.id === contentId);
  }

  /** All that can be lent here: first what the cartridge recommends, in its order, then the others by title. */
  choices(recommended: string[]): Choice[] {
    const offers = (this.spool.get("catalog")?.offers ?? []).filter((offer) => offer.content.sealed.length > 0);
    const place = new Map(recommended.filter((id) => offers.some((offer) => offer.content.id === id)).map((id, index) => [id, index + 1]));
    return offers
      .map((offer) => ({ offer, recommended: place.get(offer.content.id) ?? null }))
      .sort(
        (a, b) =>
          (a.recommended ?? offers.length + 1) - (b.recommended ?? offers.length + 1) ||
          a.offer.content.title.localeCompare(b.offer.content.title, "en") ||
          (a.offer.content.id < b.offer.content.id ? -1 : 1),
      );
  }

  /** The sealed form of a content in that version and suite; undefined when the kept catalog does not know it. */
  form(contentId: string, version: number, suite: number): (SealedForm & { header: string; sampleRate: number }) | undefined {
    const form = this.offer(contentId)?.content.sealed.find((entry) => entry.version === version && entry.suite === suite);
    return form === undefined ? undefined : { contentId, ...form };
  }
}
