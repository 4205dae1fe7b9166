import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";

const test = suite("npm run claims");
const script = fileURLToPath(new URL("../../scripts/claims.ts", import.meta.url));
const helper = pathToFileURL(fileURLToPath(new URL("../suite.ts", import.meta.url))).href;

const PAGE = `# Rows

| id | what must work | test |
| --- | --- | --- |
| A1 | It lends | |
| A2a | It takes back | [gone.test.ts](../test/scenario/gone.test.ts) |
| B3 | It flies | |
| B4 | It swims | |
`;

interface Row {
  id: string;
  title: string;
  tests: string[];
  outcome: string;
  skipped?: string[];
}

/** A project of its own with these scenario tests, each the body of a suite. */
function project(tests: Record<string, string>): string {
  const root = mkdtempSync(join(tmpdir(), "leyden-claims-test-"));
  mkdirSync(join(root, "docs"));
  mkdirSync(join(root, "test", "scenario", "inner"), { recursive: true });
  writeFileSync(join(root, "docs", "claims.md"), PAGE);
  for (const [name, body] of Object.entries(tests))
    writeFileSync(
      join(root, "test", "scenario", name),
      `import { suite } from ${JSON.stringify(helper)};\nconst test = suite("x");\n${body}\ntest.run();\n`,
    );
  return root;
}

function claims(root: string, ...words: string[]): { code: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", script, "--root", root, ...words], {
    encoding: "utf8",
  });
  return { code: status, out: stdout, error: stderr };
}

function withProject(tests: Record<string, string>, use: (root: string) => void): void {
  const root = project(tests);
  try {
    use(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const GOOD = `test("[A1][A2a] both", () => {}); test.skip("[B3] wings", "no wind"); test("no row", () => {});`;

test("tells proven, skipped and missing rows apart", () => {
  withProject({ "good.test.ts": GOOD, "inner/more.test.ts": `test("again [A1]", () => {});` }, (root) => {
    const { code, out, error } = claims(root, "--json");
    assert.is(code, 0, error);
    const rows = JSON.parse(out) as Row[];
    assert.equal(
      rows.map(({ id, outcome }) => `${id} ${outcome}`),
      ["A1 proven", "A2a proven", "B3 missing", "B4 missing"],
    );
    assert.is(rows[0].title, "It lends");
    assert.equal([...rows[0].tests].sort(), [
      "test/scenario/good.test.ts: x: [A1][A2a] both",
      "test/scenario/inner/more.test.ts: x: again [A1]",
    ]);
    assert.equal(rows[2].tests, []);
    assert.equal(rows[2].skipped, ["test/scenario/good.test.ts: x: [B3] wings (no wind)"]);
    assert.equal(Object.keys(rows[3]), ["id", "title", "tests", "outcome"]);
    assert.match(error, /--write corrects it/);
  });
});

test("a failed test, and a file that crashes, fail their rows; exit code 1", () => {
  withProject(
    {
      "good.test.ts": GOOD,
      "bad.test.ts": `test("[A1] other", () => { throw new Error("no"); });`,
      "crash.test.ts": `test("[B4] never told", () => {}); process.exit(3);`,
    },
    (root) => {
      const { code, out } = claims(root, "--json");
      assert.is(code, 1);
      assert.equal(
        (JSON.parse(out) as Row[]).map(({ outcome }) => outcome),
        ["failing", "proven", "missing", "failing"],
      );
    },
  );
});

test("prints a line a row, with its tests, and the sums", () => {
  withProject({ "good.test.ts": GOOD }, (root) => {
    const { code, out } = claims(root);
    assert.is(code, 0);
    assert.match(out, /^A1 +proven +It lends\n +test\/scenario\/good\.test\.ts: x: \[A1\]\[A2a\] both\n/);
    assert.match(out, /\nB3 +missing +It flies\n +skipped: .*\(no wind\)\n/);
    assert.match(out, /\n2 proven, 0 failing, 2 missing\n$/);
  });
});

test("--write brings the last column up to date and leaves the rest alone", () => {
  withProject({ "good.test.ts": GOOD }, (root) => {
    const file = join(root, "docs", "claims.md");
    assert.is(claims(root, "--write").code, 0);
    const link = "[good.test.ts](../test/scenario/good.test.ts)";
    assert.is(
      readFileSync(file, "utf8"),
      PAGE.replace("lends | |", `lends | ${link} |`)
        .replace(/back \|.*\|/, `back | ${link} |`)
        .replace("flies | |", `flies | ${link} |`),
    );
    assert.not.match(claims(root).error, /--write/);
  });
});

test("a test that names a row that there is not is an error", () => {
  withProject({ "odd.test.ts": `test("[Z9] odd", () => {});` }, (root) => {
    const { code, out, error } = claims(root, "--json");
    assert.is(code, 1);
    assert.is(out, "");
    assert.match(error, /odd\.test\.ts: x: \[Z9\] odd: docs\/claims\.md has no row Z9/);
  });
});

test("the project's own page has a row for each feature, once", () => {
  const page = readFileSync(new URL("../../docs/claims.md", import.meta.url), "utf8");
  const ids = [...page.matchAll(/^\| ([A-F][0-9]+[a-c]?) \| \S.*\|.*\|$/gm)].map((match) => match[1]);
  const run = (letter: string, last: number): string[] => Array.from({ length: last }, (_, i) => `${letter}${String(i + 1)}`);
  const a = run("A", 18).flatMap((id) => (id === "A8" ? ["A8a", "A8b", "A8c"] : [id]));
  assert.equal(ids, [...a, ...run("B", 8), ...run("C", 10), ...run("D", 7), ...run("E", 9), ...run("F", 9)]);
});

test.run();
