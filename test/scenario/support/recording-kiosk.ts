import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { LoanBody } from "../../../src/center/api/schema.js";
import type { Order } from "./kiosk-process.js";
import { receive, send, type Message } from "./lines.js";
import type { Service } from "./service.js";
import { nodeArguments } from "../../support/translated.js";

/** How an order ended: in a loan, or in a sentence. */
export interface Outcome {
  loan?: LoanBody;
  error?: string;
  /** Loans whose licenses the card holds afterwards, and the one that the cartridge is armed for. */
  licenses?: string[];
  armed?: string;
  /** The cut that was ordered did not come about. */
  missed: boolean;
  /** All that the kiosk has seen and done since it began; hex. */
  seen: string[];
  done: string[];
}

/** A kiosk as a process of its own that tells what it sees; `process` is to be killed at the end. */
export class RecordingKiosk {
  /** What it complained of, beside what its orders came to. */
  errors = "";
  private hear: (message: Message) => void = () => undefined;

  private constructor(readonly process: ChildProcess) {
    if (process.stdout)
      receive(process.stdout, (message) => {
        this.hear(message);
      });
  }

  /** @param second - address of a second card */
  static async start(service: Service, identity: string, card: string, cartridge: string, second?: string): Promise<RecordingKiosk> {
    const program = fileURLToPath(new URL("kiosk-process.ts", import.meta.url));
    const words = [identity, join(service.folder, "recorder"), service.url, card, cartridge, ...(second === undefined ? [] : [second])];
    const child = spawn(process.execPath, [...nodeArguments(program), ...words], { stdio: ["pipe", "pipe", "pipe"] });
    const kiosk = new RecordingKiosk(child);
    child.stderr.on("data", (data) => {
      kiosk.errors += String(data);
      process.stderr.write(data as Buffer);
    });
    await kiosk.next();
    return kiosk;
  }

  async order(order: Order): Promise<Outcome> {
    const told = this.next();
    if (this.process.stdin) send(this.process.stdin, { ...order });
    return (await told) as unknown as Outcome;
  }

  private next(): Promise<Message> {
    return new Promise((resolve, reject) => {
      const gone = (code: number | null): void => {
        reject(new Error(`the kiosk ended with ${String(code)}`));
      };
      this.process.once("exit", gone);
      this.hear = (message) => {
        this.process.off("exit", gone);
        resolve(message);
      };
    });
  }
}
