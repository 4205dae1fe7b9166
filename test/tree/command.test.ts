import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { readState } from "../../src/center/tree/state.js";
import { suite } from "../suite.js";
import { runHere, type Said } from "./run-command.js";

const test = suite("leyden tree");
const entry = fileURLToPath(new URL("run-command.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "leyden-tree-"));
const at = (name: string): string => join(folder, name);

test.after(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the command in a process of its own. */
function alone(...words: string[]): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", entry, ...words], { encoding: "utf8" });
  return { code: status ?? -1, out: stdout.trim(), error: stderr.trim() };
}

const leyden = (...words: string[]): Promise<Said> => runHere(words);

async function good(...words: string[]): Promise<string> {
  const { code, out, error } = await leyden(...words);
  assert.is(code, 0, `${words.join(" ")}: ${error}`);
  assert.is(error, "");
  return out;
}

async function bad(words: string[], message: RegExp): Promise<void> {
  const { code, out, error } = await leyden(...words);
  assert.is(code, 2, `${words.join(" ")}: ${out}`);
  assert.is(out, "");
  assert.match(error, message);
  assert.is(error.split("\n").length, 1);
}

test("a command says and answers the same in a process of its own", async () => {
  const made = ["create", at("alone.json"), "--key", at("alone.key"), "--depth", "4", "--id", "0102030405060708"];
  const first = alone(...made);
  assert.equal(first, { code: 0, out: "tree 0102030405060708, complete-subtree, 16 leaves, epoch 1", error: "" });
  assert.equal(alone(...made), await leyden(...made), "it is there already");
  assert.is(alone("revoke", at("alone.json"), "3").code, 0);
  assert.equal(alone("cover", at("alone.json")), await leyden("cover", at("alone.json")));
});

test("E9: a leaf that is revoked opens the block before and not the one after; the others open both", async () => {
  for (const scheme of ["complete-subtree", "subset-difference"]) {
    const tree = at(`${scheme}.json`);
    const secrets = ["--key", at(`${scheme}.key`)];
    const signer = ["--signer", at("signer.pem")];
    const open = (block: string, leaf: number, floor = 0): Promise<Said> =>
      leyden("open", at(block), "--keys", at(`${leaf}.keys`), ...signer, "--floor", String(floor));
    await good("create", tree, ...secrets, ...signer, "--scheme", scheme, "--depth", "10");
    for (const leaf of [7, 8]) await good("keys", tree, String(leaf), ...secrets, "--out", at(`${leaf}.keys`));
    await good("block", tree, ...secrets, ...signer, "--out", at("1.block"));
    const first = await open("1.block", 7);
    assert.is(first.code, 0, first.error);
    assert.match(first.out, /^opened by leaf 7: epoch 1, .*media key fingerprint [0-9a-f]{16}$/);
    assert.is(await good("revoke", tree, "7", "100-109"), "11 revoked, 11 in all; epoch 2");
    assert.is(await good("revoke", tree, "7"), "revoked already; still epoch 2");
    await good("block", tree, ...secrets, ...signer, "--out", at("2.block"));
    assert.equal(await open("2.block", 7), { code: 1, out: "refused: leaf 7 is revoked", error: "" });
    const other = await open("2.block", 8);
    assert.match(other.out, /^opened by leaf 8: epoch 2,/);
    assert.not.match(other.out, new RegExp(first.out.slice(-16)));
    assert.match((await open("1.block", 8, 2)).out, /^refused: its epoch is older/);
    const before = readFileSync(at("2.block"));
    await good("block", tree, ...secrets, ...signer, "--out", at("2.block"));
    assert.equal(readFileSync(at("2.block")), before);
  }
});

test("a block signed by somebody else, or altered, is refused", async () => {
  await good(
    "create",
    at("other.json"),
    "--key",
    at("other.key"),
    "--signer",
    at("other.pem"),
    "--depth",
    "4",
    "--scheme",
    "subset-difference",
  );
  await good("keys", at("other.json"), "3", "--key", at("other.key"), "--out", at("other.keys"));
  await good("block", at("other.json"), "--key", at("other.key"), "--signer", at("other.pem"), "--out", at("other.block"));
  const words = ["open", at("other.block"), "--keys", at("other.keys"), "--signer"];
  assert.is((await leyden(...words, at("other.pem"))).code, 0);
  assert.match((await leyden(...words, at("signer.pem"))).out, /^refused: it is not signed by this signer/);
  const block = readFileSync(at("other.block"));
  block[50] ^= 1;
  writeFileSync(at("other.block"), block);
  assert.match((await leyden(...words, at("other.pem"))).out, /^refused: it is not signed by this signer/);
});

test("inspect tells what a tree file, a block and key material are; cover lists the sets", async () => {
  const tree = at("small.json");
  const secrets = ["--key", at("small.key")];
  await good(
    "create",
    tree,
    ...secrets,
    "--signer",
    at("small.pem"),
    "--depth",
    "3",
    "--scheme",
    "subset-difference",
    "--id",
    "0102030405060708",
  );
  assert.is(await good("cover", tree), "node 1: leaves 0-7");
  await good("revoke", tree, "2", "7");
  assert.is(await good("cover", tree), "node 2 without 10: leaves 0-3 without leaf 2\nnode 3 without 15: leaves 4-7 without leaf 7");
  const head = "tree 0102030405060708, subset-difference, 8 leaves";
  assert.is(await good("inspect", tree), `${head}, epoch 2\n2 revoked: 2 7\n2 entries in a block`);
  await good("keys", tree, "3", ...secrets, "--out", at("small.keys"));
  assert.is(await good("inspect", at("small.keys")), `${head}\nkey material of leaf 3, 7 keys, 244 bytes`);
  const content = "ab".repeat(16);
  await good("block", tree, ...secrets, "--signer", at("small.pem"), "--out", at("small.block"), "--content", content);
  assert.match(
    await good("inspect", at("small.block")),
    new RegExp(`^${head}, epoch 2\nenabling block of 224 bytes, 2 entries\nfor content ${content}\nsigner `),
  );
});

test("secrets are written for their owner only", async () => {
  for (const name of ["small.key", "small.pem", "small.keys"]) assert.is(statSync(at(name)).mode & 0o077, 0, name);
});

test("bad input ends in one line and exit code 2, and changes no file", async () => {
  const tree = at("small.json");
  const key = ["--key", at("small.key")];
  const before = readFileSync(tree);
  writeFileSync(at("broken.json"), "{");
  writeFileSync(at("short.key"), "abcd\n");
  await bad(["revoke", at("missing.json"), "1"], /tree file: cannot read .*missing\.json/);
  await bad(["revoke", at("broken.json"), "1"], /tree file: expected JSON/);
  for (const leaf of ["8", "-1x", "x", "3-1", "1.5"])
    await bad(["revoke", tree, "--", leaf], /leaf: expected a number or range from 0 to 7/);
  await bad(["revoke", tree], /missing required argument 'leaves'/);
  await bad(["keys", tree, "2", ...key, "--out", at("no.keys")], /leaf: 2 is revoked/);
  await bad(["keys", tree, "0-1", ...key, "--out", at("no.keys")], /leaf: expected one/);
  await bad(["keys", tree, "0", "--key", at("short.key"), "--out", at("no.keys")], /key file .*: expected 64 hex digits/);
  await bad(["keys", tree, "0", ...key], /required option '--out <file>' not specified/);
  await bad(["keys", tree, "0", ...key, "--out", at("nowhere/no.keys")], /cannot write/);
  await bad(["block", tree, ...key, "--signer", at("small.key"), "--out", at("no.block")], /signer .*: expected a PEM file/);
  await bad(
    ["block", tree, ...key, "--signer", at("small.pem"), "--out", at("no.block"), "--content", "12"],
    /content id: expected 32 hex digits/,
  );
  await bad(["create", tree, ...key], /exists already/);
  await bad(["create", at("no.json"), ...key, "--depth", "25"], /tree depth: expected a whole number from 1 to 24, got 25/);
  await bad(["create", at("no.json"), ...key, "--depth", "four"], /tree depth/);
  await bad(["create", at("no.json"), ...key, "--scheme", "flat"], /scheme: expected complete-subtree or subset-difference, got flat/);
  await bad(["inspect", at("small.pem")], /tree file: expected JSON/);
  await bad(["open", at("small.block"), "--keys", tree, "--signer", at("small.pem")], /keys .*: expected key material/);
  await bad(
    ["open", at("small.keys"), "--keys", at("small.keys"), "--signer", at("small.pem")],
    /enabling block: expected one of version 1/,
  );
  await bad(["prune-branches"], /unknown command 'prune-branches'/);
  for (const name of ["no.keys", "no.block", "no.json"]) assert.not.ok(existsSync(at(name)), name);
  assert.equal(readFileSync(tree), before);
});

test("tree files that somebody has edited are refused by the member that does not fit", async () => {
  const state = JSON.parse(readFileSync(at("small.json"), "utf8")) as Record<string, unknown>;
  const changes: [Record<string, unknown>, RegExp][] = [
    [{ format: "leyden key tree 2" }, /expected format "leyden key tree 1"/],
    [{ id: "01" }, /expected id of 16 hex digits/],
    [{ scheme: 2 }, /scheme: expected/],
    [{ depth: "3" }, /expected depth to be a number/],
    [{ depth: 3.5 }, /tree depth: expected/],
    [{ epoch: -1 }, /expected epoch to be a whole number/],
    [{ revoked: [8] }, /leaf: expected a whole number from 0 to 7/],
    [{ revoked: "all" }, /expected revoked to be a list/],
  ];
  for (const [change, message] of changes) {
    assert.throws(() => readState(JSON.stringify({ ...state, ...change })), message);
  }
  writeFileSync(at("edited.json"), JSON.stringify({ ...state, depth: 2 }));
  await bad(["cover", at("edited.json")], /leaf: expected a whole number from 0 to 3/);
});

test.run();
