import { expectBytes, expectLength, expectMember } from "../check.js";
import { HEADER_LENGTH, headerFits, headerSuite } from "./header.js";
import type { Stream, Suite } from "./stream.js";
import {
  createStream,
  expectSuite,
  expectSuites,
  sealedLength,
  streamOpenChunk,
  streamSealChunk,
  streamStart,
  streamWipe,
} from "./stream.js";

/** A content that passes through in order, in pieces of any length: sealed or opened, in memory for one chunk each way. */
export interface Flow {
  readonly stream: Stream;
  sealing: boolean;
  /** Input waiting until it is known whether it is the last chunk. */
  readonly input: Uint8Array;
  used: number;
  /** Input bytes of a whole chunk; 0 when the flow is not running. */
  whole: number;
  index: number;
  /** Output waiting to be read, from `from` to `to`. */
  readonly output: Uint8Array;
  from: number;
  to: number;
}

/**
 * @param suites - those it shall know
 * @param chunkSize - largest plaintext chunk it shall take; 1 to 65,535
 */
export function createFlow(suites: Suite[], chunkSize: number): Flow {
  return {
    stream: createStream(suites, chunkSize),
    sealing: false,
    input: new Uint8Array(chunkSize + 32),
    used: 0,
    whole: 0,
    index: 0,
    output: new Uint8Array(chunkSize + 32),
    from: 0,
    to: 0,
  };
}

function expectFlow(flow: Flow): void {
  expectMember("flow", flow, "sealing", "one that createFlow has made");
}

/** Ends a flow, finished or not, and wipes what it held. */
export function flowWipe(flow: Flow): void {
  expectFlow(flow);
  streamWipe(flow.stream);
  flow.input.fill(0);
  flow.output.fill(0);
  flow.used = flow.whole = flow.index = flow.from = flow.to = 0;
}

/** Begins; the header is not part of what flows. False as `streamStart`. */
export function flowStart(flow: Flow, sealing: boolean, header: Uint8Array, titleKey: Uint8Array): boolean {
  flowWipe(flow);
  if (!streamStart(flow.stream, header, titleKey)) return false;
  flow.sealing = sealing;
  flow.whole = sealing ? flow.stream.chunkSize : flow.stream.sealedChunk;
  return true;
}

/** Turns the waiting input into output. False, and all wiped, when it is not genuine. */
function turn(flow: Flow, last: boolean): boolean {
  const input = flow.used === flow.input.length ? flow.input : flow.input.subarray(0, flow.used);
  const length = flow.sealing
    ? streamSealChunk(flow.stream, flow.index, last, input, flow.output)
    : streamOpenChunk(flow.stream, flow.index, last, input, flow.output);
  if (length < 0) {
    flowWipe(flow);
    return false;
  }
  flow.index++;
  flow.used = flow.from = 0;
  flow.to = length;
  return true;
}

/**
 * Takes input.
 *
 * @returns how many bytes were taken; less than all while output waits to be read; -1 when the content is not genuine or nothing runs
 */
export function flowWrite(flow: Flow, bytes: Uint8Array): number {
  expectFlow(flow);
  expectBytes("bytes", bytes);
  let taken = 0;
  let count = 0;
  if (!flow.whole) return -1;
  while (taken < bytes.length) {
    if (flow.used === flow.whole) {
      if (flow.from < flow.to) return taken;
      if (!turn(flow, false)) return -1;
    }
    count = Math.min(flow.whole - flow.used, bytes.length - taken);
    flow.input.set(bytes.subarray(taken, taken + count), flow.used);
    flow.used += count;
    taken += count;
  }
  return taken;
}

/** Says that the input is complete. False when output still waits (read it and call again) or the content is not genuine (then nothing does). */
export function flowEnd(flow: Flow): boolean {
  expectFlow(flow);
  if (!flow.whole || flow.from < flow.to || !turn(flow, true)) return false;
  flow.whole = 0;
  return true;
}

/** Moves output to `out` as far as it has room; answers the count. */
export function flowRead(flow: Flow, out: Uint8Array): number {
  expectFlow(flow);
  expectBytes("out", out);
  const count = Math.min(out.length, flow.to - flow.from);
  out.set(flow.output.subarray(flow.from, flow.from + count));
  flow.from += count;
  return count;
}

/** All of `bytes` through a flow, in one call; undefined when not genuine. */
function pass(flow: Flow, bytes: Uint8Array, length: number): Uint8Array | undefined {
  const out = new Uint8Array(length);
  let at = 0;
  let from = 0;
  let taken = 0;
  while (from < bytes.length) {
    taken = flowWrite(flow, bytes.subarray(from));
    if (taken < 0) return undefined;
    from += taken;
    at += flowRead(flow, out.subarray(at));
  }
  at += flowRead(flow, out.subarray(at));
  if (!flowEnd(flow)) return undefined;
  at += flowRead(flow, out.subarray(at));
  flowWipe(flow);
  return out.subarray(0, at);
}

/** Header and sealed chunks of a whole content. Throws when the header is not one of this suite. */
export function sealContent(suite: Suite, header: Uint8Array, titleKey: Uint8Array, plain: Uint8Array): Uint8Array {
  expectSuite("suite", suite);
  expectLength("header", header, HEADER_LENGTH);
  expectLength("titleKey", titleKey, 32);
  expectBytes("plain", plain);
  if (!headerFits(header)) throw new Error("header: expected one that headerEncode has written, got other bytes");
  if (headerSuite(header) !== suite.id) throw new Error("header: expected one of suite " + suite.id + ", got suite " + headerSuite(header));
  const chunkSize = (header[6] << 8) | header[7];
  const flow = createFlow([suite], chunkSize);
  const out = new Uint8Array(HEADER_LENGTH + sealedLength(plain.length, chunkSize, suite));
  flowStart(flow, true, header, titleKey);
  out.set(header);
  out.set(pass(flow, plain, out.length - HEADER_LENGTH) as Uint8Array, HEADER_LENGTH);
  return out;
}

/** The plaintext of what `sealContent` wrote, or undefined when any of it is not genuine. */
export function openContent(suites: Suite[], titleKey: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  expectSuites(suites);
  expectLength("titleKey", titleKey, 32);
  expectBytes("sealed", sealed);
  if (!headerFits(sealed.subarray(0, HEADER_LENGTH))) return undefined;
  const flow = createFlow(suites, (sealed[6] << 8) | sealed[7]);
  if (!flowStart(flow, false, sealed.subarray(0, HEADER_LENGTH), titleKey)) return undefined;
  return pass(flow, sealed.subarray(HEADER_LENGTH), sealed.length);
}
