/** Touches on an advert: where they lead, where they must not, and what a client without a network keeps. */
import * as assert from "uvu/assert";
import { mayOpen } from "../../src/client/adverts.js";
import { ClientWorld, type SimulatedClient } from "../../sim/client-world.js";
import { fails, random } from "./support.js";
import { suite } from "../suite.js";

const test = suite("client adverts");
const WHOLE = { left: 0, top: 0, right: 255, bottom: 255 };
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"));

async function press(world: ClientWorld, client: SimulatedClient): Promise<void> {
  client.board.pins.drive("C13", true);
  await world.world.sleep(100);
  client.board.pins.drive("C13", false);
  await world.world.sleep(1000);
}

test("only http and https to a public host may be opened", () => {
  const open = [
    "http://example.com",
    "https://a.example.com:8080/x?y=1#z",
    "HTTP://93.184.216.34/",
    "http://172.32.0.1",
    "http://100.128.0.1/a",
  ];
  const closed = [
    "ftp://example.com/",
    "javascript:alert(1)",
    "http://",
    "http:///x",
    "http://user@example.com/",
    "http://example.com@10.0.0.1/",
    "http://localhost/",
    "http://router/",
    "http://printer.LOCAL/",
    "http://a.internal",
    "http://x.home.arpa/",
    "http://10.1.2.3/",
    "http://127.0.0.1:80/",
    "http://169.254.169.254/latest",
    "http://172.16.0.1",
    "http://192.168.1.1",
    "http://100.64.0.1",
    "http://224.0.0.1",
    "http://0.0.0.0",
    "http://2130706433/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.1/",
    "http://999.1.1.1/",
    "http://[::1]/",
    "http://a..b/",
    "http://.com/",
    "http://example.com\\@10.0.0.1/",
    "http://exa mple.com/",
    "http://ex\u00e4mple.com/",
  ];
  for (const address of open) assert.is(mayOpen(bytes(address), false), true, address);
  for (const address of closed) assert.is(mayOpen(bytes(address), false), false, address);
  assert.ok(mayOpen(bytes("http://127.0.0.1:4000/click"), true));
  assert.not.ok(mayOpen(bytes("ftp://127.0.0.1/"), true));
});

test("a touch gets the address and nothing else; what gets no answer is counted until it is reported", async () => {
  const asked: string[] = [];
  let status = 200;
  const world = new ClientWorld({ seed: 51 });
  await world.world.run(async () => {
    const client = world.addClient("client", {
      http: (url) => {
        asked.push(url);
        return Promise.resolve(status);
      },
    });
    const advert = random(8);
    await world.enrollClient(client);
    await press(world, client);
    assert.equal(asked, []);
    await fails(() => client.device.setAdvert(0, advert, WHOLE, "http://192.168.0.1/router"), 0x6a80);
    await client.device.setAdvert(1, advert, WHOLE, "https://adverts.example.com/a/1");
    await press(world, client);
    assert.equal(asked, ["https://adverts.example.com/a/1"]);
    assert.equal(await client.device.clicks(), []);
    status = 0;
    await press(world, client);
    await press(world, client);
    const clicks = await client.device.clicks();
    assert.equal(clicks, [{ advertId: advert, count: 2 }]);
    await press(world, client);
    await client.device.clearClicks(clicks);
    assert.equal(await client.device.clicks(), [{ advertId: advert, count: 1 }]);
    await world.restart(client);
    assert.equal(await client.device.clicks(), [{ advertId: advert, count: 1 }]);
    const local = world.clientAuthority.register(client.reference, { serial: 1, localAdverts: true });
    await client.device.register(local);
    await client.device.setAdvert(0, advert, WHOLE, "http://127.0.0.1:80/a");
    await client.device.clearAdverts();
    await press(world, client);
    assert.is(asked.length, 4);
  });
});

test.run();
