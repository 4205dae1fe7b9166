/** The trace told in sentences. Nothing is known here that is not in the trace. */
import { SW_DATA } from "../src/core/link/apdu.js";
import * as protocol from "../src/core/protocol/constants.js";
import { DAY, HOUR, MINUTE, SECOND } from "./clock.js";
import type { Trace, TraceEvent } from "./trace.js";

/** What a sentence is about, for marks in plots and colours. */
export type Topic =
  "place" | "charge" | "record" | "contract" | "key" | "authenticate" | "play" | "erase" | "refuse" | "time" | "fault" | "other";

export interface Sentence {
  t: number;
  topic: Topic;
  text: string;
}

/** Why a key went, as far as the trace shows. */
export type EraseReason = "deadline" | "power-fail warning" | "ran dry" | "erase command" | "reset" | "power cut" | "unknown";

/** Status words of ISO/IEC 7816-4, 5.6. */
const STATUS: Record<number, string> = {
  0x6300: "verification failed",
  0x6700: "wrong length",
  0x6982: "security status not satisfied",
  0x6983: "authentication method blocked",
  0x6984: "reference data not usable",
  0x6985: "conditions of use not satisfied",
  0x6986: "command not allowed",
  0x6988: "incorrect secure messaging data",
  0x6a80: "incorrect data",
  0x6a82: "not found",
  0x6a84: "not enough memory",
  0x6a86: "incorrect parameters",
  0x6a88: "referenced data not found",
  0x6d00: "instruction not supported",
  0x6f00: "internal error",
};

export function statusText(sw: number): string {
  const name = STATUS[sw];
  return sw.toString(16).toUpperCase().padStart(4, "0") + (name ? ` (${name})` : "");
}

/** Commands by which somebody tries to get at a key or to play. */
const ATTEMPTS = new Set([
  protocol.INS_GET_KEY,
  protocol.INS_GET_LOAN,
  protocol.INS_REQUEST_KEY,
  protocol.INS_READ_CHUNKS,
  protocol.INS_PLAY,
]);

export function isAttempt(event: TraceEvent<"apdu">): boolean {
  // Behind what is recorded a reader only looks whether there are adverts.
  if (event.ins === protocol.INS_READ_CHUNKS && event.sw === SW_DATA) return false;
  return (event.cla & 0x80) !== 0 && ATTEMPTS.has(event.ins);
}

export function duration(microseconds: number): string {
  const units: [number, string][] = [
    [DAY, "day"],
    [HOUR, "hour"],
    [MINUTE, "minute"],
    [SECOND, "second"],
  ];
  const [size, name] = units.find(([unit]) => microseconds >= unit) ?? [1000, "millisecond"];
  const count = microseconds / size;
  const shown = count >= 10 || size === 1000 ? Math.round(count) : Math.round(count * 10) / 10;
  return `${String(shown)} ${name}${shown === 1 ? "" : "s"}`;
}

/** Reason of the change of key memory at `index` of the trace's events. */
export function eraseReason(events: readonly TraceEvent[], index: number): EraseReason {
  const gone = events[index];
  const near = (within: number): TraceEvent[] => {
    const found: TraceEvent[] = [];
    for (let i = index - 1; i >= 0 && gone.t - events[i].t <= within; i--) found.push(events[i]);
    return found;
  };
  for (const event of near(1)) {
    if (event.device !== gone.device) continue;
    if (event.kind === "power" && !event.on)
      return event.why === "brownout" || event.why === "capacitor" ? "ran dry" : event.why === "fault" ? "power cut" : "reset";
    if (event.kind === "voltage" && event.why === "cross" && event.edge === "falling" && event.threshold === "power-fail warning")
      return "power-fail warning";
  }
  const later = events.slice(index + 1, index + 40).find((event) => event.kind === "apdu" && event.device === gone.device);
  const command = later ?? near(SECOND).find((event) => event.kind === "apdu" && event.device === gone.device);
  if (command?.kind === "apdu" && command.ins === protocol.INS_ERASE && command.cla & 0x80 && Math.abs(command.t - gone.t) < SECOND)
    return "erase command";
  const docked = events
    .slice(0, index)
    .reverse()
    .find((event) => event.device === gone.device && (event.kind === "dock" || event.kind === "undock"));
  return docked?.kind === "dock" ? "unknown" : "deadline";
}

const REASONS: Record<EraseReason, string> = {
  deadline: "its time was up, and it overwrote the key",
  "power-fail warning": "the power-fail warning came, and it overwrote the key",
  "ran dry": "its capacitor ran dry, and the key was gone with the memory",
  "erase command": "it was told to erase, and overwrote the key",
  reset: "it was reset, and the key was gone with the memory",
  "power cut": "its power was cut, and the key was gone with the memory",
  unknown: "it overwrote the key",
};

