import { createReadStream, createWriteStream, closeSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { get16, get32, put16, put32 } from "../core/bytes.js";
import { COPY_CONTENT, COPY_USE, copyLicenseLength } from "../core/protocol/copy-certificate.js";
import { INS_READ_CHUNKS, INS_RECORD, ROLE_CARTRIDGE } from "../core/protocol/constants.js";
import { SW_CONDITIONS, SW_DATA, SW_OK, SW_SECURITY } from "../core/link/apdu.js";
import { BULK_CONTENT } from "../core/link/bulk.js";
import { HEADER_CONTENT, HEADER_KEY_VERSION, HEADER_LENGTH, HEADER_SUITE, headerFits } from "../core/stream/header.js";
import { TREE_SLICE_MAX } from "../core/tree/tree.js";
import { DeviceError, DeviceSession } from "./session.js";
import type { Transport } from "./transport.js";

/** What describes a content that a terminal keeps, beside its sealed bytes. */
export interface KeptContent {
  contentId: string;
  version: number;
  suite: number;
  header: string;
  length: number;
  sha256: string;
  sampleRate: number;
}

/** What travels from one client to another with the sealed bytes: the copy certificate, and the destination's part of the enabling block. */
export interface Parcel {
  content: KeptContent;
  useId: string;
  certificate: string;
  slice: string;
}

/** A parcel that is somewhere: what it says, and its sealed bytes from any place on. */
export interface Carried {
  parcel: Parcel;
  bytes(from: number): AsyncIterable<Uint8Array>;
}

/** What should be a parcel is none, or the cartridge does not take or have one; says what to do. */
export class ParcelError extends Error {}

/** "LYPC" | version 1 | zero 1 | length of the slice 2 | stream header 48 | sealed length 4 | sample rate 4 | SHA-256 of the sealed bytes 32 | certificate 316; then slice and sealed bytes. */
const HEADER = 8;
const LENGTH = HEADER + HEADER_LENGTH;
const RATE = LENGTH + 4;
const SHA256 = RATE + 4;
const CERTIFICATE = SHA256 + 32;
const SLICE = CERTIFICATE + 316;
const MAGIC = Uint8Array.of(0x4c, 0x59, 0x50, 0x43, 1, 0);
/** Frames in one READ CHUNKS: about a quarter of a megabyte. */
const FRAMES = 512;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Everything of a parcel that goes before its sealed bytes. */
export function encodeParcel({ content, certificate, slice }: Parcel): Uint8Array {
  const tail = Buffer.from(slice, "hex");
  const out = new Uint8Array(SLICE + tail.length);
  out.set(MAGIC);
  put16(out, 6, tail.length);
  out.set(Buffer.from(content.header, "hex"), HEADER);
  put32(out, LENGTH, content.length);
  put32(out, RATE, content.sampleRate);
  out.set(Buffer.from(content.sha256, "hex"), SHA256);
  out.set(Buffer.from(certificate, "hex"), CERTIFICATE);
  out.set(tail, SLICE);
  return out;
}

/**
 * Reads what `encodeParcel` wrote.
 *
 * @param bytes - at least the head and the slice
 * @returns the parcel, and where its sealed bytes begin; null when it is no parcel
 */
export function decodeParcel(bytes: Uint8Array): { parcel: Parcel; start: number } | null {
  if (bytes.length < SLICE || !MAGIC.every((byte, i) => bytes[i] === byte)) return null;
  const header = bytes.subarray(HEADER, LENGTH);
  const certificate = bytes.subarray(CERTIFICATE, SLICE);
  const start = SLICE + get16(bytes, 6);
  const contentId = hex(header.subarray(HEADER_CONTENT, HEADER_KEY_VERSION));
  const fits = headerFits(header) && copyLicenseLength(certificate) > 0 && start <= bytes.length && get16(bytes, 6) <= TREE_SLICE_MAX;
  if (!fits || hex(certificate.subarray(COPY_CONTENT, COPY_USE)) !== contentId) return null;
  const content: KeptContent = {
    contentId,
    version: get16(header, HEADER_KEY_VERSION),
    suite: header[HEADER_SUITE],
    header: hex(header),
    length: get32(bytes, LENGTH),
    sha256: hex(bytes.subarray(SHA256, CERTIFICATE)),
    sampleRate: get32(bytes, RATE),
  };
  const useId = hex(certificate.subarray(COPY_USE, COPY_USE + 16));
  return { parcel: { content, useId, certificate: hex(certificate), slice: hex(bytes.subarray(SLICE, start)) }, start };
}

/** Writes a parcel with its sealed bytes to a file, in place of what was there only when it is complete. */
export async function writeParcelFile(file: string, parcel: Parcel, sealed: string): Promise<void> {
  const part = `${file}.part`;
  const pieces = async function* (): AsyncGenerator<Uint8Array> {
    yield encodeParcel(parcel);
    yield* createReadStream(sealed) as AsyncIterable<Uint8Array>;
  };
  try {
    await pipeline(pieces, createWriteStream(part, { flush: true }));
    renameSync(part, file);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
}

/** @throws ParcelError when the file is no whole parcel */
export function openParcelFile(file: string): Carried {
  const head = new Uint8Array(SLICE + TREE_SLICE_MAX);
  const descriptor = openSync(file, "r");
  const read = decodeParcel(head.subarray(0, readSync(descriptor, head)));
  closeSync(descriptor);
  if (read === null || statSync(file).size !== read.start + read.parcel.content.length)
    throw new ParcelError(`${file} is no parcel that leyden move wrote, or not all of it; name one.`);
  return { parcel: read.parcel, bytes: (from) => createReadStream(file, { start: read.start + from }) as AsyncIterable<Uint8Array> };
}

/** A cartridge that carries a parcel: one that holds no loan. It needs no session, since all that is on it is sealed or signed. */
export class ParcelCartridge {
  private readonly session: DeviceSession;

  constructor(private readonly transport: Transport) {
    this.session = new DeviceSession(transport);
  }

  /**
   * Makes sure that a content can go onto this cartridge, before its license leaves the source.
   *
   * @param sealedLength - bytes of the sealed content
   * @throws ParcelError when the cartridge is on loan, has no room, or is no cartridge
   */
  async check(sealedLength: number): Promise<void> {
    const { role, capacity, board } = await this.session.info();
    if (role !== ROLE_CARTRIDGE) throw new ParcelError("There is no cartridge at this address; name a cartridge's.");
    if (sealedLength + SLICE + TREE_SLICE_MAX > capacity)
      throw new ParcelError(
        `The cartridge on ${board} holds ${String(capacity)} bytes, too few for this content of ${String(sealedLength)}; take another.`,
      );
    // A command without data: refused for its length where a parcel would be taken.
    const { sw } = await this.session.transfer(0x80, INS_RECORD, 0, new Uint8Array(0));
    if (sw === SW_SECURITY) throw new ParcelError("The cartridge is out on loan; return it first, or take another.");
  }

  /** Records the parcel with its sealed bytes, in place of what was there. @throws ParcelError as `check` */
  async write(parcel: Parcel, sealed: string): Promise<void> {
    const head = encodeParcel(parcel);
    const length = head.length + parcel.content.length;
    const data = new Uint8Array(HEADER_LENGTH + 8);
    data.set(Buffer.from(parcel.content.header, "hex"));
    put32(data, HEADER_LENGTH, length);
    await this.check(parcel.content.length);
    await this.session.command(0x80, INS_RECORD, 0, data, "The cartridge did not begin to record");
    const file = openSync(sealed, "r");
    try {
      await this.transport.bulkSend(Math.ceil(length / BULK_CONTENT), (index) => {
        const from = index * BULK_CONTENT;
        const frame = new Uint8Array(Math.min(BULK_CONTENT, length - from));
        frame.set(head.subarray(from, from + frame.length));
        const ours = Math.max(0, head.length - from);
        if (ours < frame.length) readSync(file, frame, ours, frame.length - ours, from + ours - head.length);
        return frame;
      });
    } finally {
      closeSync(file);
    }
  }

  /** @throws ParcelError when there is no parcel on it */
  async read(): Promise<Carried> {
    const head = await this.piece(0, Math.ceil((SLICE + TREE_SLICE_MAX) / BULK_CONTENT));
    const read = head && decodeParcel(head);
    if (read === null) throw new ParcelError("There is no parcel on this cartridge; have leyden move write one.");
    const { parcel, start } = read;
    const pieces = async function* (this: ParcelCartridge, from: number): AsyncGenerator<Uint8Array> {
      const end = start + parcel.content.length;
      for (let at = start + from; at < end;) {
        const piece = await this.piece(at, Math.min(FRAMES, Math.ceil((end - at) / BULK_CONTENT)));
        if (piece === null || piece.length === 0)
          throw new ParcelError("The parcel on this cartridge is not whole; have it written again.");
        yield piece.subarray(0, end - at);
        at += piece.length;
      }
    };
    return { parcel, bytes: (from) => pieces.call(this, from) };
  }

  /** Up to `frames` frames of what is recorded, from `offset` on; null where nothing is recorded there that may be read. */
  private async piece(offset: number, frames: number): Promise<Uint8Array | null> {
    for (let count = frames; count > 0; count--) {
      const data = new Uint8Array(10);
      put32(data, 0, offset);
      put16(data, 4, BULK_CONTENT);
      put32(data, 6, count);
      const { sw, data: said } = await this.session.transfer(0x80, INS_READ_CHUNKS, 0, data);
      // What is recorded is shorter than that.
      if (sw === SW_DATA) continue;
      if (sw === SW_CONDITIONS || sw === SW_SECURITY) return null;
      if (sw !== SW_OK) throw new DeviceError(sw, said, "The cartridge does not tell what is recorded");
      const pieces: Uint8Array[] = [];
      await this.transport.bulkReceive((_index, content) => pieces.push(content.slice()));
      return new Uint8Array(Buffer.concat(pieces));
    }
    return null;
  }
}
