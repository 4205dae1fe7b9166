import { get16, put32 } from "../bytes.js";
import { expectApart, expectBetween, expectBytes, expectIndex, expectLength, expectMember, expectRoom, expectWhole } from "../check.js";
import { hkdf } from "../hash/hkdf.js";
import { sha256 } from "../hash/sha256.js";
import { natives } from "../natives.js";
import { HEADER_CHUNK_SIZE, HEADER_SUITE, headerFits } from "./header.js";

/** One way to seal chunks; a bundle carries only the suites it names. `out` may be the other argument, or overlap it from the same byte on. */
export interface Suite {
  /** As in the header, and as a digit in the key derivation. */
  readonly id: number;
  /** Bytes of the shortest sealed chunk, and the bits that the length of none has. */
  readonly least: number;
  readonly partial: number;
  /** Length of a sealed chunk of `length` bytes. */
  sealedChunk(length: number): number;
  /** Turns the 48 derived bytes in `stream.keys` into what the suite works with. */
  prepare(stream: Stream): void;
  /** Seals at the place that is set in `stream`. */
  seal(stream: Stream, plain: Uint8Array, out: Uint8Array): void;
  /** Answers the plain length, or -1 with nothing decrypted. */
  open(stream: Stream, sealed: Uint8Array, out: Uint8Array): number;
}

/** Keys and work space for one stream at a time; made once. */
export interface Stream {
  readonly suites: Suite[];
  suite: Suite;
  /** Bytes of plaintext in every chunk but the last; 0 while no stream is begun. */
  chunkSize: number;
  /** Where suite 1 works on whole words, and suite 2 pads. */
  readonly buffer: Uint8Array;
  /** The same bytes as 32-bit words. */
  readonly words: Int32Array;
  /** Views of a whole plain chunk, and of 1 to 16 bytes more: what suite 2 encrypts for it. */
  plain: Uint8Array;
  padded: Uint8Array;
  /** The former as 32-bit words. */
  plainWords: Int32Array;
  /** Chunks that have been opened, or not: memory is put in order before every 16th. */
  opened: number;
  /** Bytes of a whole sealed chunk. */
  sealedChunk: number;
  /** Header hash (32), u64 chunk index, last flag: what every chunk is bound to. */
  readonly place: Uint8Array;
  /** u64 chunk index, last flag, and 7 zeros to a block. */
  readonly index: Uint8Array;
  /** Its first 9 bytes. */
  readonly tail: Uint8Array;
  /** The index without its lower 16 bits, as it is written there. */
  high: number;
  /** 48 derived bytes, then what the suite makes of them. */
  readonly keys: Uint8Array;
  readonly keyWords: Int32Array;
  readonly innerKey: Int32Array;
  /** What suite 2 works with, as views: two keys, and the parts of the two hashes of its MAC. */
  readonly key: Uint8Array;
  readonly ivKey: Uint8Array;
  readonly inner: (Uint8Array | ArrayBuffer)[];
  readonly outer: (Uint8Array | ArrayBuffer)[];
}

const info = new Uint8Array([108, 101, 121, 100, 101, 110, 32, 115, 116, 114, 101, 97, 109, 32, 115, 117, 105, 116, 101, 32, 48]);

export function expectSuite(name: string, suite: Suite): void {
  expectMember(name, suite, "sealedChunk", "a suite, such as suite1");
}

export function expectSuites(suites: Suite[]): void {
  let i = 0;
  expectMember("suites", suites, "0", "an array of one suite or more, such as [suite1]");
  for (i = 0; i < suites.length; i++) expectSuite("suites[" + i + "]", suites[i]);
}

/**
 * @param suites - those it shall be able to open, one at least
 * @param chunkSize - largest plaintext chunk it shall take; 1 to 65,535
 */
export function createStream(suites: Suite[], chunkSize: number): Stream {
  expectSuites(suites);
  expectWhole("chunkSize", chunkSize, 1, 65535);
  // Room for padding, tag and a whole block of keystream.
  const buffer = new Uint8Array((chunkSize & -16) + 96);
  const keys = new Uint8Array(192);
  const keyWords = new Int32Array(keys.buffer);
  const block = new Uint8Array(48);
  const place = block.subarray(0, 41);
  const words = new Int32Array(buffer.buffer);
  // An interpreter looks through the members in this order: first what every chunk needs.
  return {
    chunkSize: 0,
    opened: 0,
    index: block.subarray(32),
    high: 0,
    sealedChunk: 0,
    suite: suites[0],
    inner: [keys.subarray(64, 128), place],
    outer: [keys.subarray(128)],
    padded: buffer,
    plainWords: words,
    key: keys.subarray(16, 32),
    ivKey: keys.subarray(32, 48),
    buffer: buffer,
    words: words,
    plain: buffer,
    tail: block.subarray(32, 41),
    keys: keys,
    keyWords: keyWords,
    innerKey: keyWords.subarray(16, 24),
    place: place,
    suites: suites,
  };
}

function expectStream(stream: Stream): void {
  expectMember("stream", stream, "sealedChunk", "one that createStream has made");
}

/**
 * Derives the keys of a stream.
 *
 * @param header - 48 bytes from anywhere
 * @param titleKey - 32 bytes, secret
 * @returns false when the header is not of this format, names a suite that is not there, or has chunks larger than the buffer
 */
