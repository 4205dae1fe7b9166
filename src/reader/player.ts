import type { Board, Sink } from "../../boards/board.js";
import { equal, get32, none, put16, put32, scratch } from "../core/bytes.js";
import type { Device } from "../core/device/device.js";
import { SLOT_PLAY } from "../core/device/identity.js";
import { raiseFloor } from "../core/device/party.js";
import { sha256 } from "../core/hash/sha256.js";
import { journalGet, journalPut } from "../core/journal.js";
import { SW_OK } from "../core/link/apdu.js";
import { BULK_CONTENT, BULK_OK, bulkReceive } from "../core/link/bulk.js";
import {
  CUSTODY_CARD,
  CUSTODY_SPLIT,
  INS_END_PLAY,
  INS_GET_KEY,
  INS_GET_LOAN,
  INS_READ_CHUNKS,
  INS_REQUEST_KEY,
} from "../core/protocol/constants.js";
import {
  LICENSE_CARTRIDGE,
  LICENSE_CONTENT,
  LICENSE_ID,
  LICENSE_KEY,
  LICENSE_LENGTH,
  LICENSE_LOAN,
  LICENSE_PLAY,
  LICENSE_RECORD,
  LICENSE_TERMS,
  closePlay,
  openLicense,
  sealLicense,
} from "../core/protocol/license.js";
import { ENVELOPE_CONTEXT, envelopeContext, joinShares } from "../core/protocol/loan.js";
import { TERMS_CUSTODY, TERMS_LENGTH } from "../core/protocol/terms.js";
import { randomFill } from "../core/random.js";
import { open } from "../core/seal.js";
import { HEADER_CONTENT } from "../core/stream/header.js";
import { streamChunks, streamOpenChunk, streamStart, streamWipe } from "../core/stream/stream.js";
import { handClicks, readDirectory } from "./adverts.js";
import { openingStream } from "./opening.js";
import { exchange, type Peer } from "./peers.js";
import {
  PLAYER_IDLE,
  PLAYER_PLAYING,
  PLAYER_FINISHED,
  PLAYER_REFUSED,
  PLAYER_STOPPED,
  PLAYER_SEEKING,
  REASON_NONE,
  REASON_CARD,
  REASON_CARTRIDGE,
  REASON_LICENSE,
  REASON_KEY,
  REASON_CHUNK,
  REASON_LINK,
  LOAN_TERMS,
  LOAN_HEADER,
  LOAN_ENVELOPE,
  LOAN_SIZE,
  LOAN_RATE,
  LOAN_TIME,
  LOAN_LENGTH,
  CHUNK,
  type Player,
} from "./state.js";

const context = scratch(ENVELOPE_CONTEXT);
const digest = scratch(32);

export function createPlayer(device: Device, board: Board, sink: Sink, card: Peer, cartridge: Peer): Player {
  return {
    device,
    board,
    sink,
    card,
    cartridge,
    wanted: false,
    state: PLAYER_IDLE,
    reason: 0,
    sw: 0,
    detail: 0,
    chunk: 0,
    played: 0,
    startedAt: 0,
    loan: new Uint8Array(LOAN_LENGTH),
    license: new Uint8Array(LICENSE_LENGTH),
    play: new Uint8Array(33),
    key: new Uint8Array(32),
    other: new Uint8Array(32),
    stream: null,
    clear: none,
    fetch: receiveChunks,
    finish: closeLicense,
  };
}

/** Overwrites every secret of the play, and gives back what opened its chunks. */
export function wipe(player: Player): void {
  player.license.fill(0);
  player.key.fill(0);
  player.other.fill(0);
  player.clear.fill(0);
  player.clear = none;
  if (player.stream !== null) streamWipe(player.stream);
  player.stream = null;
}

/** Starts the stream with the title key in `player.other`, which is wiped; false when there is no such stream. */
export function beginStream(player: Player): boolean {
  const stream = player.stream || openingStream();
  const started = streamStart(stream, player.loan.subarray(LOAN_HEADER, LOAN_ENVELOPE), player.other);
  player.stream = stream;
  if (player.clear.length === 0) player.clear = new Uint8Array(CHUNK);
  player.other.fill(0);
  return started;
}

/** Ends without having played to the end. */
export function end(player: Player, state: number, reason: number, sw: number): void {
  if (player.state === PLAYER_PLAYING) player.sink.end();
  wipe(player);
  player.state = state;
  player.reason = reason;
  player.sw = sw;
  player.board.led(false);
}

/** A new play id for this loan, or the one that a cut left open; durable before the card is asked. */
export function choosePlay(player: Player): boolean {
  const play = player.play;
  const journal = player.device.memory.journal;
  if (journalGet(journal, SLOT_PLAY, 0, play) === 33 && play[32] === 1 && equal(play.subarray(0, 16), player.loan.subarray(0, 16)))
    return true;
  play.set(player.loan.subarray(0, 16));
  play[32] = 1;
  return randomFill(play.subarray(16, 32)) && journalPut(journal, SLOT_PLAY, 0, play);
}

