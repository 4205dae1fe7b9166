/** Everything that is left in devices after a loan, and a thief who has read all of it out and knows this protocol by heart. */
import { createHash } from "node:crypto";
import { IDENTITY_DEVICE_KEY, IDENTITY_LENGTH } from "../../../src/core/device/identity.js";
import { LICENSE_KEY, LICENSE_LENGTH, LICENSE_RECORD, licenseWrappingKey, openLicense } from "../../../src/core/protocol/license.js";
import { ENVELOPE_CONTEXT, envelopeContext, joinShares } from "../../../src/core/protocol/loan.js";
import { adoptNatives } from "../../../src/core/adopt.js";
import { nodeNatives } from "../../../src/host/natives-node.js";
import { open } from "../../../src/core/seal.js";
import { createStream, streamOpenChunk, streamStart } from "../../../src/core/stream/stream.js";
import { CHUNK_SIZE, SUITES } from "../../../src/center/contents.js";
import type { EspruinoBoard } from "../../../sim/espruino.js";
import { storedBundle } from "../../../sim/specimens.js";
import type { Stage, Title } from "./stage.js";

/** What one device still holds: chips, files, and memory where it runs. */
export function flashOf(board: EspruinoBoard): Uint8Array[] {
  const parts: Uint8Array[] = [board.flash.cells.slice()];
  for (const select of Object.keys(board.wiring.nor ?? {})) {
    const chip = board.nor(select);
    if (chip) parts.push(chip.flash.cells.slice());
  }
  for (const name of board.card?.names() ?? []) parts.push(Uint8Array.from(board.card?.content(name) ?? []));
  return parts;
}

export function memoryOf(board: EspruinoBoard): Uint8Array[] {
  return (board.sandbox?.buffers() ?? []).map((buffer) => new Uint8Array(buffer).slice());
}

export function contains(bytes: Uint8Array, wanted: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(Buffer.from(wanted));
}

/** True when `secret` stands anywhere in the device's flash or files. */
export function inFlash(board: EspruinoBoard, secret: Uint8Array): boolean {
  return flashOf(board).some((part) => contains(part, secret));
}

export function inMemory(board: EspruinoBoard, secret: Uint8Array): boolean {
  return board.searchMemory(secret) > 0;
}

/** Certificates of card and cartridge by name; of a title what is public. */
type Enrolled = Pick<Stage, "certificates">;
type Lent = Pick<Title, "sealed"> & { produced: Pick<Title["produced"], "header" | "sealedLength" | "rate"> };

export interface Theft {
  /** How many different strings of 32 bytes were tried as a key. */
  tried: number;
  /** True when the content came out. */
  opened: boolean;
}

/**
 * Tries to open a title's first chunk with everything in `parts`: every 32 bytes in a row as title key, as loan key and as either share of one, with the
 * card's license records opened by every identity record that is found.
 */
export function steal(stage: Enrolled, title: Lent, loanId: Uint8Array, terms: Uint8Array, parts: Uint8Array[]): Theft {
  const cartridgeId = stage.certificates.get("cartridge")?.subarray(4, 12) ?? new Uint8Array(8);
  const { header, sealedLength, rate } = title.produced;
  const context = new Uint8Array(ENVELOPE_CONTEXT);
  envelopeContext(context, hash(header), loanId, cartridgeId, terms, sealedLength, rate);
  adoptNatives(nodeNatives);
  const windows = new Map<string, Uint8Array>();
  for (const part of parts) {
    const texts = publicTexts(part);
    for (let at = 0; at + 32 <= part.length; at++) {
      const window = part.subarray(at, at + 32);
      const text = texts.find(({ start, end }) => start <= at && at + 32 <= end);
      if (text) {
        at = text.end - 32;
        continue;
      }
      // What is in ASCII is text too, which no key is.
      if (window.every((byte) => byte < 127)) continue;
      if (window[0] === window[1] && window.every((byte) => byte === window[0])) continue;
      windows.set(Buffer.from(window).toString("latin1"), window);
    }
  }
  const envelopes = envelopesIn(parts, header);
  const shares = licensesIn(stage, parts);
  const titleKey = new Uint8Array(32);
  const joined = new Uint8Array(32);
  let opened = false;
  const asLoanKey = (key: Uint8Array): void => {
    for (const envelope of envelopes) if (open(titleKey, key, context, envelope) && opens(title, titleKey)) opened = true;
  };
  for (const share of shares) asLoanKey(share);
  for (const window of windows.values()) {
    asLoanKey(window);
    if (opens(title, window)) opened = true;
    for (const share of shares) {
      joinShares(joined, window, share, loanId);
      asLoanKey(joined);
    }
    if (opened) break;
  }
  return { tried: windows.size, opened };
}

