import fc from "../generate.js";
import { anything, capture, instance, verify, when } from "ts-mockito";
import * as assert from "uvu/assert";
import { startClient } from "../../src/client/client.js";
import { ClientAuthority } from "../../src/center/keys/client-authority.js";
import { SW_CONDITIONS, SW_FAILURE, SW_INSTRUCTION, SW_OK, createCommand, decodeCommand } from "../../src/core/link/apdu.js";
import { INS_CONTRACT, INS_PLAY, INS_STATUS, ROLE_CLIENT } from "../../src/core/protocol/constants.js";
import { CLIENT_REFUSED, ClientDevice } from "../../src/host/client-device.js";
import type { Transport } from "../../src/host/transport.js";
import { Household, fails, makeTitle, random, type Member } from "../client/support.js";
import { suite } from "../suite.js";
import { MockedBoard, command, keys } from "./board.js";

const test = suite("client firmware");
const NOTHING = new Uint8Array(0);
const NOW = 1_800_000_000;

test("does not start without a sink", () => {
  const deaf = new MockedBoard(2);
  when(deaf.board.sink).thenReturn(undefined);
  assert.throws(() => startClient(instance(deaf.board)), /A client needs a sink; this board profile lacks one\./);
  verify(deaf.flash.program(anything(), anything(), anything())).never();
  verify(deaf.ports[0].write(anything())).never();
});

const mocked = new MockedBoard(2);
const asked: string[] = [];
when(mocked.board.network).thenReturn({
  get: (url, done) => {
    asked.push(url);
    done(200);
  },
});
const reference = { role: ROLE_CLIENT, id: Uint8Array.of(5, 5, 5, 5, 5, 5, 5, 5), generation: 1 };
mocked.personalize(reference);
const device = startClient(instance(mocked.board));

/** Hands APDUs to the firmware as its link does; arithmetic runs whenever the clock is turned. */
const transport = {
  transmit: (apdu: Uint8Array): Promise<Uint8Array> =>
    new Promise((resolve) => {
      const parsed = createCommand();
      assert.is(decodeCommand(parsed, apdu, apdu.length), SW_OK);
      const data = apdu.slice(parsed.offset, parsed.offset + parsed.length);
      device.data.set(data);
      device.handler?.(device, parsed.ins, (parsed.p1 << 8) | parsed.p2, device.data.subarray(0, data.length), (sw, length) => {
        resolve(new Uint8Array(Buffer.concat([device.data.slice(0, length), Uint8Array.of(sw >> 8, sw & 255)])));
      });
      mocked.pass(0);
    }),
};
const wait = (milliseconds: number): Promise<void> => {
  mocked.pass(milliseconds);
  return Promise.resolve();
};
const clientAuthority = new ClientAuthority(keys);
const household = new Household({ clientAuthority, time: () => NOW });
const member: Member = { name: "client", reference, device: new ClientDevice(transport as unknown as Transport, wait) };
const other: Member = { ...member, name: "other", reference: { ...reference, id: new Uint8Array(8).fill(6) } };

/** Lets flash take `good` more programmings, and none after them. */
async function whileFlashFails<T>(good: number, work: () => Promise<T>): Promise<T> {
  let programs = 0;
  mocked.onProgram = () => (mocked.flashWorks = programs++ < good);
  try {
    return await work();
  } finally {
    mocked.onProgram = () => undefined;
    mocked.flashWorks = true;
  }
}

test("announces itself to the host, says nothing to an empty slot, and is idle", () => {
  const [host, slot] = mocked.ports;
  assert.is(capture(host.write).first()[0][0], 0x3b, "an answer to reset");
  mocked.pass(60_000);
  verify(slot.write(anything())).never();
  const { sw, data } = command(device, INS_STATUS, 0, NOTHING);
  assert.equal([sw, data.length], [SW_OK, 34]);
  assert.ok(data.every((byte) => byte === 0));
  assert.is(command(device, INS_CONTRACT, 0, NOTHING).sw, SW_INSTRUCTION);
});

test("plays nothing that it has no right to, and leaves the sink alone", async () => {
  const title = makeTitle(100);
  assert.is(command(device, INS_PLAY, 0, title.contentId).sw, SW_OK);
  const status = await member.device.status();
  assert.equal([status.state, status.reason], [CLIENT_REFUSED, 7]);
  verify(mocked.sink.begin(anything())).never();
  verify(mocked.sink.write(anything(), anything())).never();
});

test("takes no license before it is registered and has opened an enabling block", async () => {
  const title = makeTitle(100);
  await fails(() => household.license(member, title), SW_CONDITIONS);
  await household.register(member, 9);
  await fails(() => household.license(member, title), SW_CONDITIONS);
  await household.enable(member);
  await household.license(member, title);
  assert.is((await member.device.licenses()).length, 1);
});