/** Plays what the cartridge holds under the license on the card. Both sessions are open. */
export function play(player: Player): void {
  const cartridge = player.cartridge;
  player.detail = player.chunk = player.played = 0;
  player.state = PLAYER_IDLE;
  exchange(cartridge, 0x80, INS_GET_LOAN, 0, 0, function (sw, length) {
    if (sw !== SW_OK || length !== LOAN_LENGTH) return end(player, PLAYER_REFUSED, REASON_CARTRIDGE, sw);
    player.loan.set(cartridge.data.subarray(0, LOAN_LENGTH));
    player.device.memory.vouched = get32(player.loan, LOAN_TIME);
    raiseFloor(player.device.memory, get32(player.loan, LOAN_TIME));
    if (!choosePlay(player)) return end(player, PLAYER_REFUSED, REASON_KEY, 0);
    requestLicense(player);
  });
}

/** Asks the card for the license of this loan, and opens it with the key of its version. */
export function requestLicense(player: Player): void {
  const card = player.card;
  const loan = player.loan;
  const contentId = loan.subarray(LOAN_HEADER + HEADER_CONTENT, LOAN_HEADER + HEADER_CONTENT + 16);
  card.data.set(contentId);
  card.data.set(player.play.subarray(0, 32), 16);
  card.data.set(loan.subarray(LOAN_TIME, LOAN_TIME + 4), 48);
  exchange(card, 0x80, INS_REQUEST_KEY, 0, 52, function (sw, length) {
    const license = player.license;
    player.detail = length === 1 ? card.data[0] : 0;
    if (sw !== SW_OK || length !== LICENSE_RECORD + 32) return end(player, PLAYER_REFUSED, REASON_CARD, sw);
    player.key.set(card.data.subarray(LICENSE_RECORD, LICENSE_RECORD + 32));
    if (
      !openLicense(license, player.key, card.data.subarray(0, LICENSE_RECORD)) ||
      !equal(license.subarray(LICENSE_LOAN, LICENSE_LOAN + 16), loan.subarray(0, 16)) ||
      !equal(license.subarray(LICENSE_CONTENT, LICENSE_CONTENT + 16), contentId) ||
      (fromCartridge(player) &&
        (!equal(license.subarray(LICENSE_TERMS, LICENSE_TERMS + TERMS_LENGTH), loan.subarray(LOAN_TERMS, LOAN_HEADER)) ||
          !equal(license.subarray(LICENSE_CARTRIDGE, LICENSE_TERMS), player.cartridge.channel.peer.subarray(0, 8)))) ||
      !equal(license.subarray(LICENSE_PLAY, LICENSE_PLAY + 16), player.play.subarray(16, 32))
    )
      return end(player, PLAYER_REFUSED, REASON_LICENSE, 0);
    card.data.fill(0, 0, LICENSE_RECORD + 32);
    player.key.set(license.subarray(LICENSE_KEY, LICENSE_KEY + 32));
    if (fromCartridge(player)) requestShare(player);
    else openEnvelope(player);
  });
}

/** The loan is that of the cartridge in the slot. */
function fromCartridge(player: Player): boolean {
  return player.loan[LOAN_TERMS] !== 0;
}

/** Asks the cartridge for the loan key, or for its share; where the card keeps the key, for leave to use this version of the license. */
function requestShare(player: Player): void {
  const cartridge = player.cartridge;
  const custody = player.license[LICENSE_TERMS + TERMS_CUSTODY];
  cartridge.data.set(player.license.subarray(0, 4));
  cartridge.data.set(player.play.subarray(16, 32), 4);
  exchange(cartridge, 0x80, INS_GET_KEY, 0, 20, function (sw, length) {
    if (sw !== SW_OK || length !== (custody === CUSTODY_CARD ? 0 : 32)) return end(player, PLAYER_REFUSED, REASON_CARTRIDGE, sw);
    player.other.set(cartridge.data.subarray(0, 32));
    cartridge.data.fill(0, 0, 32);
    if (custody === CUSTODY_SPLIT) joinShares(player.key, player.other, player.key, player.loan.subarray(0, 16));
    else if (custody !== CUSTODY_CARD) player.key.set(player.other);
    player.other.fill(0);
    openEnvelope(player);
  });
}

