/** An Espruino whose console is on a TCP port, as the flashing tool reaches a board over the network. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import type { Readable, Writable } from "node:stream";

export interface NetworkConsole {
  /** What the tool takes as port: tcp://127.0.0.1:N. */
  readonly address: string;
  close(): void;
}

/** Starts `program` anew in `folder` for every connection, so that closing one and connecting again is a reboot. */
export function networkConsole(program: string, folder: string): Promise<NetworkConsole> {
  mkdirSync(folder, { recursive: true });
  const running = new Set<() => void>();
  let count = 0;
  const server = createServer((socket) => {
    // The engine ignores a hang-up, so it is ended by its own process id.
    const pidFile = path.join(folder, `pid-${String(count++)}`);
    const command = `stty raw -echo; echo $$ > ${JSON.stringify(pidFile)}; exec ${JSON.stringify(path.resolve(program))}`;
    const child: ChildProcessByStdio<Writable, Readable, null> = spawn("script", ["-qfc", command, "/dev/null"], {
      cwd: folder,
      stdio: ["pipe", "pipe", "ignore"],
    });
    const end = (): void => {
      if (!running.delete(end)) return;
      const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0;
      rmSync(pidFile, { force: true });
      try {
        if (pid > 1) process.kill(pid, "SIGKILL");
      } catch {
        // it has ended by itself
      }
      child.kill("SIGKILL");
      socket.destroy();
    };
    running.add(end);
    child.stdin.on("error", end);
    child.on("error", end);
    child.on("exit", end);
    socket.on("error", end);
    socket.on("close", end);
    child.stdout.pipe(socket);
    socket.pipe(child.stdin);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        address: `tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
        close: () => {
          for (const end of [...running]) end();
          server.close();
        },
      });
    });
  });
}
