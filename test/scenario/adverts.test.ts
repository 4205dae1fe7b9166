/** An operator's adverts on a cartridge: recorded by the rental kiosk, shown and clicked at a reader without a network, reported at the return. Every party is a process of its own. */
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { keptClicks } from "../../src/center/api/advert-routes.js";
import { suite } from "../suite.js";
import { addAdvert } from "./support/delivery.js";
import { Service, carry, household, press, until, type Household } from "./support/service.js";

const test = suite("adverts");
const service = new Service();
test.after(async () => {
  between.close();
  await service.end();
});

const plain = new Uint8Array(randomBytes(3000));
/** Any picture: nobody on the way looks into it. */
const picture = new Uint8Array(randomBytes(1777));
const address = "https://adverts.example.com/a/library";

let home: Household;
let content = "";
let advertId = "";
let desk: { screen: string };
let box: { screen: string };
/** A stranger between kiosk and center: changes one letter of where an icon leads. */
let forged = false;
let between: Server;

async function startBetween(center: string): Promise<string> {
  between = createServer((request, response) => {
    void (async () => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const { method = "GET", url = "" } = request;
      const headers: Record<string, string> = {};
      for (const name of ["authorization", "content-type", "idempotency-key", "range", "if-range"]) {
        const value = request.headers[name];
        if (typeof value === "string") headers[name] = value;
      }
      const body = method === "GET" ? undefined : new Uint8Array(Buffer.concat(parts));
      const answer = await fetch(center + url, { method, headers, body });
      let bytes = Buffer.from(await answer.arrayBuffer());
      const at = bytes.indexOf("adverts.example.com");
      if (forged && /\/adverts\?room=/.test(url) && at >= 0) {
        bytes = Buffer.from(bytes);
        bytes[at] ^= 1;
      }
      const told = ["content-type", "content-range", "etag", "leyden-time"].flatMap((name) => {
        const value = answer.headers.get(name);
        return value === null ? [] : [[name, value]];
      });
      response.writeHead(answer.status, Object.fromEntries(told) as Record<string, string>);
      response.end(bytes);
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${String((between.address() as AddressInfo).port)}`;
}

test.before(async () => {
  await service.center();
  const { staff } = service;
  const operator = await service.operator("library");
  content = (await service.lend("tune", plain, operator)).id;
  const left = { left: 0, top: 0, right: 127, bottom: 255 };
  advertId = await addAdvert(staff, operator, picture, "image/png", [{ ...left, address }]);
  // Another operator's, and one that leads into the local network: neither reaches the cartridge.
  const museum = await service.operator("museum");
  await addAdvert(staff, museum, picture, "image/png", [{ ...left, address: "https://museum.example.com/" }]);
  await addAdvert(staff, operator, picture, "image/png", [{ ...left, address: "http://192.168.1.1/a" }]).then(
    () => assert.unreachable("an advert may lead into the local network"),
    (error: unknown) => assert.match((error as Error).message, /leads into a local network/),
  );
  home = await household(service, "Ada");
  const url = service.url;
  service.url = await startBetween(url);
  [desk, box] = await Promise.all([
    service.kiosk("rent", await service.kioskIdentity("desk", operator), home.card, home.cartridge),
    service.kiosk("return", await service.kioskIdentity("box", operator), home.card, home.cartridge),
  ]);
  service.url = url;
});

async function rentAndListen(): Promise<void> {
  const before = service.played("Ada reader").length;
  await carry(home, "rent");
  assert.match(await press(desk.screen, "/"), /tune/);
  assert.match(await press(desk.screen, "/rent", { content }), /is on your cartridge/);
  await carry(home, "home");
  await until(() => service.played("Ada reader").length > before, "playing");
  assert.equal(service.played("Ada reader").at(-1), plain);
}

async function giveBack(): Promise<void> {
  await carry(home, "return");
  const id = /name="id" value="([^"]+)"/.exec(await press(box.screen, "/return", {}))?.[1] ?? "";
  assert.match(await press(box.screen, "/pay", { id }), /The return is complete/);
}

const show = async (): Promise<string> => {
  const out = join(service.folder, "shown");
  for (;;) {
    try {
      return await service.run("adverts", "show", home.reader.addresses.host, "--out", out);
    } catch (error) {
      // While it plays it has no time for pictures.
      if (!/6985|conditions/i.test((error as Error).message)) throw error;
    }
  }
};

test("[A4] the operator's own picture comes with the content, by center and kiosk, and the reader shows it with its icons, byte for byte", async () => {
  await rentAndListen();
  const said = await show();
  assert.match(said, new RegExp(`${advertId}\\.png, 1777 bytes\n +0,0,127,255 leads to ${address}\n`));
  const folder = join(service.folder, "shown");
  assert.equal(readdirSync(folder), [`${advertId}.png`], "no other operator's advert");
  assert.equal(new Uint8Array(readFileSync(join(folder, `${advertId}.png`))), picture);
});

/** True when the newest clicks in the cartridge's journal are so many: the reader hands them over by itself, and no screen tells. */
function carried(count: number): boolean {
  const folder = join(service.folder, "Ada cartridge");
  const record = Buffer.concat([Buffer.from(advertId, "hex"), Buffer.from([0, 0, 0, count])]);
  return readdirSync(folder).some((name) => name.endsWith(".flash") && readFileSync(join(folder, name)).includes(record));
}

test("[A5] a reader without a network keeps the clicks, the cartridge carries them, and the return kiosk reports them without a person", async () => {
  for (let click = 0; click < 3; click++) {
    home.reader.tell("press");
    await home.reader.says(/was pressed/);
  }
  assert.equal(await service.staff.call(keptClicks, {}), [], "nothing has got out yet");
  await until(() => carried(3), "three clicks in the cartridge's flash");
  await giveBack();
  assert.equal(await service.staff.call(keptClicks, {}), [{ advertId, count: 3 }]);
});

test("[A4] an advert that was changed on the way is not shown, and no click on it is kept; clicks are reported once", async () => {
  forged = true;
  await rentAndListen();
  assert.match(await show(), /There are no adverts/);
  home.reader.tell("press");
  await giveBack();
  assert.equal(await service.staff.call(keptClicks, {}), [{ advertId, count: 3 }]);
});

test.run();
