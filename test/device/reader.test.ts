import { anything, capture, instance, resetCalls, verify, when } from "ts-mockito";
import * as assert from "uvu/assert";
import { SW_CONDITIONS, SW_INSTRUCTION, SW_OK } from "../../src/core/link/apdu.js";
import { INS_ERASE, INS_PLAY, INS_STATUS, ROLE_READER } from "../../src/core/protocol/constants.js";
import { PLAYER_IDLE } from "../../src/reader/state.js";
import { startReader } from "../../src/reader/reader.js";
import { suite } from "../suite.js";
import { MockedBoard, command } from "./board.js";

const test = suite("reader firmware");
const NOTHING = new Uint8Array(0);
const reference = { role: ROLE_READER, id: Uint8Array.of(3, 3, 3, 3, 3, 3, 3, 3), generation: 1 };

test("does not start without a sink, or with a port too few", () => {
  const deaf = new MockedBoard(3);
  when(deaf.board.sink).thenReturn(undefined);
  assert.throws(() => startReader(instance(deaf.board)), /A reader needs three serial ports and a sink; this board profile lacks one\./);
  const small = new MockedBoard(2);
  assert.throws(() => startReader(instance(small.board)), /A reader needs three serial ports and a sink/);
  for (const board of [deaf, small]) {
    verify(board.flash.program(anything(), anything(), anything())).never();
    for (const port of board.ports) verify(port.write(anything())).never();
  }
});

const mocked = new MockedBoard(3);
mocked.personalize(reference);
const device = startReader(instance(mocked.board));
const [slot, , host] = mocked.ports;

test("announces itself to the host, and says nothing to empty slots", () => {
  verify(host.write(anything())).once();
  assert.is(capture(host.write).last()[0][0], 0x3b, "an answer to reset");
  mocked.pass(60_000);
  verify(slot.write(anything())).never();
  verify(mocked.ports[1].write(anything())).never();
});

test("is idle, with nothing played, until somebody asks", () => {
  const { sw, data } = command(device, INS_STATUS, 0, NOTHING);
  assert.is(sw, SW_OK);
  assert.is(data.length, 18);
  assert.is(data[0], PLAYER_IDLE);
  assert.ok(data.subarray(1).every((byte) => byte === 0));
});

test("refuses to play without card and cartridge, and leaves the sink alone", () => {
  assert.is(command(device, INS_PLAY, 0, NOTHING).sw, SW_CONDITIONS);
  assert.is(command(device, INS_ERASE, 0, NOTHING).sw, SW_INSTRUCTION);
  mocked.pass(60_000);
  verify(mocked.sink.begin(anything())).never();
  verify(mocked.sink.write(anything(), anything())).never();
});

test("a card that is set in is authenticated by itself; with the card alone nothing plays", () => {
  const [receive] = capture(slot.onReceive).last();
  resetCalls(slot);
  const reset = Uint8Array.of(0x3b, 0x8a, 0x81, 0x31, 0xfe, 0x3d, 0x80, 0x68, 0x4c, 0x45, 0x59, 0x44, 0x45, 0x4e, 0x01, 0x01, 0);
  reset[16] = reset.subarray(1, 16).reduce((sum, byte) => sum ^ byte, 0);
  receive(reset);
  mocked.pass(30_000);
  verify(slot.write(anything())).atLeast(1);
  verify(mocked.ports[1].write(anything())).never();
  verify(mocked.sink.begin(anything())).never();
});

test.run();
