/**
 * Recommendations as a cartridge keeps them: up to four notes of at most 240 bytes.
 *
 * | offset | bytes  | field                                                       |
 * | ------ | ------ | ----------------------------------------------------------- |
 * | 0      | 1      | version, 1                                                  |
 * | 1      | 1      | number of contents in this note, at most 14                 |
 * | 2      | 2      | zero                                                        |
 * | 4      | 4      | made, seconds                                               |
 * | 8      | 16 × n | content ids, the best first; a later note continues         |
 */
const HEAD = 8;
const PER_NOTE = 14;
const NOTES = 4;

/** Contents that fit on a cartridge. */
export const RECOMMENDATIONS_MAX = PER_NOTE * NOTES;

/** Notes for the cartridge, four always, so that nothing of an earlier list stays behind. */
export function writeRecommendations(contentIds: string[], made: number): Uint8Array[] {
  return Array.from({ length: NOTES }, (_, note) => {
    const ids = contentIds.slice(note * PER_NOTE, (note + 1) * PER_NOTE);
    const bytes = new Uint8Array(HEAD + 16 * ids.length);
    bytes[0] = 1;
    bytes[1] = ids.length;
    new DataView(bytes.buffer).setUint32(4, made);
    ids.forEach((id, index) => {
      bytes.set(Buffer.from(id, "hex"), HEAD + 16 * index);
    });
    return bytes;
  });
}

/** Content ids from notes, in order, each once; a note that is not of this form is passed over. */
export function readRecommendations(notes: Uint8Array[]): string[] {
  const ids = new Set<string>();
  for (const note of notes) {
    if (note.length < HEAD || note[0] !== 1 || note.length !== HEAD + 16 * note[1]) continue;
    for (let index = 0; index < note[1]; index++)
      ids.add(Buffer.from(note.subarray(HEAD + 16 * index, HEAD + 16 * index + 16)).toString("hex"));
  }
  return [...ids];
}
