/** Deliveries to a client: the key opens within its period alone, whatever any clock but the server's says. */
import * as assert from "uvu/assert";
import fc from "../generate.js";
import { CLIENT_FINISHED, CLIENT_REFUSED, CLIENT_STOPPED, SOURCE_NETWORK, SOURCE_STORE } from "../../src/host/client-device.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
import type { ClientStatus } from "../../src/host/client-device.js";
import { fails, leftovers, makeOrder, makeTitle, random, refused, type Order, type SealedTitle } from "../client/support.js";
import { suite } from "../suite.js";

const test = suite("client period");
const HOUR = 3600;
const REASON_RIGHT = 7;
/** Details of a refusal. */
const TIME_UNKNOWN = 1;
const TOO_EARLY = 2;
const TOO_LATE = 3;

async function onClient(scenario: (world: ClientWorld, client: SimulatedClient) => Promise<void>): Promise<void> {
  const world = new ClientWorld({ seed: 11 });
  await world.world.run(async () => {
    const client = world.addClient("terminal");
    await world.enrollClient(client);
    await scenario(world, client);
  });
}

function play(client: SimulatedClient, title: SealedTitle, order: Order): Promise<ClientStatus> {
  return client.device.play(title.contentId, order.envelope, () => Promise.resolve(title.source));
}

test("content comes over the network and plays byte for byte; it is found in the own store once it is kept there", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(5000);
    const now = world.time();
    const order = makeOrder(world, client, title, now - HOUR, now + HOUR);
    const proof = await client.device.loadPeriodKey(order.sealed);
    assert.ok(world.clientAuthority.verifyPeriodHeld(client.reference, order.period.orderId, proof));
    await world.tellTime(client);
    const status = await play(client, title, order);
    assert.equal([status.state, status.source, status.played], [CLIENT_FINISHED, SOURCE_NETWORK, 5000], JSON.stringify(status));
    await world.world.sleep(5000);
    assert.equal(client.board.decoder?.contents.at(-1), title.plain);
    await client.device.store(title.source);
    const again = await play(client, title, order);
    assert.equal([again.state, again.source, again.played], [CLIENT_FINISHED, SOURCE_STORE, 5000], JSON.stringify(again));
    await world.world.sleep(5000);
    assert.equal(client.board.decoder?.contents.at(-1), title.plain);
  });
});

/** Why a client refused, by its status. */
async function refusal(client: SimulatedClient, title: SealedTitle, order: Order): Promise<number> {
  const status = await play(client, title, order);
  assert.equal([status.state, status.reason], [CLIENT_REFUSED, REASON_RIGHT], JSON.stringify(status));
  return status.detail;
}

test("[B7] nothing opens before a fresh statement, before the period, or from its end on", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(600);
    const start = world.time() + HOUR;
    const order = makeOrder(world, client, title, start, start + HOUR);
    await client.device.loadPeriodKey(order.sealed);
    assert.is(await refusal(client, title, order), TIME_UNKNOWN);
    await world.tellTime(client);
    assert.is(await refusal(client, title, order), TOO_EARLY);
    await world.world.sleep((start - world.time() - 3) * 1000);
    assert.is(await refusal(client, title, order), TOO_EARLY);
    await world.world.sleep(10_000);
    assert.is((await play(client, title, order)).state, CLIENT_FINISHED);
    assert.equal(leftovers(client, order.key), ["flash"]);
    await world.restart(client);
    assert.is(await refusal(client, title, order), TIME_UNKNOWN);
    await world.tellTime(client);
    assert.is((await play(client, title, order)).state, CLIENT_FINISHED);
    await world.world.sleep((start + HOUR - world.time() - 120) * 1000);
    assert.is((await play(client, title, order)).state, CLIENT_FINISHED);
    assert.is(await client.device.periodReceipt(order.period.orderId), null);
    await world.world.sleep(121_000);
    assert.is(await refusal(client, title, order), TOO_LATE);
    assert.equal(leftovers(client, order.key), []);
    const receipt = await client.device.periodReceipt(order.period.orderId);
    const told = receipt && world.clientAuthority.openPeriodReceipt(client.reference, receipt);
    assert.ok(told);
    assert.equal([told?.cause, told?.timesPlayed, told?.end, told?.orderId], [1, 3, start + HOUR, order.period.orderId]);
    await fails(() => client.device.loadPeriodKey(order.sealed), 0x6985);
    await world.restart(client);
    await fails(() => client.device.loadPeriodKey(order.sealed), 0x6985);
    await client.device.settle(order.period.orderId, world.clientAuthority.settle(client.reference, order.period.orderId));
    assert.equal(await client.device.periods(), []);
    await fails(() => client.device.loadPeriodKey(order.sealed), 0x6985);
  });
});

