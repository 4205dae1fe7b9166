/** A household's clients: licenses that need the key tree too, and moves that leave one holder, on the bundle that is flashed. */
import * as assert from "uvu/assert";
import { CLIENT_FINISHED, CLIENT_REFUSED, SOURCE_NETWORK, type ClientStatus } from "../../src/host/client-device.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
import { Household, fails, leftovers, makeTitle, random, type SealedTitle } from "./support.js";
import { suite } from "../suite.js";

const test = suite("client move");

interface Home {
  world: ClientWorld;
  household: Household;
  first: SimulatedClient;
  second: SimulatedClient;
}

/** Two clients of one license server, enabled. */
async function atHome(scenario: (home: Home) => Promise<void>): Promise<void> {
  const world = new ClientWorld({ seed: 21 });
  await world.world.run(async () => {
    const household = new Household(world);
    const [first, second] = [world.addClient("first"), world.addClient("second")];
    for (const [leaf, client] of [first, second].entries()) {
      await world.enrollClient(client);
      await household.register(client, 1000 + leaf);
      await household.enable(client);
    }
    await scenario({ world, household, first, second });
  });
}

function play(client: SimulatedClient, title: SealedTitle): Promise<ClientStatus> {
  return client.device.play(title.contentId, null, () => Promise.resolve(title.source));
}

async function plays(client: SimulatedClient, title: SealedTitle): Promise<boolean> {
  const status = await play(client, title);
  if (status.state !== CLIENT_FINISHED) assert.is(status.state, CLIENT_REFUSED, JSON.stringify(status));
  return status.state === CLIENT_FINISHED;
}

/** Takes the license away from the source; answers its conditions. */
async function remove(
  { world }: Home,
  source: SimulatedClient,
  destination: SimulatedClient,
  id: Uint8Array,
  use: Uint8Array,
): Promise<Uint8Array> {
  const { nonce, proof } = await source.device.requestMove(id, destination.reference.id);
  assert.ok(world.clientAuthority.verifyMoveRequest(source.reference, id, destination.reference.id, nonce, proof));
  const removed = await source.device.remove(world.clientAuthority.sealMove(source.reference, id, destination.reference.id, nonce, use));
  const conditions = world.clientAuthority.openRemoved(source.reference, id, use, removed);
  assert.ok(conditions);
  return conditions ?? new Uint8Array(12);
}

test("a license plays by its terms, and taking it again does not give its plays back", async () => {
  await atHome(async ({ world, household, first }) => {
    const title = makeTitle(3000);
    const { id } = await household.license(first, title, { plays: 2 });
    const status = await play(first, title);
    assert.equal([status.state, status.source, status.played], [CLIENT_FINISHED, SOURCE_NETWORK, 3000], JSON.stringify(status));
    await world.world.sleep(3000);
    assert.equal(first.board.decoder?.contents.at(-1), title.plain);
    const { nonce, proof } = await first.device.requestLicense(title.contentId);
    assert.ok(world.clientAuthority.verifyLicenseRequest(first.reference, title.contentId, nonce, proof));
    const grant = { terms: household.terms({ plays: 2 }), issued: world.time(), conditions: new Uint8Array(12) };
    const message = world.clientAuthority.sealClientLicense(
      first.reference,
      id,
      title.contentId,
      nonce,
      grant,
      household.keys(title, random(32)),
      title.stored,
    );
    const held = await first.device.takeLicense(message);
    assert.ok(world.clientAuthority.verifyLicenseHeld(first.reference, id, nonce, held));
    assert.equal(await first.device.takeLicense(message), held);
    assert.ok(await plays(first, title));
    const over = await play(first, title);
    assert.equal([over.state, over.reason, over.detail], [CLIENT_REFUSED, 3, 4]);
    await fails(() => first.device.takeLicense(message.map((byte, i) => (i === 40 ? byte ^ 1 : byte))), 0x6a80);
  });
});

test("a license with a window needs a fresh time; one without needs none", async () => {
  await atHome(async ({ world, household, first }) => {
    const [open, bound] = [makeTitle(100), makeTitle(100)];
    await household.license(first, open);
    await household.license(first, bound, { notAfter: world.time() + 3600 });
    await world.restart(first);
    assert.ok(await plays(first, open));
    const status = await play(first, bound);
    assert.equal([status.state, status.reason, status.detail], [CLIENT_REFUSED, 3, 1]);
    await world.tellTime(first);
    assert.ok(await plays(first, bound));
    await world.world.sleep(3600_000);
    const late = await play(first, bound);
    assert.equal([late.state, late.reason, late.detail], [CLIENT_REFUSED, 3, 3]);
  });
});

test("a move: the source loses the license before the destination gets it, plays used go along, and it goes back too", async () => {
  await atHome(async (home) => {
    const { world, household, first, second } = home;
    const title = makeTitle(1000);
    const license = await household.license(first, title, { plays: 2 });
    assert.ok(await plays(first, title));
    assert.ok(leftovers(first, title.titleKey).length === 0);
    const use = random(16);
    const conditions = await remove(home, first, second, license.id, use);
    assert.equal(conditions.slice(0, 2), Uint8Array.of(0, 1));
    assert.not.ok(await plays(first, title));
    const certificate = household.certificate(first, second, title, license, conditions, use);
    assert.is(certificate.length, 316);
    const proof = await second.device.takeCopy(certificate);
    assert.ok(world.clientAuthority.verifyLicenseHeld(second.reference, license.id, use, proof));
    await first.device.settle(use, world.clientAuthority.settle(first.reference, use));
    assert.equal(await first.device.licenses(), []);
    assert.ok(await plays(second, title));
    const over = await play(second, title);
    assert.equal([over.state, over.reason, over.detail], [CLIENT_REFUSED, 3, 4], "two plays, one at each");
    const [held] = await second.device.licenses();
    assert.equal([held.licenseId, held.moved], [license.id, null]);
    const back = random(16);
    const used = await remove(home, second, first, license.id, back);
    await fails(() => second.device.takeCopy(certificate), 0x6a80, 6);
    await first.device.takeCopy(household.certificate(second, first, title, license, used, back));
    assert.not.ok(await plays(second, title));
    assert.is((await play(first, title)).detail, 4);
  });
});

