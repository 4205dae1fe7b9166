/** A capacitor's voltage over time as an SVG drawing, to stand in a page that sets the colours by class. */
import { scaleLinear } from "d3-scale";
import { line } from "d3-shape";
import { DAY, HOUR, MINUTE, SECOND } from "./clock.js";
import type { Topic } from "./story.js";
import type { Trace } from "./trace.js";

export interface Mark {
  t: number;
  label: string;
  topic: Topic;
}

export interface PlotOptions {
  device: string;
  /** Window in microseconds; default the whole trace. */
  from?: number;
  to?: number;
  marks: Mark[];
  title: string;
  width?: number;
}

const HEIGHT = 300;
const ROW = 17;
const LEFT = 52;
const BOTTOM = 46;
/** Width of a character of a mark's label. */
const LETTER = 6.4;

export function plotVoltage(trace: Trace, options: PlotOptions): string {
  const { device, marks, title } = options;
  const width = options.width ?? 860;
  const right = width - 178;
  const samples = trace.of("voltage", device);
  const end = Math.max(options.to ?? 0, ...(options.to === undefined ? [trace.events.at(-1)?.t ?? 1] : []));
  const start = options.from ?? 0;
  const [unit, unitName] = unitFor(end - start);
  const x = scaleLinear([start / unit, end / unit], [LEFT, right]);
  const thresholds = trace.of("threshold", device).filter(({ name }) => name !== "start");
  const highest = Math.max(1, ...samples.map(({ volts }) => volts), ...thresholds.map(({ volts }) => volts));
  const shown = placeMarks(
    marks.filter(({ t }) => t >= start && t <= end),
    (t) => x(t / unit),
    right,
  );
  const top = 34 + ROW * (1 + Math.max(-1, ...shown.map(({ row }) => row)));
  const floor = top + HEIGHT - BOTTOM;
  const y = scaleLinear([0, Math.ceil(highest * 2.2) / 2], [floor, top]);
  const points = windowed(samples, start, end);
  const path = line<[number, number]>(
    ([t]) => x(t / unit),
    ([, volts]) => y(volts),
  )(points);
  const out: string[] = [];
  const height = floor + BOTTOM;
  out.push(
    `<svg class="plot" viewBox="0 0 ${n(width)} ${n(height)}" role="img" aria-label="${escape(title)}" xmlns="http://www.w3.org/2000/svg">`,
  );
  out.push(`<text class="plot-title" x="${n(LEFT)}" y="16">${escape(title)}</text>`);
  for (const tick of y.ticks(6)) {
    out.push(`<line class="grid" x1="${n(LEFT)}" x2="${n(right)}" y1="${n(y(tick))}" y2="${n(y(tick))}"/>`);
    out.push(`<text class="tick" x="${n(LEFT - 8)}" y="${n(y(tick) + 4)}" text-anchor="end">${String(tick)}</text>`);
  }
  for (const tick of x.ticks(10)) {
    out.push(`<line class="axis" x1="${n(x(tick))}" x2="${n(x(tick))}" y1="${n(floor)}" y2="${n(floor + 5)}"/>`);
    out.push(`<text class="tick" x="${n(x(tick))}" y="${n(floor + 19)}" text-anchor="middle">${String(tick)}</text>`);
  }
  out.push(`<line class="axis" x1="${n(LEFT)}" x2="${n(right)}" y1="${n(floor)}" y2="${n(floor)}"/>`);
  out.push(`<text class="label" x="${n((LEFT + right) / 2)}" y="${n(floor + 38)}" text-anchor="middle">time, ${unitName}</text>`);
  out.push(
    `<text class="label" transform="translate(14 ${n((top + floor) / 2)}) rotate(-90)" text-anchor="middle">capacitor voltage, V</text>`,
  );
  let above = Infinity;
  for (const { name, volts } of [...thresholds].sort((a, b) => a.volts - b.volts)) {
    out.push(`<line class="threshold" x1="${n(LEFT)}" x2="${n(right)}" y1="${n(y(volts))}" y2="${n(y(volts))}"/>`);
    const textY = Math.min(y(volts) + 4, above - 14);
    above = textY;
    out.push(`<text class="threshold-label" x="${n(right + 8)}" y="${n(textY)}">${escape(name)} ${volts.toFixed(2)} V</text>`);
  }
  for (const { mark, at, row, anchor } of shown) {
    const textY = 34 + ROW * row;
    out.push(`<line class="mark ${mark.topic}" x1="${n(at)}" x2="${n(at)}" y1="${n(textY + 4)}" y2="${n(floor)}"/>`);
    out.push(
      `<text class="mark-label ${mark.topic}" x="${n(at + (anchor === "start" ? 4 : -4))}" y="${n(textY)}" text-anchor="${anchor}">${escape(mark.label)}</text>`,
    );
  }
  if (path) out.push(`<path class="voltage" d="${path.replace(/(\d+\.\d\d)\d+/g, "$1")}"/>`);
  for (const { mark, at } of shown) {
    const volts = voltageAt(samples, mark.t);
    if (volts !== undefined) out.push(`<circle class="dot ${mark.topic}" cx="${n(at)}" cy="${n(y(volts))}" r="3.5"/>`);
  }
  out.push("</svg>");
  return out.join("\n");
}

/** Samples in the window, with the values at its ends. */
function windowed(samples: readonly { t: number; volts: number }[], start: number, end: number): [number, number][] {
  const points = samples.filter(({ t }) => t >= start && t <= end).map(({ t, volts }): [number, number] => [t, volts]);
  const first = voltageAt(samples, start);
  const last = voltageAt(samples, end);
  if (first !== undefined && points[0]?.[0] !== start) points.unshift([start, first]);
  if (last !== undefined && points.length && points[points.length - 1][0] !== end) points.push([end, last]);
  return points;
}

/** Between the samples around `t`. */
export function voltageAt(samples: readonly { t: number; volts: number }[], t: number): number | undefined {
  let low = 0;
  let high = samples.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (samples[middle].t <= t) low = middle + 1;
    else high = middle;
  }
  const before = samples[low - 1];
  const after = samples[low];
  if (!before || !after) return (before ?? after)?.volts;
  return before.volts + ((after.volts - before.volts) * (t - before.t)) / (after.t - before.t || 1);
}

/** Rows for the labels so that none covers another. */
function placeMarks(
  marks: Mark[],
  at: (t: number) => number,
  right: number,
): { mark: Mark; at: number; row: number; anchor: "start" | "end" }[] {
  const taken: [number, number][][] = [];
  return marks.map((mark) => {
    const place = at(mark.t);
    const length = mark.label.length * LETTER + 10;
    const anchor = place + length > right + 160 ? "end" : "start";
    const from = anchor === "start" ? place : place - length;
    let row = 0;
    while ((taken[row] ?? []).some(([a, b]) => from < b && from + length > a)) row++;
    (taken[row] ??= []).push([from, from + length]);
    return { mark, at: place, row, anchor };
  });
}

function unitFor(span: number): [number, string] {
  if (span >= 3 * DAY) return [DAY, "days"];
  if (span >= 3 * HOUR) return [HOUR, "hours"];
  if (span >= 3 * MINUTE) return [MINUTE, "minutes"];
  return [SECOND, "seconds"];
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}

export function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;").replace(/"/g, "&quot;");
}
