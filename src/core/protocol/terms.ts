/**
 * Terms of a loan: 48 bytes, fixed offsets. The center writes them; they are authenticated in everything that carries them.
 *
 * | offset | bytes | field                                                              |
 * | ------ | ----- | ------------------------------------------------------------------ |
 * | 0      | 1     | version, 1                                                         |
 * | 1      | 1     | custody: 1 cartridge, 2 card, 3 split                              |
 * | 2      | 1     | flags: bit 0 the read program is loaded with the key               |
 * | 3      | 1     | number of readers that may play; 0 any number                      |
 * | 4      | 4     | seconds from the connection to the kiosk until the key is erased   |
 * | 8      | 4     | not before, seconds; 0 none                                        |
 * | 12     | 4     | not after, seconds; 0 none                                         |
 * | 16     | 2     | plays; 0 any number                                                |
 * | 18     | 2     | tolerance of the cartridge's clock, parts per million              |
 * | 20     | 4     | first-use window: seconds from the first play on; 0 none           |
 * | 24     | 4     | total playing time, seconds; 0 any                                 |
 * | 28     | 4     | price, minor units of the operator's currency                      |
 * | 32     | 8     | the one reader that may play; zeros for any                        |
 * | 40     | 8     | id of the kiosk that made the loan                                 |
 */
export const TERMS_LENGTH = 48;
export const TERMS_CUSTODY = 1;
export const TERMS_FLAGS = 2;
export const TERMS_READERS = 3;
export const TERMS_DURATION = 4;
export const TERMS_NOT_BEFORE = 8;
export const TERMS_NOT_AFTER = 12;
export const TERMS_PLAYS = 16;
export const TERMS_TOLERANCE = 18;
export const TERMS_WINDOW = 20;
export const TERMS_TOTAL = 24;
export const TERMS_PRICE = 28;
export const TERMS_READER = 32;
export const TERMS_KIOSK = 40;

/** Flag: without the read program in key memory the cartridge cannot put its blocks in order. */
export const FLAG_READ_PROGRAM = 1;
