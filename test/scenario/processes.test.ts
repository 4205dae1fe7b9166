import * as assert from "uvu/assert";
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CUSTODY_SPLIT } from "../../src/core/protocol/constants.js";
import { suite } from "../suite.js";
import { receive, send, type Message } from "./support/lines.js";
import { Stage } from "./support/stage.js";

const test = suite("separate processes");

interface Child {
  process: ChildProcessWithoutNullStreams;
  next(): Promise<Message>;
}

function start(name: string): Child {
  const child = spawn(process.execPath, ["--import", "tsx", fileURLToPath(new URL(`support/${name}-process.ts`, import.meta.url))]);
  const messages: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  let complaint = "";
  child.stderr.on("data", (data: Buffer) => (complaint += data.toString()));
  receive(child.stdout, (message) => {
    const take = waiting.shift();
    if (take) take(message);
    else messages.push(message);
  });
  return {
    process: child,
    next: () =>
      new Promise((resolve, reject) => {
        const message = messages.shift();
        if (message) {
          resolve(message);
          return;
        }
        waiting.push(resolve);
        child.once("exit", (code) => {
          reject(new Error(`the ${name} process ended with ${String(code)}: ${complaint}`));
        });
      }),
  };
}

test("[A14][A15][A17][D1][D4] center, kiosk and devices as separate processes make a contract; the kiosk sees no key", async () => {
  const children = [start("device"), start("center"), start("kiosk")];
  const [devices, center, kiosk] = children;
  try {
    const source = new Stage({ seed: 77 });
    const title = source.sample(3000);
    const ports = await devices.next();
    send(center.process.stdin, { cardId: ports.cardId, cartridgeId: ports.cartridgeId, content: title.produced });
    const { port } = await center.next();
    send(devices.process.stdin, { pass: 60_000 });
    assert.is((await devices.next()).key, false);
    send(kiosk.process.stdin, {
      card: ports.card,
      cartridge: ports.cartridge,
      center: port,
      sealed: title.sealed,
      contentId: title.produced.contentId,
      custody: CUSTODY_SPLIT,
    });
    const result = await kiosk.next();
    assert.is(result.error, undefined);
    const steps = result.steps as string[];
    assert.ok(steps.indexOf("contracted") < steps.indexOf("recording"), "the content is downloaded after the card's completion");
    send(devices.process.stdin, { pass: 1000 });
    const after = await devices.next();
    assert.is(after.key, true, "the cartridge holds its share");
    const seen = (result.seen as string[]).join(" ");
    assert.ok(seen.length > 10_000);
    const loan = Buffer.from(result.loanId as Uint8Array).toString("hex");
    assert.ok(seen.includes(loan), "the kiosk sees what the loan is about");
    for (const secret of [after.held as Uint8Array, title.produced.titleKey])
      for (let at = 0; at + 8 <= 32; at += 8) assert.not.ok(seen.includes(Buffer.from(secret.subarray(at, at + 8)).toString("hex")));
  } finally {
    for (const child of children) child.process.kill("SIGKILL");
  }
});

test.run();
