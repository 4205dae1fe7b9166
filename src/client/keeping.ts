import { get16, get32, put16, put32 } from "../core/bytes.js";
import { SLOT_CONTENT } from "../core/device/identity.js";
import { journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_FAILURE, SW_LENGTH, SW_NO_ROOM, SW_OK } from "../core/link/apdu.js";
import { BULK_CONTENT, bulkReceive } from "../core/link/bulk.js";
import { HEADER_LENGTH } from "../core/stream/header.js";
import { describePlayer } from "../reader/player.js";
import { PLAYER_PLAYING, PLAYER_SEEKING } from "../reader/state.js";
import { type Client, type Outcome, SOURCE_HOST, WANTS_BYTES, WANTS_OFFER } from "./state.js";
import { feed, wait } from "./streaming.js";
import { earliest } from "./time.js";

/** Stream header 48 | sealed length 4 | sample rate 4 | 1 when complete. */
export const KEPT_LENGTH = HEADER_LENGTH + 9;

/** The half of OFFER that begins to keep a content: its header and lengths, whose form has been checked. */
export function keep(client: Client, data: Uint8Array): Outcome {
  const state = client.player.state;
  const store = client.board.contentStore;
  const length = get32(data, HEADER_LENGTH);
  const kept = client.kept;
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
