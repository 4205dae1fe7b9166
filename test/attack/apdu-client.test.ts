/** Whatever arrives at a client's host port as an APDU, in every state: a standard status word, and what it holds, plays and has asked for stays. */
import * as assert from "uvu/assert";
import {
  INS_ACKNOWLEDGE,
  INS_ADVERT,
  INS_COPY,
  INS_ENABLE,
  INS_ERASE,
  INS_GET_DATA,
  INS_LICENSE,
  INS_LOAD_PERIOD_KEY,
  INS_MOVE,
  INS_OFFER,
  INS_PERIOD_RECEIPT,
  INS_PLAY,
  INS_PUT_DATA,
  INS_READ_ADVERTS,
  INS_REGISTER,
  INS_ROTATE,
  INS_SELECT,
  INS_STATUS,
  INS_STOP,
  INS_SUPPLY,
  INS_TIME,
  INS_TREE_KEYS,
  TAG_CLICKS,
  TAG_CLIENT_LICENSES,
  TAG_DEVICE,
  TAG_PERIODS,
  TAG_REGISTRATION,
  TAG_REVOKED,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import { ClientWorld } from "../../sim/client-world.js";
import { CLIENT_FINISHED, CLIENT_PLAYING, CLIENT_SEEKING } from "../../src/host/client-device.js";
import { Household, makeOrder, makeTitle, random } from "../client/support.js";
import { suite } from "../suite.js";
import { REFUSALS, encode, generated, inForm, statusIn, type Command } from "./support/commands.js";

const test = suite("unexpected commands to a client");
const OK = 0x9000;
/** What begins, ends, or asks by design: the host's own doing, tried by the tests of the client. */
const MEANT = [INS_PLAY, INS_STOP];

/** Every other command of a client in the form in which it takes it, and those without parameters with one. */
const FORMS = inForm([
  [0x00, INS_PUT_DATA, TAG_TICKET, 134],
  [0x00, INS_PUT_DATA, TAG_REVOKED, 28],
  [0x80, INS_ROTATE, 0, 372],
  [0x80, INS_OFFER, 0, 56],
  [0x80, INS_OFFER, 1, 56],
  [0x80, INS_OFFER, 2, 56],
  [0x80, INS_SUPPLY, 0, 6],
  [0x80, INS_TIME, 1, 20],
  [0x80, INS_TIME, 2, 20],
  [0x80, INS_LOAD_PERIOD_KEY, 0, 88],
  [0x80, INS_PERIOD_RECEIPT, 0, 16],
  [0x80, INS_ERASE, 0, 16],
  [0x80, INS_ACKNOWLEDGE, 0, 32],
  [0x80, INS_TREE_KEYS, 0, 53],
  [0x80, INS_REGISTER, 0, 113],
  [0x80, INS_ENABLE, 0xffff, 2],
  [0x80, INS_LICENSE, 1, 212],
  [0x80, INS_MOVE, 0, 24],
  [0x80, INS_MOVE, 1, 72],
  [0x80, INS_COPY, 0, 316],
  [0x80, INS_ADVERT, 0, 40],
  [0x80, INS_ADVERT, 0x0400, 40],
  [0x80, INS_ADVERT, 0x0001, 40],
  [0x80, INS_ADVERT, 0xff00, 1],
  [0x80, INS_STATUS, 1, 0],
  [0x80, INS_STATUS, 0, 1],
  [0x80, INS_STOP, 0, 1],
  [0x80, INS_TIME, 0, 16],
  [0x00, INS_GET_DATA, TAG_DEVICE, 1],
  [0x80, INS_PLAY, 0x0100, 16],
  [0x80, INS_STOP, 1, 0],
  [0x80, INS_READ_ADVERTS, 1, 0],
]);

/** What the model lets a client answer with 9000 where the data are garbage: what it tells, a nonce, clicks that are none, a part of a slice that is nobody's. */
function mayDo({ cla, ins, tag, length }: Command): boolean {
  if ((cla & 0x80) === 0) {
    if (ins === INS_SELECT) return true;
    if (ins === INS_PUT_DATA) return tag === TAG_CLICKS;
    if (length > 0) return false;
    const told = [TAG_DEVICE, TAG_REGISTRATION, TAG_CLICKS].includes(tag) || [TAG_PERIODS, TAG_CLIENT_LICENSES].includes(tag & 0xff00);
    return ins === INS_GET_DATA && told;
  }
  if (ins === INS_TIME) return tag === 0 && length === 0;
  if (ins === INS_LICENSE) return tag === 0 && length === 16;
  if (ins === INS_ENABLE) return tag !== 0xffff;
  if (ins === INS_ADVERT) return tag === 0xff00 && length === 0;
  return ins === INS_STATUS && tag === 0 && length === 0;
}

test("in every state each of hundreds of generated commands gets a standard status; keys, licenses, questions and the play stay", async () => {
  const world = new ClientWorld({ seed: 620 });
  await world.world.run(async () => {
    const client = world.addClient("client");
    const { device } = client;
    const transport = world.transport("client");
    let seed = 700;
    const fire = async (state: string, count: number, without: number[] = []): Promise<void> => {
      const all = [...generated(++seed, count, [...MEANT, ...without]), ...FORMS.filter(({ ins }) => !without.includes(ins))];
      for (const command of all) {
        const sw = statusIn(await transport.transmit(encode(command)));
        const what = `${state}: ${JSON.stringify(command)} was answered ${sw.toString(16)}`;
        assert.ok(REFUSALS.includes(sw) || (sw === OK && mayDo(command)), what);
      }
    };
    await world.enrollClient(client);
    const info = async (): Promise<string> => {
      const { id, personalized, generation, epoch } = await device.session.info();
      return JSON.stringify([id, personalized, generation, epoch]);
    };
    const who = await info();
    await fire("nobody's yet", 60);
    assert.equal([await device.registration(), await device.periods(), await device.licenses()], [null, [], []]);

    const household = new Household(world);
    const [ordered, licensed] = [makeTitle(30_000), makeTitle(2000)];
    await household.register(client, 5);
    await household.enable(client);
    await world.tellTime(client);
    const order = makeOrder(world, client, ordered, world.time() - 10, world.time() + 86_000);
    await device.loadPeriodKey(order.sealed);
    const { id, key, terms } = await household.license(client, licensed, { plays: 2 });
    const leaving = await household.license(client, makeTitle(700), { plays: 3 });
    const held = async (): Promise<unknown[]> => [
      await device.registration(),
      await device.periods(),
      await device.licenses(),
      await info(),
    ];
    let before = await held();
    assert.is(await info(), who);
    await fire("with a period and a license", 120);
    assert.equal(await held(), before);

    // Questions that are open stay so, as long as no other is asked.
    const asks = [INS_TIME, INS_LICENSE, INS_MOVE];
    const nonce = await device.challengeTime();
    await fire("after a question for the time", 40, [INS_TIME]);
    await device.stateTime(world.clientAuthority.stateTime(client.reference, nonce, world.time()));
    const asked = await device.requestLicense(licensed.contentId);
    await fire("after a question for a license", 40, asks);
    const again = { terms, issued: world.time(), conditions: new Uint8Array(12) };
    const keys = household.keys(licensed, key);
    const sealed = world.clientAuthority.sealClientLicense(
      client.reference,
      id,
      licensed.contentId,
      asked.nonce,
      again,
      keys,
      licensed.stored,
    );
    await device.takeLicense(sealed);
    const [destination, use] = [random(8), random(16)];
    const authority = world.clientAuthority;
    const move = await device.requestMove(leaving.id, destination);
    assert.ok(authority.verifyMoveRequest(client.reference, leaving.id, destination, move.nonce, move.proof));
    await fire("after a question to move", 40, asks);
    assert.equal(await held(), before);
    // The question stands: the order over its nonce is carried out, once, and takes nothing else away.
    const removal = authority.sealMove(client.reference, leaving.id, destination, move.nonce, use);
    const conditions = authority.openRemoved(client.reference, leaving.id, use, await device.remove(removal));
    assert.equal(conditions, new Uint8Array(12));
    const licenses = (await device.licenses()).map(({ licenseId, moved }) => [licenseId, moved]);
    assert.equal(licenses, [
      [id, null],
      [leaving.id, { destination, useId: use }],
    ]);
    before = await held();
    await world.tellTime(client);

    // While it looks for its content, and in the middle of it.
    const states: number[] = [];
    let looks = 0;
    const played = await device.play(
      ordered.contentId,
      order.envelope,
      () => Promise.resolve(ordered.source),
      async ({ state, wants }) => {
        if ((state === CLIENT_SEEKING && wants === 1) || (state === CLIENT_PLAYING && ++looks === 2)) {
          states.push(state);
          await fire(state === CLIENT_SEEKING ? "while it seeks" : "while it plays", 40, [INS_TIME]);
          assert.is((await device.status()).state, state);
        }
        return true;
      },
    );
    assert.equal(states, [CLIENT_SEEKING, CLIENT_PLAYING]);
    assert.is(played.state, CLIENT_FINISHED);
    await world.world.sleep(5000);
    assert.is(Buffer.compare(client.board.decoder?.contents.at(-1) ?? new Uint8Array(0), ordered.plain), 0);
    assert.equal(await held(), before);
    assert.is((await device.play(licensed.contentId, null, () => Promise.resolve(licensed.source))).state, CLIENT_FINISHED);
  });
});

test.run();
