/** A terminal and its client, which runs the bundle that is flashed: what is asked of a client while it plays, and what a client asks for before it plays. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Manifest } from "../../src/center/api/delivery-messages.js";
import { CLIENT_FINISHED, CLIENT_REFUSED } from "../../src/host/client-device.js";
import { Terminal, type TerminalCenter } from "../../src/terminal/terminal.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
import { makeOrder, makeTitle, type Order, type SealedTitle } from "../client/support.js";
import { suite } from "../suite.js";

const test = suite("terminal");
const HOUR = 3600;
const TIME_UNKNOWN = 1;
const TOO_LATE = 3;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

interface Desk {
  world: ClientWorld;
  client: SimulatedClient;
  terminal: Terminal;
  folder: string;
  /** Orders whose receipts the center has got, and whether it answers at all. */
  center: { receipts: string[]; away: boolean };
}

/** A terminal over a client that has just been enrolled, and a center that answers as the real one. */
async function atDesk(work: (desk: Desk) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "leyden-terminal-"));
  const world = new ClientWorld({ seed: 61 });
  try {
    await world.world.run(async () => {
      const client = world.addClient("client");
      await world.enrollClient(client);
      const state = { receipts: [] as string[], away: false };
      const { clientAuthority } = world;
      const answer = <T>(value: () => T): Promise<T> =>
        state.away ? Promise.reject(new Error("the center does not answer")) : Promise.resolve(value());
      const center: TerminalCenter = {
        stateTime: (_id, nonce) => answer(() => hex(clientAuthority.stateTime(client.reference, unhex(nonce), world.time()))),
        settle: (_id, receipt) =>
          answer(() => {
            const told = clientAuthority.openPeriodReceipt(client.reference, unhex(receipt));
            if (told === null || told === undefined) throw new Error("the receipt is not genuine");
            state.receipts.push(hex(told.orderId));
            return hex(clientAuthority.settle(client.reference, told.orderId));
          }),
        registration: () => answer(() => null),
      };
      const terminal = await Terminal.open(world.transport("client"), folder, center, (milliseconds) => world.world.sleep(milliseconds));
      // Virtual time stands still while this machine's own disk is read.
      const { orders } = terminal;
      const source = orders.source.bind(orders);
      orders.source = (id) => {
        const found = source(id);
        return found && { ...found, read: (offset, length) => world.world.during(found.read(offset, length)) };
      };
      await work({ world, client, terminal, folder, center: state });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts a content where deliveries leave it. */
async function bring({ terminal, folder }: Desk, title: SealedTitle, order: Order): Promise<string> {
  const id = hex(order.period.orderId);
  const { header, sealedLength, rate } = title.stored;
  const sealed = await title.source.read(0, sealedLength);
  const manifest: Manifest = {
    orderId: id,
    contentId: hex(title.contentId),
    terminalId: terminal.id,
    envelope: hex(order.envelope.envelope),
    header: hex(header),
    length: sealedLength,
    rate,
    sha256: createHash("sha256").update(sealed).digest("hex"),
    adverts: [],
  };
  const place = join(folder, "orders", id);
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "content.part"), sealed);
  await terminal.orders.begin(manifest);
  assert.ok(terminal.orders.whole(id));
  return id;
}

test("[B3] [B7] a key comes, time is stated and a period is given back while another order plays, and it plays on", async () => {
  await atDesk(async (desk) => {
    const { world, client, terminal, center } = desk;
    const now = world.time();
    const title = makeTitle(40_000);
    const order = makeOrder(world, client, title, now - HOUR, now + HOUR);
    const id = await world.world.during(bring(desk, title, order));
    await terminal.loadKey(id, hex(order.sealed));
    await terminal.care();
    const later = makeOrder(world, client, makeTitle(10), now - HOUR, now + HOUR);
    const laterId = hex(later.period.orderId);
    const did: string[] = [];
    let begun = false;
    const status = await terminal.play(id, ({ played }) => {
      if (begun || played < 5000) return;
      begun = true;
      void terminal.identify("00".repeat(16)).then(() => did.push("identified"));
      void terminal.loadKey(laterId, hex(later.sealed)).then(() => did.push("key"));
      void terminal.giveBack(laterId).then(() => did.push("given back"));
      void terminal.care().then(() => did.push("cared"));
    });
    assert.equal(did, ["identified", "key", "given back", "cared"], "each in its turn, before the end of the play");
    assert.equal([status.state, status.played], [CLIENT_FINISHED, 40_000]);
    await world.world.sleep(3000);
    assert.equal(client.board.decoder?.contents.at(-1), title.plain);
    assert.equal(center.receipts, [laterId], "what was given back meanwhile is settled");
  });
});

test("[B7] after a start nothing plays before the center has stated the time, whatever is here; at the end of the period the key is gone and the receipt is sent", async () => {
  await atDesk(async (desk) => {
    const { world, client, terminal, center } = desk;
    const now = world.time();
    const title = makeTitle(600);
    const order = makeOrder(world, client, title, now - HOUR, now + HOUR);
    const id = await world.world.during(bring(desk, title, order));
    center.away = true;
    await terminal.loadKey(id, hex(order.sealed));
    const refused = await terminal.play(id);
    assert.equal([refused.state, refused.detail], [CLIENT_REFUSED, TIME_UNKNOWN]);
    await terminal.care().then(
      () => assert.unreachable("the time was stated by nobody"),
      (error: unknown) => assert.match((error as Error).message, /does not answer/),
    );
    center.away = false;
    assert.ok((await terminal.care()).timeStated);
    assert.is((await terminal.play(id)).state, CLIENT_FINISHED);
    center.away = true;
    await world.restart(client);
    assert.equal([(await terminal.play(id)).detail], [TIME_UNKNOWN], "what was known before the start does not count");
    center.away = false;
    assert.ok((await terminal.care()).timeStated);
    assert.is((await terminal.play(id)).state, CLIENT_FINISHED);
    await world.world.sleep((HOUR + 60) * 1000);
    assert.is((await terminal.play(id)).detail, TOO_LATE);
    assert.is(client.board.searchMemory(order.key), 0);
    center.away = true;
    await terminal.care().then(
      () => assert.unreachable("the receipt went nowhere"),
      () => undefined,
    );
    center.away = false;
    assert.equal((await terminal.care()).settled, [id], "the receipt waits for the center");
    assert.equal(center.receipts, [id]);
    assert.equal((await terminal.care()).settled, []);
  });
});

test.run();
