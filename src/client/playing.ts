import { equal, get16, get32, put16, put32 } from "../core/bytes.js";
import { whenIdle, workDone } from "../core/device/device.js";
import { SLOT_CONTENT } from "../core/device/identity.js";
import { sha256 } from "../core/hash/sha256.js";
import { journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_LENGTH, SW_NO_ROOM, SW_OK } from "../core/link/apdu.js";
import { BULK_CONTENT, bulkReceive } from "../core/link/bulk.js";
import {
  ORDER_CONTEXT,
  PERIOD_CONTENT,
  PERIOD_END,
  PERIOD_KEY,
  PERIOD_LENGTH,
  PERIOD_START,
  orderContext,
  titleContext,
} from "../core/protocol/client.js";
import { INS_GET_LOAN } from "../core/protocol/constants.js";
import {
  LICENSE_CONTENT,
  LICENSE_ID,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_OPEN,
  LICENSE_PLAY,
  LICENSE_TERMS,
  USE_ALLOWED,
  USE_TIME_UNKNOWN,
  USE_TOO_EARLY,
  USE_TOO_LATE,
  closePlay,
  debitPlay,
} from "../core/protocol/license.js";
import { TERMS_NOT_BEFORE } from "../core/protocol/terms.js";
import { randomFill } from "../core/random.js";
import { open } from "../core/seal.js";
import { HEADER_CONTENT, HEADER_LENGTH, headerFits } from "../core/stream/header.js";
import { streamChunks, streamStart } from "../core/stream/stream.js";
import { authenticatePeer, exchange, type Peer } from "../reader/peers.js";
import {
  LOAN_ENVELOPE,
  LOAN_HEADER,
  LOAN_LENGTH,
  LOAN_RATE,
  LOAN_SIZE,
  LOAN_TIME,
  PLAYER_PLAYING,
  PLAYER_REFUSED,
  PLAYER_SEEKING,
  PLAYER_STOPPED,
  REASON_CARD,
  REASON_CHUNK,
  REASON_KEY,
  REASON_LICENSE,
  REASON_LINK,
  REASON_NONE,
  begin,
  choosePlay,
  closeLicense,
  describePlayer,
  end,
  finished,
  playChunk,
  receiveChunks,
  requestLicense,
} from "../reader/player.js";
import { OWN_EPOCH, OWN_LENGTH, OWN_TITLE, own, seekOwn, storeOwn } from "./licenses.js";
import { PERIOD_HELD, countPlay, expire, period, readPeriod, seekPeriod } from "./periods.js";
import {
  RIGHT_CARD,
  RIGHT_LICENSE,
  RIGHT_PERIOD,
  SOURCE_CARTRIDGE,
  SOURCE_HOST,
  SOURCE_STORE,
  WANTS_BYTES,
  WANTS_OFFER,
  type Client,
  type Outcome,
} from "./state.js";
import { earliest, latest } from "./time.js";

/** Why a client refuses, besides the reader's reasons: nothing gives it a right to this content. */
export const REASON_RIGHT = 7;

/** Stream header 48 | sealed length 4 | sample rate 4 | 1 when complete. */
export const KEPT_LENGTH = HEADER_LENGTH + 9;
/** PLAY: content id 16 | id 16 | envelope 48. */
const WANTED_ENVELOPE = 32;
export const WANTED_LENGTH = 80;
/** Milliseconds that a host may take to bring what is wanted. */
const PATIENCE = 60000;
/** Milliseconds to the next try while arithmetic is under way. */
const AGAIN = 500;

const context = new Uint8Array(ORDER_CONTEXT);
const digest = new Uint8Array(32);
const playId = new Uint8Array(16);

function refuse(client: Client, reason: number, detail: number, sw: number): void {
  client.offering = false;
  client.player.detail = detail;
  end(client.player, PLAYER_REFUSED, reason, sw);
}

