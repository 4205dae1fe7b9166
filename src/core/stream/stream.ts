import { put32 } from "../bytes.js";
import { expectLength } from "../check.js";
import { hkdf } from "../hash/hkdf.js";
import { sha256 } from "../hash/sha256.js";
import { headerChunkSize, headerFits, headerSuite } from "./header.js";

/**
 * One way to seal chunks. A bundle that names one suite carries only that one. Both work in place in `stream.buffer`, whose sealed or
 * plain bytes always begin at 0.
 */
export interface Suite {
  /** As in the header's byte 5, and as a digit in the key derivation. */
  readonly id: number;
  /** Length of a sealed chunk of `length` bytes. */
  sealedChunk(length: number): number;
  /** Turns the 80 derived bytes in `stream.keys` into what the suite works with. */
  prepare(stream: Stream): void;
  /** Answers the sealed length. */
  seal(stream: Stream, length: number): number;
  /** Answers the plain length, or -1 with the buffer as it was. */
  open(stream: Stream, length: number): number;
}

/** Keys and work space of one stream; made once and used for one stream after another. */
export interface Stream {
  suite: Suite | undefined;
  /** Bytes of plaintext in every chunk but the last. */
  chunkSize: number;
  /** Where a chunk is put to be sealed or opened, and where the result is. */
  readonly buffer: Uint8Array;
  /** The same bytes as 32-bit words. */
  readonly words: Int32Array;
  /** Header hash (32), u64 chunk index, last flag: what every chunk is bound to. */
  readonly place: Uint8Array;
  /** Keys and scratch of the suite. */
  readonly keys: Uint8Array;
  readonly keyWords: Int32Array;
}

const info = new Uint8Array([108, 101, 121, 100, 101, 110, 32, 115, 116, 114, 101, 97, 109, 32, 115, 117, 105, 116, 101, 32, 48]);

/**
 * @param chunkSize - largest plaintext chunk it shall take
 */
export function newStream(chunkSize: number): Stream {
  // Room for padding and tag, rounded up to whole words.
  const buffer = new Uint8Array((chunkSize + 47) & -16);
  const keys = new Uint8Array(192);
  return {
    suite: undefined,
    chunkSize: 0,
    buffer: buffer,
    words: new Int32Array(buffer.buffer),
    place: new Uint8Array(41),
    keys: keys,
    keyWords: new Int32Array(keys.buffer),
  };
}

/**
 * Derives the keys of a stream.
 *
 * @param suites - those to choose from by the header
 * @param titleKey - 32 bytes, secret
 * @param header - 48 bytes from anywhere
 * @returns false when the header is not of this format, names a suite that is not there, or has chunks larger than the buffer
 */
export function streamStart(stream: Stream, suites: Suite[], titleKey: Uint8Array, header: Uint8Array): boolean {
  let i = 0;
  let suite: Suite | undefined = undefined;
  expectLength("titleKey", titleKey, 32);
  stream.suite = suite;
  if (!headerFits(header)) return false;
  for (i = 0; i < suites.length; i++) if (suites[i].id === headerSuite(header)) suite = suites[i];
  i = headerChunkSize(header);
  if (!suite || i + 32 > stream.buffer.length) return false;
  stream.suite = suite;
  stream.chunkSize = i;
  stream.place.fill(0);
  sha256(stream.place.subarray(0, 32), [header]);
  info[20] = 48 + suite.id;
  hkdf(stream.keys.subarray(0, 48), stream.place.subarray(0, 32), titleKey, info);
  suite.prepare(stream);
  return true;
}

/** Wipes keys and buffer. */
export function streamEnd(stream: Stream): void {
  stream.keys.fill(0);
  stream.buffer.fill(0);
  stream.place.fill(0);
  stream.suite = undefined;
}

function begun(stream: Stream, index: number, last: boolean): Suite {
  if (!stream.suite) throw new Error("stream: expected one that streamStart has begun");
  put32(stream.place, 32, Math.floor(index / 4294967296));
  put32(stream.place, 36, index >>> 0);
  stream.place[40] = last ? 1 : 0;
  return stream.suite;
}

/**
 * Seals the first `length` bytes of `stream.buffer` in place. Every chunk but the last is exactly the chunk size; the last one is empty
 * only when it is the only one.
 *
 * @returns the sealed length
 */
export function streamSealChunk(stream: Stream, length: number, index: number, last: boolean): number {
  const suite = begun(stream, index, last);
  if (length > stream.chunkSize || (last ? !length && index > 0 : length !== stream.chunkSize))
    throw new Error("length: expected a chunk of " + stream.chunkSize + " bytes or a shorter last one, got " + length);
  return suite.seal(stream, length);
}

/**
 * Opens the first `length` bytes of `stream.buffer` in place, in any order of chunks. Whoever reads in order must ask for `last` exactly
 * at the end of the content; whoever takes the end from an untrusted length opens the last chunk before any other.
 *
 * @returns the plain length, or -1 with nothing decrypted when the chunk is not the genuine one of this place
 */
export function streamOpenChunk(stream: Stream, length: number, index: number, last: boolean): number {
  const suite = begun(stream, index, last);
  let plain = -1;
  if (length > suite.sealedChunk(stream.chunkSize)) return -1;
  plain = suite.open(stream, length);
  if (plain > stream.chunkSize || (last ? !plain && index > 0 : plain !== stream.chunkSize)) return -1;
  return plain;
}
