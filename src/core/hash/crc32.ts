import { expectBytes } from "../check.js";
import { natives } from "../natives.js";

/** CRC-32, interpreted, four bits at a time. */
export function createCrc32(): (bytes: Uint8Array) => number {
  const table = new Int32Array(16);
  let sum = 0;
  let i = 0;
  let j = 0;
  for (i = 0; i < 16; i++) {
    sum = i;
    for (j = 0; j < 4; j++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    table[i] = sum;
  }
  return function (bytes) {
    const length = bytes.length;
    sum = -1;
    for (i = 0; i < length; i++) {
      sum ^= bytes[i];
      sum = table[sum & 15] ^ (sum >>> 4);
      sum = table[sum & 15] ^ (sum >>> 4);
    }
    return ~sum >>> 0;
  };
}

let own: ((bytes: Uint8Array) => number) | null = null;

/** CRC-32 of IEEE 802.3 (reflected, polynomial 0x04C11DB7) as an unsigned number. */
export function crc32(bytes: Uint8Array): number {
  expectBytes("bytes", bytes);
  if (natives.crc32) return natives.crc32(bytes);
  if (!own) own = createCrc32();
  return own(bytes);
}
