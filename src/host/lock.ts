/** One process at a time in a folder: a Unix socket there that only a living process answers at, so that no kill leaves a lock behind. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** Another process has what this one wants for itself. */
export class Locked extends Error {}

/** Longest path of a socket that every system takes; a longer one is named by a shortcut. */
const PATH_LIMIT = 90;
/** File systems that have no sockets have no lock. */
const WITHOUT = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * Takes the lock named `name` in a folder, which is made when missing; answers how to give it back. The end of the process gives it back as well.
 *
 * @throws Locked when another process has it
 */
export async function lockFolder(folder: string, name: string): Promise<() => Promise<void>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = resolve(folder, name);
  const short = Buffer.byteLength(path) <= PATH_LIMIT ? null : mkdtempSync(join(tmpdir(), "leyden-"));
  try {
    if (short !== null) symlinkSync(dirname(path), join(short, "d"));
    const at = short === null ? path : join(short, "d", name);
    for (let attempt = 1; ; attempt++) {
      const server = await listen(at);
      if (server === "without") return () => Promise.resolve();
      if (server !== "taken") return () => give(server, path);
      if (attempt > 2 || (await answers(at)))
        throw new Locked(`The folder ${folder} is used by another process; end that one, or name another folder.`);
      // Left by a process that was killed.
      rmSync(path, { force: true });
    }
  } finally {
    if (short !== null) rmSync(short, { recursive: true, force: true });
  }
}

function listen(path: string): Promise<Server | "taken" | "without"> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.unref();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve("taken");
      else if (WITHOUT.has(error.code ?? "")) resolve("without");
      else reject(error);
    });
    server.listen(path, () => {
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

function give(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
