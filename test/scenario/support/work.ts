/** What an authentication costs its two sides, in messages, scalar multiplications and signature checks. */
import { createHash } from "node:crypto";
import { INS_GENERAL_AUTHENTICATE } from "../../../src/core/protocol/constants.js";
import type { HostParty } from "../../../src/host/party.js";
import type { TraceEvent } from "../../../sim/trace.js";
import type { Stage } from "./stage.js";

export interface Work {
  multiplications: number;
  /** Of certificates of devices, kiosks and the center; those of issuers apart. */
  verifications: number;
  issuers: number;
}

/** One side of an authentication: its ephemeral key, which it may have made ahead, and the rest; of who begins, what it did before the first message, and from then on. */
export interface Side {
  ephemeral: Work;
  waiting: Work;
}

export const NOTHING: Work = { multiplications: 0, verifications: 0, issuers: 0 };
export const IDLE: Side = { ephemeral: NOTHING, waiting: NOTHING };
/** One ephemeral key. */
export const ONE_KEY: Work = { ...NOTHING, multiplications: 1 };

const authenticates = (event: TraceEvent): boolean => event.kind === "apdu" && "ins" in event && event.ins === INS_GENERAL_AUTHENTICATE;

/** Messages that went each way between `peer`, which answers, and whoever authenticates it, since `from`. */
export function messages(stage: Stage, from: number, peer: string): number {
  return stage.world.trace.events.slice(from).filter((event) => event.device === peer && authenticates(event)).length;
}

/**
 * What board `name`, of a bundle that counts (`COUNTED`), has computed since `from` in its authentication with `peer`: by default it is the one that answers. An initiator makes its
 * ephemeral key before its first message, and what it does after the last is not for this peer.
 */
export function boardsWork(stage: Stage, from: number, name: string, peer = name): Side {
  const side: Side = { ephemeral: { ...NOTHING }, waiting: { ...NOTHING } };
  const initiator = peer !== name;
  const total = messages(stage, from, peer);
  let answered = 0;
  let key = false;
  for (const event of stage.world.trace.events.slice(from)) {
    if (event.device === peer && authenticates(event)) answered++;
    if (event.device !== name || event.kind !== "log" || !("line" in event) || (initiator && answered === total)) continue;
    const phase = key || (initiator && answered === 0) ? side.ephemeral : side.waiting;
    key = event.line === "ephemeral";
    if (event.line === "multiplication") phase.multiplications++;
    if (event.line === "issuer") phase.issuers++;
    // An issuer's certificate is checked by the same arithmetic, after its line.
    if (event.line === "verification") phase.verifications++;
  }
  for (const phase of [side.ephemeral, side.waiting]) phase.verifications -= phase.issuers;
  return side;
}

/** What a host's party computes; the messages that it sends must pass through `sees`. */
export class HostWork {
  private phase: Work = { ...NOTHING };
  private side: Side = { ephemeral: this.phase, waiting: { ...NOTHING } };

  constructor(readonly party: HostParty) {
    const issuer = createHash("sha256").update(party.chain.subarray(128)).digest().subarray(0, 16);
    const run = party.run.bind(party);
    const remember = party.remember.bind(party);
    party.run = (step, done) => {
      run(step, (result) => {
        this.phase.multiplications++;
        done(result);
      });
    };
    // What is remembered has just been checked: that was no multiplication.
    party.remember = (hash) => {
      this.phase.multiplications--;
      if (issuer.equals(hash)) this.phase.issuers++;
      else this.phase.verifications++;
      remember(hash);
    };
  }

  sees(apdu: Uint8Array): void {
    if (apdu[1] === INS_GENERAL_AUTHENTICATE) this.phase = this.side.waiting;
  }

  /** What was counted since the last call. */
  take(): Side {
    const { side } = this;
    this.phase = { ...NOTHING };
    this.side = { ephemeral: this.phase, waiting: { ...NOTHING } };
    return side;
  }
}
