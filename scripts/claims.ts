/**
 * Prints every row of docs/claims.md with the scenario tests that carry its id in brackets in their names, and what became of them.
 *
 *   npx tsx scripts/claims.ts [--json] [--write] [--root FOLDER]
 *
 * A row is proven when a test of it passed and none failed, failing when one failed or its file crashed, and missing when there is no test or all were skipped. `--write`
 * puts the tests' files into the last column of the table. The exit code is 1 when any row fails or a test names a row that there is not.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

type Outcome = "proven" | "failing" | "missing";

interface Row {
  id: string;
  title: string;
  /** "file: name of the test" for each test that ran. */
  tests: string[];
  outcome: Outcome;
  /** Tests that did not run, with their reasons; absent where there are none. */
  skipped?: string[];
}

/** One file's outcome as test/run.ts writes it. */
interface FileOutcome {
  file: string;
  tests: { name: string; outcome: "passed" | "failed" | "skipped" }[];
}

const project = fileURLToPath(new URL("..", import.meta.url));
const ROW = /^\| *([A-Z][0-9]+[a-z]?) *\| *(.*?) *\|[^|]*\|$/;
const IDS = /\[([A-Z][0-9]+[a-z]?)\]/g;

function idsIn(text: string): string[] {
  return [...new Set([...text.matchAll(IDS)].map((match) => match[1]))];
}

/** Files below test/scenario whose text carries the id of any row. */
function scenarioFiles(root: string): string[] {
  const folder = join(root, "test", "scenario");
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => join("test", "scenario", name))
    .filter((file) => idsIn(readFileSync(join(root, file), "utf8")).length > 0)
    .sort();
}

/** Runs the files through test/run.ts; what they print goes to standard error. */
function runTests(root: string, files: string[]): FileOutcome[] {
  if (files.length === 0) return [];
  const folder = mkdtempSync(join(tmpdir(), "leyden-claims-"));
  const report = join(folder, "outcomes.json");
  try {
    const paths = files.map((file) => join(root, file));
    spawnSync(process.execPath, ["--import", "tsx", join(project, "test", "run.ts"), "--json", report, ...paths], {
      cwd: project,
      stdio: ["ignore", 2, 2],
    });
    if (!existsSync(report)) throw new Error("The scenario tests came to no end, see above.");
    const outcomes = JSON.parse(readFileSync(report, "utf8")) as FileOutcome[];
    return outcomes.map((outcome) => ({ ...outcome, file: files.find((file) => outcome.file.endsWith(file)) ?? outcome.file }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A failure without an id (a crash, a file that does not load) counts for every row that the file's text names. */
function idsOf(root: string, file: string, test: FileOutcome["tests"][number]): string[] {
  const ids = idsIn(test.name);
  return ids.length === 0 && test.outcome === "failed" ? idsIn(readFileSync(join(root, file), "utf8")) : ids;
}

function judge(root: string, page: string, outcomes: FileOutcome[]): Row[] {
  const rows = page
    .split("\n")
    .map((line) => ROW.exec(line))
    .filter((match) => match !== null)
    .map((match): Row => ({ id: match[1], title: match[2], tests: [], outcome: "missing" }));
  const byId = new Map(rows.map((row) => [row.id, row]));
  for (const { file, tests } of outcomes)
    for (const test of tests)
      for (const id of idsOf(root, file, test)) {
        const row = byId.get(id);
        const name = `${file}: ${test.name}`;
        if (row === undefined) throw new Error(`${name}: docs/claims.md has no row ${id}; correct the test's name or add the row.`);
        if (test.outcome === "skipped") (row.skipped ??= []).push(name);
        else {
          row.tests.push(name);
          if (test.outcome === "failed") row.outcome = "failing";
          else if (row.outcome === "missing") row.outcome = "proven";
        }
      }
  return rows;
}

/** The page with the files of each row's tests in its last column. */
function withTests(page: string, rows: Row[]): string {
  const cell = ({ tests, skipped }: Row): string => {
    const files = [...new Set([...tests, ...(skipped ?? [])].map((name) => name.slice(0, name.indexOf(": "))))].sort();
    return files.map((file) => `[${file.replace("test/scenario/", "")}](../${file})`).join(", ");
  };
  return page
    .split("\n")
    .map((line) => {
      const match = ROW.exec(line);
      const row = match && rows.find(({ id }) => id === match[1]);
      return row ? `| ${row.id} | ${row.title} | ${cell(row)} |`.replace("|  |", "| |") : line;
    })
    .join("\n");
}

function print(rows: Row[]): void {
  for (const row of rows) {
    console.log(`${row.id.padEnd(4)} ${row.outcome.padEnd(8)} ${row.title}`);
    for (const name of row.tests) console.log(`              ${name}`);
    for (const name of row.skipped ?? []) console.log(`              skipped: ${name}`);
  }
  const count = (outcome: Outcome): number => rows.filter((row) => row.outcome === outcome).length;
  console.log(`${String(count("proven"))} proven, ${String(count("failing"))} failing, ${String(count("missing"))} missing`);
}

function main(words: string[]): number {
  const at = words.indexOf("--root");
  const root = at < 0 ? project : words[at + 1];
  const file = join(root, "docs", "claims.md");
  const page = readFileSync(file, "utf8");
  const rows = judge(root, page, runTests(root, scenarioFiles(root)));
  if (words.includes("--json")) console.log(JSON.stringify(rows, null, 2));
  else print(rows);
  const fresh = withTests(page, rows);
  if (words.includes("--write")) writeFileSync(file, fresh);
  else if (fresh !== page)
    console.error("docs/claims.md names other tests in its last column than there are; npm run claims -- --write corrects it.");
  return rows.some((row) => row.outcome === "failing") ? 1 : 0;
}

try {
  process.exitCode = main(process.argv.slice(2));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
