/** Power cut at the flash operations of a client that takes and gives what it must neither lose nor double. */
import * as assert from "uvu/assert";
import { cutEverywhere, type FaultScenario } from "../../sim/faults.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
import type { World } from "../../sim/world.js";
import { CLIENT_FINISHED } from "../../src/host/client-device.js";
import { LinkError } from "../../src/host/transport.js";
import { Household, makeOrder, makeTitle, random, type Order, type SealedTitle } from "./support.js";
import { suite } from "../suite.js";

const test = suite("client cuts");

/** Does `work` again for as long as the client goes away in the middle of it. */
async function persist<T>(world: ClientWorld, work: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof LinkError) || tries > 5) throw error;
      await world.world.sleep(3000);
    }
  }
}

async function plays(world: ClientWorld, client: SimulatedClient, title: SealedTitle, order?: Order): Promise<boolean> {
  await world.tellTime(client);
  const status = await client.device.play(title.contentId, order?.envelope ?? null, () => Promise.resolve(title.source));
  return status.state === CLIENT_FINISHED;
}

/** A scenario around one client whose power goes, and another whose does not. */
function scenario<T>(
  name: string,
  prepare: (world: ClientWorld, household: Household, first: SimulatedClient, second: SimulatedClient) => Promise<T>,
  run: (world: ClientWorld, household: Household, first: SimulatedClient, prepared: T) => Promise<void>,
  check: (world: ClientWorld, household: Household, first: SimulatedClient, prepared: T) => Promise<void>,
): FaultScenario {
  let at: { world: ClientWorld; household: Household; first: SimulatedClient; prepared: T } | undefined;
  return {
    name,
    seed: 41,
    setup: async (inner: World) => {
      const world = new ClientWorld({ seed: 41, world: inner });
      const household = new Household(world);
      const [first, second] = [world.addClient("first"), world.addClient("second")];
      await world.enrollClient(first);
      await world.enrollClient(second);
      await household.register(first, 1);
      await household.register(second, 2);
      await household.enable(first);
      at = { world, household, first, prepared: await prepare(world, household, first, second) };
    },
    run: () => (at ? run(at.world, at.household, at.first, at.prepared) : Promise.reject(new Error("not set up"))),
    check: () => (at ? check(at.world, at.household, at.first, at.prepared) : Promise.reject(new Error("not set up"))),
  };
}

async function cut(tried: FaultScenario, limit: number): Promise<void> {
  const report = await cutEverywhere(tried, { devices: ["first"], operations: ["flash"], limit });
  assert.ok(report.runs >= 4, `only ${String(report.runs)} cuts were tried`);
  assert.equal(
    report.failures.map(({ replay, error }) => `${replay}: ${error.message}`),
    [],
  );
}

test("loading a period key: it is there after all, once, and plays", async () => {
  await cut(
    scenario(
      "period key",
      (world, _household, first) => {
        const title = makeTitle(100);
        return Promise.resolve({ title, order: makeOrder(world, first, title, world.time() - 10, world.time() + 9000) });
      },
      async (world, _household, first, { order }) => {
        const proof = await persist(world, () => first.device.loadPeriodKey(order.sealed));
        assert.ok(world.clientAuthority.verifyPeriodHeld(first.reference, order.period.orderId, proof));
      },
      async (world, _household, first, { title, order }) => {
        assert.is((await first.device.periods()).length, 1);
        assert.ok(await plays(world, first, title, order));
      },
    ),
    24,
  );
});

test("taking a license in: one license, proved, with its plays", async () => {
  await cut(
    scenario(
      "license",
      () => Promise.resolve({ title: makeTitle(100), id: random(16), key: random(32) }),
      async (world, household, first, { title, id, key }) => {
        const grant = { terms: household.terms({ plays: 1 }), issued: world.time(), conditions: new Uint8Array(12) };
        await persist(world, async () => {
          const { nonce } = await first.device.requestLicense(title.contentId);
          const message = world.clientAuthority.sealClientLicense(
            first.reference,
            id,
            title.contentId,
            nonce,
            grant,
            household.keys(title, key),
            title.stored,
          );
          assert.ok(world.clientAuthority.verifyLicenseHeld(first.reference, id, nonce, await first.device.takeLicense(message)));
        });
      },
      async (world, _household, first, { title }) => {
        assert.is((await first.device.licenses()).length, 1);
        assert.ok(await plays(world, first, title));
        assert.not.ok(await plays(world, first, title));
      },
    ),
    24,
  );
});

test("removing a license: proved with its conditions once it is gone, and gone for good", async () => {
  await cut(
    scenario(
      "removal",
      async (world, household, first, second) => {
        const title = makeTitle(100);
        const license = await household.license(first, title, { plays: 3 });
        assert.ok(await plays(world, first, title));
        const { nonce } = await first.device.requestMove(license.id, second.reference.id);
        const use = random(16);
        const order = world.clientAuthority.sealMove(first.reference, license.id, second.reference.id, nonce, use);
        return { title, license, second, use, order };
      },
      async (world, _household, first, { license, second, use, order }) => {
        const removed = await persist(world, async () => {
          const [held] = await first.device.licenses();
          if (held.moved) return first.device.remove(order);
          const { nonce } = await first.device.requestMove(license.id, second.reference.id);
          return first.device.remove(world.clientAuthority.sealMove(first.reference, license.id, second.reference.id, nonce, use));
        });
        const conditions = world.clientAuthority.openRemoved(first.reference, license.id, use, removed);
        assert.equal(conditions?.slice(0, 2), Uint8Array.of(0, 1));
      },
      async (world, household, first, { title, license, use, second }) => {
        assert.not.ok(await plays(world, first, title));
        await household.enable(second);
        await second.device.takeCopy(household.certificate(first, second, title, license, new Uint8Array(12), use));
        assert.ok(await plays(world, second, title));
      },
    ),
    40,
  );
});

test("taking a copy certificate in: one license, and its use is marked whatever was cut", async () => {
  await cut(
    scenario(
      "copy certificate",
      (_world, household, first, second) => {
        const title = makeTitle(100);
        const license = { id: random(16), key: random(32), terms: household.terms() };
        const certificate = household.certificate(second, first, title, license, new Uint8Array(12));
        return Promise.resolve({ title, license, second, certificate });
      },
      async (world, _household, first, { certificate }) => {
        await persist(world, () => first.device.takeCopy(certificate));
      },
      async (world, _household, first, { title, license, second, certificate }) => {
        assert.is((await first.device.licenses()).length, 1);
        assert.ok(await plays(world, first, title));
        const { nonce } = await first.device.requestMove(license.id, second.reference.id);
        const use = random(16);
        await first.device.remove(world.clientAuthority.sealMove(first.reference, license.id, second.reference.id, nonce, use));
        await first.device.settle(use, world.clientAuthority.settle(first.reference, use));
        await first.device.takeCopy(certificate).then(
          () => assert.unreachable("a used certificate was taken again"),
          () => undefined,
        );
      },
    ),
    24,
  );
});

test.run();
