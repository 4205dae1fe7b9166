/** The report of a run: one page that needs no network and no script, drawn from the trace alone. */
import { DAY, MINUTE } from "./clock.js";
import { escape, plotVoltage, type Mark } from "./plot.js";
import { duration, statusText, tellStory, timeText, type Sentence, type Topic } from "./story.js";
import { summarize, type Summary } from "./summary.js";
import type { Trace, TraceEvent } from "./trace.js";

export interface ReportOptions {
  title: string;
  /** A sentence below the title. */
  subtitle?: string;
}

/** Rows of the table of events; the trace has them all. */
const ROWS = 300;

const MARKS: Partial<Record<Topic, string>> = {
  charge: "charged",
  key: "key loaded",
  play: "played",
  erase: "erased",
  refuse: "refused",
  authenticate: "authenticated",
};

export function reportHtml(trace: Trace, options: ReportOptions): string {
  const story = tellStory(trace);
  const summary = summarize(trace);
  const body = [
    `<header><p class="brand">Leyden</p><h1>${escape(options.title)}</h1>${options.subtitle ? `<p class="lead">${escape(options.subtitle)}</p>` : ""}</header>`,
    tiles(summary),
    plots(trace, story),
    `<section><h2>What happened</h2>${timeline(story)}</section>`,
    wires(summary),
    `<section><h2>Commands on the wires</h2>${commands(trace)}</section>`,
    numbers(summary),
    `<section><h2>Events</h2>${eventTable(trace)}</section>`,
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(options.title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body.join("\n")}
</main>
</body>
</html>
`;
}

function tiles(summary: Summary): string {
  const { played, erased, charged } = summary;
  const cards: [string, string, string][] = [];
  const volts = Math.max(0, ...Object.values(charged));
  if (volts) cards.push(["Charged to", `${volts.toFixed(2)} V`, Object.keys(charged).join(", ")]);
  cards.push(
    played ? ["Played", `${played.bytes.toLocaleString("en")} bytes`, `SHA-256 ${played.sha256.slice(0, 16)}…`] : ["Played", "nothing", ""],
  );
  cards.push(
    erased
      ? ["Key erased", `day ${erased.day.toFixed(1)}`, erased.reason + (erased.volts === null ? "" : ` at ${erased.volts.toFixed(2)} V`)]
      : ["Key erased", "not yet", ""],
  );
  if (erased)
    cards.push([
      "After the erase",
      summary.refusedAfterErase ? "refused" : "not tried",
      summary.refusedAfterErase ? "nothing was played" : "",
    ]);
  return `<section class="tiles">${cards.map(([name, value, note]) => `<div><p class="name">${escape(name)}</p><p class="value">${escape(value)}</p><p class="note">${escape(note)}</p></div>`).join("")}</section>`;
}

function plots(trace: Trace, story: Sentence[]): string {
  const devices = [...new Set(trace.of("voltage").map(({ device }) => device))];
  const marks = marksOf(story);
  return devices
    .map((device) => {
      const end = trace.events.at(-1)?.t ?? 0;
      const left = trace.of("undock", device).find(({ t }) => trace.of("charge", device).some((charge) => !charge.on && charge.t <= t))?.t;
      const figures = [plotVoltage(trace, { device, marks, title: `The ${device}'s capacitor, the whole time` })];
      if (left !== undefined && left < end / 4) {
        const to = left + Math.max(MINUTE, left / 4);
        figures.push(plotVoltage(trace, { device, to, marks: marksOf(story, true), title: `At the kiosk, the first ${duration(to)}` }));
      }
      return `<section><h2>Voltage</h2>${figures.map((svg) => `<figure>${svg}</figure>`).join("\n")}</section>`;
    })
    .join("\n");
}

/** First of each topic in a row of sentences about it; all of them in detail. */
function marksOf(story: Sentence[], detail = false): Mark[] {
  const marks: Mark[] = [];
  for (const { t, topic } of story) {
    const label = MARKS[topic];
    const last = marks.map((mark) => mark.label).lastIndexOf(label ?? "");
    if (!label || (last >= 0 && t - marks[last].t < (detail ? MINUTE / 2 : DAY / 2))) continue;
    marks.push({ t, topic, label });
  }
  return marks;
}

