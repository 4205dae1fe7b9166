import { get32, isZero, none, put16, put32, scratch } from "../core/bytes.js";
import { SLOT_CLICKS } from "../core/device/identity.js";
import type { Device, Handler } from "../core/device/device.js";
import { sha256 } from "../core/hash/sha256.js";
import { journalDelete, journalGet, journalPut } from "../core/journal.js";
import { SW_CONDITIONS, SW_LENGTH, SW_NOT_FOUND, SW_OK } from "../core/link/apdu.js";
import { bulkReceive } from "../core/link/bulk.js";
import {
  AREAS,
  CLICK,
  CLICKS_LENGTH,
  DIRECTORY_HEAD,
  SECTION_BLOCK,
  addClicks,
  openDirectory,
  sectionAt,
} from "../core/protocol/adverts.js";
import { INS_GET_DATA, INS_PUT_DATA, INS_READ_CHUNKS, TAG_CLICKS } from "../core/protocol/constants.js";
import { exchange } from "./peers.js";
import { LOAN_SIZE, PLAYER_PLAYING, PLAYER_SEEKING, type Player } from "./state.js";

/** P1 of ADVERT: the place of an area, or all of them. */
export const ALL_AREAS = 255;
/** An icon area as a reader keeps it: advert id 8 | left, top, right, bottom | 1 when there is one. A reader has no use for the address. */
const AREA_USED = 12;
const AREA = AREA_USED + 1;
/** SHA-256 of the directory that was found genuine, zeros where there is none; then the areas. */
const found = new Uint8Array(32 + AREA * AREAS);
let listening = false;
const kept = scratch(CLICKS_LENGTH);

/** Keeps area `place` of a directory: advert id 8 | bounds 4 | address. */
function keepArea(player: Player, place: number, area: Uint8Array): void {
  const at = 32 + place * AREA;
  if (player.advert) player.advert(place << 8, area);
  else {
    found.set(area.subarray(0, AREA_USED), at);
    found[at + AREA_USED] = 1;
  }
}

/** The first of four areas of `size` bytes each around a point. A board with a button alone says 0, 0, and means the first area there is. */
export function areaAt(of: Uint8Array, size: number, x: number, y: number): Uint8Array | null {
  for (let i = 0; i < AREAS; i++) {
    const area = of.subarray(i * size, (i + 1) * size);
    if (area[AREA_USED] && ((x >= area[8] && y >= area[9] && x <= area[10] && y <= area[11]) || (x === 0 && y === 0))) return area;
  }
  return null;
}

/** Reads block `offset` of the adverts on the cartridge, one frame; `take` has it only during the call. */
function readBlock(player: Player, offset: number, take: (bytes: Uint8Array) => void, done: () => void): void {
  const cartridge = player.cartridge;
  put32(cartridge.data, 0, sectionAt(get32(player.loan, LOAN_SIZE)) + offset);
  put16(cartridge.data, 4, SECTION_BLOCK);
  put32(cartridge.data, 6, 1);
  exchange(cartridge, 0x80, INS_READ_CHUNKS, 0, 10, function (sw) {
    if (sw !== SW_OK) return done();
    bulkReceive(
      cartridge.link,
      function (_index, bytes, release) {
        take(bytes);
        release();
        return true;
      },
      done,
    );
  });
}

/** Takes the icon areas from the cartridge, when their directory is the center's for the loan of `player.key`; there need not be any. */
export function readDirectory(player: Player, done: () => void): void {
  player.state = PLAYER_SEEKING;
  found.fill(0);
  if (player.advert) player.advert(ALL_AREAS << 8, none);
  readBlock(
    player,
    0,
    function (bytes) {
      const length = openDirectory(bytes, player.key);
      let at = DIRECTORY_HEAD;
      if (length === 0) return;
      startTouch(player);
      sha256(found.subarray(0, 32), [bytes.subarray(0, length)]);
      for (let i = 0; i < bytes[1]; i++) {
        keepArea(player, i, bytes.subarray(at + 1, at + 1 + bytes[at]));
        at += 1 + bytes[at];
      }
    },
    done,
  );
}

/** Nothing is played, and no exchange with the cartridge is under way. */
export function isIdle(player: Player): boolean {
  return player.state !== PLAYER_PLAYING && player.state !== PLAYER_SEEKING && !player.card.waiting && !player.cartridge.waiting;
}

/**
 * READ ADVERTS, for whoever has the screen: without data the SHA-256 of the directory that was found genuine; with an offset, 4 bytes, up to 512 bytes of the section
 * from there on. Whoever shows a picture checks the directory against that hash, and the picture against the directory.
 */
export function readAdverts(player: Player, device: Device, data: Uint8Array, respond: Parameters<Handler>[4]): void {
  let length = 0;
  if (data.length === 0) {
    device.data.set(found.subarray(0, 32));
    return isZero(found.subarray(0, 32)) ? respond(SW_NOT_FOUND, 0) : respond(SW_OK, 32);
  }
  if (data.length !== 4) return respond(SW_LENGTH, 0);
  if (!isIdle(player) || !player.cartridge.channel.open) return respond(SW_CONDITIONS, 0);
  readBlock(
    player,
    get32(data, 0),
    function (bytes) {
      length = bytes.length;
      device.data.set(bytes);
    },
    function () {
      respond(length > 0 ? SW_OK : SW_NOT_FOUND, length);
    },
  );
}

/** Keeps a click that does not get out, in the journal. */
export function keepClick(player: Player, advert: Uint8Array): void {
  const journal = player.device.memory.journal;
  const length = journalGet(journal, SLOT_CLICKS, 0, kept);
  journalPut(journal, SLOT_CLICKS, 0, kept.subarray(0, addClicks(kept, length < 0 ? 0 : length, advert, 1)));
}

/** Hands clicks that were kept to the cartridge, which takes them to the return kiosk. A click is told once or, after a cut, never. */
export function handClicks(player: Player): void {
  const cartridge = player.cartridge;
  const journal = player.device.memory.journal;
  if (!cartridge.channel.open || !isIdle(player) || journalGet(journal, SLOT_CLICKS, 0, kept) <= 0) return;
  exchange(cartridge, 0, INS_GET_DATA, TAG_CLICKS, 0, function (sw, held) {
    const length = journalGet(journal, SLOT_CLICKS, 0, kept);
    if ((sw !== SW_OK && sw !== SW_NOT_FOUND) || !journalDelete(journal, SLOT_CLICKS, 0)) return;
    if (held > CLICKS_LENGTH) held = CLICKS_LENGTH;
    for (let at = 0; at < length; at += CLICK) held = addClicks(cartridge.data, held, kept.subarray(at, at + 8), get32(kept, at + 8));
    exchange(cartridge, 0, INS_PUT_DATA, TAG_CLICKS, held, function (put) {
      // What did not arrive is lost: better that than counted twice. What was clicked meanwhile follows, but not to whoever refuses clicks.
      if (put === SW_OK) handClicks(player);
    });
  });
}

/** A touch on a reader's screen, or its button. */
function touched(player: Player, x: number, y: number): void {
  const area = areaAt(found.subarray(32), AREA, x, y);
  if (!area) return;
  keepClick(player, area.subarray(0, 8));
  handClicks(player);
}

/** Listens for touches, from the first adverts on: before there is nothing to touch. */
function startTouch(player: Player): void {
  if (listening || player.advert || !player.board.onTouch) return;
  listening = true;
  player.board.onTouch(function (x, y) {
    touched(player, x, y);
  });
}
