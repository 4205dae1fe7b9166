/** Espruino's Storage as bytes (src/jsflash.h): each file a header of 32-bit length and 28-byte name, then its data, all 4-byte aligned. */

const HEADER = 32;
const NAME = 28;

/** An image of `length` bytes that holds `files`. Throws when they do not fit or a name is longer than 28 bytes. */
export function storageImage(length: number, files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const image = new Uint8Array(length).fill(0xff);
  let at = 0;
  for (const [name, data] of Object.entries(files)) {
    if (name.length > NAME) throw new Error(`Storage takes names of at most ${NAME} bytes, got "${name}"`);
    if (at + HEADER + data.length > length) throw new Error(`Storage of ${length} bytes has no room for "${name}" of ${data.length} bytes`);
    new DataView(image.buffer).setUint32(at, data.length, true);
    image.fill(0, at + 4, at + HEADER);
    image.set(Buffer.from(name, "latin1"), at + 4);
    image.set(data, at + HEADER);
    at = (at + HEADER + data.length + 3) & ~3;
  }
  return image;
}

/** The files in an image, by name. Replaced files (first byte of the name zero) are left out. */
export function storageFiles(image: Uint8Array): Map<string, Uint8Array> {
  const view = new DataView(image.buffer, image.byteOffset, image.length);
  const files = new Map<string, Uint8Array>();
  let at = 0;
  while (at + HEADER <= image.length) {
    const word = view.getUint32(at, true);
    const size = word & 0xffffff;
    if (word === 0xffffffff || size === 0 || at + HEADER + size > image.length) break;
    const name = Buffer.from(image.subarray(at + 4, at + HEADER))
      .toString("latin1")
      .replace(/\0.*$/s, "");
    if (name !== "") files.set(name, image.slice(at + HEADER, at + HEADER + size));
    at = (at + HEADER + size + 3) & ~3;
  }
  return files;
}