const bundles = ["card", "cartridge", "reader"].map((name) => Buffer.from(storedBundle(name), "latin1"));

/** Where in `part` a bundle stands as it was flashed. */
function publicTexts(part: Uint8Array): { start: number; end: number }[] {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
  return bundles.flatMap((bundle) => {
    const start = bytes.indexOf(bundle);
    return start < 0 ? [] : [{ start, end: start + bundle.length }];
  });
}

const stream = createStream(SUITES, CHUNK_SIZE);
const clear = new Uint8Array(CHUNK_SIZE);

function opens(title: Lent, titleKey: Uint8Array): boolean {
  if (!streamStart(stream, title.produced.header, titleKey)) return false;
  const whole = stream.suite.sealedChunk(CHUNK_SIZE);
  return streamOpenChunk(stream, 0, title.sealed.length <= whole, title.sealed.subarray(0, whole), clear) >= 0;
}

/** The 48 bytes after each copy of the stream header. */
function envelopesIn(parts: Uint8Array[], header: Uint8Array): Uint8Array[] {
  const found = new Map<string, Uint8Array>();
  for (const part of parts) {
    const bytes = Buffer.from(part);
    for (let at = bytes.indexOf(Buffer.from(header)); at >= 0; at = bytes.indexOf(Buffer.from(header), at + 1)) {
      const envelope = part.subarray(at + header.length, at + header.length + 48);
      if (envelope.length === 48) found.set(Buffer.from(envelope).toString("latin1"), envelope);
    }
  }
  return [...found.values()];
}

/** Keys in the license records of a card whose identity record is among `parts` too. */
function licensesIn(stage: Enrolled, parts: Uint8Array[]): Uint8Array[] {
  const cardId = stage.certificates.get("card")?.subarray(4, 12) ?? new Uint8Array(8);
  const keys = new Map<string, Uint8Array>();
  const deviceKeys: Uint8Array[] = [];
  const license = new Uint8Array(LICENSE_LENGTH);
  const wrapping = new Uint8Array(32);
  for (const part of parts) {
    const bytes = Buffer.from(part);
    for (let at = bytes.indexOf(Buffer.from(cardId)); at >= 0; at = bytes.indexOf(Buffer.from(cardId), at + 1))
      if (at + IDENTITY_LENGTH <= part.length && part[at + 8] === 1)
        deviceKeys.push(part.subarray(at + IDENTITY_DEVICE_KEY, at + IDENTITY_DEVICE_KEY + 32));
  }
  for (const part of parts)
    for (let at = 0; at + LICENSE_RECORD <= part.length; at++) {
      // A record begins with its version, and versions are small.
      if (part[at] !== 0 || part[at + 1] !== 0 || part[at + 2] !== 0 || part[at + 3] === 0) continue;
      const record = part.subarray(at, at + LICENSE_RECORD);
      const view = new DataView(record.buffer, record.byteOffset, 4);
      for (const key of deviceKeys) {
        licenseWrappingKey(wrapping, key, cardId, record.subarray(4, 20), view.getUint32(0));
        if (openLicense(license, wrapping, record)) keys.set(Buffer.from(license).toString("latin1"), license.slice(LICENSE_KEY));
      }
    }
  return [...keys.values()];
}

function hash(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
