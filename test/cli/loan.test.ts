import { spawn, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";

const test = suite("leyden loan");
const entry = fileURLToPath(new URL("../../scripts/leyden.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "leyden-loan-test-"));
const at = (...parts: string[]): string => join(folder, ...parts);
/** The program's temporary files go here, so that a test sees what is left of them. */
const temporary = at("temporary");
const environment = { ...process.env, TMPDIR: temporary, TSX_DISABLE_CACHE: "1" };

test.before(() => {
  mkdirSync(temporary);
});
test.after(() => {
  rmSync(folder, { recursive: true });
});

function leyden(...words: string[]): { code: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, "loan", ...words], {
    encoding: "utf8",
    env: environment,
  });
  return { code: status, out: stdout, error: stderr };
}

function good(...words: string[]): string {
  const { code, out, error } = leyden(...words);
  assert.is(code, 0, error);
  assert.is(error, "");
  assert.equal(readdirSync(temporary), []);
  return out;
}

/** Refused with one sentence and exit code 2, with nothing written. */
function bad(words: string[], message: RegExp): void {
  const out = at("untouched");
  const { code, out: said, error } = leyden(...(words.includes("--out") ? words : [...words, "--out", out]));
  assert.is(code, 2, `${words.join(" ")}: ${error}`);
  assert.is(said, "");
  assert.match(error, message);
  assert.match(error, /^[^\n]+[.?]\n$/);
  assert.not.ok(existsSync(out));
  assert.equal(readdirSync(temporary), []);
}

interface Told {
  played: { name: string; bytes: number; sha256: string };
  plays: unknown[];
  erased: { device: string; at: number; day: number; reason: string; volts: number };
  refusedAfterErase: boolean;
  charged: { cartridge: number };
}

const summaryOf = (out: string): Told => JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as Told;
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("lends a file, tells the story, and leaves what was played and all reports", () => {
  const file = at("some file.bin");
  const out = at("first");
  const bytes = randomBytes(20_001);
  writeFileSync(file, bytes);
  const story = good(file, "--out", out, "--days", "3");
  assert.equal(readdirSync(out).sort(), ["played", "report.html", "summary.json", "trace.jsonl", "trace.vcd"]);
  assert.equal(readdirSync(join(out, "played")), ["some file.bin"]);
  assert.ok(readFileSync(join(out, "played", "some file.bin")).equals(bytes));
  const told = summaryOf(out);
  assert.is(told.played.bytes, bytes.length);
  assert.is(told.played.sha256, sha256(bytes));
  assert.is(told.plays.length, 1);
  assert.is(told.erased.device, "cartridge");
  assert.is(told.erased.reason, "deadline");
  assert.ok(told.erased.at > 3 * 86_400 - 60 && told.erased.at < 3 * 86_400 + 300, `erased at ${String(told.erased.at)} s`);
  assert.is(told.refusedAfterErase, true);
  assert.ok(told.charged.cartridge > 4 && told.erased.volts < told.charged.cartridge);
  let last = -1;
  for (const part of [
    /recorded/,
    /charged to/,
    /home/,
    /authenticated each other/,
    /played 20,001 bytes/,
    /3 days later/,
    /is erased/,
    /refused/,
  ]) {
    const found = story.slice(last + 1).search(part);
    assert.ok(found >= 0, `the story goes on with ${String(part)}`);
    last += 1 + found;
  }
  assert.not.match(story.slice(0, story.indexOf("is erased")), /refused/, "nothing is refused while the loan lasts");
  const report = readFileSync(join(out, "report.html"), "utf8");
  assert.match(report, /^<!doctype html>/i);
  assert.not.match(report, /<script[^>]+src=|<link[^>]+href="http|url\(http/, "the report needs no network");
  assert.match(readFileSync(join(out, "trace.vcd"), "utf8"), /\$enddefinitions/);
  for (const line of readFileSync(join(out, "trace.jsonl"), "utf8").trim().split("\n"))
    assert.type((JSON.parse(line) as { t: number }).t, "number");
});

test("--json prints the summary and nothing else", () => {
  const file = at("small.txt");
  const out = at("json");
  writeFileSync(file, "a few words");
  const said = good(file, "--out", out, "--json", "--days", "1");
  assert.equal(JSON.parse(said), summaryOf(out));
});

for (const custody of ["card", "split"])
  test(`--custody ${custody} plays the same bytes and is refused afterwards`, () => {
    const file = at(`${custody}.bin`);
    const out = at(custody);
    writeFileSync(file, randomBytes(1500));
    good(file, "--out", out, "--custody", custody, "--days", "2");
    assert.ok(readFileSync(join(out, "played", `${custody}.bin`)).equals(readFileSync(file)));
    assert.is(summaryOf(out).refusedAfterErase, true);
    assert.match(readFileSync(join(out, "report.html"), "utf8"), custody === "split" ? /cartridge and card/ : /the card/);
  });

test("the same seed gives the same bytes, another seed others", () => {
  const file = at("seeded.bin");
  writeFileSync(file, randomBytes(3000));
  const results = ["7", "7", "8"].map((seed, i) => {
    const out = at(`seed-${String(i)}`);
    good(file, "--out", out, "--seed", seed, "--days", "1");
    return ["trace.jsonl", "report.html", "summary.json", "trace.vcd"].map((name) => sha256(readFileSync(join(out, name))));
  });
  assert.equal(results[0], results[1]);
  assert.is.not(results[0][0], results[2][0]);
});

test("a file without bytes plays as nothing", () => {
  const file = at("nothing");
  const out = at("none");
  writeFileSync(file, "");
  good(file, "--out", out, "--days", "1");
  assert.is(readFileSync(join(out, "played", "nothing")).length, 0);
  const told = summaryOf(out);
  assert.is(told.played.bytes, 0);
  assert.is(told.played.sha256, sha256(new Uint8Array(0)));
  assert.is(told.refusedAfterErase, true);
});

test("a second run replaces the results of the first", () => {
  const file = at("again.bin");
  const out = at("again");
  for (const size of [900, 20]) {
    writeFileSync(file, randomBytes(size));
    good(file, "--out", out, "--days", "1");
    assert.ok(readFileSync(join(out, "played", "again.bin")).equals(readFileSync(file)));
    assert.is(summaryOf(out).played.bytes, size);
  }
  assert.equal(readdirSync(out).sort(), ["played", "report.html", "summary.json", "trace.jsonl", "trace.vcd"]);
});

test("a file that is missing, or a folder, is refused", () => {
  bad([at("missing.wav")], /^There is no file .*missing\.wav; name one that exists\.$/m);
  bad([folder], /is not a file; name one file to lend\./);
});

test.when(process.getuid?.() !== 0, "root reads every file")("a file that cannot be read is refused", () => {
  const file = at("secret");
  writeFileSync(file, "x");
  chmodSync(file, 0);
  bad([file], /secret cannot be read; check its permissions\./);
});

test.when(process.platform === "linux", "only Linux has such folders")(
  "a folder in a file system that takes nothing is refused at once",
  () => {
    bad(["--out", "/proc/leyden"], /The folder \/proc\/leyden cannot be written; choose another with --out\./);
  },
);

test("a folder that cannot be written is refused, and left as it was", () => {
  const file = at("plain");
  writeFileSync(file, "x");
  bad([file, "--out", join(file, "below")], /The folder .*below cannot be written; choose another with --out\./);
  bad([file, "--out", file], /cannot be written/);
  const taken = at("taken");
  mkdirSync(join(taken, "report.html"), { recursive: true });
  bad([file, "--out", taken], /report\.html is a folder in the way of a result/);
  assert.equal(readdirSync(taken), ["report.html"]);
  const filed = at("filed");
  mkdirSync(filed);
  writeFileSync(join(filed, "played"), "mine");
  bad([file, "--out", filed], /played is a file in the way of a result/);
  assert.equal(readdirSync(filed), ["played"]);
});

test("wrong options are refused in one sentence", () => {
  const file = at("options");
  writeFileSync(file, "x");
  for (const days of ["0", "-1", "x", "1.5", "3651", ""])
    bad([file, `--days=${days}`], /^--days takes a whole number from 1 to 3650, not /);
  bad([file, "--days", "-1"], /^--days takes a whole number from 1 to 3650, not -1\.$/m);
  bad([file, "--seed", "x"], /^--seed takes a whole number from 0 to 4294967295, not x\.$/m);
  bad([file, "--seed", "4294967296"], /^--seed takes/);
  bad([file, "--custody", "bank"], /^--custody takes cartridge, card, split, not bank\.$/m);
  bad([file, "--dayz", "3"], /^Unknown option '--dayz'; did you mean --days\?$/m);
  bad([file, "--nonsense"], /^Unknown option '--nonsense'\.$/m);
  bad([file, "--seed"], /^Option '--seed <number>' argument missing\.$|^--seed takes/m);
  bad([file, "another"], /^Too many arguments for 'loan'; expected 1 argument but got 2\.$/m);
});

test("a file larger than the cartridge's board can store is refused by the board's name, before it is read", () => {
  const file = at("huge");
  writeFileSync(file, "");
  truncateSync(file, 2 ** 30);
  bad(
    [file],
    /^A cartridge on Espruino Pico holds 1073741824 bytes, and this content takes \d+; choose a smaller content or a larger board\.$/m,
  );
});

for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  test(`a run that ${signal} interrupts leaves nothing half-written`, async () => {
    const file = at("long.bin");
    const out = at("interrupted");
    writeFileSync(file, new Uint8Array(2_000_000));
    const child = spawn(process.execPath, [entry, "loan", file, "--out", out], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let error = "";
    child.stderr.on("data", (data: Buffer) => (error += data.toString()));
    child.stdout.once("data", () => child.kill(signal));
    const ended = await new Promise((resolve) => child.on("close", resolve));
    assert.is(ended, code);
    assert.is(error, "Interrupted.\n");
    assert.not.ok(existsSync(out));
    assert.equal(readdirSync(temporary), []);
  });

test.run();
