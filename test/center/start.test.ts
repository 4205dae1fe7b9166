/** What hinders center, kiosks and the staff's commands from starting: each has a sentence of its own, exit code 2 where the caller can mend it, and nothing is written. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import { openDatabase } from "../../src/center/db/database.js";
import { KeyFolder } from "../../src/center/keys/folder.js";
import { writeIdentity } from "../../src/center/keys/identity.js";
import { RootKeys } from "../../src/center/keys/root.js";
import { startCenter } from "../../src/center/main.js";
import { ROLE_KIOSK, ROLE_LICENSE_SERVER } from "../../src/core/protocol/constants.js";
import { Locked, lockFolder } from "../../src/host/lock.js";
import { suite } from "../suite.js";
import { databases } from "./support/databases.js";
import { startWorld } from "./support/world.js";

const test = suite("starts that fail");
const LEYDEN = fileURLToPath(new URL("../../scripts/leyden.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "leyden-start-"));
const here = (name: string): string => join(folder, name);
const world = await startWorld();
test.after(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});
const validity = { notBefore: 0, notAfter: 0xffffffff };
const made = KeyFolder.create(here("keys"), RootKeys.create(here("root.json")), validity);
writeIdentity(here("kiosk.json"), made.makeIdentity(ROLE_KIOSK, validity));
writeIdentity(here("server.json"), made.makeIdentity(ROLE_LICENSE_SERVER, validity));
writeFileSync(here("file"), "{}");
const taken = createServer();
await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
test.after(() => {
  taken.close();
});
const takenPort = String((taken.address() as { port: number }).port);

/** Runs a command to its end; answers its exit code and what it said on standard error, without what is a program's log. */
async function leyden(words: string[], env: Record<string, string> = {}): Promise<[code: number | null, said: string]> {
  const child = spawn(process.execPath, [LEYDEN, ...words], { env: { ...process.env, DATABASE_URL: undefined, ...env }, cwd: folder });
  let said = "";
  child.stderr.on("data", (data) => (said += String(data)));
  child.stdout.resume();
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return [code, said.trim()];
}

const center = (...words: string[]): string[] => ["center", "--keys", here("keys"), "--port", "0", "--data", here("none"), ...words];
const kiosk = (...words: string[]): string[] => [
  "kiosk",
  "rent",
  "--identity",
  here("kiosk.json"),
  "--data",
  here("desk"),
  "--card",
  "tcp://127.0.0.1:9",
  "--cartridge",
  "tcp://127.0.0.1:9",
  ...words,
];

test("each has one sentence of its own", async () => {
  const cases: [words: string[], sentence: RegExp, env?: Record<string, string>][] = [
    [["centre"], /^Unknown command 'centre'; did you mean center\?$/],
    [["kiosk", "lend"], /^Unknown command 'lend'/],
    [["center"], /^Required option '--data <folder>' not specified\.$/],
    [center("--colour"), /^Unknown option '--colour'/],
    [center("--port", "70000"), /^--port takes a whole number from 0 to 65535, not 70000\.$/],
    [center("--keys", here("nothing")), /^The file \S+nothing\/public\.json cannot be read \(ENOENT\); name one that exists\.$/],
    [center("--data", here("file")), /^\S+file is not a folder; name one, or a name that is free\.$/],
    [center("--data", world.folder), /^The folder \S+ is used by another process; end that one, or name another folder\.$/],
    [
      center("--data", here("data"), "--port", takenPort),
      /^Port \d+ at 127\.0\.0\.1 is in use; end what listens there, or choose another port\.$/,
    ],
    [center(), /^DATABASE_URL is no address of a PostgreSQL server; write postgres:/, { DATABASE_URL: "nonsense" }],
    [
      center(),
      /^The server 127\.0\.0\.1:9 that DATABASE_URL names does not answer as PostgreSQL \(ECONNREFUSED\); start it, or mend DATABASE_URL\.$/,
      { DATABASE_URL: "postgres://x:secret@127.0.0.1:9/leyden" },
    ],
    [kiosk("--identity", here("file")), /^The file \S+ is no identity; make one with: leyden enroll identity\.$/],
    [kiosk("--identity", here("server.json")), /server\.json is no kiosk's identity but of role 8; name a kiosk's\.$/],
    [kiosk("--center", "center"), /^--center takes an address as http:\S+, not center\.$/],
    [["operator", "library", "--token", here("none")], /^There is no token in \S+none; name the file staff-token/],
    [["operator", "library", "--token", here("file")], /^\S+file holds no staff token, which is 64 hex digits; name another file\.$/],
    [
      ["register", "kiosk", here("nothing"), "--operator", "library", "--token", world.center.tokenFile],
      /^The file \S+nothing cannot be read/,
    ],
  ];
  const said = await Promise.all(cases.map(([words, , env]) => leyden(words, env)));
  for (const [index, [words, sentence]] of cases.entries()) {
    assert.match(said[index][1], sentence, words.join(" "));
    assert.is(said[index][0], 2, words.join(" "));
  }
  assert.is(new Set(said.map(([, sentence]) => sentence)).size, cases.length);
  assert.not.ok(existsSync(here("desk")), "a kiosk that does not start makes no folder");
});

