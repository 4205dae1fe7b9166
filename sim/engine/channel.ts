/**
 * Messages to and from an interpreter's process over two named pipes, written and read synchronously: while the interpreter runs, virtual
 * time and everything else in this process stand still, so that a real interpreter is as deterministic as its program.
 *
 * A message is a JSON array and any bytes, behind their two lengths as 16-bit little-endian numbers.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

export type Message = [name: string, ...rest: unknown[]];

/** Pipes in the process's folder: from the simulator's side, out and back. */
export const TO_BOARD = "to-board";
export const FROM_BOARD = "from-board";
const PID = "pid";
const HEADER = 4;

export class Channel {
  readonly #folder: string;
  readonly #child: ChildProcess;
  readonly #out: number;
  readonly #back: number;
  #ended = false;

  /** Starts `program` in `folder`, where it finds the pipes. */
  constructor(program: string, args: readonly string[], folder: string) {
    if (!existsSync(program)) throw new Error(`There is no interpreter ${program}; name one that exists.`);
    this.#folder = folder;
    for (const name of [TO_BOARD, FROM_BOARD, PID]) rmSync(path.join(folder, name), { force: true });
    execFileSync("mkfifo", [path.join(folder, TO_BOARD), path.join(folder, FROM_BOARD)]);
    this.#out = openSync(path.join(folder, TO_BOARD), "r+");
    this.#back = openSync(path.join(folder, FROM_BOARD), "r+");
    // The outer shell tells of the interpreter's end, which a pipe that is open for reading and writing does not.
    const inner = `echo $$ > ${PID}; exec "$0" "$@"`;
    const outer = `sh -c '${inner}' "$0" "$@"; printf '\\010\\000\\000\\000["gone"]' 1<> ${FROM_BOARD}`;
    this.#child = spawn("sh", ["-c", outer, path.resolve(program), ...args], { cwd: folder, stdio: ["pipe", "ignore", "ignore"] });
    this.#child.on("error", () => undefined);
    this.#child.stdin?.on("error", () => undefined);
  }

  /** Id of the interpreter's process, once it has sent something. */
  get pid(): number {
    return Number(readFileSync(path.join(this.#folder, PID), "utf8"));
  }

  send(message: Message, bytes: Uint8Array = new Uint8Array(0)): void {
    const json = Buffer.from(JSON.stringify(message), "latin1");
    const whole = Buffer.alloc(HEADER + json.length + bytes.length);
    whole.writeUInt16LE(json.length, 0);
    whole.writeUInt16LE(bytes.length, 2);
    whole.set(json, HEADER);
    whole.set(bytes, HEADER + json.length);
    for (let at = 0; at < whole.length;) at += writeSync(this.#out, whole, at);
  }

  /** The next message. Throws when the interpreter has ended. */
  receive(): { message: Message; bytes: Uint8Array } {
    const header = this.#read(HEADER);
    const message = JSON.parse(this.#read(header.readUInt16LE(0)).toString("latin1")) as Message;
    if (message[0] === "gone") throw new Error(`The interpreter in ${this.#folder} ended by itself.`);
    return { message, bytes: this.#read(header.readUInt16LE(2)) };
  }

  /** Kills the interpreter at once. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#child.kill("SIGKILL");
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // it has ended by itself
    }
    closeSync(this.#out);
    closeSync(this.#back);
  }

  #read(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length;) at += readSync(this.#back, bytes, at, length - at, null);
    return bytes;
  }
}