test("a license that flash did not take is not held, and is taken when it comes again", async () => {
  const title = makeTitle(100);
  const before = (await member.device.licenses()).length;
  await fails(() => whileFlashFails(0, () => household.license(member, title)), SW_FAILURE);
  assert.is((await member.device.licenses()).length, before);
  await household.license(member, title);
  assert.is((await member.device.licenses()).length, before + 1);
});

for (const good of [0, 1])
  test(`a removal of which flash took ${String(good)} records proves nothing until it is done again`, async () => {
    const title = makeTitle(100);
    const { id } = await household.license(member, title);
    const use = random(16);
    const { nonce } = await member.device.requestMove(id, other.reference.id);
    const order = clientAuthority.sealMove(reference, id, other.reference.id, nonce, use);
    await fails(() => whileFlashFails(good, () => member.device.remove(order)), SW_FAILURE);
    const removed = await member.device.remove(order);
    assert.ok(clientAuthority.openRemoved(reference, id, use, removed));
    assert.equal(await member.device.remove(order), removed, "and then the same every time");
    const [gone] = (await member.device.licenses()).filter(({ moved }) => moved !== null);
    assert.equal(gone.moved?.destination, other.reference.id);
    await member.device.settle(use, clientAuthority.settle(reference, use));
    assert.ok((await member.device.licenses()).every(({ moved }) => moved === null));
  });

for (const good of [0, 1])
  test(`a copy certificate of which flash took ${String(good)} records is taken once when it comes again`, async () => {
    const title = makeTitle(100);
    const license = { id: random(16), key: random(32), terms: household.terms() };
    const use = random(16);
    const certificate = household.certificate(other, member, title, license, new Uint8Array(12), use);
    const before = (await member.device.licenses()).length;
    await fails(() => whileFlashFails(good, () => member.device.takeCopy(certificate)), SW_FAILURE);
    assert.is((await member.device.licenses()).length, before + good);
    for (let time = 0; time < 2; time++)
      assert.ok(clientAuthority.verifyLicenseHeld(reference, license.id, use, await member.device.takeCopy(certificate)));
    assert.is((await member.device.licenses()).length, before + 1);
    // Moved on, and presented again: its one use is over.
    const { nonce } = await member.device.requestMove(license.id, other.reference.id);
    const onward = random(16);
    await member.device.remove(clientAuthority.sealMove(reference, license.id, other.reference.id, nonce, onward));
    await member.device.settle(onward, clientAuthority.settle(reference, onward));
    await fails(() => member.device.takeCopy(certificate), 0x6a80, 6);
  });

test("the epoch of an enabling block only rises, and is durable before its media key is used", async () => {
  const old = await household.slice(member);
  household.epoch = 2;
  const newer = await household.slice(member);
  await fails(() => whileFlashFails(0, () => member.device.enable(newer ?? NOTHING)), SW_FAILURE);
  assert.is((await member.device.registration())?.epoch, 1);
  assert.is(await member.device.enable(newer ?? NOTHING), 2);
  await fails(() => member.device.enable(old ?? NOTHING), 0x6a80, 3);
  assert.is((await member.device.registration())?.epoch, 2);
});

test("a touch opens the first icon area that it lies in, edges included; a plain button the first that there is", async () => {
  const [touch] = capture(mocked.board.onTouch).last();
  const edge = fc.integer({ min: 0, max: 255 });
  const area = fc.tuple(edge, edge, edge, edge).map(([a, b, c, d]) => ({
    left: Math.min(a, b),
    right: Math.max(a, b),
    top: Math.min(c, d),
    bottom: Math.max(c, d),
  }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(area, { maxLength: 4 }),
      fc.array(fc.tuple(edge, edge), { minLength: 1, maxLength: 20 }),
      async (areas, points) => {
        await member.device.clearAdverts();
        for (const [place, at] of areas.entries())
          await member.device.setAdvert(place, random(8), at, `https://adverts.example.com/${String(place)}`);
        const corners = areas.flatMap(({ left, top, right, bottom }) => [
          [left, top],
          [right, bottom],
          [left - 1, top],
          [right, bottom + 1],
        ]);
        for (const [x, y] of [...points, ...corners, [0, 0]]) {
          const first = areas.findIndex((at) => (x === 0 && y === 0) || (x >= at.left && x <= at.right && y >= at.top && y <= at.bottom));
          asked.length = 0;
          touch(x, y);
          assert.equal(asked, first < 0 ? [] : [`https://adverts.example.com/${String(first)}`]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test.run();
