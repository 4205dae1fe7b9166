/**
 * A journal of small values in two equal regions of NOR flash. A value is found by type (1 to 254) and index (0 to 255); the newest record of each wins. A change is
 * one appended record, so that after a power cut at any moment the journal holds the value before or the value after. When the region in use is full, the
 * newest records are copied to the other one and read back from there; only then does a header make that the region in use, and only then is the full one
 * erased, and with it all that was superseded.
 *
 * Region: header 16 (mark 2, version 2, generation 4, lowest sequence number of new records 4, CRC-32 4), then records. Record, padded with 0xFF to a multiple
 * of 16: sequence number 4 | type 1 | index 1 | length 2 (0 deletes) | value | first 8 bytes of HMAC-SHA-256 over all before | CRC-32 over all before. The CRC tells
 * torn records, the MAC forged ones. What flash cannot tell by itself is that all of it was copied and put back later.
 */
import { equal, get16, get32, none, put16, put32, scratch } from "./bytes.js";
import { crc32 } from "./hash/crc32.js";
import { hmac } from "./hash/hmac.js";

/** The part of a board's `JournalFlash` that is used here: all of it. */
export interface Flash {
  readonly regionLength: number;
  readonly programUnit: number;
  read(region: number, offset: number, out: Uint8Array): void;
  program(region: number, offset: number, bytes: Uint8Array): void;
  erase(region: number): void;
}

/** Longest value. */
export const JOURNAL_VALUE = 320;
/** Values at a time. */
export const JOURNAL_SLOTS = 48;
/** What `journalGet` answers about a value whose MAC is wrong: somebody wrote to the flash. */
export const JOURNAL_FORGED = -1;
/** This type is checked under a key of zeros, so that it can hold what the journal's key is derived from. */
export const JOURNAL_BOOT = 1;

const HEADER = 16;
const MARK = 0x4c4a0001;
const RECORD = 352;

export interface Journal {
  flash: Flash;
  /** Records begin at multiples of so many bytes. */
  unit: number;
  region: number;
  /** Where the next record goes. */
  end: number;
  /** Its sequence number. */
  next: number;
  /** How often a region was taken into use, and so about as often erased; survives restarts. */
  generation: number;
  /** Erases since the journal was opened. */
  erases: number;
  /** By slot: type * 256 + index, or 0; offset of the record in 16 bytes; 1 when its MAC is known to be right. */
  names: Uint16Array;
  at: Uint16Array;
  known: Uint8Array;
  key: Uint8Array;
  /** One record. */
  record: Uint8Array;
  words: Uint32Array;
}

const digest = scratch(32);

/** Bytes that a record with a value of `length` takes. */
function space(journal: Journal, length: number): number {
  return Math.ceil((length + 20) / journal.unit) * journal.unit;
}

/** True when all of `region` from `offset` on is erased. */
function blank(journal: Journal, region: number, offset: number): boolean {
  let count = 0;
  let i = 0;
  let bits = -1;
  for (; offset < journal.flash.regionLength; offset += RECORD) {
    count = journal.flash.regionLength - offset;
    if (count > RECORD) count = RECORD;
    journal.flash.read(region, offset, journal.record.subarray(0, count));
    for (i = count >> 2; i--;) bits &= journal.words[i];
    if (bits !== -1) return false;
  }
  return true;
}

/** Reads the record at `offset` into `record`; answers the bytes that it takes, or 0 where there is none. */
function load(journal: Journal, region: number, offset: number): number {
  const record = journal.record;
  const room = journal.flash.regionLength - offset;
  let length = 0;
  if (room < 32) return 0;
  journal.flash.read(region, offset, record.subarray(0, 8));
  length = get16(record, 6);
  if (length > JOURNAL_VALUE || space(journal, length) > room) return 0;
  journal.flash.read(region, offset + 8, record.subarray(8, length + 20));
  if (crc32(record.subarray(0, length + 16)) !== get32(record, length + 16)) return 0;
  return space(journal, length);
}

/** Puts the MAC of the record in `record` into `digest`. */
function authenticate(journal: Journal, key: Uint8Array): void {
  const record = journal.record;
  hmac(digest, record[4] === JOURNAL_BOOT ? none : key, [record.subarray(0, 8 + get16(record, 6))]);
}

/** True when the MAC of the record in `record` is right. */
function genuine(journal: Journal): boolean {
  const end = 8 + get16(journal.record, 6);
  authenticate(journal, journal.key);
  return equal(digest.subarray(0, 8), journal.record.subarray(end, end + 8));
}

/**
 * Programs the record in `record` and reads it back; with a `key` it gets its MAC and CRC before. Answers the bytes that it took, or 0 when flash did not
 * take it.
 */
