/** The other files of this folder once more, on a PostgreSQL server of our own: the same service, the same tables. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import { databases } from "./support/databases.js";

const test = suite("the service on PostgreSQL");
const server = databases().find(({ name }) => name === "PostgreSQL");

for (const file of ["rental", "kiosk", "kiosk-faults", "http", "openapi"])
  test.when(typeof server?.url === "string", server?.reason ?? "")(`${file} passes`, async () => {
    const path = fileURLToPath(new URL(`${file}.test.ts`, import.meta.url));
    const env = { ...process.env, LEYDEN_TEST_POSTGRES: server?.url ?? "", LEYDEN_TEST_REPORT: "", FORCE_COLOR: "0" };
    const child = spawn(process.execPath, ["--import", "tsx", path], { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    const [code] = (await once(child, "close")) as [number];
    assert.is(code, 0, output);
    assert.match(output, /Passed:\s+[1-9]/);
  });

test.run();
