/** `kill -9` of center and store, each in a process of its own, at every moment of a delivery that its terminal can see. */
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import type { Manifest } from "../../src/center/api/delivery-messages.js";
import { suite } from "../suite.js";
import { Deliveries } from "./support/deliveries.js";
import { fastClock } from "./support/fast-clock.js";
import { nodeArguments } from "../support/translated.js";

const test = suite("delivery kill");
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A process that is killed at a moment, and comes back. */
class Mortal {
  deaths = 0;
  private child: ChildProcess | undefined;
  private back: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly words: (deaths: number) => string[],
    private readonly ready: RegExp,
  ) {}

  async live(): Promise<void> {
    const child = spawn(process.execPath, this.words(this.deaths), {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    let said = "";
    for await (const data of child.stdout as AsyncIterable<Buffer>) {
      said += String(data);
      if (this.ready.test(said)) return;
    }
    throw new Error(`A part of the delivery ended before it was ready: ${said}`);
  }

  async die(): Promise<void> {
    const dead = once(this.child as ChildProcess, "exit");
    this.child?.kill("SIGKILL");
    await dead;
    this.deaths++;
    this.back = this.live();
  }

  async end(): Promise<void> {
    await this.back;
    const dead = once(this.child as ChildProcess, "exit");
    this.child?.kill("SIGKILL");
    await dead;
  }
}

type Moment = "a delivery began" | "half of the content had come" | "the key had come";

test("[B3] [B4] center or store killed at any moment: every content and key arrives, identical, and once", async () => {
  const all = await Deliveries.start(new Uint8Array(randomBytes(300_000)));
  const { world, terminal } = all;
  const { port } = new URL(world.center.url);
  const since = Date.now();
  // So far ahead of the last one, each center takes for lost what the last one had begun.
  const center = new Mortal(
    (deaths) => [...nodeArguments("test/delivery/support/child-center.ts"), world.folder, port, String(since), String(deaths * 70)],
    /listening/,
  );
  const words = ["store", "run", "--data", all.storeFolder, "--port", String(all.storePort), "--allow-local", "127.0.0.1"];
  const store = new Mortal(() => ["scripts/leyden.mjs", ...words], /listens/);
  world.clock.now = fastClock(since, () => center.deaths * 70);
  const cases: [Moment, Mortal][] = [
    ["half of the content had come", store],
    ["half of the content had come", center],
    ["the key had come", center],
    ["a delivery began", store],
  ];
  let orderId = "";
  let next: [Moment, Mortal] | undefined;
  const moment = async (name: Moment, order = orderId): Promise<void> => {
    if (next === undefined || next[0] !== name || order !== orderId) return;
    const [, victim] = next;
    next = undefined;
    await victim.die();
  };
  const { orders } = terminal;
  const { loadKey } = terminal;
  terminal.loadKey = async (order, sealed) => {
    const proof = await loadKey.call(terminal, order, sealed);
    await moment("the key had come", order);
    return proof;
  };
  const { begin, receive } = orders;
  orders.begin = async (manifest: Manifest) => {
    await begin.call(orders, manifest);
    await moment("a delivery began", manifest.orderId);
  };
  orders.receive = async (manifest, from, source, progress) => {
    const halting = async function* (): AsyncGenerator<Uint8Array> {
      let come = from;
      for await (const bytes of source) {
        come += bytes.length;
        if (come > manifest.length / 2) await moment("half of the content had come", manifest.orderId);
        yield bytes;
      }
    };
    await receive.call(orders, manifest, from, halting(), progress);
  };
  await Promise.all([world.center.stop(), all.store.stop()]);
  await Promise.all([center.live(), store.live()]);
  all.connect(`http://127.0.0.1:${port}`, 1000);
  try {
    for (const one of cases) {
      next = undefined;
      orderId = (await all.place({ contentAt: world.clock.now() + 1, keyAt: world.clock.now() + 1 })).id;
      next = one;
      for (let round = 0; (await all.show(orderId)).state !== "DELIVERED"; round++) {
        assert.ok(round < 600, `${one[0]}: ${JSON.stringify(await all.show(orderId))}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      assert.is(next, undefined, `${one[0]} did not come`);
      assert.is(Buffer.compare(all.received(orderId), all.sealed()), 0, one[0]);
      assert.is(terminal.keys.get(orderId), 1, `${one[0]}: the key came once`);
    }
    assert.equal([center.deaths, store.deaths], [2, 2]);
  } finally {
    await Promise.all([center.end(), store.end()]);
    world.center = { ...world.center, stop: () => Promise.resolve() };
    await all.end();
  }
});

test.run();
