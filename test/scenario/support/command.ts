/** `leyden` as a process: its lines as they come, and what became of it. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../../scripts/leyden.mjs", import.meta.url));

export class LeydenCommand {
  readonly child: ChildProcessWithoutNullStreams;
  errors = "";
  output = "";
  /** Exit code, once it has ended. */
  readonly ended: Promise<number | null>;
  readonly #lines: AsyncIterator<string>;

  constructor(folder: string, ...words: string[]) {
    this.child = spawn(process.execPath, [MAIN, ...words], { cwd: folder });
    this.child.stderr.on("data", (data) => (this.errors += String(data)));
    this.child.stdout.on("data", (data) => (this.output += String(data)));
    this.ended = new Promise((resolve) => this.child.once("close", resolve));
    this.#lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Its next line; rejects when it has ended, or says nothing for a minute. */
  async line(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const silent = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(new Error(`leyden ${this.child.spawnargs.slice(2).join(" ")} said nothing for a minute: ${this.output}${this.errors}`));
      }, 60_000);
    });
    const { value, done } = (await Promise.race([this.#lines.next(), silent]).finally(() => {
      clearTimeout(timer);
    })) as { value: string; done?: boolean };
    if (done) throw new Error(`leyden ended: ${this.errors}`);
    return value;
  }

  say(line: string): Promise<string> {
    this.child.stdin.write(`${line}\n`);
    return this.line();
  }
}
