/** Where adverts may lead a client: nowhere in the local network, until the staff permits it for that client. */
import * as assert from "uvu/assert";
import { enrollDevice } from "../../src/center/api/admin-routes.js";
import { newestRegistration, setLocalAdverts } from "../../src/center/api/advert-routes.js";
import { CenterClient } from "../../src/center/client.js";
import { REGISTRATION_FLAGS, REGISTRATION_LENGTH } from "../../src/core/protocol/client.js";
import { MESSAGE_REGISTRATION } from "../../src/core/protocol/client.js";
import { ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { KEY_CLIENT } from "../../src/core/protocol/derive.js";
import { openFor } from "../../src/core/protocol/loan.js";
import { chainOf, deviceId, keys } from "../center/support/keys.js";
import { startWorld } from "../center/support/world.js";
import { suite } from "../suite.js";

const test = suite("permission");

test("a client may not be led into the local network until the staff of the center permits it, and the permission can be taken back", async () => {
  const world = await startWorld();
  const id = deviceId("kitchen");
  await world.staff.call(enrollDevice, { body: { chain: chainOf("kitchen", ROLE_CLIENT, false), generation: 1 } });
  const terminal = new CenterClient({ url: world.center.url, credential: "nobody", now: world.clock.now, attempts: 1 });
  const newest = async (after: number): Promise<{ serial: number; allowed: boolean } | null> => {
    const answer = await terminal.call(newestRegistration, { params: { deviceId: id }, query: { after: String(after) } });
    if (answer === null) return null;
    const plain = new Uint8Array(REGISTRATION_LENGTH);
    const deviceKey = keys.deviceKey(ROLE_CLIENT, Buffer.from(id, "hex"), 1);
    const sealed = Buffer.from(answer.registration, "hex");
    assert.ok(openFor(plain, deviceKey, KEY_CLIENT, MESSAGE_REGISTRATION, Buffer.from(id, "hex"), new Uint8Array(0), sealed));
    return { serial: answer.serial, allowed: plain[REGISTRATION_FLAGS] === 1 };
  };
  try {
    assert.is(await newest(0), null, "nothing is said about a client that nobody permitted anything");
    await world.staff.call(setLocalAdverts, { params: { deviceId: id }, body: { allowed: true } });
    assert.equal(await newest(0), { serial: 1, allowed: true });
    assert.is(await newest(1), null);
    await world.staff.call(setLocalAdverts, { params: { deviceId: id }, body: { allowed: false } });
    assert.equal(await newest(1), { serial: 2, allowed: false });
    await terminal.call(setLocalAdverts, { params: { deviceId: id }, body: { allowed: true } }).then(
      () => assert.unreachable("a stranger permitted it"),
      (error: unknown) => assert.match((error as Error).message, /staff/),
    );
    assert.equal(await newest(1), { serial: 2, allowed: false });
  } finally {
    await world.end();
  }
});

test.run();