/** Gives the host some time for what is wanted of it. */
function wait(client: Client): void {
  client.board.cancel(client.patience);
  client.patience = client.board.after(PATIENCE, function () {
    if (client.player.state === PLAYER_SEEKING || client.player.state === PLAYER_PLAYING) {
      client.offering = false;
      end(client.player, PLAYER_STOPPED, REASON_LINK, 0);
    }
    client.keeping = false;
  });
}

/** The right to what is wanted, with what it says about times; false, and refused, where there is none. */
function chooseRight(client: Client): boolean {
  const wanted = client.wanted;
  const content = wanted.subarray(0, 16);
  let place = client.given ? seekPeriod(client, wanted.subarray(16, 32)) : -1;
  let late = 0;
  client.right = RIGHT_CARD;
  if (place >= 0) {
    client.right = RIGHT_PERIOD;
    client.end = get32(period, PERIOD_END);
    if (!equal(period.subarray(PERIOD_CONTENT, PERIOD_START), content)) late = 7;
    else if (readPeriod(client, place) !== PERIOD_HELD || latest(client) >= client.end) late = USE_TOO_LATE;
    else if (earliest(client) === 0) late = USE_TIME_UNKNOWN;
    else if (earliest(client) < get32(period, PERIOD_START)) late = USE_TOO_EARLY;
    period.fill(0);
  } else if (!client.given) {
    place = seekOwn(client, LICENSE_CONTENT, content, OWN_LENGTH);
    own.fill(0);
    if (place >= 0) client.right = RIGHT_LICENSE;
  }
  client.place = place;
  if (late === 0 && (client.right !== RIGHT_CARD || client.player.card.present)) return true;
  refuse(client, REASON_RIGHT, late < 7 ? late : 0, 0);
  return false;
}

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
  if (device.waiting !== null) {
    client.board.after(AGAIN, function () {
      client.seeking = false;
      advance(client);
    });
    return;
  }
  whenIdle(device, function () {
    authenticatePeer(device, peer, function () {
      client.seeking = false;
      workDone(device);
      advance(client);
    });
  });
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
  if (client.right === RIGHT_PERIOD) openByPeriod(client);
  else openByLicense(client);
}

/** Starts the stream with the title key in `player.other`. */
function startStream(client: Client): void {
  const player = client.player;
  const started = streamStart(player.stream, player.loan.subarray(LOAN_HEADER, LOAN_ENVELOPE), player.other);
  player.other.fill(0);
  if (started) fetch(client);
  else refuse(client, REASON_KEY, 0, 0);
}

/** The title key in the order's envelope. */
function openByPeriod(client: Client): void {
  const player = client.player;
  const loan = player.loan;
  let genuine = false;
  readPeriod(client, client.place);
  orderContext(
    context,
    digest,
    period.subarray(0, 16),
    client.device.memory.party.id,
    period.subarray(PERIOD_START, PERIOD_KEY),
    get32(loan, LOAN_SIZE),
    get32(loan, LOAN_RATE),
  );
  genuine = open(player.other, period.subarray(PERIOD_KEY, PERIOD_LENGTH), context, client.wanted.subarray(WANTED_ENVELOPE));
  period.fill(0);
  if (!genuine) return next(client);
  countPlay(client, client.place);
  startStream(client);
}

