import { get32 } from "../core/bytes.js";
import { SW_OK } from "../core/link/apdu.js";
import { BULK_CONTENT } from "../core/link/bulk.js";
import { LICENSE_ID, LICENSE_LENGTH, USE_TOO_LATE, closePlay } from "../core/protocol/license.js";
import { streamChunks } from "../core/stream/stream.js";
import { begin, closeLicense, end, finished, playChunk, receiveChunks } from "../reader/player.js";
import {
  LOAN_SIZE,
  PLAYER_PLAYING,
  PLAYER_REFUSED,
  PLAYER_SEEKING,
  PLAYER_STOPPED,
  REASON_CHUNK,
  REASON_LINK,
  REASON_NONE,
} from "../reader/state.js";
import { OWN_LENGTH, own, seekOwn, storeOwn } from "./licenses.js";
import { expire } from "./periods.js";
import { type Client, RIGHT_CARD, RIGHT_LICENSE, RIGHT_PERIOD, SOURCE_CARTRIDGE, SOURCE_STORE } from "./state.js";
import { latest } from "./time.js";

/** Why a client refuses, besides the reader's reasons: nothing gives it a right to this content. */
export const REASON_RIGHT = 7;

/** Milliseconds that a host may take to bring what is wanted. */
const PATIENCE = 60000;

export function refuse(client: Client, reason: number, detail: number, sw: number): void {
  client.offering = false;
  client.player.detail = detail;
  end(client.player, PLAYER_REFUSED, reason, sw);
}

/** Gives the host some time for what is wanted of it. */
export function wait(client: Client): void {
  client.board.cancel(client.patience);
  client.patience = client.board.after(PATIENCE, client.giveUp);
}

/** The host has not brought what was wanted. */
export function giveUp(client: Client): void {
  if (client.player.state === PLAYER_SEEKING || client.player.state === PLAYER_PLAYING) {
    client.offering = false;
    end(client.player, PLAYER_STOPPED, REASON_LINK, 0);
  }
  client.keeping = false;
}

/** The stream is ready: fetches the sealed content from where it is. */
export function fetch(client: Client): void {
  const player = client.player;
  const stream = player.stream;
  if (client.source === SOURCE_CARTRIDGE) return receiveChunks(player);
  client.next = 0;
  client.total = get32(player.loan, LOAN_SIZE);
  client.frame = stream === null ? 0 : stream.sealedChunk;
  client.pending = false;
  client.release = null;
  if (stream === null || streamChunks(stream, client.total) === 0 || client.frame > BULK_CONTENT) return refuse(client, REASON_CHUNK, 0, 0);
  begin(player);
  if (client.source === SOURCE_STORE) pump(client);
  else wait(client);
}

/** Plays the next chunk; false, and the play stopped, when it is not genuine or the period is over. */
export function feed(client: Client, bytes: Uint8Array, release: (() => void) | null): boolean {
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
