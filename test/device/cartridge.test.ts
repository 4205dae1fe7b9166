import { anything, capture, instance, resetCalls, verify, when } from "ts-mockito";
import * as assert from "uvu/assert";
import { startCartridge } from "../../src/cartridge/cartridge.js";
import { Authority } from "../../src/center/keys/authority.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_NOT_FOUND, SW_OK, SW_SECURITY } from "../../src/core/link/apdu.js";
import {
  CUSTODY_CARTRIDGE,
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_ERASE,
  INS_GET_DATA,
  INS_GET_LOAN,
  INS_LOAD_KEY,
  INS_PREPARE,
  INS_READ_CHUNKS,
  INS_RECORD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_RECEIPT,
} from "../../src/core/protocol/constants.js";
import {
  CAUSE_DEADLINE,
  CAUSE_NEVER_ACTIVATED,
  CAUSE_POWER_FAIL,
  CAUSE_RETURNED,
  CAUSE_TAMPER,
  ENVELOPE_LENGTH,
} from "../../src/core/protocol/loan.js";
import { HEADER_LENGTH, headerEncode } from "../../src/core/stream/header.js";
import { encodeTerms } from "../../src/kiosk/rental.js";
import { suite } from "../suite.js";
import { MockedBoard, command, inSession, keys, type Answer } from "./board.js";

const test = suite("cartridge firmware");
const HOUR = 3_600_000;
const NEVER: Uint8Array = new Uint8Array(0);
const reference = { role: ROLE_CARTRIDGE, id: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), generation: 1 };
const authority = new Authority(keys);
const contentId = new Uint8Array(16).fill(5);

test("does not start without key memory, key supply or content store", () => {
  for (const part of ["keyMemory", "keySupply", "contentStore"] as const) {
    const lacking = new MockedBoard(1);
    when(lacking.board[part]).thenReturn(undefined);
    assert.throws(
      () => startCartridge(instance(lacking.board)),
      /A cartridge needs key memory, a key supply and a content store; this board profile lacks one\./,
    );
    verify(lacking.board.after(anything(), anything())).never();
    verify(lacking.flash.program(anything(), anything(), anything())).never();
  }
});

const mocked = new MockedBoard(1);
mocked.personalize(reference);
const device = startCartridge(instance(mocked.board));
const tell = (ins: number, data: Uint8Array = NEVER, tag = 0): Answer => command(device, ins, tag, data);
const [powerFail] = capture(mocked.supply.onPowerFail).last();
const [tamper] = capture(mocked.board.onTamper).last();
const [contact] = capture(mocked.board.onContact).last();
let counter = 0;

interface Held {
  loanId: Uint8Array;
  challenge: Uint8Array;
  counter: number;
}

const empty = (): boolean => mocked.keyMemory.every((byte) => byte === 0);

/** Content without a byte, charge, challenge: everything up to LOAD KEY. */
function prepareLoan(hours: number): { held: Held; load: Uint8Array } {
  const header = new Uint8Array(HEADER_LENGTH);
  headerEncode(header, { suite: 2, chunkSize: 480, contentId, titleKeyVersion: 1, salt: new Uint8Array(16) });
  inSession(device, ROLE_KIOSK);
  assert.is(tell(INS_RECORD, Buffer.concat([header, new Uint8Array(8)])).sw, SW_OK);
  const { sw, data } = tell(INS_PREPARE);
  assert.is(sw, SW_OK);
  const held = { loanId: new Uint8Array(16).fill(++counter), challenge: data.slice(0, 16), counter };
  const terms = encodeTerms({ custody: CUSTODY_CARTRIDGE, duration: hours * 3600, kioskId: new Uint8Array(8) });
  const sealed = authority.sealKeyLoad(
    reference,
    { loanId: held.loanId, contentId, terms },
    counter,
    held.challenge,
    new Uint8Array(32).fill(0x5a),
  );
  return { held, load: Buffer.concat([sealed, new Uint8Array(ENVELOPE_LENGTH)]) };
}