function timeline(story: Sentence[]): string {
  const items = story.map(({ t, topic, text }) =>
    topic === "time"
      ? `<li class="time"><span class="text">${escape(text)}</span></li>`
      : `<li class="${topic}"><time>${escape(timeText(t))}</time><span class="text">${escape(text)}</span></li>`,
  );
  return `<ol class="timeline">${items.join("\n")}</ol>`;
}

function wires(summary: Summary): string {
  const rows = Object.entries(summary.wires).flatMap(([wire, ways]) =>
    Object.entries(ways).map(
      ([from, { frames, bytes, busy }]) =>
        `<tr><td>${escape(wire)}</td><td>${escape(from)}</td><td class="number">${frames.toLocaleString("en")}</td><td class="number">${bytes.toLocaleString("en")}</td><td class="number">${busy.toFixed(2)} s</td><td class="number">${busy ? (bytes / busy / 1000).toFixed(1) : "0"} kB/s</td></tr>`,
    ),
  );
  if (!rows.length) return "";
  return `<section><h2>Wires</h2><div class="scroll"><table><thead><tr><th>wire</th><th>sent by</th><th class="number">runs</th><th class="number">bytes</th><th class="number">time on the wire</th><th class="number">rate</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></section>`;
}

function commands(trace: Trace): string {
  const all = trace.of("apdu");
  const hex = (value: number): string => value.toString(16).toUpperCase().padStart(2, "0");
  const rows = all
    .slice(0, ROWS)
    .map(
      ({ t, wire, cla, ins, p1, p2, sw, length }) =>
        `<tr><td>${escape(timeText(t))}</td><td>${escape(wire)}</td><td class="code">${[cla, ins, p1, p2].map(hex).join(" ")}</td><td class="number">${String(length)}</td><td class="code">${escape(statusText(sw))}</td></tr>`,
    );
  if (!rows.length) return "<p>None.</p>";
  return `<details><summary>${all.length.toLocaleString("en")} commands${all.length > ROWS ? `, the first ${String(ROWS)}` : ""}</summary><div class="scroll"><table><thead><tr><th>time</th><th>wire</th><th>header</th><th class="number">bytes</th><th>status</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></details>`;
}

function numbers(summary: Summary): string {
  const rows: [string, string][] = [
    ["length of the run", duration(summary.seconds * 1e6)],
    ["events in the trace", summary.events.toLocaleString("en")],
    ["flash programs, erases", `${summary.flash.programs.toLocaleString("en")}, ${summary.flash.erases.toLocaleString("en")}`],
    ["torn flash operations", String(summary.flash.torn)],
    ["Storage compactions", String(summary.flash.compactions)],
    ...Object.entries(summary.faults).map(([what, count]): [string, string] => [`fault: ${what}`, String(count)]),
  ];
  return `<section><h2>Numbers</h2><dl>${rows.map(([name, value]) => `<div><dt>${escape(name)}</dt><dd>${escape(value)}</dd></div>`).join("")}</dl></section>`;
}

function eventTable(trace: Trace): string {
  const shown = trace.events.filter(({ kind }) => kind !== "frame" && kind !== "apdu" && kind !== "flash").slice(0, ROWS);
  const rows = shown.map(
    (event) =>
      `<tr><td>${escape(timeText(event.t))}</td><td>${escape(event.device)}</td><td>${event.kind}</td><td>${escape(detailOf(event))}</td></tr>`,
  );
  return `<details><summary>${shown.length.toLocaleString("en")} of ${trace.events.length.toLocaleString("en")} events, without frames, commands and flash operations</summary><div class="scroll"><table><thead><tr><th>time</th><th>device</th><th>kind</th><th>detail</th></tr></thead><tbody>${rows.join("\n")}</tbody></table></div></details>`;
}

