import { get32, put32 } from "../core/bytes.js";

/** Clicks on one advert. */
export interface Clicks {
  /** 8 bytes. */
  advertId: Uint8Array;
  count: number;
}

/** Clicks as devices tell and take them (docs/protocol.md, "Adverts"): advert id 8 | count 4, each. A last piece that is shorter is passed over. */
export function readClicks(data: Uint8Array): Clicks[] {
  const clicks: Clicks[] = [];
  for (let at = 0; at + 12 <= data.length; at += 12) clicks.push({ advertId: data.slice(at, at + 8), count: get32(data, at + 8) });
  return clicks;
}

/** The same, for the device: 12 bytes for each. */
export function writeClicks(clicks: Clicks[]): Uint8Array {
  const data = new Uint8Array(12 * clicks.length);
  clicks.forEach((click, i) => {
    data.set(click.advertId, 12 * i);
    put32(data, 12 * i + 8, click.count);
  });
  return data;
}