function arm(hours: number): Held {
  const { held, load } = prepareLoan(hours);
  const answer = tell(INS_LOAD_KEY, load);
  assert.is(answer.sw, SW_OK);
  assert.ok(authority.verifyHeld(reference, held.loanId, held.counter, held.challenge, answer.data));
  assert.is(tell(INS_ACTIVATE, authority.sealActivation(reference, held.loanId, held.counter, held.challenge, 1_800_000_000)).sw, SW_OK);
  assert.equal(mocked.keyMemory.subarray(0, 32), new Uint8Array(32).fill(0x5a));
  return held;
}

/** Reads the receipt, checks what it says, and makes the cartridge free again. */
function settled(held: Held, cause: number, seconds: number): void {
  const { sw, data } = tell(INS_GET_DATA, NEVER, TAG_RECEIPT);
  assert.is(sw, SW_OK);
  const receipt = authority.openReceipt(reference, data);
  assert.is(receipt?.cause, cause);
  assert.equal(receipt?.loanId, held.loanId);
  assert.is(receipt?.exactness, 0);
  assert.is(receipt?.latest, seconds);
  assert.is(receipt?.earliest, seconds);
  assert.is(tell(INS_ACKNOWLEDGE, authority.acknowledge(reference, held.loanId, held.counter)).sw, SW_OK);
  assert.is(tell(INS_GET_DATA, NEVER, TAG_RECEIPT).sw, SW_CONDITIONS);
}

test("sleeps deeply outside of a slot, and not inside one", () => {
  verify(mocked.board.sleep(true)).once();
  verify(mocked.board.sleep(false)).never();
  contact(true);
  verify(mocked.board.sleep(false)).once();
});

test("an under-charged cartridge takes no key, and writes nothing", () => {
  const { load } = prepareLoan(1);
  mocked.millivolts = 4799;
  resetCalls(mocked.flash);
  assert.is(tell(INS_LOAD_KEY, load).sw, SW_CONDITIONS);
  verify(mocked.flash.erase(anything())).never();
  assert.ok(empty());
  assert.equal([...tell(INS_PREPARE).data.subarray(20)], [4799 >> 8, 4799 & 255, 0]);
  mocked.millivolts = 5000;
  assert.is(tell(INS_PREPARE).data[22], 1);
});

test("a key for another challenge, cartridge or counter is not taken", () => {
  const { held, load } = prepareLoan(1);
  assert.is(tell(INS_PREPARE).sw, SW_OK);
  assert.is(tell(INS_LOAD_KEY, load).sw, SW_DATA, "the challenge is another by now");
  const { held: next } = prepareLoan(1);
  const terms = encodeTerms({ custody: CUSTODY_CARTRIDGE, duration: 3600, kioskId: new Uint8Array(8) });
  const loan = { loanId: held.loanId, contentId, terms };
  const key = new Uint8Array(32).fill(1);
  const envelope = new Uint8Array(ENVELOPE_LENGTH);
  const other = { ...reference, id: new Uint8Array(8) };
  assert.is(tell(INS_LOAD_KEY, Buffer.concat([authority.sealKeyLoad(other, loan, 9, next.challenge, key), envelope])).sw, SW_DATA);
  assert.is(
    tell(INS_LOAD_KEY, Buffer.concat([authority.sealKeyLoad(reference, loan, 0, next.challenge, key), envelope])).sw,
    SW_CONDITIONS,
  );
  assert.ok(empty());
});

test("at the power-fail warning it overwrites the key and leaves flash alone; the receipt follows when a command finds power", () => {
  const held = arm(1);
  resetCalls(mocked.flash);
  resetCalls(mocked.board);
  mocked.pass(1_800_000);
  assert.not.ok(empty());
  resetCalls(mocked.flash);
  powerFail();
  assert.ok(empty());
  verify(mocked.flash.program(anything(), anything(), anything())).never();
  verify(mocked.flash.erase(anything())).never();
  verify(mocked.board.led(false)).once();
  powerFail();
  verify(mocked.flash.program(anything(), anything(), anything())).never();
  settled(held, CAUSE_POWER_FAIL, 1800);
  verify(mocked.flash.program(anything(), anything(), anything())).atLeast(1);
});