function detailOf(event: TraceEvent): string {
  return Object.entries(event)
    .filter(([name]) => !["t", "device", "kind"].includes(name))
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(", ");
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6876; --paper: #fbfaf7; --card: #ffffff; --rule: #dcd9d0; --line: #1f5f8b;
  --charge: #a06a00; --record: #2f6f4f; --key: #2f6f4f; --play: #6a3fa0; --erase: #b3261e; --refuse: #8a1c4a; --place: #5b6876; --authenticate: #2b6cb0; --fault: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa7b4; --paper: #14181d; --card: #1b2027; --rule: #323a44; --line: #6cb6e8;
  --charge: #e0a93b; --record: #6fc298; --key: #6fc298; --play: #b79bea; --erase: #ff8a80; --refuse: #f48fb1; --place: #9aa7b4; --authenticate: #7fb3ee; --fault: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 "Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", Georgia, serif; }
main { max-width: 940px; margin: 0 auto; padding: 48px 24px 96px; }
header { border-bottom: 2px solid var(--ink); padding-bottom: 20px; margin-bottom: 28px; }
.brand { margin: 0; font: 600 12px/1 ui-sans-serif, system-ui, sans-serif; letter-spacing: .18em; text-transform: uppercase; color: var(--soft); }
h1 { margin: 10px 0 4px; font-size: 34px; line-height: 1.15; font-weight: 600; letter-spacing: -.01em; }
h2 { margin: 44px 0 14px; font-size: 21px; font-weight: 600; }
.lead { margin: 6px 0 0; color: var(--soft); font-size: 18px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 14px; }
.tiles div { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px; }
.tiles p { margin: 0; }
.tiles .name, .tiles .note, time, table, dl, summary, svg text { font-family: ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif; }
.tiles .name { font-size: 12px; color: var(--soft); text-transform: uppercase; letter-spacing: .06em; }
.tiles .value { font-size: 25px; line-height: 1.3; font-weight: 600; }
.tiles .note { font-size: 13px; color: var(--soft); overflow-wrap: anywhere; }
figure { margin: 0 0 18px; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px; overflow-x: auto; }
.plot { display: block; width: 100%; min-width: 620px; height: auto; }
.plot text { fill: var(--soft); font-size: 12px; }
.plot .plot-title { fill: var(--ink); font-size: 14px; font-weight: 600; }
.plot .grid { stroke: var(--rule); stroke-width: 1; }
.plot .axis { stroke: var(--soft); stroke-width: 1; }
.plot .voltage { fill: none; stroke: var(--line); stroke-width: 2; stroke-linejoin: round; }
.plot .threshold { stroke: var(--erase); stroke-width: 1; stroke-dasharray: 5 4; opacity: .8; }
.plot .threshold-label { fill: var(--erase); }
.plot .mark { stroke: currentColor; stroke-width: 1; opacity: .45; }
.plot text.mark-label { fill: currentColor; font-weight: 600; font-size: 11.5px; }
.plot .dot { fill: currentColor; stroke: var(--card); stroke-width: 1.5; }
.charge { color: var(--charge); } .record, .contract { color: var(--record); } .key { color: var(--key); } .play { color: var(--play); } .erase { color: var(--erase); }
.refuse { color: var(--refuse); } .place { color: var(--place); } .authenticate { color: var(--authenticate); } .fault { color: var(--fault); }
.timeline { list-style: none; margin: 0; padding: 0 0 0 20px; border-left: 2px solid var(--rule); }
.timeline li { position: relative; padding: 5px 0; display: grid; grid-template-columns: 130px 1fr; gap: 12px; }
.timeline li::before { content: ""; position: absolute; left: -26px; top: 13px; width: 10px; height: 10px; border-radius: 50%; background: currentColor; border: 2px solid var(--paper); }
.timeline .text { color: var(--ink); }
.timeline time { color: var(--soft); font-size: 13px; padding-top: 2px; font-variant-numeric: tabular-nums; }
.timeline li.time { display: block; padding: 14px 0; } .timeline li.time::before { display: none; }
.timeline li.time .text { color: var(--soft); font-style: italic; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); vertical-align: top; white-space: nowrap; }
td:last-child { white-space: normal; }
th { color: var(--soft); font-weight: 600; } .number { text-align: right; } th.number { text-align: right; }
.code { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 12.5px; }
summary { cursor: pointer; font-size: 14px; color: var(--soft); padding: 6px 0; }
dl { margin: 0; font-size: 14px; columns: 2; column-gap: 40px; } dl div { display: flex; justify-content: space-between; gap: 16px; padding: 5px 0; border-bottom: 1px solid var(--rule); break-inside: avoid; }
dt { color: var(--soft); } dd { margin: 0; font-variant-numeric: tabular-nums; }
@media (max-width: 640px) { .timeline li { grid-template-columns: 1fr; gap: 0; } dl { columns: 1; } h1 { font-size: 27px; } }
@media print { details > * { display: block; } body { background: none; } }
`;