test("[B7] a statement serves once, for its nonce and client, within a minute, and takes no time back", async () => {
  await onClient(async (world, client) => {
    const { device, reference } = client;
    const now = world.time();
    const other = { ...reference, id: random(8) };
    await fails(() => device.stateTime(world.clientAuthority.stateTime(reference, new Uint8Array(16), now)), 0x6985);
    const nonce = await device.challengeTime();
    const statement = world.clientAuthority.stateTime(reference, nonce, now);
    await fails(() => device.stateTime(world.clientAuthority.stateTime(other, nonce, now)), 0x6a80);
    await fails(() => device.stateTime(world.clientAuthority.stateTime(reference, random(16), now)), 0x6a80);
    for (let bit = 0; bit < 160; bit += 7)
      await fails(() => device.stateTime(statement.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))), 0x6a80);
    await device.stateTime(statement);
    await fails(() => device.stateTime(statement), 0x6985);
    assert.ok(Math.abs((await device.status()).time - world.time()) <= 1);
    const late = await device.challengeTime();
    const held = world.clientAuthority.stateTime(reference, late, world.time());
    await world.world.sleep(61_000);
    await fails(() => device.stateTime(held), 0x6985);
    await world.tellTime(client, world.time() - 7 * 24 * HOUR);
    assert.ok((await device.status()).time >= world.time() - 2, "time went back");
    await world.restart(client);
    assert.is((await device.status()).time, 0);
    await world.tellTime(client, now + 30 * 24 * HOUR);
    await world.restart(client);
    await world.tellTime(client, now);
    assert.ok((await device.status()).time >= now + 30 * 24 * HOUR, "the floor was lost");
    await world.world.sleep(25 * HOUR * 1000);
    assert.is((await device.status()).time, 0, "a statement of yesterday is not fresh");
  });
});

test("[B7] a statement held back for a while stretches no period", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(100);
    const end = world.time() + 100;
    const order = makeOrder(world, client, title, world.time() - HOUR, end);
    await client.device.loadPeriodKey(order.sealed);
    const nonce = await client.device.challengeTime();
    const statement = world.clientAuthority.stateTime(client.reference, nonce, world.time());
    await world.world.sleep(55_000);
    await client.device.stateTime(statement);
    await world.world.sleep((end - world.time()) * 1000);
    assert.is(await refusal(client, title, order), TOO_LATE);
  });
});

test("[B7] the end of the period stops what plays", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(48_000);
    const end = world.time() + HOUR;
    const order = makeOrder(world, client, title, world.time() - HOUR, end);
    await client.device.loadPeriodKey(order.sealed);
    await world.tellTime(client);
    let waited = false;
    const status = await client.device.play(title.contentId, order.envelope, () =>
      Promise.resolve({
        ...title.source,
        read: async (offset, length) => {
          if (offset > 20_000 && !waited) {
            // The host is slow but not gone: it asks for the status meanwhile.
            waited = true;
            await world.tellTime(client, end - 20);
            await world.world.sleep(22_000);
          }
          return title.source.read(offset, length);
        },
      }),
    );
    assert.equal([status.state, status.reason, status.detail], [CLIENT_STOPPED, REASON_RIGHT, TOO_LATE], JSON.stringify(status));
    assert.ok(status.played < 33_000);
    assert.equal(leftovers(client, order.key), []);
    assert.equal(leftovers(client, title.titleKey), []);
  });
});

test("a period given back is over for good", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(100);
    const end = world.time() + HOUR;
    const order = makeOrder(world, client, title, world.time() - HOUR, end);
    const { orderId } = order.period;
    await client.device.loadPeriodKey(order.sealed);
    const receipt = await client.device.endPeriod(orderId);
    assert.is(world.clientAuthority.openPeriodReceipt(client.reference, receipt)?.cause, 2);
    assert.equal(leftovers(client, order.key), []);
    await client.device.settle(orderId, world.clientAuthority.settle(client.reference, orderId));
    await world.restart(client);
    await fails(() => client.device.loadPeriodKey(order.sealed), 0x6985);
    await world.tellTime(client);
    await world.world.sleep(2 * HOUR * 1000);
    await world.tellTime(client);
    assert.equal(await client.device.periods(), []);
    await fails(() => client.device.loadPeriodKey(order.sealed), 0x6985);
  });
});