export function streamStart(stream: Stream, header: Uint8Array, titleKey: Uint8Array): boolean {
  let i = 0;
  let suite: Suite | undefined = undefined;
  expectStream(stream);
  expectBytes("header", header);
  expectLength("titleKey", titleKey, 32);
  stream.chunkSize = 0;
  if (!headerFits(header)) return false;
  for (i = 0; i < stream.suites.length; i++) if (stream.suites[i].id === header[HEADER_SUITE]) suite = stream.suites[i];
  i = get16(header, HEADER_CHUNK_SIZE);
  if (!suite || (i & -16) + 96 > stream.buffer.length) return false;
  stream.suite = suite;
  stream.chunkSize = i;
  stream.plain = stream.buffer.subarray(0, i);
  stream.padded = stream.buffer.subarray(0, (i & -16) + 16);
  stream.plainWords = stream.words.subarray(0, i >> 2);
  stream.sealedChunk = suite.sealedChunk(i);
  sha256(stream.place.subarray(0, 32), [header]);
  info[20] = 48 + suite.id;
  hkdf(stream.keys.subarray(0, 48), stream.place.subarray(0, 32), titleKey, info);
  suite.prepare(stream);
  return true;
}

/** Wipes keys and buffer. */
export function streamWipe(stream: Stream): void {
  expectStream(stream);
  stream.keys.fill(0);
  stream.buffer.fill(0);
  stream.place.fill(0);
  stream.chunkSize = stream.high = 0;
}

function expectBegun(stream: Stream): void {
  expectStream(stream);
  if (!stream.chunkSize) throw new Error("stream: expected one that streamStart has begun");
}

/** The upper bytes of the index, which seldom change. */
function putHigh(stream: Stream, index: number): void {
  stream.high = Math.floor(index / 65536);
  put32(stream.index, 0, index / 4294967296);
  put32(stream.index, 4, index);
}

function locate(stream: Stream, index: number, last: boolean): void {
  const at = stream.index;
  if (index > 65535 || stream.high) putHigh(stream, index);
  at[6] = index >>> 8;
  at[7] = index;
  at[8] = last ? 1 : 0;
}

/**
 * Seals one chunk. Every chunk but the last is exactly the chunk size; the last one is empty only when it is the only one.
 *
 * @param plain - at most a chunk
 * @param out - room for the sealed chunk; may be `plain`
 * @returns the sealed length
 */
export function streamSealChunk(stream: Stream, index: number, last: boolean, plain: Uint8Array, out: Uint8Array): number {
  expectBegun(stream);
  expectBytes("plain", plain);
  const length = plain.length;
  const sealed = stream.suite.sealedChunk(length);
  expectBetween("plain", plain, last ? (index > 0 ? 1 : 0) : stream.chunkSize, stream.chunkSize);
  expectRoom("out", out, sealed);
  expectApart("out", out, "plain", plain);
  expectIndex("index", index);
  locate(stream, index, last);
  stream.suite.seal(stream, plain, out);
  return sealed;
}

/**
 * Opens one chunk, in any order of chunks. Whoever reads in order asks for `last` exactly at the end of the content; whoever has the
 * content's length from a stranger opens the last chunk before any other.
 *
 * @param sealed - any bytes
 * @param out - room for a whole plain chunk; may be `sealed`
 * @returns the plain length, or -1 with `out` as it was when this is not the genuine chunk of this place
 */
export function streamOpenChunk(stream: Stream, index: number, last: boolean, sealed: Uint8Array, out: Uint8Array): number {
  expectBegun(stream);
  expectBytes("sealed", sealed);
  expectRoom("out", out, stream.chunkSize);
  expectApart("out", out, "sealed", sealed);
  expectIndex("index", index);
  const at = stream.index;
  let length = sealed.length;
  if (natives.collect && !(stream.opened++ & 15)) natives.collect();
  // As in `locate`, since a call more would take an interpreter a twentieth of the whole chunk's time.
  if (index > 65535 || stream.high) putHigh(stream, index);
  at[6] = index >>> 8;
  at[7] = index;
  at[8] = last ? 1 : 0;
  if (
    length !== stream.sealedChunk &&
    (!last || length > stream.sealedChunk || length < stream.suite.least || length & stream.suite.partial)
  )
    return -1;
  length = stream.suite.open(stream, sealed, out);
  return length > 0 || index === 0 ? length : -1;
}

/** Chunks of a stream that is begun in `length` bytes of sealed chunks, header not counted; 0 when no content has that length. */
export function streamChunks(stream: Stream, length: number): number {
  expectBegun(stream);
  expectIndex("length", length);
  const count = Math.ceil(length / stream.sealedChunk);
  return count < 1 || length - (count - 1) * stream.sealedChunk < stream.suite.sealedChunk(count > 1 ? 1 : 0) ? 0 : count;
}

/** Bytes of the sealed chunks, header not counted, of a content of `length` bytes; an empty content is one empty chunk. */
export function sealedLength(length: number, chunkSize: number, suite: Suite): number {
  expectIndex("length", length);
  expectWhole("chunkSize", chunkSize, 1, 65535);
  expectSuite("suite", suite);
  const before = Math.max(1, Math.ceil(length / chunkSize)) - 1;
  return before * suite.sealedChunk(chunkSize) + suite.sealedChunk(length - before * chunkSize);
}
