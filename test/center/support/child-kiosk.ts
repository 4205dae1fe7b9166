/**
 * A kiosk in a process of its own, whose devices are in the process that started it, as real ones outlive their kiosk. It does what it is told by messages, and kills itself
 * at the moment that it is told: moments are counted, one before and one after each command to a device and each request to the center. A kiosk that is not to die tells
 * which moments are worth dying at: a moment after one command is the same as the one before the next command, where the kiosk has written nothing in between, since
 * all that survives it is the same. Words: data folder, address of the center, name of the kiosk.
 */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CenterClient } from "../../../src/center/client.js";
import type { KioskCard, KioskCartridge } from "../../../src/kiosk/devices.js";
import { DeviceRefused } from "../../../src/kiosk/devices.js";
import type { Outcome, PaymentDevice } from "../../../src/kiosk/payment.js";
import { RentalKiosk } from "../../../src/kiosk/rental-kiosk.js";
import { ReturnKiosk } from "../../../src/kiosk/return-kiosk.js";
import { deviceId, kioskSeed } from "./keys.js";

/** What the parent orders. `stop`: the moment of death, counted from here; 0 for none. */
export type Order =
  | { order: "rent"; contentId: string; now: number; stop: number }
  | { order: "recover"; now: number; stop: number }
  | { order: "return"; wish: string; now: number; stop: number }
  | { order: "flush"; now: number; stop: number };
/** What is asked of a device in the parent, and what the parent answers. */
export interface Call {
  call: number;
  device: "slots" | "cartridge" | "card" | "payment";
  method: string;
  args: unknown[];
}
export type Reply = { reply: number; value: unknown } | { reply: number; what: string; status: number };

const [folder, url, name] = process.argv.slice(2);
let time = 0;
let stop = 0;
let moments: { side: "before" | "after"; kept: string }[] = [];

function moment(side: "before" | "after"): void {
  moments.push({ side, kept: stop === 0 ? kept() : "" });
  if (moments.length === stop) process.kill(process.pid, "SIGKILL");
}

/** Hash of all files of the kiosk. */
function kept(): string {
  const hash = createHash("sha256");
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) hash.update(`${join(entry.parentPath, entry.name)}\n`).update(readFileSync(join(entry.parentPath, entry.name)));
  return hash.digest("hex");
}

/** Numbers of the moments that differ from the next one. */
function distinct(): number[] {
  return moments.flatMap(({ side, kept }, index) => {
    const next = moments.at(index + 1);
    return side === "after" && next?.side === "before" && next.kept === kept ? [] : [index + 1];
  });
}

const waiting = new Map<number, (reply: Reply) => void>();
let calls = 0;

async function ask(device: Call["device"], method: string, ...args: unknown[]): Promise<unknown> {
  moment("before");
  const call = ++calls;
  const reply = await new Promise<Reply>((resolve) => {
    waiting.set(call, resolve);
    process.send?.({ call, device, method, args } satisfies Call);
  });
  waiting.delete(call);
  moment("after");
  if ("status" in reply) throw new DeviceRefused(reply.what, reply.status);
  return reply.value;
}

/** Any method of a device, as a call to the parent. */
function remote<T extends object>(device: Call["device"], known: Partial<T>): T {
  return new Proxy(known as T, {
    get: (target, method) =>
      method === "then" || Reflect.has(target, method)
        ? Reflect.get(target, method)
        : (...args: unknown[]) => ask(device, String(method), ...args),
  });
}

async function cartridge(): Promise<KioskCartridge | null> {
  const known = (await ask("slots", "cartridge")) as { id: string; capacity: number } | null;
  if (known === null) return null;
  return remote<KioskCartridge>("cartridge", {
    ...known,
    record: async (header, length, sampleRate, sealed, adverts) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of sealed) chunks.push(chunk);
      await ask("cartridge", "record", header, length, sampleRate, chunks, adverts);
    },
  });
}

async function card(): Promise<KioskCard | null> {
  const id = (await ask("slots", "card")) as string | null;
  return id === null ? null : remote<KioskCard>("card", { id });
}

const payment: PaymentDevice = {
  method: "card",
  begin: (reference, amount, currency, answer) => {
    void ask("payment", "begin", reference, amount, currency).then((outcome) => {
      answer(outcome as "approved" | "declined");
    });
  },
  query: (reference) => ask("payment", "query", reference) as Promise<Outcome>,
  cancel: (reference) => ask("payment", "cancel", reference) as Promise<Outcome>,
  refund: async (reference) => {
    await ask("payment", "refund", reference);
  },
};

const asked = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  moment("before");
  const response = await asked(input, init);
  const bytes = await response.arrayBuffer();
  moment("after");
  return new Response(bytes, response);
};

const client = new CenterClient({
  url,
  credential: { kioskId: deviceId(name), seed: kioskSeed(name) },
  now: () => time,
  attempts: 1,
  timeout: 60_000,
});
const devices = { cartridge, card };
const rental = new RentalKiosk({ folder, client, devices });
const returns = new ReturnKiosk({ folder, client, devices, payment, askPeers: () => Promise.resolve(null), now: () => time });

async function obey(order: Order): Promise<unknown> {
  time = order.now;
  moments = [];
  stop = order.stop;
  if (order.order === "rent") return (await rental.rent(order.contentId)).id;
  if (order.order === "recover") return rental.recover();
  if (order.order === "flush") {
    await returns.flush();
    return returns.entries.size;
  }
  const { id } = await returns.takeBack();
  await returns.rate(id, 4);
  await returns.reserve(id, order.wish);
  return (await returns.pay(id))?.state;
}

process.on("message", (message: Order | Reply) => {
  if ("reply" in message) waiting.get(message.reply)?.(message);
  else
    obey(message).then(
      (done) => process.send?.({ done: done ?? null, moments: moments.length, distinct: stop === 0 ? distinct() : [] }),
      (error: unknown) => process.send?.({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
});
process.on("disconnect", () => process.exit());
process.send?.({ ready: true });