test("another client's key, an altered key, another order's or content's envelope open nothing; six orders have room", async () => {
  await onClient(async (world, client) => {
    const title = makeTitle(100);
    const now = world.time();
    const stranger = { ...client, reference: { ...client.reference, id: random(8) } };
    const order = makeOrder(world, client, title, now - HOUR, now + HOUR);
    await world.tellTime(client);
    await fails(() => client.device.loadPeriodKey(makeOrder(world, stranger, title, now - HOUR, now + HOUR).sealed), 0x6a80);
    for (let bit = 0; bit < order.sealed.length * 8; bit += 13)
      await fails(
        () => client.device.loadPeriodKey(order.sealed.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))),
        0x6a80,
      );
    for (let i = 0; i < 5; i++) await client.device.loadPeriodKey(makeOrder(world, client, makeTitle(10), now - HOUR, now + HOUR).sealed);
    await client.device.loadPeriodKey(order.sealed);
    await client.device.loadPeriodKey(order.sealed);
    await fails(() => client.device.loadPeriodKey(makeOrder(world, client, title, now - HOUR, now + HOUR).sealed), 0x6a84);
    const foreign = makeOrder(world, client, title, now - HOUR, now + HOUR).envelope;
    const wrong = await play(client, title, { ...order, envelope: { ...foreign, id: order.period.orderId } });
    assert.equal([wrong.state, wrong.reason], [CLIENT_REFUSED, 4]);
    const unknown = await play(client, title, { ...order, envelope: foreign });
    assert.equal([unknown.state, unknown.reason], [CLIENT_REFUSED, REASON_RIGHT]);
    const altered = makeTitle(100, title.contentId);
    const swapped = await play(client, altered, order);
    assert.equal([swapped.state, swapped.reason], [CLIENT_REFUSED, 4]);
    const flipped = {
      ...title.source,
      read: async (offset: number, length: number) => (await title.source.read(offset, length)).map((b, i) => (i === 3 ? b ^ 1 : b)),
    };
    const broken = await client.device.play(title.contentId, order.envelope, () => Promise.resolve(flipped));
    assert.equal([broken.state, broken.reason, broken.played], [CLIENT_STOPPED, 5, 0]);
  });
});

test("[B7] whatever is sent, slept or switched off in between, it plays within its period alone", async () => {
  const step = fc.oneof(
    fc.constant({ kind: "tell" as const, seconds: 0 }),
    fc.constant({ kind: "restart" as const, seconds: 0 }),
    fc.constant({ kind: "replay" as const, seconds: 0 }),
    fc.constant({ kind: "play" as const, seconds: 0 }),
    fc.record({ kind: fc.constant("sleep" as const), seconds: fc.integer({ min: 1, max: 4000 }) }),
    fc.record({ kind: fc.constant("lie" as const), seconds: fc.integer({ min: -100_000, max: 100_000 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), fc.integer({ min: 0, max: 6000 }), async (steps, delay) => {
      await onClient(async (world, client) => {
        const title = makeTitle(50);
        const start = world.time() + delay;
        const end = start + 5000;
        const order = makeOrder(world, client, title, start, end);
        let statement: Uint8Array | null = null;
        let fresh = -1;
        await client.device.loadPeriodKey(order.sealed);
        for (const { kind, seconds } of steps) {
          if (kind === "tell") {
            const nonce = await client.device.challengeTime();
            statement = world.clientAuthority.stateTime(client.reference, nonce, world.time());
            await client.device.stateTime(statement);
            fresh = world.time();
          } else if (kind === "restart") {
            await world.restart(client);
            fresh = -1;
          } else if (kind === "sleep") await world.world.sleep(seconds * 1000);
          else if (kind === "replay") await refused(() => client.device.stateTime(statement ?? random(20)));
          else if (kind === "lie") {
            const lie = new Uint8Array(20);
            new DataView(lie.buffer).setUint32(0, world.time() + seconds);
            await client.device.challengeTime();
            await refused(() => client.device.stateTime(lie));
          } else {
            const time = world.time();
            const status = await play(client, title, order);
            const played = status.state === CLIENT_FINISHED;
            if (fresh < 0 || time > fresh + 86_500 || time < start || time >= end)
              assert.not.ok(played, `played at ${String(time - start)}`);
            else if (time > start + 10 && time < end - 10) assert.ok(played, `${JSON.stringify(status)} at ${String(time - start)}`);
          }
        }
      });
    }),
    { numRuns: 12 },
  );
});

test.run();
