/** How a reader hands its kept clicks to the cartridge: all of them, also those made while others are on their way, and never a second time. */
import { instance } from "ts-mockito";
import * as assert from "uvu/assert";
import { decodeCommand, createCommand, endResponse, SW_FAILURE, SW_NOT_FOUND, SW_OK } from "../../src/core/link/apdu.js";
import { createLink, linkReset, linkSend } from "../../src/core/link/t1.js";
import type { Device } from "../../src/core/device/device.js";
import { createJournal, journalGet } from "../../src/core/journal.js";
import { SLOT_CLICKS } from "../../src/core/device/identity.js";
import { CLICKS_LENGTH } from "../../src/core/protocol/adverts.js";
import { INS_GET_DATA, INS_PUT_DATA, ROLE_CARTRIDGE, TAG_CLICKS } from "../../src/core/protocol/constants.js";
import { createChannel, openMessage, sealMessage } from "../../src/core/protocol/session.js";
import { handClicks, keepClick } from "../../src/reader/adverts.js";
import { createPeer } from "../../src/reader/peers.js";
import { PLAYER_IDLE, type Player } from "../../src/reader/state.js";
import { readClicks } from "../../src/host/clicks.js";
import { suite } from "../suite.js";
import { MockedBoard } from "./board.js";

const test = suite("clicks on their way");
const advert = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** Two ends of a wire on which a byte needs no time, but an event of its own. */
function wire(board: MockedBoard) {
  const receivers: ((bytes: Uint8Array) => void)[] = [];
  const end = (own: number) => ({
    write: (bytes: Uint8Array): void => {
      const copy = bytes.slice();
      instance(board.board).after(0, () => {
        receivers[1 - own](copy);
      });
    },
    onReceive: (receiver: (bytes: Uint8Array) => void): void => void (receivers[own] = receiver),
  });
  return [end(0), end(1)];
}

/** A reader that is idle, in session with a cartridge that the test is: it keeps clicks as a real one does, and calls `during` before it answers. */
function reader() {
  const mocked = new MockedBoard(1);
  const board = instance(mocked.board);
  const [near, far] = wire(mocked);
  const journal = createJournal(instance(mocked.flash));
  const device = { board, memory: { journal }, holds: null } as unknown as Device;
  const cartridge = createPeer(device, near, ROLE_CARTRIDGE);
  const player = { device, board, cartridge, card: { waiting: null }, state: PLAYER_IDLE } as unknown as Player;
  const channel = createChannel();
  const commands: number[] = [];
  let kept = new Uint8Array(0);
  const bench = {
    player,
    commands,
    /** Status word that each command is answered by, by instruction; else it is obeyed. */
    refuses: new Map<number, number>(),
    during: (_ins: number): void => undefined,
    pass: (): void => {
      mocked.pass(5000);
    },
    click: (): void => {
      keepClick(player, advert);
      handClicks(player);
    },
    get taken(): number {
      return kept.length === 0 ? 0 : readClicks(kept)[0].count;
    },
    get left(): number {
      const out = new Uint8Array(CLICKS_LENGTH);
      const length = journalGet(journal, SLOT_CLICKS, 0, out);
      return length > 0 ? readClicks(out.subarray(0, length))[0].count : 0;
    },
  };
  const buffer = new Uint8Array(640);
  const command = createCommand();
  const link = createLink(ROLE_CARTRIDGE, far, board, buffer, (length) => {
    assert.is(decodeCommand(command, buffer, length), SW_OK);
    const sealed = buffer.slice(command.offset, command.offset + command.length);
    assert.ok(openMessage(channel, buffer.slice(0, 4), sealed), "the command is sealed in the session");
    assert.is((command.p1 << 8) | command.p2, TAG_CLICKS);
    commands.push(command.ins);
    bench.during(command.ins);
    let sw = bench.refuses.get(command.ins);
    let answer = new Uint8Array(0);
    if (sw === undefined && command.ins === INS_PUT_DATA) {
      kept = sealed.slice(16);
      sw = SW_OK;
    } else if (sw === undefined) {
      answer = kept;
      sw = kept.length > 0 ? SW_OK : SW_NOT_FOUND;
    }
    const response = new Uint8Array(16 + answer.length);
    response.set(answer, 16);
    sealMessage(channel, Uint8Array.of(0, 0, sw >> 8, sw & 255), response);
    buffer.set(response);
    linkSend(link, endResponse(buffer, response.length, sw));
  });
  linkReset(link);
  bench.pass();
  cartridge.channel.open = channel.open = true;
  return bench;
}

test("[A5] a click made while another one is handed over follows it, at either command", () => {
  for (const at of [INS_GET_DATA, INS_PUT_DATA]) {
    const bench = reader();
    let once = true;
    bench.during = (ins) => {
      if (ins !== at || !once) return;
      once = false;
      bench.click();
    };
    bench.click();
    bench.pass();
    assert.is(bench.left, 0, "nothing waits in the reader for the next play");
    assert.is(bench.taken, 2);
  }
});

test("[A5] a cartridge that refuses clicks is asked once, and has what was on its way; what was made meanwhile waits", () => {
  for (const ins of [INS_GET_DATA, INS_PUT_DATA]) {
    const bench = reader();
    bench.refuses.set(ins, SW_FAILURE);
    let once = true;
    bench.during = () => {
      if (once && bench.commands.at(-1) === ins) {
        once = false;
        bench.click();
      }
    };
    bench.click();
    bench.pass();
    assert.equal(bench.commands, ins === INS_GET_DATA ? [INS_GET_DATA] : [INS_GET_DATA, INS_PUT_DATA]);
    assert.is(bench.left, ins === INS_GET_DATA ? 2 : 1);
    assert.is(bench.taken, 0);
    bench.refuses.clear();
    bench.click();
    bench.pass();
    assert.is(bench.left, 0);
    assert.is(bench.taken, ins === INS_GET_DATA ? 3 : 2);
  }
});

test.run();
