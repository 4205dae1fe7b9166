import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { buildHost } from "../scripts/build/host.mjs";
import { KeyFolder } from "../src/center/keys/folder.js";
import { RootKeys } from "../src/center/keys/root.js";
import { median } from "./measure.js";

const LEYDEN = fileURLToPath(new URL("../scripts/leyden.mjs", import.meta.url));

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Seconds from the command `leyden center` on a folder that exists until it answers that it is ready, the median of `starts`.
 *
 * @param databaseUrl - of a PostgreSQL server; without it the tables are in the folder
 */
export async function startSeconds(dataDir: string, databaseUrl?: string, starts = 3): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-keys-"));
  const keys = join(folder, "keys");
  KeyFolder.create(keys, RootKeys.create(join(folder, "root.json")), { notBefore: 0, notAfter: 2 ** 32 - 1 });
  await buildHost();
  const seconds: number[] = [];
  for (let start = 0; start < starts; start++) {
    const port = String(await freePort());
    const begun = performance.now();
    const child = spawn(process.execPath, [LEYDEN, "center", "--data", dataDir, "--keys", keys, "--port", port], {
      stdio: "ignore",
      env: { ...process.env, DATABASE_URL: databaseUrl },
    });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const ready = (): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/health/ready`).then(
        ({ ok }) => ok,
        () => false,
      );
    while (!(await ready())) {
      if (child.exitCode !== null) throw new Error("The center did not start; start it by hand and see why.");
      await setTimeout(10);
    }
    seconds.push((performance.now() - begun) / 1000);
    child.kill("SIGTERM");
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
  return median(seconds);
}
