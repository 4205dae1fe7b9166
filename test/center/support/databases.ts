import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, chownSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestDatabase {
  name: string;
  /** undefined for PGlite, null where no server's programs are installed. */
  url: string | null | undefined;
  reason: string;
}

/** Folder of initdb and pg_ctl; undefined where no server is installed. */
function programs(): string | undefined {
  const base = "/usr/lib/postgresql";
  const folders = existsSync(base) ? readdirSync(base).map((version) => join(base, version, "bin")) : [];
  const found = [...folders.sort().reverse(), ...(process.env.PATH ?? "").split(":")];
  return found.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "pg_ctl")));
}

/** A user who may run a server: root may not. */
function unprivileged(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (option: string): number => Number(spawnSync("id", [option, "nobody"], { encoding: "utf8" }).stdout.trim());
  return { uid: id("-u"), gid: id("-g") };
}

function freePort(): number {
  const script = 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})';
  return Number(execFileSync(process.execPath, ["-e", script], { encoding: "utf8" }));
}

/** A private cluster in a temporary folder, on a free port, gone when this process ends. */
function startCluster(bin: string, durable: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), "leyden-postgres-"));
  const user = unprivileged();
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const options = { cwd: folder, ...(user ?? {}), stdio: "pipe" as const };
  const port = String(freePort());
  execFileSync(join(bin, "initdb"), ["-D", data, "-U", "leyden", "-A", "trust", "-E", "UTF8", "--no-sync"], options);
  // No machine fails under a test's server: nothing needs to have reached the disk.
  const hasty = durable ? "" : " -c fsync=off -c full_page_writes=off -c synchronous_commit=off";
  const settings = `-p ${port} -h 127.0.0.1 -k ${folder}${hasty}`;
  execFileSync(join(bin, "pg_ctl"), ["-D", data, "-o", settings, "-l", join(folder, "log"), "-w", "start"], {
    ...options,
    stdio: "ignore",
  });
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
  process.once("exit", () => {
    spawnSync(join(bin, "pg_ctl"), ["-D", data, "-m", "immediate", "stop"], options);
    rmSync(folder, { recursive: true, force: true });
  });
  return `postgres://leyden@127.0.0.1:${port}/postgres`;
}

/**
 * PGlite, and a PostgreSQL server of our own where its programs are installed.
 *
 * @param durable - the server writes through to the disk, as one does that people use
 */
export function databases(durable = false): TestDatabase[] {
  const bin = programs();
  return [
    { name: "PGlite", url: undefined, reason: "" },
    { name: "PostgreSQL", url: bin === undefined ? null : startCluster(bin, durable), reason: "no PostgreSQL server is installed" },
  ];
}
