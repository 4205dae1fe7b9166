/** An Espruino whose console is on a TCP port, as the flashing tool reaches a board over the network. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";

export interface NetworkConsole {
  /** What the tool takes as port: tcp://127.0.0.1:N. */
  readonly address: string;
  close(): void;
}

/** Starts `program` anew in `folder` for every connection, so that closing one and connecting again is a reboot. */
export function networkConsole(program: string, folder: string): Promise<NetworkConsole> {
  mkdirSync(folder, { recursive: true });
  const running = new Set<ChildProcess>();
  const server = createServer((socket) => {
    const command = `stty raw -echo; exec ${JSON.stringify(path.resolve(program))}`;
    const child = spawn("script", ["-qfc", command, "/dev/null"], { cwd: folder, stdio: ["pipe", "pipe", "ignore"] });
    running.add(child);
    const end = (): void => {
      running.delete(child);
      child.kill("SIGKILL");
      socket.destroy();
    };
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
          for (const child of running) child.kill("SIGKILL");
          server.close();
        },
      });
    });
  });
}