test("a copy certificate: altered in any byte, for another, from another server, used up or too late, it is refused", async () => {
  await atHome(async (home) => {
    const { world, household, first, second } = home;
    const title = makeTitle(100);
    const license = await household.license(first, title);
    const use = random(16);
    const conditions = await remove(home, first, second, license.id, use);
    const certificate = household.certificate(first, second, title, license, conditions, use);
    await fails(() => first.device.takeCopy(certificate), 0x6a80, 2);
    const stranger = new Household(world);
    await fails(() => second.device.takeCopy(stranger.certificate(first, second, title, license, conditions)), 0x6a80, 3);
    Object.assign(stranger, { server: household.server });
    await fails(() => second.device.takeCopy(stranger.certificate(first, second, title, license, conditions)), 0x6a80, 7);
    for (let at = 0; at < certificate.length; at++)
      await fails(() => second.device.takeCopy(certificate.map((byte, i) => (i === at ? byte ^ (1 << ((at * 5) % 8)) : byte))), 0x6a80);
    for (const length of [0, 87, 100, 315]) await fails(() => second.device.takeCopy(certificate.slice(0, length)), 0x6a80, 1);
    assert.not.ok(await plays(second, title));
    await second.device.takeCopy(certificate);
    await second.device.takeCopy(certificate);
    assert.is((await second.device.licenses()).length, 1);
    const again = household.certificate(first, second, title, license, conditions, random(16));
    await fails(() => second.device.takeCopy(again), 0x6985);
    await world.tellTime(second, world.time() + 2 * 86_400);
    const other = makeTitle(100);
    await fails(
      () => second.device.takeCopy(household.certificate(first, second, other, { ...license, id: random(16) }, conditions)),
      0x6a80,
      5,
    );
  });
});

test("a client that was revoked opens nothing issued after; what it had stays; an old block is refused after a newer one", async () => {
  await atHome(async (home) => {
    const { household, first, second } = home;
    const [before, after] = [makeTitle(100), makeTitle(100)];
    const old = await household.slice(first);
    await household.license(first, before);
    await household.license(second, before);
    household.revoked.push(1000);
    household.epoch = 2;
    assert.is(await household.slice(first), null);
    await household.enable(second);
    const others = await household.slice(second);
    assert.ok(old && others);
    // The revoked client is handed its neighbor's part, and the old block: neither helps.
    await fails(() => first.device.enable(others ?? random(100)), 0x6a80);
    await fails(() => second.device.enable(old ?? random(100)), 0x6a80, 3);
    await first.device.enable(old ?? random(100));
    await fails(() => household.license(first, after), 0x6985);
    assert.not.ok(await plays(first, after));
    assert.ok(await plays(first, before));
    await household.license(second, after);
    assert.ok(await plays(second, after));
    assert.ok(await plays(second, before));
    const flipped = (others ?? random(100)).slice();
    for (let at = 0; at < flipped.length; at += 23) {
      flipped[at] ^= 4;
      await fails(() => second.device.enable(flipped), 0x6a80);
      flipped[at] ^= 4;
    }
    assert.is((await second.device.registration())?.epoch, 2);
  });
});

test("a registration is taken whole or not at all, in its order, and never an older one", async () => {
  await atHome(async ({ world, household, first, second }) => {
    const { clientAuthority } = world;
    const older = clientAuthority.register(first.reference, { serial: 1 });
    await fails(() => first.device.register(older), 0x6985);
    const newer = clientAuthority.register(first.reference, { serial: 5, server: household.server });
    await fails(() => second.device.register(newer), 0x6a80);
    await first.device.register(newer);
    await first.device.register(newer);
    assert.is((await first.device.registration())?.serial, 5);
    await fails(() => household.enable(first), 0x6985);
    await household.register(first, 77, 6);
    assert.equal(await first.device.registration(), { serial: 6, server: household.server.id, leaf: 77, epoch: 1 });
  });
});

test("no command of any length leaves the client without an answer", async () => {
  await atHome(async ({ world, first }) => {
    const instructions = [0x4a, 0x5e, 0x60, 0x62, 0x64, 0x66, 0x68, 0x6a, 0x6c, 0x6e, 0x70, 0x72, 0x74, 0x76, 0x78, 0x7a, 0x7c, 0xca, 0xda];
    for (const ins of instructions)
      for (const length of [0, 1, 5, 16, 24, 56, 80, 212, 316])
        for (const tag of [0, 1, 0xffff]) {
          const { sw } = await first.device.session.transfer(0x80, ins, tag, random(length));
          assert.ok(sw === 0x9000 || (sw >= 0x6400 && sw <= 0x6e00), `${ins.toString(16)} ${String(length)}: ${sw.toString(16)}`);
          await first.device.stop();
        }
    assert.is(first.board.counts.errors, 0);
    assert.is(first.board.counts.refused, 0);
    await world.tellTime(first);
  });
});

test.run();
