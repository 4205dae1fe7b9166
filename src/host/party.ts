import { randomBytes } from "node:crypto";
import { expectFunction, expectLength, expectObject, expectOptional, expectWhole } from "../core/check.js";
import type { Party } from "../core/protocol/handshake.js";

export interface PartyOptions {
  id: Uint8Array;
  role: number;
  privateKey: Uint8Array;
  /** Own certificate and its issuer's, 256 bytes. */
  chain: Uint8Array;
  /** Public keys of the roots, 32 or 64 bytes. */
  roots: Uint8Array;
  suites?: number;
  epoch?: number;
  /** Present time in seconds; certificates are judged by it. */
  time: () => number;
  random?: (out: Uint8Array) => void;
  revoked?: (id: Uint8Array) => boolean;
}

interface Pair {
  generation: number;
  secret: Uint8Array;
  previous: Uint8Array;
  peer: Uint8Array;
}

/** Pairs, and certificates that were verified, which are kept; the oldest makes room, and those two then authenticate by certificates again. */
const KEPT = 1000;

/** The party of a machine that has a clock and memory: a kiosk, or the center itself. Pairs live as long as the process. */
export class HostParty implements Party {
  readonly id: Uint8Array;
  readonly role: number;
  readonly privateKey: Uint8Array;
  readonly chain: Uint8Array;
  readonly roots: Uint8Array;
  readonly suites: number;
  epoch: number;
  private readonly pairs = new Map<string, Pair>();
  private readonly verified = new Set<string>();

  constructor(private readonly options: PartyOptions) {
    expectObject("options", options);
    expectLength("id", options.id, 8);
    expectWhole("role", options.role, 1, 255);
    expectLength("privateKey", options.privateKey, 32);
    expectLength("chain", options.chain, 256);
    if ((options.roots as Uint8Array | undefined)?.length !== 64) expectLength("roots", options.roots, 32);
    expectWhole("suites", options.suites ?? 3, 0, 255);
    expectWhole("epoch", options.epoch ?? 0, 0, 0xffffffff);
    expectFunction("time", options.time);
    expectOptional("random", options.random);
    expectOptional("revoked", options.revoked);
    this.id = options.id;
    this.role = options.role;
    this.privateKey = options.privateKey;
    this.chain = options.chain;
    this.roots = new Uint8Array(64);
    this.roots.set(options.roots);
    this.suites = options.suites ?? 3;
    this.epoch = options.epoch ?? 0;
  }

  floor(): number {
    return this.options.time();
  }

  vouched(): number {
    return this.options.time();
  }

  random(out: Uint8Array): void {
    if (this.options.random) this.options.random(out);
    else out.set(randomBytes(out.length));
  }

  run(step: () => boolean | number, done: (result: boolean | number) => void): void {
    let result = step();
    while (!result) result = step();
    done(result);
  }

  remembered(hash: Uint8Array): boolean {
    return this.verified.has(hex(hash));
  }

  remember(hash: Uint8Array): void {
    this.verified.add(hex(hash));
    makeRoom(this.verified);
  }

  revoked(id: Uint8Array): boolean {
    return this.options.revoked?.(id) ?? false;
  }

  findPair(pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): boolean {
    const pair = this.pairs.get(hex(pairId));
    const behind = pair ? pair.generation - generation : -1;
    if (!pair || behind < 0 || behind > 1) return false;
    secret.set(behind === 0 ? pair.secret : pair.previous);
    peer.set(pair.peer);
    return true;
  }

  storePair(pairId: Uint8Array, generation: number, secret: Uint8Array, peer: Uint8Array): void {
    const before = this.pairs.get(hex(pairId));
    for (const [id, pair] of this.pairs) if (hex(pair.peer) === hex(peer) && id !== hex(pairId)) this.pairs.delete(id);
    const previous = before === undefined || before.generation >= generation ? (before?.previous ?? new Uint8Array(32)) : before.secret;
    this.pairs.delete(hex(pairId));
    this.pairs.set(hex(pairId), { generation, secret: secret.slice(), previous: previous.slice(), peer: peer.slice() });
    makeRoom(this.pairs);
  }

  /** The pair with the device `id`, or null. */
  pairWith(id: Uint8Array): { pairId: Uint8Array; generation: number } | null {
    for (const [pairId, pair] of this.pairs)
      if (hex(pair.peer.subarray(0, 8)) === hex(id))
        return { pairId: new Uint8Array(Buffer.from(pairId, "hex")), generation: pair.generation };
    return null;
  }

  /** Forgets the pair with the device `id`. */
  forget(id: Uint8Array): void {
    for (const [pairId, pair] of this.pairs) if (hex(pair.peer.subarray(0, 8)) === hex(id)) this.pairs.delete(pairId);
  }
}

function makeRoom(kept: Map<string, unknown> | Set<string>): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) return;
    kept.delete(oldest);
  }
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}