test("when the case is opened it overwrites the key at once, before it writes that down", () => {
  const held = arm(1);
  resetCalls(mocked.flash);
  let written = 0;
  mocked.onProgram = () => {
    written++;
    assert.ok(empty(), "flash is programmed after the key has gone");
  };
  mocked.pass(60_000);
  tamper();
  mocked.onProgram = () => undefined;
  assert.ok(empty());
  assert.ok(written > 0);
  settled(held, CAUSE_TAMPER, 60);
});

test("without a key, neither warning does anything", () => {
  resetCalls(mocked.flash);
  resetCalls(mocked.board);
  powerFail();
  tamper();
  verify(mocked.flash.program(anything(), anything(), anything())).never();
  verify(mocked.board.led(anything())).never();
});

test("the LED burns from the activation to the erasure", () => {
  resetCalls(mocked.board);
  const { held, load } = prepareLoan(1);
  assert.is(tell(INS_LOAD_KEY, load).sw, SW_OK);
  verify(mocked.board.led(true)).never();
  assert.is(tell(INS_ACTIVATE, authority.sealActivation(reference, held.loanId, held.counter, held.challenge, 5)).sw, SW_OK);
  verify(mocked.board.led(true)).once();
  verify(mocked.board.led(false)).never();
  const receipt = authority.openReceipt(reference, tell(INS_ERASE).data);
  assert.is(receipt?.cause, CAUSE_RETURNED);
  verify(mocked.board.led(false)).once();
  settled(held, CAUSE_RETURNED, 0);
});

test("a key that nobody activates dies after two minutes", () => {
  const { held, load } = prepareLoan(1);
  resetCalls(mocked.board);
  assert.is(tell(INS_LOAD_KEY, load).sw, SW_OK);
  assert.is(capture(mocked.board.after).last()[0], 120_000);
  mocked.pass(119_999);
  assert.not.ok(empty());
  mocked.pass(1);
  assert.ok(empty());
  settled(held, CAUSE_NEVER_ACTIVATED, 0);
});

test("it wakes once an hour and leaves a sign of life, then exactly at the deadline", () => {
  contact(true);
  const held = arm(3);
  const armedAt = mocked.now;
  const delays: number[] = [];
  for (let hour = 1; hour <= 2; hour++) {
    delays.push(capture(mocked.board.after).last()[0]);
    resetCalls(mocked.flash);
    mocked.pass(HOUR - 1);
    verify(mocked.flash.program(anything(), anything(), anything())).never();
    mocked.pass(1);
    verify(mocked.flash.program(anything(), anything(), anything())).atLeast(1);
    assert.not.ok(empty());
  }
  delays.push(capture(mocked.board.after).last()[0]);
  assert.equal(delays, [HOUR, HOUR, HOUR]);
  mocked.pass(HOUR - 1);
  assert.not.ok(empty());
  mocked.pass(1);
  assert.ok(empty());
  assert.is(mocked.now - armedAt, 3 * HOUR);
  settled(held, CAUSE_DEADLINE, 3 * 3600);
});

test("the last sleep is as long as what is left, and counts from the connection to the kiosk", () => {
  contact(true);
  mocked.pass(600_000);
  const held = arm(1.5);
  assert.is(capture(mocked.board.after).last()[0], HOUR);
  mocked.pass(HOUR);
  assert.is(capture(mocked.board.after).last()[0], 0.5 * HOUR - 600_000);
  mocked.pass(0.5 * HOUR - 600_000);
  assert.ok(empty());
  settled(held, CAUSE_DEADLINE, 1.5 * 3600 - 600);
});

