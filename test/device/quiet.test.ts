import { anything, instance, when } from "ts-mockito";
import * as assert from "uvu/assert";
import { startCard } from "../../src/card/card.js";
import { ROLE_CARD } from "../../src/core/protocol/constants.js";
import { block } from "../link/wire.js";
import { suite } from "../suite.js";
import { MockedBoard } from "./board.js";

const test = suite("ephemeral keys made ahead");
const mocked = new MockedBoard(1);
mocked.personalize({ role: ROLE_CARD, id: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), generation: 1 });

/** PCB of the request for more time, and of its answer (ISO/IEC 7816-3, 11.3). */
const WTX = 0xc3;
const WTX_ANSWER = 0xe3;

/** Blocks that the card has sent. */
const said: Uint8Array[] = [];
let hear: (bytes: Uint8Array) => void = () => undefined;
when(mocked.ports[0].onReceive(anything())).thenCall((receiver: typeof hear) => (hear = receiver));
when(mocked.ports[0].write(anything())).thenCall((bytes: Uint8Array) => said.push(Uint8Array.from(bytes)));
const device = startCard(instance(mocked.board));
const { handshake } = device;

/** SELECT, in a block of either number, and the numbers of the blocks that answer since. */
let number = 0;
function select(): void {
  said.length = 0;
  hear(block(number, [0x00, 0xa4, 0x04, 0x00]));
  number ^= 0x40;
}
const answers = (): Uint8Array[] => said.filter((bytes) => bytes[0] === 0 && bytes[1] < 0x80);

/** Until a key is being made, as after an authentication. */
function beginAhead(): void {
  handshake.ephemeralReady = false;
  device.channel.open = true;
  device.authenticated(0);
  while (handshake.operands.length === 0) assert.ok(mocked.step(mocked.now + 2000));
}

test("not while somebody speaks, but a second after", () => {
  for (let i = 0; i < 5; i++) {
    mocked.pass(900);
    select();
    mocked.pass(1);
    assert.is(answers().length, 1, "a device that makes no key answers at once");
    assert.not.ok(handshake.ephemeralReady);
  }
  mocked.pass(2100);
  assert.ok(handshake.ephemeralReady);
  assert.is(mocked.timers.length, 0, "and there is nothing left to look for");
});

test("a command that comes meanwhile is answered when the key is made, and the host is asked for time until then", () => {
  beginAhead();
  for (let i = 0; i < 20; i++) assert.ok(mocked.step(mocked.now));
  select();
  let asked = 0;
  while (mocked.step(mocked.now, 20) && answers().length === 0) {
    if (said.some((bytes) => bytes[1] === WTX)) {
      asked++;
      said.length = 0;
      hear(block(WTX_ANSWER, [1]));
    }
  }
  assert.ok(asked > 2, `asked ${String(asked)} times for time`);
  assert.is(answers().length, 1);
  assert.ok(handshake.ephemeralReady, "what answers commands has no room beside the arithmetic");
});

test("a command that is void by then is not answered, and the next one is", () => {
  beginAhead();
  mocked.step(mocked.now);
  select();
  // S(RESYNCH): both ends begin anew, at block 0.
  hear(block(0xc0));
  said.length = 0;
  number = 0;
  select();
  mocked.pass(10);
  assert.ok(handshake.ephemeralReady);
  assert.is(answers().length, 1);
});

test.run();
