import { createHash } from "node:crypto";
import { get16, get32, put32 } from "../core/bytes.js";
import { SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import { DIRECTORY_HEAD, PICTURE_ENTRY, SECTION_BLOCK } from "../core/protocol/adverts.js";
import { INS_READ_ADVERTS } from "../core/protocol/constants.js";
import { DeviceError, type DeviceSession } from "./session.js";

/** A picture from a cartridge, and the icons in it. */
export interface ShownAdvert {
  /** 8 bytes, hex. */
  id: string;
  mediaType: string;
  picture: Uint8Array;
  /** Bounds in parts of 255 of the picture's width and height. */
  areas: { left: number; top: number; right: number; bottom: number; address: string }[];
}

const TYPES = ["", "image/png", "image/jpeg", "image/webp", "image/gif"];
const none = new Uint8Array(0);

/**
 * Gets the adverts of the cartridge in a reader's slot, for a screen to show. What they are the reader has found genuine; that every byte is what it found is checked here.
 *
 * @param progress - told the bytes read and the bytes in all
 * @returns none where the cartridge of the last play has none that are genuine
 * @throws DeviceError while the reader plays, or when the cartridge is gone; Error when a byte is not what the reader found genuine
 */
export async function readAdverts(
  session: DeviceSession,
  progress: (done: number, total: number) => void = () => undefined,
): Promise<ShownAdvert[]> {
  const genuine = await session.transfer(0x80, INS_READ_ADVERTS, 0, none);
  if (genuine.sw === SW_NOT_FOUND) return [];
  if (genuine.sw !== SW_OK) throw new DeviceError(genuine.sw, genuine.data, "The reader does not tell of adverts");
  const block = await read(session, 0);
  const directory = block.subarray(0, Math.min(get16(block, 2), block.length));
  if (!createHash("sha256").update(directory).digest().equals(genuine.data))
    throw new Error("The adverts on the cartridge are not those that the reader found genuine; play again.");
  const { adverts, total } = decode(directory);
  let at = SECTION_BLOCK;
  for (const { advert, length, sha256 } of adverts) {
    advert.picture = new Uint8Array(length);
    for (let done = 0; done < length; done += SECTION_BLOCK) {
      const bytes = await read(session, at + done);
      advert.picture.set(bytes.subarray(0, Math.min(bytes.length, length - done)), done);
      progress(at + done - SECTION_BLOCK, total);
    }
    if (createHash("sha256").update(advert.picture).digest("hex") !== sha256)
      throw new Error(`The picture of advert ${advert.id} on the cartridge is not the one that the center put there.`);
    at += length;
  }
  return adverts.map(({ advert }) => advert);
}

async function read(session: DeviceSession, offset: number): Promise<Uint8Array> {
  const place = new Uint8Array(4);
  put32(place, 0, offset);
  const { sw, data } = await session.transfer(0x80, INS_READ_ADVERTS, 0, place);
  if (sw !== SW_OK) throw new DeviceError(sw, data, "The reader does not read the adverts");
  return data;
}

/** A directory as `core/protocol/adverts.ts` lays it out. */
function decode(directory: Uint8Array): { adverts: { advert: ShownAdvert; length: number; sha256: string }[]; total: number } {
  const hex = (from: number, length: number): string => Buffer.from(directory.subarray(from, from + length)).toString("hex");
  const areas: { id: string; area: ShownAdvert["areas"][number] }[] = [];
  const adverts: { advert: ShownAdvert; length: number; sha256: string }[] = [];
  let at = DIRECTORY_HEAD;
  for (let index = 0; index < directory[1]; index++) {
    const [left, top, right, bottom] = directory.subarray(at + 9, at + 13);
    const address = Buffer.from(directory.subarray(at + 13, at + 1 + directory[at])).toString("latin1");
    areas.push({ id: hex(at + 1, 8), area: { left, top, right, bottom, address } });
    at += 1 + directory[at];
  }
  for (; at + PICTURE_ENTRY <= directory.length; at += PICTURE_ENTRY) {
    const id = hex(at, 8);
    const own = areas.filter((one) => one.id === id).map(({ area }) => area);
    adverts.push({
      advert: { id, mediaType: TYPES[directory[at + 8]] ?? "", picture: none, areas: own },
      length: get32(directory, at + 9),
      sha256: hex(at + 13, 32),
    });
  }
  return { adverts, total: adverts.reduce((sum, { length }) => sum + length, 0) };
}
