/** Draws the parts beside the board. Those on the left supply and guard it, those on the right are what it talks to. */
import { CASE_PULL_UP, CONTACT, DIVIDER, RAILS, type Connection, type Part } from "../../boards/profiles/parts.js";
import {
  box,
  capacitor,
  capacitorAcross,
  contact,
  diode,
  dot,
  flag,
  flagAbove,
  ground,
  line,
  linearRegulator,
  pChannel,
  resistor,
  speaker,
  text,
  wire,
} from "./symbols.js";

/** A part drawn at the origin: `rows` are the heights at which its wires leave it. */
export interface Drawn {
  readonly width: number;
  readonly height: number;
  readonly rows: readonly number[];
  readonly svg: string;
}

const HEAD = 46;
const ROW = 34;
const ohms = (value: number): string => (value >= 1e6 ? `${String(value / 1e6)}M` : `${String(value / 1e3)}k`);

function caption(lines: readonly string[], y: number): string {
  return lines.map((words, i) => text(14, y + 16 * i, words, "small")).join("");
}

function framed(part: Part, width: number, height: number, rows: readonly number[], inside: string): Drawn {
  return { width, height, rows, svg: box(0, 0, width, height, "part", 8) + text(14, 24, part.title, "title") + inside };
}

/** From the slot's contacts through Q1 and the regulator to V+; capacitor, divider and comparator below. */
function supply(part: Part): Drawn {
  const [docked, rail, half, fail, zero] = [74, 158, 270, 326, 380];
  const charge = 214;
  const width = 480;
  const inside = [
    // what the slot gives
    contact(28, rail),
    text(16, rail + 22, "5 V", "small"),
    contact(28, charge),
    text(16, charge + 22, "charge, 5.5 V", "small"),
    contact(28, zero),
    text(16, zero + 22, "GND", "small"),
    line(34, rail, 96, rail),
    // told to the board
    dot(52, rail),
    wire([
      [52, rail],
      [52, docked],
      [120, docked],
    ]),
    resistor(120, docked, 240, docked, ohms(CONTACT.upper)),
    dot(300, docked),
    line(240, docked, width, docked),
    resistor(300, docked, 300, docked + 44, ohms(CONTACT.lower)),
    ground(300, docked + 44),
    // either supply, to V+
    diode(96, 180, rail, "D2"),
    line(180, rail, 280, rail),
    dot(216, rail),
    dot(76, rail),
    wire([
      [76, rail],
      [76, (rail + charge) / 2],
      [100, (rail + charge) / 2],
    ]),
    pChannel(216, rail, charge, 100, "Q1"),
    dot(216, charge),
    linearRegulator(280, width, rail),
    // the capacitor
    line(34, charge, 84, charge),
    diode(84, 136, charge, "D1"),
    line(136, charge, 290, charge),
    dot(150, charge),
    capacitor(150, charge, zero, "C"),
    dot(150, zero),
    // its voltage
    resistor(290, charge, 290, half, ohms(DIVIDER.upper)),
    dot(290, half),
    line(290, half, width, half),
    dot(446, half),
    capacitor(446, half, half + 30, "100n"),
    ground(446, half + 30),
    resistor(290, half, 290, fail - 12, ohms(DIVIDER.middle)),
    dot(290, fail - 12),
    resistor(290, fail - 12, 290, zero, ohms(DIVIDER.lower)),
    dot(290, zero),
    line(290, fail - 12, 366, fail - 12),
    `<path class="body" d="M366 ${String(fail - 24)} v48 l44 -24 Z"/>`,
    text(370, fail - 8, "+", "small"),
    text(370, fail + 16, "−", "small"),
    line(356, fail + 12, 366, fail + 12),
    text(352, fail + 16, "1.21 V", "small", "end"),
    line(410, fail, width, fail),
    text(400, fail + 22, "comparator", "small"),
    line(34, zero, width, zero),
    caption(part.also ?? [], zero + 48),
  ].join("");
  return framed(part, width, zero + 110, [docked, rail, half, fail, zero], inside);
}

function regulated(part: Part): Drawn {
  const [rail, zero] = [70, 146];
  const width = 320;
  const inside = [
    contact(28, rail),
    text(16, rail + 22, "slot 5 V", "small"),
    line(34, rail, 90, rail),
    linearRegulator(90, width, rail),
    contact(28, zero),
    text(16, zero + 22, "slot GND", "small"),
    line(34, zero, width, zero),
    dot(205, zero),
    line(205, zero, 205, zero + 12),
    ground(205, zero + 12),
    caption(part.also ?? [], zero + 46),
  ].join("");
  return framed(part, width, zero + 62, [rail, zero], inside);
}

