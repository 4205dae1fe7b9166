import { natives } from "../natives.js";

const table = new Int32Array(16);

/** CRC-32 of IEEE 802.3 (reflected, polynomial 0x04C11DB7) as an unsigned number; four bits at a time where not native. */
export function crc32(bytes: Uint8Array): number {
  let sum = -1;
  let i = 0;
  let j = 0;
  if (natives.crc32) return natives.crc32(bytes);
  if (!table[1])
    for (i = 0; i < 16; i++) {
      sum = i;
      for (j = 0; j < 4; j++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
      table[i] = sum;
    }
  sum = -1;
  for (i = 0; i < bytes.length; i++) {
    sum ^= bytes[i];
    sum = table[sum & 15] ^ (sum >>> 4);
    sum = table[sum & 15] ^ (sum >>> 4);
  }
  return ~sum >>> 0;
}
