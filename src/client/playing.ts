import { equal, get32, put32 } from "../core/bytes.js";
import { whenIdle } from "../core/device/arithmetic.js";
import { sha256 } from "../core/hash/sha256.js";
import { SW_CONDITIONS, SW_DATA, SW_LENGTH, SW_OK } from "../core/link/apdu.js";
import { INS_GET_LOAN } from "../core/protocol/constants.js";
import { HEADER_CONTENT, HEADER_LENGTH, headerFits } from "../core/stream/header.js";
import { type Peer, exchange } from "../reader/peers.js";
import { choosePlay, end, requestLicense } from "../reader/player.js";
import {
  LOAN_ENVELOPE,
  LOAN_HEADER,
  LOAN_LENGTH,
  LOAN_SIZE,
  LOAN_TIME,
  PLAYER_PLAYING,
  PLAYER_SEEKING,
  PLAYER_STOPPED,
  REASON_CARD,
  REASON_KEY,
  REASON_NONE,
} from "../reader/state.js";
import { KEPT_LENGTH, keep } from "./keeping.js";
import { chooseRight, openByLicense, openByPeriod } from "./rights.js";
import {
  type Client,
  type Outcome,
  RIGHT_CARD,
  RIGHT_PERIOD,
  SOURCE_CARTRIDGE,
  SOURCE_HOST,
  SOURCE_STORE,
  WANTED_ENVELOPE,
  WANTED_LENGTH,
} from "./state.js";
import { REASON_RIGHT, refuse, wait } from "./streaming.js";
import { earliest } from "./time.js";

/** Milliseconds to the next try while arithmetic is under way. */
const AGAIN = 500;

const digest = new Uint8Array(32);

/** A device in a slot that waits for authentication. */
function pending(peer: Peer): boolean {
  return peer.present && !peer.channel.open && peer.refusal === 0;
}

/** Authenticates what is in the slots, the cartridge first, since it may bring the introduction to the card; then a play that waits goes on. */
export function advance(client: Client): void {
  const device = client.device;
  const player = client.player;
  const peer = pending(player.cartridge) ? player.cartridge : player.card;
  if (player.state === PLAYER_PLAYING || client.seeking) return;
  if (!pending(peer)) {
    if (player.state === PLAYER_SEEKING && !client.offering) askCartridge(client);
    return;
  }
  client.seeking = true;
  client.peer = peer;
  if (device.waiting !== null) client.board.after(AGAIN, client.again);
  else whenIdle(device, client.meet);
}

/** Asks the cartridge in the slot which content it holds. */
function askCartridge(client: Client): void {
  const player = client.player;
  const cartridge = player.cartridge;
  client.inCartridge = false;
  if (!cartridge.channel.open) return chooseSource(client);
  client.seeking = true;
  exchange(cartridge, 0x80, INS_GET_LOAN, 0, 0, function (sw, length) {
    client.seeking = false;
    if (player.state !== PLAYER_SEEKING) return;
    if (sw === SW_OK && length === LOAN_LENGTH) {
      player.loan.set(cartridge.data.subarray(0, LOAN_LENGTH));
      client.inCartridge = holds(client, player.loan.subarray(LOAN_HEADER, LOAN_ENVELOPE));
    }
    chooseSource(client);
  });
}

/** True when a stream header is that of the content wanted. */
function holds(client: Client, header: Uint8Array): boolean {
  return equal(header.subarray(HEADER_CONTENT, HEADER_CONTENT + 16), client.wanted.subarray(0, 16));
}

/** Own store, cartridge, host: the first that has the content. Under the right of a card its loan must be known: from the cartridge, or from the host. */
function chooseSource(client: Client): void {
  const player = client.player;
  const loan = player.loan;
  const wanted = client.wanted;
  const kept = client.kept;
  const mine = client.right !== RIGHT_CARD;
  let known = client.inCartridge && (!client.given || equal(loan.subarray(0, 16), wanted.subarray(16, 32)));
  let time = earliest(client);
  if (!mine && !player.card.channel.open) return refuse(client, REASON_CARD, 0, player.card.refusal);
  if (!mine && !known && !client.given) return refuse(client, REASON_RIGHT, 0, 0);
  if (!client.inCartridge) loan.fill(0);
  if (!mine && !known) {
    known = client.inCartridge;
    loan.fill(0, 0, known ? LOAN_HEADER : LOAN_LENGTH);
    loan.set(wanted.subarray(16, 32));
    loan.set(wanted.subarray(WANTED_ENVELOPE), LOAN_ENVELOPE);
  }
  if (time === 0) time = get32(loan, LOAN_TIME);
  put32(loan, LOAN_TIME, time);
  client.device.memory.vouched = time;
  client.source = SOURCE_HOST;
  if (client.inCartridge) client.source = SOURCE_CARTRIDGE;
  if (
    kept[KEPT_LENGTH - 1] === 1 &&
    holds(client, kept) &&
    (mine || !known || equal(kept.subarray(0, HEADER_LENGTH), loan.subarray(LOAN_HEADER, LOAN_ENVELOPE)))
  ) {
    client.source = SOURCE_STORE;
    takeHeader(client, kept);
  }
  useSource(client);
}