/** Takes the title key out of the envelope and starts the stream. */
function openEnvelope(player: Player): void {
  function go(): void {
    if (player.state !== PLAYER_SEEKING) return wipe(player);
    player.key.fill(0);
    player.fetch(player);
  }
  const loan = player.loan;
  const license = player.license;
  const header = loan.subarray(LOAN_HEADER, LOAN_ENVELOPE);
  sha256(digest, [header]);
  envelopeContext(
    context,
    digest,
    loan.subarray(0, 16),
    license.subarray(LICENSE_CARTRIDGE, LICENSE_TERMS),
    license.subarray(LICENSE_TERMS, LICENSE_TERMS + TERMS_LENGTH),
    get32(loan, LOAN_SIZE),
    get32(loan, LOAN_RATE),
  );
  if (!open(player.other, player.key, context, loan.subarray(LOAN_ENVELOPE, LOAN_SIZE)) || !beginStream(player))
    return end(player, PLAYER_REFUSED, REASON_KEY, 0);
  if (fromCartridge(player)) readDirectory(player, go);
  else go();
}

/** The content begins to play. */
export function begin(player: Player): void {
  player.state = PLAYER_PLAYING;
  player.startedAt = player.board.now();
  player.board.led(true);
  player.sink.begin(get32(player.loan, LOAN_RATE));
}

/** Opens and checks one sealed chunk, and only then plays it; false, and the play stopped, when it is not genuine. `release` when the sink has room again. */
export function playChunk(player: Player, index: number, last: boolean, bytes: Uint8Array, release: () => void): boolean {
  const stream = player.stream;
  const length = stream !== null && player.state === PLAYER_PLAYING ? streamOpenChunk(stream, index, last, bytes, player.clear) : 0;
  if (player.state !== PLAYER_PLAYING) return false;
  if (length < 0) {
    player.chunk = index;
    end(player, PLAYER_STOPPED, REASON_CHUNK, 0);
    return false;
  }
  player.played += length;
  if (length === 0) release();
  else player.sink.write(player.clear.subarray(0, length), release);
  return true;
}

/** The content has been played to its end; answers the seconds that it took. */
export function finished(player: Player): number {
  player.state = PLAYER_FINISHED;
  player.reason = REASON_NONE;
  player.sw = SW_OK;
  player.sink.end();
  player.board.led(false);
  return ((player.board.now() - player.startedAt) / 1000) >>> 0;
}

/** Fetches the sealed chunks from the cartridge, one after the other; the next is let in when the sink has room. */
export function receiveChunks(player: Player): void {
  const cartridge = player.cartridge;
  const stream = player.stream;
  const size = stream === null ? 0 : stream.sealedChunk;
  const count = stream === null ? 0 : streamChunks(stream, get32(player.loan, LOAN_SIZE));
  if (count === 0 || size > BULK_CONTENT) return end(player, PLAYER_REFUSED, REASON_CHUNK, 0);
  put32(cartridge.data, 0, 0);
  put16(cartridge.data, 4, size);
  put32(cartridge.data, 6, count);
  exchange(cartridge, 0x80, INS_READ_CHUNKS, 0, 10, function (sw) {
    if (sw !== SW_OK) return end(player, PLAYER_REFUSED, REASON_CARTRIDGE, sw);
    begin(player);
    bulkReceive(
      cartridge.link,
      function (index, bytes, release) {
        return playChunk(player, index, index === count - 1, bytes, release);
      },
      function (status) {
        if (player.state !== PLAYER_PLAYING) return;
        if (status !== BULK_OK) return end(player, PLAYER_STOPPED, REASON_LINK, 0);
        player.finish(player);
      },
    );
  });
}

/** The content has been played: the license's conditions are updated, sealed under the key of the next version, and written back to the card. */
export function closeLicense(player: Player): void {
  const card = player.card;
  const license = player.license;
  const seconds = finished(player);
  card.data.set(license.subarray(LICENSE_ID, LICENSE_ID + 16));
  card.data.set(player.play.subarray(16, 32), 16);
  exchange(card, 0x80, INS_END_PLAY, 0, 32, function (sw, length) {
    if (sw !== SW_OK || length !== 32) {
      wipe(player);
      return handClicks(player);
    }
    player.key.set(card.data.subarray(0, 32));
    closePlay(license, seconds);
    sealLicense(card.data.subarray(0, LICENSE_RECORD), player.key, license);
    wipe(player);
    exchange(card, 0x80, INS_END_PLAY, 1, LICENSE_RECORD, function (updated) {
      if (updated === SW_OK) {
        player.play[32] = 0;
        journalPut(player.device.memory.journal, SLOT_PLAY, 0, player.play);
      }
      handClicks(player);
    });
  });
}

/**
 * STATUS: state, reason, status word 2, detail, open sessions (bit 0 card, bit 1 cartridge), chunk 4, bytes played 4, status words of the last failed
 * authentication of card and of cartridge, 2 each.
 */
export function describePlayer(player: Player, out: Uint8Array): number {
  out[0] = player.state;
  out[1] = player.reason;
  put16(out, 2, player.sw);
  out[4] = player.detail;
  out[5] = (player.card.channel.open ? 1 : 0) | (player.cartridge.channel.open ? 2 : 0);
  put32(out, 6, player.chunk);
  put32(out, 10, player.played);
  put16(out, 14, player.card.refusal);
  put16(out, 16, player.cartridge.refusal);
  return 18;
}
