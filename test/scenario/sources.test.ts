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
import { readAdverts } from "../../src/host/adverts.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
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

const folder = mkdtempSync(join(tmpdir(), "leyden-client-"));
test.after(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A client with all slots, and a loan on card and cartridge that were carried home to it: what was produced, and the envelope that came with it. */
async function lent(world: ClientWorld, plain: Uint8Array, http?: (url: string) => Promise<number>): Promise<Lent> {
  await world.enrollAll();
  const client = world.addClient("client", { esp32: true, http });
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
  world.world.undock(world.card);
  world.world.undock(world.cartridge);
  if (client.card) world.world.dock(world.card, client.card);
  world.world.dock(world.cartridge, client.cartridge);
  await world.world.sleep(5000);
  return { client, contentId: produced.contentId, source, envelope: { id: loanId, envelope: loan.slice(112, 160) } };
}

interface Lent {
  client: SimulatedClient;
  contentId: Uint8Array;
  source: ContentSource;
  envelope: { id: Uint8Array; envelope: Uint8Array };
}

test("[D5] with the license on the card, the content is found in the own store, then on the cartridge, then over the network", async () => {
  const world = new ClientWorld({ seed: 31 });
  await world.world.run(async () => {
    const plain = random(4000);
    const { client, contentId, source, envelope } = await lent(world, plain);
    let asked = 0;
    const play = async (given: typeof envelope | null): Promise<number[]> => {
      const status = await client.device.play(contentId, given, () => {
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
});

test("[A4] [A5] a networked reader shows the adverts of the cartridge in its slot, and a click on an icon opens the advert server; without an answer it is kept", async () => {
  const world = new ClientWorld({ seed: 33 });
  const picture = random(1500);
  const area = { left: 0, top: 0, right: 255, bottom: 99, address: "https://adverts.example.com/a/library" };
  world.center.advertise({ id: "0102030405060708", mediaType: "image/png", areas: [area] }, picture);
  // Nothing but the center's own choice keeps this one off: the client refuses it for where it leads.
  const inside = { ...area, address: "http://192.168.1.1/admin" };
  world.center.advertise({ id: "1112131415161718", mediaType: "image/gif", areas: [inside] }, picture);
  const opened: string[] = [];
  let status = 200;
  await world.world.run(async () => {
    const { client, contentId } = await lent(world, random(3000), (url) => {
      opened.push(url);
      return Promise.resolve(status);
    });
    const press = async (): Promise<void> => {
      client.board.pins.drive("D0", false);
      await world.world.sleep(100);
      client.board.pins.drive("D0", true);
      await world.world.sleep(1000);
    };
    await press();
    assert.equal(opened, [], "there is nothing to click before a play");
    const played = await client.device.play(contentId, null, () => Promise.resolve(null));
    assert.equal([played.state, played.source], [CLIENT_FINISHED, SOURCE_CARTRIDGE]);
    await world.world.sleep(3000);
    const shown = await readAdverts(client.device.session);
    assert.equal(
      shown.map(({ id, mediaType, areas }) => ({ id, mediaType, areas })),
      [
        { id: "0102030405060708", mediaType: "image/png", areas: [area] },
        { id: "1112131415161718", mediaType: "image/gif", areas: [inside] },
      ],
    );
    assert.equal(shown[0].picture, picture);
    await press();
    assert.equal(opened, [area.address], "the address and nothing else");
    assert.equal(await client.device.clicks(), []);
    status = 0;
    await press();
    assert.equal(opened, [area.address, area.address], "never the other one");
    assert.equal(await client.device.clicks(), [{ advertId: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), count: 1 }]);
  });
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
