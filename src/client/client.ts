import type { Board, SerialPort } from "../../boards/board.js";
import { workDone } from "../core/device/arithmetic.js";
import { startDevice, type Device } from "../core/device/device.js";
import { journalRecycle } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_INSTRUCTION, SW_LENGTH, SW_OK, SW_PARAMETERS } from "../core/link/apdu.js";
import { MESSAGE_SETTLED } from "../core/protocol/client.js";
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
  INS_STATUS,
  INS_STOP,
  INS_SUPPLY,
  INS_TIME,
  INS_TREE_KEYS,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_CLIENT,
  TAG_CLICKS,
  TAG_CLIENT_LICENSES,
  TAG_PERIODS,
  TAG_REGISTRATION,
} from "../core/protocol/constants.js";
import { rest } from "../core/rest.js";
import { TREE_SLICE_MAX } from "../core/tree/tree.js";
import { authenticatePeer, createPeer } from "../reader/peers.js";
import { createPlayer } from "../reader/player.js";
import { readAdverts } from "../reader/adverts.js";
import { clearClicks, describeClicks, setAdvert, touched } from "./adverts.js";
import { KEPT_LENGTH, describeClient, loadKept, supply } from "./keeping.js";
import { describeOwn, hasMoved, removeLicense, requestLicense, requestMove, settleMove, takeCopy, takeLicense } from "./licenses.js";
import { cleanPeriods, describePeriod, expire, loadPeriod, periodReceipt, settlePeriod } from "./periods.js";
import { advance, offer, startPlay, stopPlay } from "./playing.js";
import { describeRegistration, enable, loadRegistration, register, takeTreeKeys } from "./registration.js";
import { WANTED_LENGTH, about, isProven, type Client, type Outcome } from "./state.js";
import { fetch, finishPlay, giveUp, released } from "./streaming.js";
import { challengeTime, takeTime } from "./time.js";

/** A device that is put in waits so long: it may still be starting. */
const SETTLES = 1000;

/** The slot that a board has not got. */
const noSlot: SerialPort = {
  write: function () {},
  onReceive: function () {},
};

/** ACKNOWLEDGE: id 16 | proof 16. The server is done with the order, or with the move of this use id. */
function settle(client: Client, data: Uint8Array): Outcome {
  const id = about.subarray(0, 16);
  let status = 0;
  if (data.length !== 32) return -SW_LENGTH;
  about.set(data.subarray(0, 16));
  if (!isProven(client, data.subarray(16), MESSAGE_SETTLED, 16)) return -SW_DATA;
  status = settlePeriod(client, id);
  return status === 1 ? settleMove(client, id) : status;
}

/** Commands that answer at once. */
function answer(client: Client, ins: number, tag: number, data: Uint8Array): Outcome {
  if (data.length > 0 && (ins === INS_STATUS || ins === INS_STOP || (ins === INS_TIME && tag === 0))) return -SW_LENGTH;
  if (ins === INS_STATUS) return describeClient(client);
  if (ins === INS_PLAY) return startPlay(client, data);
  if (ins === INS_STOP) return stopPlay(client);
  if (ins === INS_OFFER) return tag > 1 ? -SW_PARAMETERS : offer(client, tag === 1, data);
  if (ins === INS_TIME && tag === 0) return challengeTime(client);
  if (ins === INS_TIME && tag === 1) {
    tag = takeTime(client, data);
    if (tag === 0) expire(client);
    return tag;
  }
  if (ins === INS_LOAD_PERIOD_KEY) return loadPeriod(client, data);
  if (ins === INS_PERIOD_RECEIPT || ins === INS_ERASE) return periodReceipt(client, data, ins === INS_ERASE);
  if (ins === INS_ACKNOWLEDGE) return settle(client, data);
  if (ins === INS_REGISTER) return register(client, data);
  if (ins === INS_TREE_KEYS) return takeTreeKeys(client, data);
  if (ins === INS_LICENSE && tag < 2) return tag === 0 ? requestLicense(client, data) : takeLicense(client, data);
  if (ins === INS_MOVE && tag < 2) return tag === 0 ? requestMove(client, data) : removeLicense(client, data);
  if (ins === INS_ADVERT) return setAdvert(tag, data);
  if (ins === INS_PUT_DATA && tag === TAG_CLICKS) return clearClicks(client, data);
  if (ins === INS_GET_DATA) {
    if (tag === TAG_REGISTRATION) return describeRegistration(client);
    if (tag === TAG_CLICKS) return describeClicks(client);
    if (tag >> 8 === TAG_PERIODS >> 8) return describePeriod(client, tag & 255);
    if (tag >> 8 === TAG_CLIENT_LICENSES >> 8) return describeOwn(client, tag & 255);
  }
  return -(ins === INS_TIME || ins === INS_LICENSE || ins === INS_MOVE || ins === INS_GET_DATA || ins === INS_PUT_DATA
    ? SW_PARAMETERS
    : SW_INSTRUCTION);
}