export function tellStory(trace: Trace): Sentence[] {
  const { events } = trace;
  const story: Sentence[] = [];
  const authenticating = new Map<string, number>();
  const chargedFrom = new Map<string, { t: number; volts: number }>();
  const refused = new Map<string, number>();
  const lastVolts = new Map<string, number>();
  const say = (t: number, topic: Topic, text: string): void => {
    story.push({ t, topic, text });
  };
  events.forEach((event, index) => {
    const { t, device } = event;
    const The = `The ${device}`;
    if (event.kind === "voltage") lastVolts.set(device, event.volts);
    else if (event.kind === "dock") say(t, "place", `${The} was put into the ${event.to}.`);
    else if (event.kind === "undock") say(t, "place", `${The} was taken out of the ${event.from}.`);
    else if (event.kind === "charge") {
      if (event.on) chargedFrom.set(device, { t, volts: event.volts });
      else {
        const from = chargedFrom.get(device);
        if (from) say(t, "charge", `${The}'s capacitor was charged to ${event.volts.toFixed(2)} V in ${duration(t - from.t)}.`);
        chargedFrom.delete(device);
      }
    } else if (event.kind === "key") {
      if (event.valid)
        say(
          t,
          releases(events, index) ? "other" : "key",
          `${The} ${releases(events, index) ? "notes the play" : "holds a key now,"} in memory that only its capacitor keeps.`,
        );
      else {
        const reason = eraseReason(events, index);
        const volts = lastVolts.get(device);
        say(t, "erase", `${The} is erased: ${REASONS[reason]}${volts === undefined ? "" : `, at ${volts.toFixed(2)} V`}.`);
      }
    } else if (event.kind === "apdu") {
      const failed = event.sw !== 0x9000 && event.sw >> 8 !== 0x61;
      if (event.ins === protocol.INS_GENERAL_AUTHENTICATE && !(event.cla & 0x80)) {
        if (failed) say(t, "refuse", `${The} refused to authenticate: ${statusText(event.sw)}.`);
        else authenticating.set(event.wire, t);
      } else if (authenticating.has(event.wire) && event.cla & 0x0c) {
        say(authenticating.get(event.wire) ?? t, "authenticate", `${The} and its counterpart on ${event.wire} authenticated each other.`);
        authenticating.delete(event.wire);
      }
      if (failed && isAttempt(event)) {
        const key = `${device} ${String(event.ins)} ${String(event.sw)}`;
        if (t - (refused.get(key) ?? -Infinity) > MINUTE) say(t, "refuse", `${The} refused: ${statusText(event.sw)}.`);
        refused.set(key, t);
      }
    } else if (event.kind === "sink") {
      if (event.op === "begin") say(t, "play", `Playing began on the ${event.name}.`);
      else if (event.op === "end")
        say(t, "play", `The ${event.name} played ${event.bytes.toLocaleString("en")} bytes, SHA-256 ${event.sha256?.slice(0, 16) ?? ""}…`);
    } else if (event.kind === "note") say(t, noteTopic(event.what), noteText(event));
    else if (event.kind === "compaction") say(t, "fault", `${The} compacted its Storage.`);
    else if (event.kind === "fault" && event.what !== "refused")
      say(t, "fault", `${The}: ${event.what}${event.detail ? `, ${event.detail}` : ""}.`);
    else if (event.kind === "temperature") say(t, "other", `${The} is at ${String(event.celsius)} °C.`);
  });
  return withPauses(story);
}

/** Key memory came into use by the release of a key that is held elsewhere: where the card keeps it, the cartridge only notes the play. */
function releases(events: readonly TraceEvent[], index: number): boolean {
  const { t, device } = events[index];
  for (let i = index + 1; i < events.length && events[i].t - t < SECOND; i++) {
    const event = events[i];
    if (event.kind === "apdu" && event.device === device) return event.ins === protocol.INS_GET_KEY;
  }
  return false;
}

function noteTopic(what: string): Topic {
  if (/refus/.test(what)) return "refuse";
  if (/record/.test(what)) return "record";
  if (/prepar|contract|activ|order/.test(what)) return "contract";
  if (/play/.test(what)) return "play";
  return "other";
}

/** Details that are amounts: "(72,844 bytes, 7 days)". */
const UNITS = new Set(["bytes", "chunks", "days", "hours", "minutes", "seconds"]);

/** "The kiosk recorded Tune (12,345 bytes)." `name` and `whom` say what was acted on, the other details follow in brackets. */
function noteText(event: TraceEvent<"note">): string {
  const { device, what, name, whom } = event;
  const details = Object.entries(event)
    .filter(([key]) => !["t", "kind", "device", "what", "name", "whom"].includes(key))
    .map(([key, value]) => {
      const text = typeof value === "number" ? value.toLocaleString("en") : String(value);
      return UNITS.has(key) ? `${text} ${value === 1 ? key.slice(0, -1) : key}` : `${key} ${text}`;
    });
  const objects = `${whom === undefined ? "" : ` the ${String(whom)}`}${name === undefined ? "" : ` ${String(name)}`}`;
  return `${device ? `The ${device} ` : ""}${what}${objects}${details.length ? ` (${details.join(", ")})` : ""}.`;
}

/** Says where time passed. */
function withPauses(story: Sentence[]): Sentence[] {
  const out: Sentence[] = [];
  let before = 0;
  for (const sentence of story) {
    if (sentence.t - before >= 6 * HOUR)
      out.push({ t: sentence.t, topic: "time", text: `${capital(duration(sentence.t - before))} later.` });
    out.push(sentence);
    before = sentence.t;
  }
  return out;
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}

/** "day 3, 04:05:06" of virtual time. */
export function timeText(t: number): string {
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const clock = `${pad((t % DAY) / HOUR)}:${pad((t % HOUR) / MINUTE)}:${pad((t % MINUTE) / SECOND)}`;
  return `day ${String(Math.floor(t / DAY))}, ${clock}`;
}
