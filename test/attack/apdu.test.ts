/** Whatever arrives as an APDU, in every state: a standard status word, and the state as it was or reset to the start. Against a model of what may be answered. */
import * as assert from "uvu/assert";
import {
  CUSTODY_SPLIT,
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_END_PLAY,
  INS_ERASE,
  INS_GENERAL_AUTHENTICATE,
  INS_GENERATE_KEY_PAIR,
  INS_GET_DATA,
  INS_GET_KEY,
  INS_GET_LOAN,
  INS_LOAD_KEY,
  INS_LOAD_PROGRAM,
  INS_PERSONALIZE,
  INS_PLAY,
  INS_PREPARE,
  INS_PUT_DATA,
  INS_READ_ADVERTS,
  INS_READ_CHUNKS,
  INS_RECORD,
  INS_REQUEST_KEY,
  INS_REVOKE_LICENSE,
  INS_ROTATE,
  INS_SEED,
  INS_SELECT,
  INS_STATUS,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_DEVICE,
  TAG_LICENSE,
  TAG_MAILBOX,
  TAG_REVOKED,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED, PLAYER_PLAYING } from "../../src/reader/state.js";
import { readerParty } from "../scenario/support/parties.js";
import { SECOND, Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { REFUSALS, encode, generated, inForm, statusIn, type Command } from "./support/commands.js";
import type { Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("unexpected commands");
const none = new Uint8Array(0);
const OK = 0x9000;
/** By design these destroy, or end what was destroyed. */
const DESTROY = [INS_ERASE, INS_ACKNOWLEDGE];

/** What card and cartridge take, each in the form in which they take it. */
const FORMS = inForm([
  [0x00, INS_PUT_DATA, TAG_TICKET, 134],
  [0x00, INS_PUT_DATA, TAG_REVOKED, 28],
  [0x80, INS_ROTATE, 0, 372],
  [0x80, INS_CONTRACT_KEY, 0, 172],
  [0x80, INS_REVOKE_LICENSE, 0, 48],
  [0x80, INS_REQUEST_KEY, 0, 52],
  [0x80, INS_END_PLAY, 0, 32],
  [0x80, INS_END_PLAY, 1, 256],
  [0x80, INS_RECORD, 0, 56],
  [0x80, INS_RECORD, 0, 60],
  [0x80, INS_LOAD_KEY, 0, 180],
  [0x80, INS_LOAD_PROGRAM, 0, 20],
  [0x80, INS_ACTIVATE, 0, 40],
  [0x80, INS_READ_CHUNKS, 0, 10],
  // These take no data.
  [0x00, INS_GET_DATA, TAG_DEVICE, 1],
  [0x00, INS_GET_DATA, TAG_LICENSE, 20],
  [0x80, INS_PREPARE, 0, 1],
  [0x80, INS_GET_LOAN, 0, 16],
]);

const STANDARD = [INS_SELECT, INS_GET_DATA, INS_PUT_DATA, INS_GENERAL_AUTHENTICATE, INS_GENERATE_KEY_PAIR];

/** What the model lets a device answer with 9000 to one with this role (0: nobody), where the data are garbage: what tells, or is kept apart, and nothing else. */
function mayDo(device: "card" | "cartridge", role: number, { cla, ins, tag, length }: Command): boolean {
  const standard = (cla & 0x80) === 0;
  if (length > 0 && (ins === INS_GET_DATA || ins === INS_GET_LOAN)) return false;
  if (standard && (ins === INS_SELECT || (ins === INS_GET_DATA && tag === TAG_DEVICE))) return true;
  if (standard && ins === INS_GENERAL_AUTHENTICATE) return false;
  // The standard's instructions are in class 00 alone, ours in class 80 alone and, but for END PLAY, without parameters.
  if (standard !== STANDARD.includes(ins)) return false;
  if (!standard && tag > (ins === INS_END_PLAY ? 1 : 0)) return false;
  const note = device === "cartridge" && (tag & 0xfff0) === TAG_MAILBOX;
  if (ins === INS_GET_DATA) return role !== 0 || note;
  if (role === ROLE_KIOSK)
    return ins === INS_PUT_DATA || (device === "card" && ins === INS_CONTRACT) || (device === "cartridge" && ins === INS_GET_LOAN);
  if (role === ROLE_READER) return device === "cartridge" && (ins === INS_GET_LOAN || ins === INS_GET_KEY || ins === INS_READ_CHUNKS);
  return false;
}

/** Never, to a device that is somebody: these make one somebody. */
const BIRTH = [INS_SEED, INS_GENERATE_KEY_PAIR, INS_PERSONALIZE];

test("in every state of card and cartridge each of hundreds of generated commands gets a standard status, and loan, license and identity stay", async () => {
  await Stage.play({ seed: 600 }, async (stage) => {
    const loanId = await stage.rent(stage.sample(500), { custody: CUSTODY_SPLIT });
    await stage.toKiosk();
    const reader = readerParty(stage);
    const held = async (): Promise<[Uint8Array, Uint8Array]> => {
      await stage.world.sleep(300 * SECOND);
      const [card, cartridge] = [stage.session("card"), stage.session("cartridge")];
      await card.authenticate(ROLE_CARD);
      await cartridge.authenticate(ROLE_CARTRIDGE);
      // The last 8 bytes are times.
      const loan = (await cartridge.transfer(0x80, INS_GET_LOAN, 0, none)).data.slice(0, -8);
      return [(await card.transfer(0x00, INS_GET_DATA, TAG_LICENSE, none)).data, loan];
    };
    const before = await held();
    assert.equal(before[0].slice(20, 36), loanId);
    let seed = 0;
    // Found by this test: a card that was told too little at the end of a play said nothing more.
    const short = stage.session("card", reader);
    await short.authenticate(ROLE_CARD);
    assert.is((await short.transfer(0x80, INS_END_PLAY, 1, new Uint8Array(17))).sw, 0x6700);
    short.close();
    for (const name of ["card", "cartridge"] as const) {
      const role = name === "card" ? ROLE_CARD : ROLE_CARTRIDGE;
      const carry = stage.device(name).carry as (apdu: Uint8Array) => Promise<Uint8Array>;
      const identity = async (): Promise<string> => {
        const { id, personalized, generation, epoch } = await stage.session(name, null).info();
        return JSON.stringify([Buffer.from(id).toString("hex"), personalized, generation, epoch]);
      };
      const who = await identity();
      const check = (as: number, command: Command, sw: number, state: string): void => {
        const what = `${name}, ${state}: ${JSON.stringify(command)} was answered ${sw.toString(16)}`;
        assert.ok(sw === OK || REFUSALS.includes(sw), what);
        if (sw === OK) assert.ok(mayDo(name, as, command), what);
        if (BIRTH.includes(command.ins)) assert.is.not(sw, OK, what);
      };
      const hello = Uint8Array.from([0, 3, 1, 0, 0, 0, 0, 1, ...new Uint8Array(16), 9, ...new Uint8Array(31), ...stage.kiosk.chain]);
      for (const [state, enter] of [
        ["nobody there", async () => undefined],
        [
          "in an authentication",
          async () => void (await stage.session(name, null).transfer(0x00, INS_GENERAL_AUTHENTICATE, 0x0101, hello)),
        ],
        ["in clear in a session", async () => void (await stage.session(name).authenticate(role))],
      ] as [string, () => Promise<void>][])
        for (const command of generated(++seed, 60, DESTROY)) {
          await enter();
          check(0, command, statusIn(await carry(encode(command))), state);
        }
      assert.is(await identity(), who);
      // Sealed as they should be, and nonsense nevertheless: a kiosk's and a reader's own programs may be wrong.
      for (const party of [stage.kiosk, reader]) {
        await stage.world.sleep(300 * SECOND);
        const session = stage.session(name, party);
        await session.authenticate(role);
        for (const command of [...generated(++seed, 100, DESTROY), ...FORMS]) {
          const plain = { ...command, cla: command.cla & 0x80, length: Math.min(command.length, 480) };
          const { sw } = await session.transfer(plain.cla, plain.ins, plain.tag, new Uint8Array(plain.length).fill(plain.fill));
          check(party.role, plain, sw, "sealed");
          assert.ok(session.authenticated, `the session stands after ${JSON.stringify(plain)}`);
        }
        session.close();
      }
      assert.is(await identity(), who);
      assert.ok(stage.cartridge.keyValid);
    }
    assert.equal(await held(), before);
  });
});

test("a command of the other class, with parameters, of wrong length, or with data where there are none, is refused by what looks at just that", async () => {
  const says =
    (name: "card" | "cartridge", cla: number, ins: number, tag: number, length: number) =>
    async (stage: Stage): Promise<boolean> => {
      await stage.toKiosk();
      const session = stage.session(name);
      await session.authenticate(name === "card" ? ROLE_CARD : ROLE_CARTRIDGE);
      const { sw } = await session.transfer(cla, ins, tag, new Uint8Array(length));
      assert.ok(sw === OK || REFUSALS.includes(sw), sw.toString(16));
      return sw === OK;
    };
  const device = "src/core/device/device.ts";
  const edit = (file: string, from: string, to: string): Edit[] => [{ file, from, to }];
  const otherClass = edit(device, "standard !== (ins > 127 || ins === INS_GENERATE_KEY_PAIR)", "ins === -1");
  await tried(says("card", 0x00, INS_CONTRACT, 0, 88), "card", otherClass);
  const parameters = edit(device, "tag > (ins === INS_END_PLAY ? 1 : 0)", "tag < 0");
  await tried(says("card", 0x80, INS_CONTRACT, 1, 88), "card", parameters);
  const length = edit("src/card/card.ts", "data.length !== CONTRACT_LENGTH || ", "");
  await tried(says("card", 0x80, INS_CONTRACT, 0, 87), "card", length);
  const told = edit(device, "standard && size > 0 && ", "standard && size < 0 && ");
  await tried(says("card", 0x00, INS_GET_DATA, TAG_DEVICE, 1), "card", told);
  const prepared = edit("src/cartridge/cartridge.ts", "data.length > 0 && (ins === INS_PREPARE", "data.length < 0 && (ins === INS_PREPARE");
  await tried(says("cartridge", 0x80, INS_PREPARE, 0, 1), "cartridge", prepared);
});

/** None of a reader's commands has parameters, and these take no data. */
const NOT_IN_FORM = inForm([
  [0x80, INS_PLAY, 1, 0],
  [0x80, INS_STATUS, 0x0100, 0],
  [0x80, INS_STATUS, 0, 1],
  [0x00, INS_GET_DATA, TAG_DEVICE, 1],
  [0x80, INS_READ_ADVERTS, 1, 4],
]);

test("so does the reader on its host's port, with nothing in its slots, with both, and while it plays; and it plays on", async () => {
  await Stage.play({ seed: 601 }, async (stage) => {
    const title = stage.sample(30_000);
    await stage.rent(title);
    const session = stage.session("reader", null);
    const identity = async (): Promise<string> => {
      const { id, personalized, generation, epoch } = await session.info();
      return JSON.stringify([id, personalized, generation, epoch]);
    };
    const who = await identity();
    const tells = ({ cla, ins, tag, length }: Command): boolean =>
      (cla & 0x80) === 0
        ? ins === INS_SELECT || (ins === INS_GET_DATA && tag === TAG_DEVICE && length === 0)
        : ((ins === INS_STATUS && length === 0) || ins === INS_READ_ADVERTS) && tag === 0;
    let seed = 40;
    const fire = async (state: string): Promise<void> => {
      for (const command of [...generated(++seed, 60, [INS_PLAY]), ...NOT_IN_FORM]) {
        const sw = statusIn(await stage.transport("reader").transmit(encode(command)));
        const what = `reader, ${state}: ${JSON.stringify(command)} was answered ${sw.toString(16)}`;
        assert.ok(REFUSALS.includes(sw) || (sw === OK && tells(command)), what);
      }
    };
    await fire("nothing in its slots");
    stage.home();
    await stage.world.sleep(3 * SECOND);
    assert.is((await stage.status()).state, PLAYER_PLAYING);
    await fire("while it plays");
    assert.is((await stage.settled()).state, PLAYER_FINISHED);
    await stage.world.sleep(5 * SECOND);
    assert.is(Buffer.compare(stage.heard() ?? none, title.plain), 0);
    await fire("with both in their slots");
    assert.is(await identity(), who);
  });
});

test.run();