function rails(part: Part): Drawn {
  const width = 150;
  const rows = part.connections.map((_, i) => HEAD + 16 + i * ROW);
  const inside = part.connections
    .map(({ to }, i) => {
      const y = rows[i] ?? 0;
      if (to !== "GND") return flag(84, y, to) + line(84, y, width, y);
      return (
        wire([
          [width, y],
          [62, y],
          [62, y + 6],
        ]) + ground(62, y + 6)
      );
    })
    .join("");
  return framed(part, width, HEAD + part.connections.length * ROW + 12, rows, inside);
}

/** A switch from ground to the board's pin; `pull` names the resistor that lifts the pin when it is open. */
function switched(part: Part, width: number, pull: string | null): Drawn {
  const y = pull === null ? 64 : 106;
  const inside = [
    wire([
      [40, y + 8],
      [40, y],
      [100, y],
    ]),
    ground(40, y + 8),
    dot(100, y),
    line(100, y, 140, y - 14),
    dot(144, y),
    line(144, y, width, y),
    ...(pull === null ? [] : [dot(width - 60, y), resistor(width - 60, y - 46, width - 60, y, pull), flagAbove(width - 60, y - 46, "V+")]),
    caption(part.also ?? [], y + 38),
  ].join("");
  return framed(part, width, y + 52, [y], inside);
}

function usb(part: Part): Drawn {
  const width = 190;
  return framed(part, width, 82, [54], text(14, 58, "USB of a computer") + line(150, 54, width, 54));
}

/** What stands in the gap between a part's pin at `0`, `y` and the board's edge at `-gap`. */
function lead({ pin, resistor: value }: Connection, y: number, gap: number): string {
  if (pin === "GND")
    return (
      wire([
        [0, y],
        [-64, y],
        [-64, y + 5],
      ]) + ground(-64, y + 5)
    );
  if (RAILS.includes(pin)) return flag(-76, y, pin) + (value === undefined ? line(-76, y, 0, y) : resistor(-76, y, 0, y, value));
  const across = line(-gap, y, 0, y, "signal");
  return value === undefined ? across : across + dot(-34, y) + resistor(-34, y - 40, -34, y, value) + flagAbove(-34, y - 40, "V+");
}

/** Sound through a low pass to the amplifier's input, at the height of its row. */
function lowPass(y: number, gap: number): string {
  const from = -gap;
  return [
    line(from, y, from + 14, y, "signal"),
    resistor(from + 14, y, from + 66, y, "1k"),
    dot(from + 88, y),
    line(from + 66, y, from + 100, y),
    capacitor(from + 88, y, y + 36, "33n"),
    ground(from + 88, y + 36),
    capacitorAcross(from + 100, 0, y, "1µ"),
  ].join("");
}

/** A part with a column of pins on its left edge, whose leads reach over `gap` to the board. */
function pinned(part: Part, gap: number): Drawn {
  const width = 250;
  let y = HEAD - ROW + 20;
  const rows = part.connections.map(({ pin, resistor: value }, i) => {
    const before = part.connections[i - 1];
    const tall = value !== undefined && !RAILS.includes(pin);
    y += tall ? ROW + 38 : part.symbol === "amplifier" && before && !RAILS.includes(before.pin) ? ROW + 26 : ROW;
    return y;
  });
  const last = rows.length - 1;
  const out = part.connections.map((connection, i) => {
    const at = rows[i] ?? 0;
    const sound = part.symbol === "amplifier" && !RAILS.includes(connection.pin);
    return [
      sound ? lowPass(at, gap) : lead(connection, at, gap),
      dot(0, at),
      text(12, at + 5, connection.to),
      connection.does === undefined ? "" : text(96, at + 5, connection.does, "small"),
    ].join("");
  });
  if (part.symbol === "chip") {
    const [high, low] = [rows[last - 1] ?? 0, rows[last] ?? 0];
    out.push(dot(-24, high), dot(-24, low), capacitor(-24, high, low, "100n"));
  }
  if (part.symbol === "amplifier" || part.symbol === "decoder") {
    const middle = ((rows[0] ?? 0) + (rows[last] ?? 0)) / 2;
    out.push(
      speaker(width - 50, middle),
      text(width - 50, middle + 40, part.symbol === "amplifier" ? "8 Ω" : "headphones", "small", "middle"),
    );
  }
  return framed(part, width, (rows[last] ?? 0) + 26, rows, out.join(""));
}

/** True for parts that stand left of the board. */
export const standsLeft = (part: Part): boolean => ["rails", "regulator", "supply", "switch", "button", "usb"].includes(part.symbol);

/** `part` at the origin; `gap`: pixels between the board and parts on its right, into which they draw. */
export function drawPart(part: Part, gap: number): Drawn {
  switch (part.symbol) {
    case "supply":
      return supply(part);
    case "regulator":
      return regulated(part);
    case "rails":
      return rails(part);
    case "switch":
      return switched(part, 480, ohms(CASE_PULL_UP));
    case "button":
      return switched(part, 230, null);
    case "usb":
      return usb(part);
    default:
      return pinned(part, gap);
  }
}
