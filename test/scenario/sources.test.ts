/** Where content is found: a license on the card, and the content in the client's own store, on the cartridge, or at the host; on a board that has all slots. */
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { produce } from "../../src/center/contents.js";
import { CUSTODY_CARD, INS_GET_LOAN } from "../../src/core/protocol/constants.js";
import {
  CLIENT_FINISHED,
  CLIENT_REFUSED,
  SOURCE_CARTRIDGE,
  SOURCE_NETWORK,
  SOURCE_STORE,
  type ContentSource,
} from "../../src/host/client-device.js";
import { encodeTerms, rent } from "../../src/kiosk/rental.js";
import { ClientWorld } from "../../sim/client-world.js";
import { Household, makeTitle, random } from "../client/support.js";
import { suite } from "../suite.js";

const test = suite("client sources");
const BUNDLE = "dist/boards/esp32/client.js";

test.before(() => {
  if (existsSync(BUNDLE) && statSync(BUNDLE).mtimeMs > statSync("dist/client.js").mtimeMs) return;
  const built = spawnSync("npx", ["rollup", "-c", "--silent"], {
    env: { ...process.env, BOARD: "esp32", ONLY: "client" },
    encoding: "utf8",
  });
  assert.is(built.status, 0, built.stderr);
});

test("[D5] with the license on the card, the content is found in the own store, then on the cartridge, then over the network", async () => {
  const folder = mkdtempSync(join(tmpdir(), "leyden-client-"));
  const world = new ClientWorld({ seed: 31 });
  try {
    await world.world.run(async () => {
      const plain = random(4000);
      await world.enrollAll();
      const client = world.addClient("client", { esp32: true });
      await world.enrollClient(client);
      writeFileSync(join(folder, "content"), plain);
      const produced = produce(join(folder, "content"), join(folder, "sealed"), 2, (length) => world.draw(length));
      world.center.addContent(produced);
      const sealed = new Uint8Array(readFileSync(join(folder, "sealed")));
      const source: ContentSource = {
        header: produced.header,
        sealedLength: produced.sealedLength,
        rate: produced.rate,
        read: (offset, length) => Promise.resolve(sealed.slice(offset, offset + length)),
      };
      world.world.dock(world.card, world.kioskCard);
      world.world.dock(world.cartridge, world.kioskCartridge);
      world.kioskCartridge.charging(true);
      await world.world.sleep(2000);
      const cartridge = world.device("cartridge");
      const loanId = await rent({
        cartridge,
        card: world.device("card"),
        center: world.center,
        contentId: produced.contentId,
        content: { length: sealed.length, read: (offset, length) => sealed.subarray(offset, offset + length) },
        terms: encodeTerms({ custody: CUSTODY_CARD, duration: 7 * 86_400, kioskId: world.kiosk.id }),
        kioskId: world.kiosk.id,
        idempotencyKey: "one",
        wait: (milliseconds) => world.world.sleep(milliseconds),
      });
      await cartridge.session.authenticate(2, loanId);
      const loan = await cartridge.session.command(0x80, INS_GET_LOAN, 0, new Uint8Array(0), "no loan");
      const envelope = { id: loanId, envelope: loan.slice(112, 160) };
      world.world.undock(world.card);
      world.world.undock(world.cartridge);
      if (client.card) world.world.dock(world.card, client.card);
      world.world.dock(world.cartridge, client.cartridge);
      await world.world.sleep(5000);
      let asked = 0;
      const play = async (given: typeof envelope | null): Promise<number[]> => {
        const status = await client.device.play(produced.contentId, given, () => {
          asked++;
          return Promise.resolve(source);
        });
        await world.world.sleep(3000);
        assert.is(status.played, status.state === CLIENT_FINISHED ? plain.length : 0, JSON.stringify(status));
        return [status.state, status.source];
      };
      assert.equal(await play(null), [CLIENT_FINISHED, SOURCE_CARTRIDGE]);
      await client.device.store(source);
      assert.equal(await play(null), [CLIENT_FINISHED, SOURCE_STORE]);
      world.world.undock(world.cartridge);
      await world.world.sleep(1000);
      assert.equal(await play(envelope), [CLIENT_FINISHED, SOURCE_STORE]);
      assert.is(asked, 0, "the network was asked although the content was nearer");
      await client.device.store(makeTitle(600).source);
      assert.equal(await play(envelope), [CLIENT_FINISHED, SOURCE_NETWORK]);
      assert.is(asked, 1);
      world.world.undock(world.card);
      await world.world.sleep(1000);
      assert.is((await play(envelope))[0], CLIENT_REFUSED);
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("[D5] with a license of its own a client looks in the same order", async () => {
  const world = new ClientWorld({ seed: 32 });
  await world.world.run(async () => {
    const client = world.addClient("client");
    const household = new Household(world);
    await world.enrollClient(client);
    await household.register(client, 3);
    await household.enable(client);
    const title = makeTitle(2000);
    await household.license(client, title);
    const play = async (): Promise<number[]> => {
      const status = await client.device.play(title.contentId, null, () => Promise.resolve(title.source));
      return [status.state, status.source, status.played];
    };
    assert.equal(await play(), [CLIENT_FINISHED, SOURCE_NETWORK, 2000]);
    // Another version of the same content in the own store does not stand in the way.
    await client.device.store(makeTitle(700, title.contentId).source);
    assert.equal(await play(), [CLIENT_FINISHED, SOURCE_NETWORK, 2000]);
    await client.device.store(title.source);
    await world.restart(client);
    assert.equal(await play(), [CLIENT_FINISHED, SOURCE_STORE, 2000]);
  });
});

test.run();
