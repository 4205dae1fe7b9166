/**
 * Pseudo-terminals without a native addon: util-linux's `script` makes one and relays it to its standard streams; a shell in it names
 * the terminal and then keeps it open.
 */
import { spawn, type ChildProcess } from "node:child_process";
import type { WireEnd } from "./device.js";

export interface PseudoTerminal extends WireEnd {
  /** The terminal's device, /dev/pts/N, for another program to open. */
  readonly path: string;
  close(): void;
}

/** A raw pseudo-terminal. Rejects with what to install when `script` is missing. */
export function openPseudoTerminal(): Promise<PseudoTerminal> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = spawn("script", ["-qfc", "stty raw -echo; tty; exec sleep 1000000000", "/dev/null"], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    let path: string | undefined;
    let head = Buffer.alloc(0);
    let receiver: ((bytes: Uint8Array) => void) | undefined;
    child.on("error", () => reject(new Error('no pseudo-terminal: the program "script" of util-linux is missing; install it')));
    child.on("exit", () => {
      if (path === undefined) reject(new Error('no pseudo-terminal: "script" ended without naming one'));
    });
    child.stdin?.on("error", () => undefined);
    child.stdout?.on("data", (data: Buffer) => {
      if (path !== undefined) {
        receiver?.(data);
        return;
      }
      head = Buffer.concat([head, data]);
      const end = head.indexOf("\n");
      if (end < 0) return;
      path = head.subarray(0, end).toString().trim();
      resolve({
        path,
        write: (bytes) => void child.stdin?.write(Buffer.from(bytes)),
        onReceive: (handler) => (receiver = handler),
        close: () => {
          child.kill("SIGTERM");
          child.unref();
        },
      });
    });
  });
}
