/** The wiring drawings as geometry: everything can be read, and no wire runs through what it is not connected with. */
import * as assert from "uvu/assert";
import { boardDocuments } from "../../scripts/docs/boards.js";
import { suite } from "../suite.js";

const test = suite("wiring drawings");

interface Box {
  readonly name: string;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}
interface Segment {
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}
interface Drawing {
  readonly page: Box;
  readonly texts: readonly Box[];
  /** Bodies of parts, flags and the board: no wire passes them, and a text is either in one or outside. */
  readonly solid: readonly Box[];
  /** Frames around parts: wires pass them, texts do not. */
  readonly frames: readonly Box[];
  readonly wires: readonly Segment[];
}

/** Width of `words` in em, a little more than Helvetica's and Arial's own. */
function ems(words: string, bold: boolean): number {
  const letters = [...words].map((letter) =>
    " .,:;|!'ijltf()I/-".includes(letter) ? 0.34 : "mwMW%µΩ".includes(letter) ? 0.88 : /[A-Z+−]/.test(letter) ? 0.72 : 0.57,
  );
  return letters.reduce((sum, letter) => sum + letter, 0) * (bold ? 1.07 : 1);
}

const SIZE: Readonly<Record<string, number>> = { head: 20, small: 12, note: 12, flagname: 12 };
const attribute = (element: string, name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(element)?.[1] ?? "";
const number = (element: string, name: string): number => Number(attribute(element, name));

function read(svg: string): Drawing {
  const [texts, solid, frames, wires]: [Box[], Box[], Box[], Segment[]] = [[], [], [], []];
  let page: Box | undefined;
  let [dx, dy] = [0, 0];
  const box = (name: string, x: number, y: number, width: number, height: number): Box => ({
    name,
    left: x + dx,
    top: y + dy,
    right: x + dx + width,
    bottom: y + dy + height,
  });
  for (const [element, tag, words] of svg.matchAll(/<(\/?\w+)[^>]*>([^<]*)/g)) {
    const kind = attribute(element, "class");
    if (tag === "g")
      [dx, dy] = attribute(element, "transform")
        .match(/-?[\d.]+/g)
        ?.map(Number) as [number, number];
    else if (tag === "/g") [dx, dy] = [0, 0];
    else if (tag === "text") {
      const size = SIZE[kind] ?? 14;
      const plain = (words ?? "").replace(/&lt;/g, "<").replace(/&amp;/g, "&");
      const width = size * ems(plain, ["head", "title", "pin", "flagname"].includes(kind));
      const x = number(element, "x");
      const anchor = attribute(element, "text-anchor");
      const left = anchor === "end" ? x - width : anchor === "middle" ? x - width / 2 : x;
      texts.push(box(plain, left, number(element, "y") - 0.74 * size, width, 0.8 * size));
    } else if (tag === "rect") {
      const one = box(kind, number(element, "x"), number(element, "y"), number(element, "width"), number(element, "height"));
      if (kind === "page") page = one;
      else (kind === "part" ? frames : solid).push(one);
    } else if (tag === "path" && kind === "flag") {
      const [x, y] = attribute(element, "d")
        .match(/-?[\d.]+/g)
        ?.map(Number) as [number, number];
      solid.push(attribute(element, "d").includes("h-32") ? box("flag", x - 40, y - 9, 40, 18) : box("flag", x - 17, y - 22, 34, 22));
    } else if (tag === "polyline") {
      const points = attribute(element, "points")
        .split(" ")
        .map((pair) => pair.split(",").map(Number) as [number, number])
        .map(([x, y]) => [x + dx, y + dy] as const);
      points.slice(1).forEach((to, i) => {
        const from = points[i];
        if (from) wires.push({ from, to });
      });
    }
  }
  assert.ok(page && texts.length > 5 && solid.length > 0 && frames.length > 1 && wires.length > 5, "this is not read as a drawing");
  return { page, texts, solid, frames, wires };
}

const apart = (a: Box, b: Box): boolean => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
const within = (inner: Box, outer: Box): boolean =>
  inner.left >= outer.left && inner.right <= outer.right && inner.top >= outer.top && inner.bottom <= outer.bottom;
const shrunk = ({ name, left, top, right, bottom }: Box, by: number): Box => ({
  name,
  left: left + by,
  top: top + by,
  right: right - by,
  bottom: bottom - by,
});

/** True when a piece of the segment lies inside the box. */
function passes({ from, to }: Segment, { left, top, right, bottom }: Box): boolean {
  let [start, end] = [0, 1];
  for (const [a, b, low, high] of [
    [from[0], to[0], left, right],
    [from[1], to[1], top, bottom],
  ] as const) {
    if (a === b) {
      if (a <= low || a >= high) return false;
      continue;
    }
    const [one, other] = [(low - a) / (b - a), (high - a) / (b - a)];
    start = Math.max(start, Math.min(one, other));
    end = Math.min(end, Math.max(one, other));
  }
  return start < end;
}

const at = ({ name, left, top }: Box): string => `"${name}" at ${left.toFixed(0)}, ${top.toFixed(0)}`;

/** What is wrong with a drawing, a sentence each. */
function faults({ page, texts, solid, frames, wires }: Drawing): string[] {
  const found: string[] = [];
  texts.forEach((one, i) => {
    if (!within(one, shrunk(page, 6))) found.push(`${at(one)} runs out of the picture`);
    for (const other of texts.slice(i + 1)) if (!apart(one, other)) found.push(`${at(one)} covers ${at(other)}`);
    for (const other of [...solid, ...frames])
      if (!apart(one, other) && !within(one, other)) found.push(`${at(one)} runs over ${at(other)}`);
    for (const wire of wires)
      if (passes(wire, shrunk(one, 1))) found.push(`a wire from ${wire.from.join()} to ${wire.to.join()} runs through ${at(one)}`);
  });
  solid.forEach((one, i) => {
    for (const other of [...solid.slice(i + 1), ...frames])
      if (!apart(one, other) && !within(one, other)) found.push(`${at(one)} covers ${at(other)}`);
    for (const wire of wires)
      if (passes(wire, shrunk(one, 1))) found.push(`a wire from ${wire.from.join()} to ${wire.to.join()} runs through ${at(one)}`);
  });
  frames.forEach((one, i) => {
    for (const other of frames.slice(i + 1)) if (!apart(one, other)) found.push(`${at(one)} covers ${at(other)}`);
  });
  return found;
}

for (const [name, content] of boardDocuments())
  if (name.endsWith(".svg"))
    test(`${name}: texts stand free, and wires end where they belong`, () => {
      assert.is(faults(read(content)).join("\n"), "");
    });

test("faults are found: a longer name, a text moved onto a wire, a part moved onto another", () => {
  const svg = boardDocuments().get("wiring/pico-cartridge.svg") ?? "";
  const broken = (from: RegExp, to: string): string => {
    const changed = svg.replace(from, to);
    assert.is.not(changed, svg, String(from));
    return faults(read(changed)).join("\n");
  };
  assert.match(broken(/>case</, ">opens with the case<"), /runs over "board"/);
  assert.match(broken(/>Journal: W25Q32</, ">Journal and content of the whole cartridge: W25Q128<"), /runs o/);
  assert.match(broken(/y="\d+"( text-anchor="start">docked)/, 'y="162"$1'), /runs through "docked"/);
  assert.match(broken(/(<rect class="body" x=")\d+/, "$1300"), /runs through/);
});

test.run();