/** Of the client's own instructions these have parameters. */
function hasParameters(ins: number): boolean {
  return ins === INS_OFFER || ins === INS_TIME || ins === INS_ENABLE || ins === INS_LICENSE || ins === INS_MOVE || ins === INS_ADVERT;
}

function command(client: Client, ins: number, tag: number, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  let outcome = 0;
  if (client.device.memory.party.role !== ROLE_CLIENT && ins !== INS_STATUS) return respond(SW_CONDITIONS, 0);
  if (tag !== 0 && ins < 128 && !hasParameters(ins)) return respond(SW_PARAMETERS, 0);
  if (ins === INS_SUPPLY) return supply(client, data, respond);
  if (ins === INS_ENABLE) return enable(client, tag, data, respond);
  if (ins === INS_COPY) return takeCopy(client, data, respond);
  if (ins === INS_READ_ADVERTS) return readAdverts(client.player, client.device, data, respond);
  outcome = answer(client, ins, tag, data);
  if (outcome < 0) respond(-outcome, 0);
  else respond(SW_OK, outcome);
}

/**
 * Starts the networked reader: a reader whose content may also lie in its own store or at its host, with period keys and licenses of its own.
 *
 * @param board - serial port 0 is the host's; 1 the cartridge's slot and 2 the card's, where the board has them; a sink must be present
 * @throws Error when the sink is absent
 */
export function startClient(board: Board): Device {
  const sink = board.sink;
  if (sink === undefined) throw new Error("A client needs a sink; this board profile lacks one.");
  const ports = board.serial;
  const store = board.contentStore;
  const device = startDevice(board, ports[0], ROLE_CLIENT, store === undefined ? 0 : store.capacity);
  const cartridge = createPeer(device, ports.length > 1 ? ports[1] : noSlot, ROLE_CARTRIDGE);
  const card = createPeer(device, ports.length > 2 ? ports[2] : noSlot, ROLE_CARD);
  const player = createPlayer(device, board, sink, card, cartridge);
  const client: Client = {
    device,
    board,
    player,
    timeNonce: new Uint8Array(16),
    askedAt: -1,
    stated: 0,
    statedAt: 0,
    age: 0,
    timer: 0,
    nonce: new Uint8Array(16),
    nonceFor: 0,
    slice: new Uint8Array(TREE_SLICE_MAX),
    verifying: false,
    wanted: new Uint8Array(WANTED_LENGTH),
    given: false,
    right: 0,
    place: 0,
    end: 0,
    source: 0,
    inCartridge: false,
    seeking: false,
    offering: false,
    kept: new Uint8Array(KEPT_LENGTH),
    keeping: false,
    next: 0,
    total: 0,
    frame: 0,
    pending: false,
    release: null,
    released: function () {
      released(client);
    },
    patience: 0,
    peer: cartridge,
    wake: function () {
      expire(client);
      rest(device);
    },
    giveUp: function () {
      giveUp(client);
      rest(device);
    },
    advance: function () {
      advance(client);
      rest(device);
    },
    again: function () {
      client.seeking = false;
      client.advance();
    },
    meet: function () {
      authenticatePeer(client.peer);
    },
  };
  player.fetch = function () {
    fetch(client);
  };
  player.finish = function () {
    finishPlay(client);
  };
  player.advert = setAdvert;
  device.holds = function () {
    return card.waiting !== null || cartridge.waiting !== null || cartridge.link.idle !== 0 || device.link.idle !== 0;
  };
  cartridge.inserted = card.inserted = function () {
    board.after(SETTLES, client.advance);
  };
  cartridge.authenticated = card.authenticated = function () {
    client.seeking = false;
    workDone(device);
    client.advance();
  };
  loadRegistration(client);
  loadKept(client);
  if (cleanPeriods(client) || hasMoved(client)) journalRecycle(device.memory.journal);
  expire(client);
  if (board.onTouch !== undefined)
    board.onTouch(function (x, y) {
      touched(client, x, y);
    });
  device.handler = function (_self, ins, tag, data, respond) {
    command(client, ins, tag, data, respond);
  };
  return device;
}