/** The title key in the license. A play is debited, durably, before anything is released. */
function openByLicense(client: Client): void {
  const player = client.player;
  const memory = client.device.memory;
  const loan = player.loan;
  const license = own.subarray(0, LICENSE_LENGTH);
  const time = earliest(client);
  let status = USE_ALLOWED;
  seekOwn(client, LICENSE_CONTENT, client.wanted.subarray(0, 16), OWN_LENGTH);
  titleContext(
    context,
    digest,
    own.subarray(LICENSE_ID, LICENSE_ID + 16),
    get32(loan, LOAN_SIZE),
    get32(loan, LOAN_RATE),
    own.subarray(OWN_EPOCH, OWN_TITLE),
  );
  if (!open(player.other, own.subarray(LICENSE_KEY, LICENSE_LENGTH), context.subarray(0, 60), own.subarray(OWN_TITLE, OWN_TITLE + 48))) {
    own.fill(0);
    return next(client);
  }
  if (license[LICENSE_OPEN] === 1) playId.set(license.subarray(LICENSE_PLAY, LICENSE_PLAY + 16));
  else if (!randomFill(playId)) status = USE_TIME_UNKNOWN;
  if (time !== 0 && time < get32(license, LICENSE_TERMS + TERMS_NOT_BEFORE)) status = USE_TOO_EARLY;
  if (status === USE_ALLOWED) status = debitPlay(license, memory.party.id, playId, time === 0 ? 0 : latest(client), memory.party.floor());
  player.license.set(license);
  if (status === USE_ALLOWED && !storeOwn(client, client.place, OWN_LENGTH)) status = -1;
  own.fill(0);
  if (status === USE_ALLOWED) startStream(client);
  else refuse(client, status < 0 ? REASON_KEY : REASON_LICENSE, status < 0 ? 0 : status, 0);
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

/** The stream is ready: fetches the sealed content from where it is. */
export function fetch(client: Client): void {
  const player = client.player;
  const stream = player.stream;
  if (client.source === SOURCE_CARTRIDGE) return receiveChunks(player);
  client.next = 0;
  client.total = get32(player.loan, LOAN_SIZE);
  client.frame = stream.sealedChunk;
  client.pending = false;
  client.release = null;
  if (streamChunks(stream, client.total) === 0 || client.frame > BULK_CONTENT) return refuse(client, REASON_CHUNK, 0, 0);
  begin(player);
  if (client.source === SOURCE_STORE) pump(client);
  else wait(client);
}

/** Plays the next chunk; false, and the play stopped, when it is not genuine or the period is over. */
function feed(client: Client, bytes: Uint8Array, release: (() => void) | null): boolean {
  const player = client.player;
  const index = Math.floor(client.next / client.frame);
  if (player.state !== PLAYER_PLAYING || client.pending) return false;
  if (client.right === RIGHT_PERIOD && latest(client) >= client.end) {
    player.detail = USE_TOO_LATE;
    end(player, PLAYER_STOPPED, REASON_RIGHT, 0);
    expire(client);
    return false;
  }
  client.pending = true;
  client.release = release;
  client.next += bytes.length;
  return playChunk(player, index, client.next >= client.total, bytes, client.released);
}

/** The sink has room again: the next chunk, or the end. */
export function released(client: Client): void {
  const release = client.release;
  if (!client.pending) return;
  client.pending = false;
  client.release = null;
  if (client.player.state === PLAYER_PLAYING && client.next >= client.total) client.player.finish(client.player);
  if (release !== null) release();
  else if (client.player.state === PLAYER_PLAYING && client.source === SOURCE_STORE) pump(client);
}

/** The next chunk out of the own store. The cartridge's buffer is free meanwhile. */
function pump(client: Client): void {
  const store = client.board.contentStore;
  const left = client.total - client.next;
  const bytes = client.player.cartridge.data.subarray(0, left < client.frame ? left : client.frame);
  if (store === undefined || !store.read(client.next, bytes)) end(client.player, PLAYER_STOPPED, REASON_CHUNK, 0);
  else feed(client, bytes, null);
}

/** The content has been played to its end. */
export function finishPlay(client: Client): void {
  const player = client.player;
  let seconds = 0;
  client.board.cancel(client.patience);
  if (client.right === RIGHT_CARD) return closeLicense(player);
  seconds = finished(player);
  if (client.right === RIGHT_LICENSE) {
    const place = seekOwn(client, LICENSE_ID, player.license.subarray(LICENSE_ID, LICENSE_ID + 16), OWN_LENGTH);
    if (place >= 0) {
      closePlay(own.subarray(0, LICENSE_LENGTH), seconds);
      storeOwn(client, place, OWN_LENGTH);
    }
    own.fill(0);
  }
  end(player, player.state, REASON_NONE, SW_OK);
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
  if (chooseRight(client))
    client.board.after(0, function () {
      advance(client);
    });
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
  const state = client.player.state;
  const store = client.board.contentStore;
  const length = get32(data, HEADER_LENGTH);
  const kept = client.kept;
  if (data.length !== HEADER_LENGTH + 8) return -SW_LENGTH;
  if (!headerFits(data.subarray(0, HEADER_LENGTH)) || length === 0) return -SW_DATA;
  if (!toKeep) {
    if (state !== PLAYER_SEEKING || !client.offering) return -SW_CONDITIONS;
    if (!holds(client, data)) return -SW_DATA;
    client.offering = false;
    takeHeader(client, data);
    openTitle(client);
    return 0;
  }
  if (state === PLAYER_SEEKING || state === PLAYER_PLAYING) return -SW_CONDITIONS;
  if (store === undefined || length > store.capacity) return -SW_NO_ROOM;
  kept.set(data);
  kept[KEPT_LENGTH - 1] = 0;
  if (!storeKept(client)) return -SW_FAILURE;
  if (!store.reset(length)) return -SW_NO_ROOM;
  client.keeping = true;
  client.next = 0;
  client.total = length;
  client.frame = BULK_CONTENT;
  wait(client);
  return 0;
}

function storeKept(client: Client): boolean {
  return journalPut(client.device.memory.journal, SLOT_CONTENT, 0, client.kept);
}

export function loadKept(client: Client): void {
  if (journalGet(client.device.memory.journal, SLOT_CONTENT, 0, client.kept) !== KEPT_LENGTH) client.kept.fill(0);
}

/** Puts the next frame into the own store; complete content counts from its last byte on. */
function keepFrame(client: Client, bytes: Uint8Array): boolean {
  const store = client.board.contentStore;
  if (store === undefined || !client.keeping || client.next + bytes.length > client.total || !store.write(client.next, bytes)) {
    client.keeping = false;
    return false;
  }
  client.next += bytes.length;
  if (client.next === client.total) {
    client.keeping = false;
    client.kept[KEPT_LENGTH - 1] = 1;
    return storeKept(client);
  }
  return true;
}

/** True while the host should bring bytes. */
function wantsBytes(client: Client): boolean {
  if (client.keeping) return true;
  return client.player.state === PLAYER_PLAYING && client.source === SOURCE_HOST && !client.pending && client.next < client.total;
}

/** SUPPLY: offset 4 | number of frames 2; after the answer the frames come. */
export function supply(client: Client, data: Uint8Array, respond: (sw: number, length: number) => void): void {
  const offset = get32(data, 0);
  const count = get16(data, 4);
  if (data.length !== 6) return respond(SW_LENGTH, 0);
  if (!wantsBytes(client) || offset !== client.next || count < 1 || offset + (count - 1) * client.frame >= client.total)
    return respond(SW_CONDITIONS, 0);
  respond(SW_OK, 0);
  wait(client);
  bulkReceive(
    client.device.link,
    function (_index, bytes, release) {
      if (!client.keeping) return feed(client, bytes, release);
      if (!keepFrame(client, bytes)) return false;
      release();
      return true;
    },
    function () {
      // What has not come is wanted again, as STATUS says.
    },
  );
}

/** STATUS: as a reader's, then source 1 | wanted 1 | next offset 4 | length in all 4 | bytes of a frame 2 | time 4. */
export function describeClient(client: Client): Outcome {
  const out = client.device.data;
  const at = describePlayer(client.player, out);
  out[at] = client.source;
  out[at + 1] = client.offering ? WANTS_OFFER : wantsBytes(client) ? WANTS_BYTES : 0;
  put32(out, at + 2, client.next);
  put32(out, at + 6, client.total);
  put16(out, at + 10, client.frame);
  put32(out, at + 12, earliest(client));
  return at + 16;
}
