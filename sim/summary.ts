/** What a run came to, in numbers; all of it out of the trace. */
import { DAY, SECOND } from "./clock.js";
import { eraseReason, isAttempt, type EraseReason } from "./story.js";
import type { Trace } from "./trace.js";

export interface WireSummary {
  frames: number;
  bytes: number;
  /** Seconds during which bytes were under way. */
  busy: number;
}

export interface Summary {
  /** What was played last, and every content that was played to its end. */
  played: { name: string; bytes: number; sha256: string } | null;
  plays: { name: string; at: number; bytes: number; sha256: string }[];
  /** The last erase of a key that was held: seconds and days since the start, reason, capacitor voltage then. */
  erased: { device: string; at: number; day: number; reason: EraseReason; volts: number | null } | null;
  /** After that somebody tried, was refused, and nothing was played. */
  refusedAfterErase: boolean;
  /** Highest voltage each capacitor was charged to. */
  charged: Record<string, number>;
  wires: Record<string, Record<string, WireSummary>>;
  flash: { programs: number; erases: number; torn: number; compactions: number };
  faults: Record<string, number>;
  /** Length of the run in seconds, and number of events in the trace. */
  seconds: number;
  events: number;
}

export function summarize(trace: Trace): Summary {
  const { events } = trace;
  const summary: Summary = {
    played: null,
    plays: [],
    erased: null,
    refusedAfterErase: false,
    charged: {},
    wires: {},
    flash: { programs: 0, erases: 0, torn: 0, compactions: 0 },
    faults: {},
    seconds: events.length ? events[events.length - 1].t / SECOND : 0,
    events: events.length,
  };
  const volts = new Map<string, number>();
  let title: string | undefined;
  let eraseAt = Infinity;
  let refused = false;
  let playedAfter = false;
  events.forEach((event, index) => {
    const { t, device } = event;
    if (event.kind === "voltage") volts.set(device, event.volts);
    else if (event.kind === "charge" && !event.on) summary.charged[device] = Math.max(summary.charged[device] ?? 0, event.volts);
    else if (event.kind === "key") {
      if (event.valid) {
        eraseAt = Infinity;
        refused = playedAfter = false;
        summary.erased = null;
      } else {
        eraseAt = t;
        summary.erased = { device, at: t / SECOND, day: t / DAY, reason: eraseReason(events, index), volts: volts.get(device) ?? null };
      }
    } else if (event.kind === "apdu" && t > eraseAt && isAttempt(event) && event.sw !== 0x9000) refused = true;
    else if (event.kind === "note") {
      if (typeof event.name === "string") title = event.name;
      if (t > eraseAt && /refus/.test(event.what)) refused = true;
    } else if (event.kind === "sink") {
      if (event.op === "begin" && t > eraseAt) playedAfter = true;
      if (event.op === "end")
        summary.plays.push({ name: title ?? event.name, at: t / SECOND, bytes: event.bytes, sha256: event.sha256 ?? "" });
    } else if (event.kind === "frame") {
      const ways = (summary.wires[event.wire] ??= {});
      const way = (ways[event.from] ??= { frames: 0, bytes: 0, busy: 0 });
      way.frames++;
      way.bytes += event.length;
      way.busy += (t - event.start) / SECOND;
    } else if (event.kind === "flash") {
      summary.flash[event.op === "erase" ? "erases" : "programs"]++;
      if (event.torn) summary.flash.torn++;
    } else if (event.kind === "compaction") summary.flash.compactions++;
    else if (event.kind === "fault") summary.faults[event.what] = (summary.faults[event.what] ?? 0) + 1;
  });
  const last = summary.plays.at(-1);
  summary.played = last ? { name: last.name, bytes: last.bytes, sha256: last.sha256 } : null;
  summary.refusedAfterErase = summary.erased !== null && refused && !playedAfter;
  return summary;
}
