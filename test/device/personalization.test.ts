import { anything, instance, when } from "ts-mockito";
import * as assert from "uvu/assert";
import { startCard } from "../../src/card/card.js";
import { x25519Base } from "../../src/core/curve/curve.js";
import { INS_GENERATE_KEY_PAIR } from "../../src/core/protocol/constants.js";
import { block } from "../link/wire.js";
import { suite } from "../suite.js";
import { MockedBoard } from "./board.js";

const test = suite("personalization");

/** S(RESYNCH request): both ends begin anew, at block 0 (ISO/IEC 7816-3, 11.6). */
const RESYNCH = 0xc0;

/** A blank card, and what it has sent; one after the other in this process, since the arithmetic's memory is the modules'. */
class Blank {
  readonly mocked = new MockedBoard(1);
  readonly said: Uint8Array[] = [];
  hear: (bytes: Uint8Array) => void = () => undefined;
  readonly device;

  constructor() {
    when(this.mocked.ports[0].onReceive(anything())).thenCall((receiver: (bytes: Uint8Array) => void) => (this.hear = receiver));
    when(this.mocked.ports[0].write(anything())).thenCall((bytes: Uint8Array) => this.said.push(Uint8Array.from(bytes)));
    this.device = startCard(instance(this.mocked.board));
    this.said.length = 0;
  }

  generate(): void {
    this.hear(block(0, [0x00, INS_GENERATE_KEY_PAIR, 0x00, 0x00]));
  }

  /** Until the arithmetic has ended, and its result waits for an event. */
  compute(): void {
    while (this.device.job >= 0) assert.ok(this.mocked.step(this.mocked.now + 100), "the arithmetic ends");
  }

  /** Data and status words of the blocks that answer, without requests for more time. */
  get answers(): Uint8Array[] {
    return this.said.filter((bytes) => bytes[0] === 0 && bytes[1] < 0x80).map((bytes) => bytes.subarray(3, -1));
  }

  /** Lets everything that is due happen. */
  settle(): void {
    this.mocked.pass(200);
  }

  get publicKey(): Uint8Array {
    const out = new Uint8Array(32);
    x25519Base(out, this.device.memory.party.privateKey);
    return out;
  }
}

test("a key pair is answered in an event of its own, when its arithmetic has ended", () => {
  const card = new Blank();
  card.generate();
  card.compute();
  assert.equal(card.answers, []);
  card.settle();
  assert.equal(card.answers, [Uint8Array.of(...card.publicKey, 0x90, 0x00)]);
  assert.is(card.device.job, 0);
});

test("a message that comes between is answered, and what is void by then is not", () => {
  const card = new Blank();
  card.generate();
  card.compute();
  card.hear(block(RESYNCH));
  card.said.length = 0;
  card.hear(block(0, [0x00, 0xa4, 0x04, 0x00]));
  card.settle();
  assert.is(card.answers.length, 1);
  assert.is(card.answers[0][1], card.device.role, "that of SELECT");
  assert.is(card.device.job, 0);
});

test("a key pair asked for anew while another is made, or has just been, is the one that is answered", () => {
  for (const when of ["made", "just been"]) {
    const card = new Blank();
    card.generate();
    if (when === "made") for (let i = 0; i < 9; i++) card.mocked.step(card.mocked.now + 1);
    else card.compute();
    card.hear(block(RESYNCH));
    card.said.length = 0;
    card.generate();
    while (card.mocked.step(card.mocked.now + 100) && card.answers.length === 0);
    card.settle();
    assert.equal(card.answers, [Uint8Array.of(...card.publicKey, 0x90, 0x00)], when);
    assert.is(card.device.job, 0);
  }
});

test.run();