function store(journal: Journal, region: number, offset: number, key: Uint8Array | null): number {
  const record = journal.record;
  const length = 8 + get16(record, 6);
  const size = space(journal, length - 8);
  if (offset + size > journal.flash.regionLength) return 0;
  if (key) {
    authenticate(journal, key);
    record.set(digest.subarray(0, 8), length);
    put32(record, length + 8, crc32(record.subarray(0, length + 8)));
  }
  record.fill(255, length + 12, size);
  journal.flash.program(region, offset, record.subarray(0, size));
  return load(journal, region, offset) === size ? size : 0;
}

/** Begins a new record in `record`. */
function compose(journal: Journal, type: number, index: number, value: Uint8Array): void {
  const record = journal.record;
  put32(record, 0, journal.next++);
  record[4] = type;
  record[5] = index;
  put16(record, 6, value.length);
  record.set(value, 8);
}

/** Notes that the record at `offset` is the newest of its name; one of length 0 ends the name. */
function note(journal: Journal, name: number, offset: number, length: number, known: number): void {
  let slot = journal.names.indexOf(name);
  if (slot < 0) slot = journal.names.indexOf(0);
  if (slot < 0) return;
  journal.names[slot] = length ? name : 0;
  journal.at[slot] = length ? offset >> 4 : 0;
  journal.known[slot] = known;
}

/** Finds the newest records of the region in use. Older sequence numbers behind newer ones are copies that somebody made, and do not count. */
function scan(journal: Journal): void {
  const record = journal.record;
  let size = 0;
  let last = 0;
  let offset = journal.unit;
  journal.names.fill(0);
  journal.at.fill(0);
  while (offset < journal.flash.regionLength) {
    size = load(journal, journal.region, offset);
    if (size) {
      if (get32(record, 0) > last) {
        last = get32(record, 0);
        note(journal, get16(record, 4), offset, get16(record, 6), 0);
      }
      offset += size;
    } else if (blank(journal, journal.region, offset)) break;
    else offset += journal.unit;
  }
  journal.end = offset;
  if (last >= journal.next) journal.next = last + 1;
}

/** True when the header of `region` is right; its generation and sequence number are then in `record`. */
function readHeader(journal: Journal, region: number): boolean {
  const record = journal.record;
  journal.flash.read(region, 0, record.subarray(0, HEADER));
  return get32(record, 0) === MARK && crc32(record.subarray(0, 12)) === get32(record, 12);
}

/** Takes `region` into use. False when flash did not take it. */
function commit(journal: Journal, region: number): boolean {
  const record = journal.record;
  record.fill(255, HEADER, journal.unit);
  put32(record, 0, MARK);
  put32(record, 4, journal.generation + 1);
  put32(record, 8, journal.next);
  put32(record, 12, crc32(record.subarray(0, 12)));
  journal.flash.program(region, 0, record.subarray(0, journal.unit));
  if (!readHeader(journal, region)) return false;
  journal.generation++;
  journal.region = region;
  return true;
}

function erase(journal: Journal, region: number): void {
  journal.flash.erase(region);
  journal.erases++;
}

/**
 * Copies the newest records to the other region. With a `key`, each is checked under the key before and written under this one, and that of name `name` is
 * replaced by `value`. False, with the region in use as it was, when flash does not take it or there is no room.
 */
function move(journal: Journal, key: Uint8Array | null, name: number, value: Uint8Array | null): boolean {
  const from = journal.region;
  const to = 1 - from;
  let offset = journal.unit;
  let target = journal.unit;
  let size = 0;
  let slot = 0;
  if (!blank(journal, to, 0)) erase(journal, to);
  for (; offset < journal.end; offset += size || journal.unit) {
    size = load(journal, from, offset);
    slot = size ? journal.at.indexOf(offset >> 4) : -1;
    // A new key does not make a forged record right: it stays behind.
    if (slot >= 0 && journal.names[slot] !== name && (!key || genuine(journal))) {
      if (!store(journal, to, target, key)) return false;
      target += size;
    }
  }
  if (value) {
    compose(journal, name >> 8, name & 255, value);
    if (!store(journal, to, target, key)) return false;
  }
  if (!commit(journal, to)) {
    // Should the header be readable at the next start after all, it must not hide what is written here until then.
    erase(journal, to);
    return false;
  }
  if (key) journal.key.set(key);
  scan(journal);
  erase(journal, from);
  return true;
}

/**
 * Opens the journal, or lays a new one where there is none. Finishes what a power cut interrupted. Records other than of type `JOURNAL_BOOT` are checked
 * under a key of zeros until `journalKey` sets another.
 */
