/** Draws how a device is wired: the board in the middle, what supplies and guards it on the left, what it talks to on the right. */
import type { BoardProfile, Part, RoleWiring } from "../../boards/profiles/profile.js";

const ROW = 34;
const HEAD = 40;
const GAP = 26;
const PART = { left: 24, width: 360 };
const RIGHT = { left: 800, width: 250 };
const BOARD = { left: 500, width: 190 };
const WIDTH = 1074;

const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const line = (x1: number, y1: number, x2: number, y2: number, kind = "wire"): string =>
  `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
const text = (x: number, y: number, words: string, kind = "label", anchor = "start"): string =>
  `<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${escape(words)}</text>`;
const dot = (x: number, y: number): string => `<circle class="dot" cx="${x}" cy="${y}" r="3.5"/>`;
const ground = (x: number, y: number): string => [0, 1, 2].map((i) => line(x - 9 + 3 * i, y + 4 * i, x + 9 - 3 * i, y + 4 * i)).join("");

/** A resistor lying (or standing) between two points. */
function resistor(x1: number, y1: number, x2: number, y2: number, name: string): string {
  if (y1 === y2) {
    const middle = (x1 + x2) / 2;
    return (
      line(x1, y1, middle - 20, y1) +
      `<rect class="body" x="${middle - 20}" y="${y1 - 6}" width="40" height="12"/>` +
      line(middle + 20, y1, x2, y1) +
      text(middle, y1 - 10, name, "small", "middle")
    );
  }
  const middle = (y1 + y2) / 2;
  return (
    line(x1, y1, x1, middle - 9) +
    `<rect class="body" x="${x1 - 6}" y="${middle - 9}" width="12" height="18"/>` +
    line(x1, middle + 9, x1, y2) +
    text(x1 + 11, middle + 4, name, "small")
  );
}

/** Charging contact, diode, key capacitor, regulator, divider and comparator; rows in the order of `supplyParts`. */
function supplySymbol(x: number, y: (row: number) => number, right: number): string {
  const bus = x + 158;
  const slot = x + 26;
  const last = y(4);
  return [
    // the slot's supply, through a diode, onto the capacitor
    `<circle class="body" cx="${slot}" cy="${y(0)}" r="6"/>`,
    text(slot + 9, y(0) + 19, "slot 5 V", "small"),
    line(slot + 6, y(0), x + 70, y(0)),
    `<path class="fill" d="M${x + 70} ${y(0) - 8} L${x + 70} ${y(0) + 8} L${x + 84} ${y(0)} Z"/>`,
    line(x + 84, y(0) - 8, x + 84, y(0) + 8),
    line(x + 84, y(0), bus, y(0)),
    dot(x + 112, y(0)),
    line(x + 112, y(0), x + 112, y(1) - 4),
    line(x + 98, y(1) - 4, x + 126, y(1) - 4, "plate"),
    line(x + 98, y(1) + 4, x + 126, y(1) + 4, "plate"),
    line(x + 112, y(1) + 4, x + 112, last),
    text(x + 92, y(1) + 3, "C key", "small", "end"),
    dot(x + 112, last),
    // regulator to the board
    dot(bus, y(0)),
    line(bus, y(0), bus + 40, y(0)),
    `<rect class="body" x="${bus + 40}" y="${y(0) - 13}" width="66" height="26"/>`,
    text(bus + 73, y(0) + 4, "LDO 3 V", "small", "middle"),
    line(bus + 106, y(0), right, y(0)),
    // divider
    resistor(bus, y(0), bus, y(1), "10M"),
    dot(bus, y(1)),
    line(bus, y(1), right, y(1)),
    resistor(bus, y(1), bus, y(2) + 8, "10M"),
    line(bus, y(2) + 8, bus, y(2) + 12),
    ground(bus, y(2) + 12),
    // comparator
    dot(bus + 52, y(1)),
    line(bus + 52, y(1), bus + 52, y(2) - 6),
    line(bus + 52, y(2) - 6, bus + 66, y(2) - 6),
    `<path class="body" d="M${bus + 66} ${y(2) - 15} L${bus + 66} ${y(2) + 15} L${bus + 96} ${y(2)} Z"/>`,
    text(bus + 70, y(2) - 3, "+", "small"),
    text(bus + 70, y(2) + 11, "−", "small"),
    line(bus + 52, y(2) + 8, bus + 66, y(2) + 8),
    text(bus + 48, y(2) + 12, "1.2 V", "small", "end"),
    line(bus + 96, y(2), right, y(2)),
    // contact
    line(slot, y(0) + 6, slot, y(3)),
    line(slot, y(3), right - 110, y(3)),
    resistor(right - 110, y(3), right, y(3), "100k"),
    // ground
    line(x + 112, last, right, last),
    ground(x + 40, last),
    line(x + 40, last, x + 112, last),
  ].join("");
}

function switchSymbol(x: number, y: number, right: number): string {
  return [
    ground(x + 60, y),
    line(x + 60, y, x + 130, y),
    dot(x + 130, y),
    line(x + 130, y, x + 168, y - 14),
    dot(x + 174, y),
    line(x + 174, y, right, y),
    text(x + 150, y + 18, "closed while the case is", "small", "middle"),
    dot(right - 44, y),
    line(right - 44, y, right - 44, y - 20),
    text(right - 50, y - 12, "1M to V+", "small", "end"),
  ].join("");
}

const heightOf = (part: Part): number => HEAD + part.connections.length * ROW + (part.symbol === "switch" ? 14 : 0);

function drawPart(part: Part, left: boolean, top: number): string {
  const { left: x, width } = left ? PART : RIGHT;
  const edge = left ? x + width : x;
  const row = (index: number): number => top + HEAD + index * ROW + ROW / 2 - 6;
  const out = [
    `<rect class="part" x="${x}" y="${top}" width="${width}" height="${heightOf(part)}" rx="8"/>`,
    text(x + 14, top + 24, part.title, "title"),
  ];
  part.connections.forEach((connection, index) => {
    const y = row(index);
    const kind = connection.pin === "GND" ? "wire gnd" : connection.pin === "VCC" ? "wire vcc" : "wire signal";
    out.push(left ? line(edge, y, BOARD.left, y, kind) : line(BOARD.left + BOARD.width, y, edge, y, kind));
    out.push(dot(edge, y));
    if (part.symbol !== "supply" && part.symbol !== "switch")
      out.push(text(edge + (left ? -12 : 12), y + 5, connection.to, "label", left ? "end" : "start"));
    out.push(
      left ? text(edge + 10, y - 6, connection.to, "small") : "",
      left ? text(BOARD.left + 12, y + 5, connection.pin, "pin") : text(BOARD.left + BOARD.width - 12, y + 5, connection.pin, "pin", "end"),
    );
  });
  (part.also ?? []).forEach((words, index) => {
    out.push(text(x + width - 12, row(index) + 5, words, "small", "end"));
  });
  if (part.symbol === "supply") out.push(supplySymbol(x, row, edge));
  if (part.symbol === "switch") out.push(switchSymbol(x, row(0), edge));
  if (part.symbol === "speaker") {
    const y = top + heightOf(part) / 2;
    out.push(`<path class="body" d="M${x + width - 56} ${y - 9} h14 l18 -14 v46 l-18 -14 h-14 Z"/>`);
  }
  return out.join("");
}

/** The drawing of one role on one board, as the text of an SVG file. */
export function wiringSvg(profile: BoardProfile, wiring: RoleWiring): string {
  const left = wiring.parts.filter((part) => part.symbol === "supply" || part.symbol === "switch");
  const right = wiring.parts.filter((part) => !left.includes(part));
  const total = (parts: readonly Part[]): number => parts.reduce((sum, part) => sum + heightOf(part) + GAP, 0);
  const height = Math.max(total(left), total(right), 120) + 110;
  const place = (parts: readonly Part[], onLeft: boolean): string => {
    let top = 80;
    return parts
      .map((part) => {
        const drawn = drawPart(part, onLeft, top);
        top += heightOf(part) + GAP;
        return drawn;
      })
      .join("");
  };
  const shift = left.length ? 0 : PART.width + 60;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${shift} 0 ${WIDTH - shift} ${height}" width="${WIDTH - shift}" height="${height}" role="img">
<title>${escape(`${profile.title} as ${wiring.role}`)}</title>
<style>
text{font-family:Helvetica,Arial,sans-serif;font-size:14px;fill:#222}
.head{font-size:20px;font-weight:bold}.title{font-weight:bold}.pin{font-weight:bold;fill:#fff}.small{font-size:11px;fill:#555}
.wire{stroke:#333;stroke-width:1.6;fill:none}.plate{stroke:#222;stroke-width:3}.gnd{stroke:#222}.vcc{stroke:#c0392b;stroke-width:2.2}.signal{stroke:#1f6fb2;stroke-width:2}
.part{fill:#fbfbf7;stroke:#999}.board{fill:#1d5c43;stroke:#0f3527;stroke-width:2}.body{fill:#fff;stroke:#222;stroke-width:1.5}.fill{fill:#222}.dot{fill:#222}
</style>
<rect x="0" y="0" width="${WIDTH}" height="${height}" fill="#fff"/>
${text(shift + 24, 40, `${profile.title} as ${wiring.role}`, "head")}
<rect class="board" x="${BOARD.left}" y="70" width="${BOARD.width}" height="${height - 100}" rx="12"/>
${text(BOARD.left + BOARD.width / 2, height - 44, profile.title, "pin", "middle")}
${place(left, true)}
${place(right, false)}
</svg>
`;
}