test("a center that does not answer is no mistake of the caller's", async () => {
  const [code, said] = await leyden(["operator", "library", "--token", world.center.tokenFile, "--center", "http://127.0.0.1:9"]);
  assert.equal([code, said], [1, "The center at http://127.0.0.1:9 did not answer; try again later."]);
});

const refused = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing was refused",
    (error: unknown) => (error as Error).message,
  );

test("tables of a version yet to come, and files of another PostgreSQL, are left as they are", async () => {
  const other = await startWorld();
  await sql`insert into kysely_migration (name, timestamp) values ('99-later', 'now')`.execute(other.center.db);
  await other.center.stop();
  assert.is(
    await refused(startCenter(other.options)),
    "The tables were written by a newer version, with 99-later; run that version, or restore a backup.",
  );
  rmSync(other.folder, { recursive: true });
  mkdirSync(here("old"));
  writeFileSync(join(here("old"), "PG_VERSION"), "12\n");
  assert.match(await refused(openDatabase(here("old"))), /is of PostgreSQL 12, not 18; run the version of Leyden that wrote it/);
});

const server = databases().find(({ name }) => name === "PostgreSQL");
if (typeof server?.url === "string") {
  const { url } = server;
  test("a PostgreSQL server without the database, or that does not know the user, is named without the password", async () => {
    const at = (change: (url: URL) => void): string => {
      const changed = new URL(url);
      change(changed);
      changed.password = "secret";
      return changed.href;
    };
    const { host } = new URL(url);
    assert.is(
      await refused(
        openDatabase(
          "",
          at((changed) => (changed.pathname = "/absent")),
        ),
      ),
      `The server ${host} that DATABASE_URL names has no database absent; create it.`,
    );
    const stranger = await refused(
      openDatabase(
        "",
        at((changed) => (changed.username = "stranger")),
      ),
    );
    assert.is(stranger, `The server ${host} that DATABASE_URL names does not let stranger in; mend name or permissions.`);
  });
}

test("a folder is one process's at a time, also by another name and a long one; a lock left by a kill is none", async () => {
  const long = join(folder, "x".repeat(120));
  for (const path of [here("lock"), long]) {
    const give = await lockFolder(path, "it.lock");
    await lockFolder(path, "it.lock").then(
      () => assert.unreachable(),
      (error: unknown) => assert.instance(error, Locked),
    );
    await give();
    await (
      await lockFolder(path, "it.lock")
    )();
  }
  symlinkSync(here("lock"), here("alias"));
  const give = await lockFolder(here("lock"), "it.lock");
  assert.match(await refused(lockFolder(here("alias"), "it.lock")), /is used by another process/);
  await give();
  const script = `require("net").createServer().listen(${JSON.stringify(join(here("lock"), "it.lock"))}, () => process.kill(process.pid, "SIGKILL"))`;
  await new Promise((resolve) => spawn(process.execPath, ["-e", script]).once("close", resolve));
  assert.ok(existsSync(join(here("lock"), "it.lock")), "the socket is still there");
  await (
    await lockFolder(here("lock"), "it.lock")
  )();
});

test.run();