export function createJournal(flash: Flash): Journal {
  const record = new Uint8Array(RECORD);
  const journal: Journal = {
    flash: flash,
    unit: flash.programUnit > 16 ? flash.programUnit : 16,
    region: -1,
    end: 0,
    next: 1,
    generation: 0,
    erases: 0,
    names: new Uint16Array(JOURNAL_SLOTS),
    at: new Uint16Array(JOURNAL_SLOTS),
    known: new Uint8Array(JOURNAL_SLOTS),
    key: new Uint8Array(32),
    record: record,
    words: new Uint32Array(record.buffer),
  };
  let region = 0;
  for (region = 0; region < 2; region++)
    if (readHeader(journal, region) && get32(record, 4) > journal.generation) {
      journal.region = region;
      journal.generation = get32(record, 4);
      journal.next = get32(record, 8);
    }
  if (journal.region < 0) {
    if (!blank(journal, 0, 0)) erase(journal, 0);
    commit(journal, 0);
    journal.region = 0;
  } else if (readHeader(journal, 1 - journal.region)) erase(journal, 1 - journal.region);
  scan(journal);
  // Where flash did not take the header, records would be lost: the first one is to move on to the other region.
  if (!journal.generation) journal.end = flash.regionLength;
  record.fill(0);
  return journal;
}

/** From now on records are checked, and new ones written, under `key` (32 bytes, copied). Changes nothing in flash. */
export function journalKey(journal: Journal, key: Uint8Array): void {
  journal.key.set(key);
  journal.known.fill(0);
}

/**
 * Sets a value; when this answers true it is durable. False when the value is longer than `JOURNAL_VALUE`, no slot or no room is
 * left, or flash did not take it; the value before stands. An empty value deletes.
 */
export function journalPut(journal: Journal, type: number, index: number, value: Uint8Array): boolean {
  const name = type * 256 + index;
  const length = value.length;
  const size = space(journal, length);
  let tries = 0;
  let stored = 0;
  if (type < 1 || type > 254 || length > JOURNAL_VALUE) return false;
  if (journal.names.indexOf(name) < 0) {
    if (!length) return true;
    if (journal.names.indexOf(0) < 0) return false;
  }
  while (!stored && tries++ < 2) {
    if (journal.end + size > journal.flash.regionLength) {
      if (!move(journal, null, 0, null) || journal.end + size > journal.flash.regionLength) break;
    }
    compose(journal, type, index, value);
    stored = store(journal, journal.region, journal.end, journal.key);
    if (stored) note(journal, name, journal.end, length, 1);
    journal.end += size;
  }
  journal.record.fill(0);
  return stored > 0;
}

/** Deletes a value, durably when this answers true. Bytes of it stay in flash until the region is recycled, see `journalRecycle`. */
export function journalDelete(journal: Journal, type: number, index: number): boolean {
  return journalPut(journal, type, index, none);
}

/**
 * Reads a value: fills as much of `out` as it has bytes.
 *
 * @returns length of the value, which may be more than `out` holds; 0 when there is none; `JOURNAL_FORGED`, with `out` as it was
 */
export function journalGet(journal: Journal, type: number, index: number, out: Uint8Array): number {
  const record = journal.record;
  const slot = journal.names.indexOf(type * 256 + index);
  let length = 0;
  if (slot < 0) return 0;
  if (!load(journal, journal.region, journal.at[slot] * 16)) return JOURNAL_FORGED;
  length = get16(record, 6);
  if (!journal.known[slot] && genuine(journal)) journal.known[slot] = 1;
  if (journal.known[slot]) out.set(record.subarray(8, 8 + (length < out.length ? length : out.length)));
  else length = JOURNAL_FORGED;
  record.fill(0);
  return length;
}

/** The lowest index from `index` on that has a value of this type; -1 when there is none. */
export function journalNext(journal: Journal, type: number, index: number): number {
  let best = 256;
  let found = 0;
  let i = 0;
  for (i = 0; i < JOURNAL_SLOTS; i++) {
    found = journal.names[i] - type * 256;
    if (journal.names[i] && found >= index && found < best) best = found;
  }
  return best < 256 ? best : -1;
}

/** Moves to the other region now, so that nothing superseded or deleted is left in flash. */
export function journalRecycle(journal: Journal): boolean {
  const done = move(journal, null, 0, null);
  journal.record.fill(0);
  return done;
}

/**
 * Sets a value and the journal's key in one step that a power cut does not part: all records are checked under the key before and written under the new
 * one. False leaves both as they were.
 */
export function journalRekey(journal: Journal, key: Uint8Array, type: number, index: number, value: Uint8Array): boolean {
  const done = value.length > 0 && value.length <= JOURNAL_VALUE && move(journal, key, type * 256 + index, value);
  journal.record.fill(0);
  return done;
}
