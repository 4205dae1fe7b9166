/** One line of the result: one work on one engine against one peer. */
export interface Row {
  engine: string;
  work: string;
  peer: string;
  unit: string;
  ours: number;
  theirs: number;
  /** Above 1: we are better (faster, smaller). */
  ratio: number;
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const round = (value: number) => Number(value.toPrecision(3));

export function row(engine: string, work: string, peer: string, unit: string, ours: number, theirs: number): Row {
  return { engine, work, peer, unit, ours: round(ours), theirs: round(theirs), ratio: round(theirs / ours) };
}

/** Nanoseconds for one call, from a batch of `count`. */
function batch(work: () => unknown, count: number): number {
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) work();
  return Number(process.hrtime.bigint() - start) / count;
}

/** Times all sides by turns, so that what slows the machine down slows all of them, and compares medians. */
export function compare(
  engine: string,
  work: string,
  unit: string,
  scale: number,
  rounds: number,
  ours: () => unknown,
  peers: Record<string, () => unknown>,
): Row[] {
  const sides = [ours, ...Object.values(peers)];
  const counts = sides.map((side) => {
    batch(side, 20);
    return Math.max(1, Math.round(15e6 / batch(side, 20)));
  });
  const times: number[][] = sides.map(() => []);
  for (let turn = 0; turn < rounds; turn++) sides.forEach((side, i) => times[i].push(batch(side, counts[i])));
  const medians = times.map(median);
  return Object.keys(peers).map((peer, i) => row(engine, work, peer, unit, medians[0] * scale, medians[i + 1] * scale));
}

export function table(rows: Row[]): string {
  const cells = [
    ["engine", "work", "peer", "unit", "ours", "theirs", "ratio"],
    ...rows.map((one) => [one.engine, one.work, one.peer, one.unit, String(one.ours), String(one.theirs), String(one.ratio)]),
  ];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((line) => line[column].length)));
  return cells
    .map((line) => line.map((cell, column) => (column > 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join("  "))
    .join("\n");
}
