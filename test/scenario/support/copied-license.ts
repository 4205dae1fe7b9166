import { crc32 } from "node:zlib";
import { SLOT_LICENSE } from "../../../src/core/device/identity.js";
import { CUSTODY_CARD, INS_GET_DATA, ROLE_CARD, TAG_LICENSE } from "../../../src/core/protocol/constants.js";
import { LICENSE_RECORD } from "../../../src/core/protocol/license.js";
import { derive, hmac, join, u32 } from "../../model/outside/keys.js";
import type { Stage } from "./stage.js";

/** The region of a card's journal that is in use, as docs/format.md describes it: where it begins and ends, and its last sequence number. */
function journalIn(cells: Uint8Array): { begin: number; end: number; sequence: number } {
  const bytes = Buffer.from(cells.buffer, cells.byteOffset, cells.length);
  const mark = Buffer.from([0x4c, 0x4a, 0, 1]);
  for (let begin = bytes.indexOf(mark); begin >= 0; begin = bytes.indexOf(mark, begin + 1)) {
    if (crc32(bytes.subarray(begin, begin + 12)) !== bytes.readUInt32BE(begin + 12)) continue;
    let [end, sequence] = [begin + 16, 0];
    while (bytes.readUInt32BE(end) !== 0xffffffff) {
      sequence = Math.max(sequence, bytes.readUInt32BE(end));
      end += Math.ceil((20 + bytes.readUInt16BE(end + 6)) / 16) * 16;
    }
    return { begin, end, sequence };
  }
  throw new Error("there is no journal");
}

/** A card's license is written into the flash of another card, with all that this card's own key can make; true when that takes it for a license. */
export async function copyLicense(stage: Stage): Promise<boolean> {
  await stage.rent(stage.sample(500), { custody: CUSTODY_CARD });
  stage.takeOut();
  const { cells } = stage.card.flash;
  const full = journalIn(cells);
  const used = Buffer.from(cells.slice(full.begin, full.end));
  const head = used.lastIndexOf(Buffer.from([SLOT_LICENSE, 0, LICENSE_RECORD >> 8, LICENSE_RECORD & 255]));
  const record = used.subarray(head + 4, head + 4 + LICENSE_RECORD);
  // The same board, blank again, becomes another card.
  cells.fill(255, full.begin, full.end);
  await stage.toKiosk();
  const { id, generation } = await stage.enrollDevice("card", ROLE_CARD);
  stage.takeOut();
  const { end, sequence } = journalIn(cells);
  const value = join(u32(sequence + 1), [SLOT_LICENSE, 0, LICENSE_RECORD >> 8, LICENSE_RECORD & 255], record);
  const sealed = join(value, hmac(derive(stage.keys.deviceKey(ROLE_CARD, id, generation), 6), value).slice(0, 8));
  cells.set(join(sealed, u32(crc32(sealed))), end);
  await stage.toKiosk();
  const session = stage.session("card");
  await session.authenticate(ROLE_CARD);
  return (await session.transfer(0x00, INS_GET_DATA, TAG_LICENSE, new Uint8Array(0))).sw === 0x9000;
}
