/** The symbols of a circuit, each as the text of SVG elements. Coordinates in pixels, y downwards. */

export const escape = (text: string): string => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

/** A line through `points`, of a kind that the style sheet knows. */
export function wire(points: readonly (readonly [x: number, y: number])[], kind = "wire"): string {
  return `<polyline class="${kind}" points="${points.map((point) => point.join()).join(" ")}"/>`;
}

/** A straight one. */
export function line(x1: number, y1: number, x2: number, y2: number, kind = "wire"): string {
  return wire(
    [
      [x1, y1],
      [x2, y2],
    ],
    kind,
  );
}

export function text(x: number, y: number, words: string, kind = "label", anchor: "start" | "middle" | "end" = "start"): string {
  return `<text class="${kind}" x="${String(x)}" y="${String(y)}" text-anchor="${anchor}">${escape(words)}</text>`;
}

export function box(x: number, y: number, width: number, height: number, kind: string, round = 0): string {
  return `<rect class="${kind}" x="${String(x)}" y="${String(y)}" width="${String(width)}" height="${String(height)}" rx="${String(round)}"/>`;
}

/** Where wires join. */
export const dot = (x: number, y: number): string => `<circle class="dot" cx="${String(x)}" cy="${String(y)}" r="3.5"/>`;

/** A contact that another device touches. */
export const contact = (x: number, y: number): string => `<circle class="body" cx="${String(x)}" cy="${String(y)}" r="6"/>`;

/** Ground under the end of a wire at `x`, `y`. */
export function ground(x: number, y: number): string {
  return [0, 1, 2].map((i) => line(x - 9 + 3 * i, y + 4 * i, x + 9 - 3 * i, y + 4 * i)).join("");
}

/** The name of a rail, at the left end of a wire that ends at `x`. */
export function flag(x: number, y: number, name: string): string {
  return `<path class="flag" d="M${String(x)} ${String(y)} l-8 -9 h-32 v18 h32 Z"/>` + text(x - 23, y + 4, name, "flagname", "middle");
}

/** The same above a wire that goes up to `y`. */
export function flagAbove(x: number, y: number, name: string): string {
  return `<path class="flag" d="M${String(x)} ${String(y)} l-8 -6 h-9 v-16 h34 v16 h-9 Z"/>` + text(x, y - 10, name, "flagname", "middle");
}

/** A resistor between two points one above or beside the other; its name stands above it, or left of it. */
export function resistor(x1: number, y1: number, x2: number, y2: number, name: string): string {
  if (y1 === y2) {
    const middle = (x1 + x2) / 2;
    return (
      line(x1, y1, middle - 18, y1) +
      box(middle - 18, y1 - 6, 36, 12, "body") +
      line(middle + 18, y1, x2, y1) +
      text(middle, y1 - 10, name, "small", "middle")
    );
  }
  const middle = (y1 + y2) / 2;
  return (
    line(x1, y1, x1, middle - 10) +
    box(x1 - 6, middle - 10, 12, 20, "body") +
    line(x1, middle + 10, x1, y2) +
    text(x1 - 11, middle + 4, name, "small", "end")
  );
}

/** A capacitor between two points one above the other; its name stands left of it. */
export function capacitor(x: number, y1: number, y2: number, name: string): string {
  const middle = (y1 + y2) / 2;
  return (
    line(x, y1, x, middle - 4) +
    line(x - 10, middle - 4, x + 10, middle - 4, "plate") +
    line(x - 10, middle + 4, x + 10, middle + 4, "plate") +
    line(x, middle + 4, x, y2) +
    text(x - 15, middle + 4, name, "small", "end")
  );
}

/** A capacitor in a wire that goes right from `x` to `x2`; its name stands above it. */
export function capacitorAcross(x: number, x2: number, y: number, name: string): string {
  const middle = (x + x2) / 2;
  return (
    line(x, y, middle - 4, y) +
    line(middle - 4, y - 10, middle - 4, y + 10, "plate") +
    line(middle + 4, y - 10, middle + 4, y + 10, "plate") +
    line(middle + 4, y, x2, y) +
    text(middle, y - 15, name, "small", "middle")
  );
}

/** A diode that lets current go right, from `x` to `x2`. */
export function diode(x: number, x2: number, y: number, name: string): string {
  const middle = (x + x2) / 2;
  return (
    line(x, y, middle - 7, y) +
    `<path class="fill" d="M${String(middle - 7)} ${String(y - 8)} v16 l14 -8 Z"/>` +
    line(middle + 7, y - 8, middle + 7, y + 8, "plate") +
    line(middle + 7, y, x2, y) +
    text(middle, y - 13, name, "small", "middle")
  );
}

/** A regulator from `x` to `x2` with its ground below, and a capacitor on either side of it. */
export function linearRegulator(x: number, x2: number, y: number): string {
  const middle = (x + x2) / 2;
  const shunt = (at: number): string => dot(at, y) + capacitor(at, y, y + 32, "1µ") + ground(at, y + 32);
  return (
    line(x, y, middle - 34, y) +
    box(middle - 34, y - 15, 68, 30, "body") +
    text(middle, y + 4, "LDO 3 V", "small", "middle") +
    line(middle, y + 15, middle, y + 26) +
    ground(middle, y + 26) +
    line(middle + 34, y, x2, y) +
    shunt(middle - 50) +
    shunt(middle + 78)
  );
}

/** A P-channel MOSFET standing between its source at `y1` and its drain at `y2`, its gate on a wire from the left. */
export function pChannel(x: number, y1: number, y2: number, gateFrom: number, name: string): string {
  const middle = (y1 + y2) / 2;
  return (
    wire([
      [x, y1],
      [x, middle - 10],
      [x - 14, middle - 10],
    ]) +
    wire([
      [x - 14, middle + 10],
      [x, middle + 10],
      [x, y2],
    ]) +
    line(x - 14, middle - 14, x - 14, middle + 14, "plate") +
    line(x - 20, middle - 10, x - 20, middle + 10, "plate") +
    line(gateFrom, middle, x - 20, middle) +
    text(x - 30, middle - 4, "G", "small", "middle") +
    text(x + 6, y1 + 15, "S", "small") +
    text(x + 6, y2 - 7, "D", "small") +
    text(x + 6, middle + 4, name, "small")
  );
}

/** A loudspeaker whose middle is at `x`, `y`. */
export function speaker(x: number, y: number): string {
  return `<path class="body" d="M${String(x - 14)} ${String(y - 9)} h12 l16 -13 v44 l-16 -13 h-12 Z"/>`;
}
