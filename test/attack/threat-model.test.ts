/** docs/threat-model.md names its tests, and they are what it says. */
import { readFileSync } from "node:fs";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";

const test = suite("threat model");
const page = readFileSync(new URL("../../docs/threat-model.md", import.meta.url), "utf8");
const source = (name: string): string => readFileSync(new URL(`../${name}.test.ts`, import.meta.url), "utf8");

/** Text of the one test in a file whose name begins as given. */
function bodyOf(file: string, name: string): string {
  const found = source(file)
    .split(/^ *(?=test\()/m)
    .filter((text) => text.startsWith(`test("${name}`) || text.startsWith(`test(\`${name}`));
  assert.is(found.length, 1, `${file} has ${String(found.length)} tests that begin: ${name}`);
  return found[0];
}

test("every defended line names a test that is there, and where it says so, one that takes the defense out of a copy", () => {
  const lines = page.split("\n").filter((line) => line.startsWith("|") && !/^\| (attack|---)/.test(line));
  assert.ok(lines.length > 40);
  let without = 0;
  for (const line of lines) {
    const cell = line.split("|")[3];
    let file = "";
    const named = [...cell.matchAll(/(?:`([a-z/-]+)` )?"([^"]+)"(, and without)?/g)];
    assert.ok(named.length > 0, `no test stands in: ${line}`);
    for (const [, where, name, removed] of named) {
      file = where ?? file;
      const body = bodyOf(file, name);
      if (removed === undefined) continue;
      without++;
      assert.match(body, /\btried(?:Without)?\(|\bmutant\(|\bmutantModule\(/, `${file} "${name}" takes nothing out`);
    }
  }
  // And what stands between the tables.
  const prose = [...page.matchAll(/`([a-z]+\/[a-z-]+)` "([^"]+)"/g)];
  for (const [, file, name] of prose) bodyOf(file, name);
  assert.ok(prose.length > lines.length, String(prose.length));
  assert.ok(without >= 35, `${String(without)} attacks against a copy without the defense`);
});

test.run();
