/** Draws how a device is wired: the board in the middle, what supplies and guards it on the left, what it talks to on the right. */
import { RAILS, type Part } from "../../boards/profiles/parts.js";
import type { BoardProfile, RoleWiring } from "../../boards/profiles/profile.js";
import { drawPart, standsLeft, type Drawn } from "./part-drawings.js";
import { box, dot, escape, line, text } from "./symbols.js";

const MARGIN = 24;
const TOP = 76;
const SPACE = 24;
/** Between parts on the left and the board; the leads' names stand there. */
const LEFT_GAP = 100;
const RIGHT_GAP = 170;
const BOARD_WIDTH = 190;

interface Placed {
  readonly part: Part;
  readonly drawn: Drawn;
  readonly top: number;
}

function column(parts: readonly Part[]): { placed: Placed[]; bottom: number } {
  let bottom = TOP + 8;
  const placed = parts.map((part) => {
    const drawn = drawPart(part, RIGHT_GAP);
    const top = bottom;
    bottom += drawn.height + SPACE;
    return { part, drawn, top };
  });
  return { placed, bottom };
}

function legend(profile: BoardProfile, wiring: RoleWiring): string[] {
  const on = (rail: string): string | undefined =>
    wiring.parts
      .filter(standsLeft)
      .flatMap((part) => part.connections)
      .find(({ to }) => to === rail)?.pin;
  const used = new Set(wiring.parts.flatMap((part) => part.connections.map(({ pin }) => pin)));
  const [volts, five] = [on("V+"), on("5 V")];
  const flags = used.has("V+") || wiring.parts.some(({ symbol }) => symbol === "switch");
  return [
    ...(profile.printed === undefined ? [] : [`Pins have the engine's names: ${profile.printed}`]),
    ...(volts === undefined || !flags ? [] : [`V+ is pin ${volts}, about 3 V: all flags V+ are connected with it.`]),
    ...(five === undefined || !used.has("5 V")
      ? []
      : [
          `5 V is pin ${five}: all flags 5 V are connected with it. It ${five === profile.power?.takes?.value ? "comes from the slot" : "is USB's"}.`,
        ]),
    "All ground symbols are connected with pin GND.",
    "Resistors in ohms: k is thousand, M million. Capacitors in farads: n is 10⁻⁹, µ is 10⁻⁶.",
    "Dots join wires; where lines cross without a dot they do not touch.",
  ];
}

/** The drawing of one role on one board, as the text of an SVG file. */
export function wiringSvg(profile: BoardProfile, wiring: RoleWiring): string {
  const left = column(wiring.parts.filter(standsLeft));
  const right = column(wiring.parts.filter((part) => !standsLeft(part)));
  const leftWidth = Math.max(...left.placed.map(({ drawn }) => drawn.width));
  const rightWidth = Math.max(...right.placed.map(({ drawn }) => drawn.width));
  const board = MARGIN + leftWidth + LEFT_GAP;
  const beyond = board + BOARD_WIDTH + RIGHT_GAP;
  const width = beyond + rightWidth + MARGIN;
  const bottom = Math.max(left.bottom, right.bottom);
  const lines = legend(profile, wiring);
  const words = lines.flatMap((line) => fold(line, width - 2 * MARGIN));
  const height = bottom + 18 + 18 * words.length;
  const leads = (placed: Placed): string =>
    placed.part.connections
      .map(({ pin, to }, i) => {
        const y = placed.top + (placed.drawn.rows[i] ?? 0);
        const edge = MARGIN + leftWidth;
        const kind = to === "GND" ? "wire" : to === "V+" || to === "5 V" ? "power" : "signal";
        return [
          line(edge, y, board, y, kind),
          dot(edge, y),
          RAILS.includes(to) || placed.part.symbol === "usb" ? "" : text(edge + 12, y - 7, to, "small"),
          text(board + 12, y + 5, pin, "pin"),
        ].join("");
      })
      .join("");
  const at = (x: number, { drawn, top }: Placed): string => `<g transform="translate(${String(x)} ${String(top)})">${drawn.svg}</g>`;
  const names = (placed: Placed): string =>
    placed.part.connections
      .map(({ pin }, i) =>
        RAILS.includes(pin) ? "" : text(board + BOARD_WIDTH - 12, placed.top + (placed.drawn.rows[i] ?? 0) + 5, pin, "pin", "end"),
      )
      .join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${String(width)} ${String(height)}" width="${String(width)}" height="${String(height)}" role="img">
<title>${escape(`${profile.title} as ${wiring.role}`)}</title>
<style>
text{font-family:Helvetica,Arial,sans-serif;font-size:14px;fill:#222}
.head{font-size:20px;font-weight:bold}.title{font-weight:bold}.pin{font-weight:bold;fill:#fff}.small,.note{font-size:12px;fill:#444}.flagname{font-size:12px;font-weight:bold;fill:#c0392b}
.wire,.power,.signal{stroke:#333;stroke-width:1.6;fill:none}.power{stroke:#c0392b;stroke-width:2.2}.signal{stroke:#1f6fb2;stroke-width:2}.plate{stroke:#222;stroke-width:3;fill:none}
.part{fill:#fbfbf7;stroke:#999}.board{fill:#1d5c43;stroke:#0f3527;stroke-width:2}.body{fill:#fff;stroke:#222;stroke-width:1.5}.fill,.dot{fill:#222}.flag{fill:#fdecea;stroke:#c0392b;stroke-width:1.2}
</style>
<rect class="page" x="0" y="0" width="${String(width)}" height="${String(height)}" fill="#fff"/>
${text(MARGIN, 40, `${profile.title} as ${wiring.role}`, "head")}
${box(board, TOP - 8, BOARD_WIDTH, bottom - TOP + 8, "board", 12)}
${text(board + BOARD_WIDTH / 2, bottom - 14, profile.title, "pin", "middle")}
${left.placed.map((placed) => at(MARGIN + leftWidth - placed.drawn.width, placed)).join("\n")}
${left.placed.map(leads).join("\n")}
${right.placed.map((placed) => at(beyond, placed)).join("\n")}
${right.placed.map(names).join("\n")}
${words.map((line, i) => text(MARGIN, bottom + 20 + 18 * i, line, "note")).join("\n")}
</svg>
`;
}

/** Breaks `line` where it gets wider than `width`, at some 6.2 pixels a letter. */
function fold(line: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of line.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && (last.length + word.length + 1) * 6.2 <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
