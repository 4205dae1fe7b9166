/** Adverts on a cartridge, made from the documents alone: see `keys.ts`. */
import { hmac, join, read32, same, sha256, u16, u32, type Bytes } from "./keys.js";
import type { OutsideSession } from "./session.js";
import type { OutsideWire } from "./wire.js";

/** Where an icon is, and where it leads. */
export interface Icon {
  advert: Bytes;
  bounds: number[];
  address: string;
}

/** A picture that the directory speaks for. */
export interface Picture {
  advert: Bytes;
  type: number;
  bytes: Bytes;
}

export interface Adverts {
  icons: Icon[];
  pictures: Picture[];
}

/** The section behind the content, where there is one and its directory is the center's for this loan; pictures that are not as the directory says are left out. */
export async function readAdverts(cartridge: OutsideSession, wire: OutsideWire, sealedLength: number, loanKey: Bytes): Promise<Adverts> {
  const none: Adverts = { icons: [], pictures: [] };
  const section = 512 * Math.ceil(sealedLength / 512);
  const read = async (offset: number, frames: number): Promise<Bytes | null> => {
    const { sw } = await cartridge.exchange(0x80, 0x54, 0, join(u32(section + offset), u16(512), u32(frames)));
    return sw === 0x9000 ? join(...(await wire.receiveFrames())) : null;
  };
  const block = await read(0, 1);
  if (!block || block[0] !== 1 || block[1] > 4) return none;
  const end = (block[2] << 8) | block[3];
  const proof = hmac(loanKey, [43], block.slice(0, 4), block.slice(20, end)).slice(0, 16);
  if (end > 512 || !same(proof, block.slice(4, 20))) return none;

  const { icons, pictures } = none;
  let at = 20;
  for (; icons.length < block[1]; at += 1 + block[at]) {
    const area = block.slice(at + 1, at + 1 + block[at]);
    icons.push({ advert: area.slice(0, 8), bounds: [...area.slice(8, 12)], address: Buffer.from(area.slice(12)).toString("latin1") });
  }
  let offset = 512;
  for (; at < end; at += 45) {
    const [entry, length] = [block.slice(at, at + 45), read32(block, at + 9)];
    // Pictures follow one another without gaps, so one may begin in the middle of a frame.
    const bytes = (await read(offset, Math.ceil(length / 512)))?.slice(0, length);
    if (bytes && same(sha256(bytes), entry.slice(13))) pictures.push({ advert: entry.slice(0, 8), type: entry[8], bytes });
    offset += length;
  }
  return none;
}

/** Adds a click to those that the cartridge carries to the return kiosk. */
export async function handClick(cartridge: OutsideSession, advert: Bytes): Promise<void> {
  const { sw, data } = await cartridge.exchange(0x00, 0xca, 0x0190);
  const clicks: Bytes[] = [];
  for (let at = 0; sw === 0x9000 && at < data.length; at += 12) clicks.push(data.slice(at, at + 12));
  const known = clicks.find((click) => same(click.slice(0, 8), advert));
  if (known) known.set(u32(read32(known, 8) + 1), 8);
  else clicks.push(join(advert, u32(1)));
  await cartridge.exchange(0x00, 0xda, 0x0190, join(...clicks));
}