test("a deadline that slipped by while the processor was busy is found before any command is answered", () => {
  contact(true);
  const held = arm(1);
  inSession(device, ROLE_READER);
  assert.is(tell(INS_GET_LOAN).sw, SW_OK);
  mocked.now += HOUR;
  assert.not.ok(empty(), "the timer has not come");
  assert.is(tell(INS_GET_LOAN).sw, SW_NOT_FOUND);
  assert.ok(empty());
  settled(held, CAUSE_DEADLINE, 3600);
});

test("a return erases for anyone, without a session; everything else is refused then", () => {
  contact(true);
  const held = arm(1);
  device.channel.open = false;
  for (const ins of [INS_PREPARE, INS_RECORD, INS_LOAD_KEY, INS_ACTIVATE, INS_GET_LOAN]) assert.is(tell(ins).sw, SW_SECURITY);
  assert.not.ok(empty());
  assert.is(tell(INS_ERASE).sw, SW_OK);
  assert.ok(empty());
  settled(held, CAUSE_RETURNED, 0);
});

test("anyone leaves a parcel and fetches it while no loan is held or owed, and no content of a loan", () => {
  const header = new Uint8Array(HEADER_LENGTH);
  const recorded = Buffer.concat([header, Uint8Array.of(0, 0, 0, 9), new Uint8Array(4)]);
  const wanted = Uint8Array.of(0, 0, 0, 0, 0, 9, 0, 0, 0, 1);
  const stranger = (ins: number, data: Uint8Array): number => {
    device.channel.open = false;
    return tell(ins, data).sw;
  };
  contact(true);
  assert.is(stranger(INS_RECORD, recorded), SW_OK);
  assert.is(stranger(INS_READ_CHUNKS, wanted), SW_OK);
  const { held, load } = prepareLoan(1);
  assert.is(tell(INS_LOAD_KEY, Buffer.concat([load.subarray(0, -ENVELOPE_LENGTH), new Uint8Array(ENVELOPE_LENGTH).fill(6)])).sw, SW_OK);
  for (const ins of [INS_RECORD, INS_READ_CHUNKS]) assert.is(stranger(ins, ins === INS_RECORD ? recorded : wanted), SW_SECURITY, "pending");
  inSession(device, ROLE_KIOSK);
  assert.is(tell(INS_ACTIVATE, authority.sealActivation(reference, held.loanId, held.counter, held.challenge, 1_800_000_000)).sw, SW_OK);
  for (const ins of [INS_RECORD, INS_READ_CHUNKS]) assert.is(stranger(ins, ins === INS_RECORD ? recorded : wanted), SW_SECURITY, "armed");
  assert.is(tell(INS_ERASE).sw, SW_OK);
  for (const ins of [INS_RECORD, INS_READ_CHUNKS]) assert.is(stranger(ins, ins === INS_RECORD ? recorded : wanted), SW_SECURITY, "owed");
  settled(held, CAUSE_RETURNED, 0);
  assert.is(stranger(INS_READ_CHUNKS, wanted), SW_CONDITIONS, "what was recorded for a loan stays closed after it");
  assert.is(stranger(INS_RECORD, recorded), SW_OK);
  assert.is(stranger(INS_READ_CHUNKS, wanted), SW_OK);
});

for (const [what, good] of [
  ["envelope", 0],
  ["loan counter", 1],
] as const)
  test(`a key whose ${what} flash did not take is not held`, () => {
    contact(true);
    const { load } = prepareLoan(1);
    let programs = 0;
    mocked.onProgram = () => (mocked.flashWorks = programs++ < good);
    assert.is(tell(INS_LOAD_KEY, load).sw, SW_FAILURE);
    mocked.onProgram = () => undefined;
    mocked.flashWorks = true;
    assert.ok(programs > good);
    assert.ok(empty());
    inSession(device, ROLE_READER);
    assert.is(tell(INS_GET_LOAN).sw, SW_NOT_FOUND);
  });

test.run();