/** Stream header 48 | sealed length 4 | sample rate 4 of the content to be played. */
function takeHeader(client: Client, bytes: Uint8Array): void {
  const loan = client.player.loan;
  loan.set(bytes.subarray(0, HEADER_LENGTH), LOAN_HEADER);
  loan.set(bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + 8), LOAN_SIZE);
}

function useSource(client: Client): void {
  if (client.source === SOURCE_HOST) {
    client.offering = true;
    wait(client);
  } else openTitle(client);
}

/** Opens the title key by the right that was found. */
function openTitle(client: Client): void {
  const player = client.player;
  if (client.right === RIGHT_CARD) {
    if (choosePlay(player)) requestLicense(player);
    else refuse(client, REASON_KEY, 0, 0);
    return;
  }
  sha256(digest, [player.loan.subarray(LOAN_HEADER, LOAN_ENVELOPE)]);
  if (!(client.right === RIGHT_PERIOD ? openByPeriod(client, digest) : openByLicense(client, digest))) next(client);
}

/** What was found under this id is another version of the content: the next place may have the right one. */
function next(client: Client): void {
  const source = client.source;
  if (source === SOURCE_HOST) return refuse(client, REASON_KEY, 0, 0);
  client.source = SOURCE_HOST;
  if (source === SOURCE_STORE && client.inCartridge) return askCartridgeAgain(client);
  useSource(client);
}

/** The own store's header took the place of the cartridge's. */
function askCartridgeAgain(client: Client): void {
  const player = client.player;
  exchange(player.cartridge, 0x80, INS_GET_LOAN, 0, 0, function (sw, length) {
    if (player.state !== PLAYER_SEEKING) return;
    if (sw === SW_OK && length === LOAN_LENGTH) {
      player.loan.set(player.cartridge.data.subarray(0, LOAN_LENGTH));
      client.source = SOURCE_CARTRIDGE;
    }
    useSource(client);
  });
}

/** PLAY: content id 16, or that and an order's (or a loan's) id 16 and its envelope 48. */
export function startPlay(client: Client, data: Uint8Array): Outcome {
  const player = client.player;
  if (data.length !== 16 && data.length !== WANTED_LENGTH) return -SW_LENGTH;
  if (player.state === PLAYER_PLAYING || player.state === PLAYER_SEEKING || client.keeping) return -SW_CONDITIONS;
  client.wanted.fill(0);
  client.wanted.set(data);
  client.given = data.length > 16;
  client.source = 0;
  client.offering = false;
  player.detail = player.chunk = player.played = 0;
  player.reason = player.sw = 0;
  player.card.refusal = player.cartridge.refusal = 0;
  player.state = PLAYER_SEEKING;
  if (chooseRight(client)) client.board.after(0, client.advance);
  return 0;
}

/** STOP: whatever is played or kept ends. */
export function stopPlay(client: Client): Outcome {
  const state = client.player.state;
  client.offering = client.keeping = false;
  client.board.cancel(client.patience);
  if (state === PLAYER_PLAYING || state === PLAYER_SEEKING) end(client.player, PLAYER_STOPPED, REASON_NONE, 0);
  return 0;
}

/** OFFER: stream header 48 | sealed length 4 | sample rate 4, of the content that is sought, or of one to be kept. */
export function offer(client: Client, toKeep: boolean, data: Uint8Array): Outcome {
  if (data.length !== HEADER_LENGTH + 8) return -SW_LENGTH;
  if (!headerFits(data.subarray(0, HEADER_LENGTH)) || get32(data, HEADER_LENGTH) === 0) return -SW_DATA;
  if (toKeep) return keep(client, data);
  if (client.player.state !== PLAYER_SEEKING || !client.offering) return -SW_CONDITIONS;
  if (!holds(client, data)) return -SW_DATA;
  client.offering = false;
  takeHeader(client, data);
  openTitle(client);
  return 0;
}
