/** Messages between the processes of a scenario: one JSON object a line, byte strings in hexadecimal. */
import type { Readable, Writable } from "node:stream";
import { createInterface } from "node:readline";

export type Message = Record<string, unknown>;

export function send(to: Writable, message: Message): void {
  const text = JSON.stringify(message, (_key, value: unknown) =>
    value instanceof Uint8Array ? { $: Buffer.from(value).toString("hex") } : value,
  );
  to.write(`${text}\n`);
}

export function receive(from: Readable, take: (message: Message) => void): void {
  createInterface({ input: from }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    const message = JSON.parse(line, (_key, value: unknown) => {
      const hex = value && typeof value === "object" && "$" in value ? value.$ : undefined;
      return typeof hex === "string" ? Uint8Array.from(Buffer.from(hex, "hex")) : value;
    }) as Message;
    take(message);
  });
}
