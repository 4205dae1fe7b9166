import type { Board } from "../../boards/board.js";
import { whenIdle, workDone } from "../core/device/arithmetic.js";
import { startDevice, type Device } from "../core/device/device.js";
import { SW_BLOCKED, SW_CONDITIONS, SW_INSTRUCTION, SW_LENGTH, SW_OK, SW_PARAMETERS } from "../core/link/apdu.js";
import { INS_PLAY, INS_READ_ADVERTS, INS_STATUS, ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER } from "../core/protocol/constants.js";
import { closeChannel } from "../core/protocol/session.js";
import { rest } from "../core/rest.js";
import { isIdle, readAdverts } from "./adverts.js";
import { authenticatePeer, createPeer, type Peer } from "./peers.js";
import { createPlayer, describePlayer, play } from "./player.js";
import { PLAYER_IDLE, PLAYER_PLAYING, type Player } from "./state.js";

/** A card that comes just before its cartridge waits for it, and for the introduction that it may bring: certificates take weak boards minutes. */
const CARD_WAITS = 3000;
/** A cartridge runs already when it is put in; a card that comes with it starts first. */
const CARTRIDGE_WAITS = 500;

/** One that slows down, since others failed to authenticate to it, is tried again after so long. */
const BLOCKED_WAITS = 15000;
/** A time that was vouched for is taken for the present one for an hour. */
const VOUCHED = 3600000;

/** A device that waits for authentication. */
function pending(peer: Peer): boolean {
  return peer.present && !peer.channel.open && peer.refusal === 0;
}

/** Authenticates what was put in, one device after the other; when both are authenticated, playing begins by itself, once for each time. No arithmetic is under way. */
function advance(device: Device, player: Player): void {
  // The cartridge first: it may bring the introduction to the card.
  const peer = pending(player.cartridge) ? player.cartridge : player.card;
  if (pending(peer)) return authenticatePeer(peer);
  workDone(device);
  if (!player.wanted || !player.card.channel.open || !player.cartridge.channel.open || !isIdle(player)) return;
  player.wanted = false;
  play(player);
}

/** To be played as soon as both are authenticated; how it ended before, or that a device which has just been put in fell silent, is no answer to this. */
function wantPlay(player: Player): void {
  player.wanted = true;
  if (player.state !== PLAYER_PLAYING) player.state = PLAYER_IDLE;
}

/**
 * Starts the home reader: authenticates card and cartridge as they are put in, gets the key, and plays chunk by chunk to its sink.
 *
 * @param board - serial port 0 is the card's slot, 1 the cartridge's, 2 the host; a sink must be present
 * @throws Error when the sink or a port is absent
 */
export function startReader(board: Board): Device {
  const sink = board.sink;
  if (sink === undefined || board.serial.length < 3)
    throw new Error("A reader needs three serial ports and a sink; this board profile lacks one.");
  const device = startDevice(board, board.serial[2], ROLE_READER, 0);
  const card = createPeer(device, board.serial[0], ROLE_CARD);
  const cartridge = createPeer(device, board.serial[1], ROLE_CARTRIDGE);
  const player = createPlayer(device, board, sink, card, cartridge);
  // Closures of this function, since those of others keep what they surround in memory while arithmetic needs it.
  const begin = function (): void {
    advance(device, player);
    rest(device);
  };
  device.holds = function () {
    return card.waiting !== null || cartridge.waiting !== null || cartridge.link.idle !== 0;
  };
  const next = function (): void {
    whenIdle(device, begin);
  };
  card.authenticated = cartridge.authenticated = function (peer) {
    workDone(device);
    if (peer.refusal === SW_BLOCKED)
      board.after(BLOCKED_WAITS, function () {
        if (peer.refusal !== SW_BLOCKED) return;
        peer.refusal = 0;
        next();
      });
    next();
  };
  card.inserted = cartridge.inserted = function (peer) {
    // The time that a cartridge vouched for when it was played does not stand for now.
    if (peer === cartridge || board.now() - player.startedAt > VOUCHED) device.memory.vouched = 0;
    wantPlay(player);
    board.after(peer === card ? CARD_WAITS : CARTRIDGE_WAITS, next);
  };
  device.handler = function (self, ins, tag, data, respond) {
    if (tag !== 0 && ins >= INS_PLAY) respond(SW_PARAMETERS, 0);
    else if (data.length > 0 && (ins === INS_STATUS || ins === INS_PLAY)) respond(SW_LENGTH, 0);
    else if (ins === INS_STATUS) respond(SW_OK, describePlayer(player, self.data));
    else if (ins === INS_READ_ADVERTS) readAdverts(player, self, data, respond);
    else if (ins === INS_PLAY) {
      // While it speaks with either, it authenticates or begins to play already.
      if (!card.present || !cartridge.present || !isIdle(player)) return respond(SW_CONDITIONS, 0);
      // Either may have been out of its slot since: both authenticate anew, so that no old session is taken for one that stands.
      closeChannel(card.channel);
      closeChannel(cartridge.channel);
      card.refusal = cartridge.refusal = 0;
      wantPlay(player);
      respond(SW_OK, 0);
      next();
    } else respond(SW_INSTRUCTION, 0);
  };
  return device;
}
