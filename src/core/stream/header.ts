import { equal, get16, isZero, put16 } from "../bytes.js";
import { expectBytes, expectLength, expectObject, expectWhole } from "../check.js";

/** Bytes of the fixed header: magic, version, suite, chunk size, content id, title key version, salt, reserved. */
export const HEADER_LENGTH = 48;
export const HEADER_SUITE = 5;
export const HEADER_CHUNK_SIZE = 6;
export const HEADER_CONTENT = 8;
export const HEADER_KEY_VERSION = 24;
export const HEADER_SALT = 26;
const HEADER_RESERVED = 42;
const FORMAT_VERSION = 1;

/** Magic "LEYD" and the format version. */
const start = new Uint8Array([76, 69, 89, 68, FORMAT_VERSION]);

export interface StreamHeader {
  /** 1 or 2. */
  suite: number;
  /** Bytes of plaintext in every chunk but the last; 1 to 65,535. */
  chunkSize: number;
  /** 16 bytes. */
  contentId: Uint8Array;
  /** 0 to 65,535. */
  titleKeyVersion: number;
  /** 16 bytes, random: two streams under one title key never share their keys. */
  salt: Uint8Array;
}

/** Writes the 48 bytes. */
export function headerEncode(out: Uint8Array, header: StreamHeader): void {
  expectLength("out", out, HEADER_LENGTH);
  expectObject("header", header);
  expectWhole("suite", header.suite, 1, 2);
  expectWhole("chunkSize", header.chunkSize, 1, 65535);
  expectWhole("titleKeyVersion", header.titleKeyVersion, 0, 65535);
  expectLength("contentId", header.contentId, 16);
  expectLength("salt", header.salt, 16);
  out.fill(0);
  out.set(start);
  out[HEADER_SUITE] = header.suite;
  put16(out, HEADER_CHUNK_SIZE, header.chunkSize);
  out.set(header.contentId, HEADER_CONTENT);
  put16(out, HEADER_KEY_VERSION, header.titleKeyVersion);
  out.set(header.salt, HEADER_SALT);
}

/** True when the bytes are a header of this version: length, magic, version, a chunk size, reserved bytes zero. */
export function headerFits(bytes: Uint8Array): boolean {
  expectBytes("bytes", bytes);
  return (
    bytes.length === HEADER_LENGTH &&
    get16(bytes, HEADER_CHUNK_SIZE) > 0 &&
    equal(bytes.subarray(0, HEADER_SUITE), start) &&
    isZero(bytes.subarray(HEADER_RESERVED))
  );
}

export function headerSuite(bytes: Uint8Array): number {
  expectLength("bytes", bytes, HEADER_LENGTH);
  return bytes[HEADER_SUITE];
}

export function headerChunkSize(bytes: Uint8Array): number {
  expectLength("bytes", bytes, HEADER_LENGTH);
  return get16(bytes, HEADER_CHUNK_SIZE);
}

/** A view of 16 bytes. */
export function headerContentId(bytes: Uint8Array): Uint8Array {
  expectLength("bytes", bytes, HEADER_LENGTH);
  return bytes.subarray(HEADER_CONTENT, HEADER_KEY_VERSION);
}

export function headerTitleKeyVersion(bytes: Uint8Array): number {
  expectLength("bytes", bytes, HEADER_LENGTH);
  return get16(bytes, HEADER_KEY_VERSION);
}
