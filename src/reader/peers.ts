import type { Device } from "../core/device/device.js";
import { introduce } from "../core/device/personalization.js";
import { TICKET_LENGTH } from "../core/device/identity.js";
import { pairWith } from "../core/device/party.js";
import { SW_OK, encodeCommand } from "../core/link/apdu.js";
import { get16, get32, put16, scratch } from "../core/bytes.js";
import { createHostLink } from "../core/link/host.js";
import { LINK_NO_ANSWER, linkSend, type Link, type Port } from "../core/link/t1.js";
import {
  INS_GENERAL_AUTHENTICATE,
  INS_GET_DATA,
  MESSAGE_LENGTH,
  PROTOCOL_VERSION,
  ROLE_CARTRIDGE,
  TAG_DEVICE,
  TAG_MAILBOX,
} from "../core/protocol/constants.js";
import { abandonHandshake, handshakeBegin, handshakeStep, prepareEphemeral } from "../core/protocol/handshake.js";
import { closeChannel, createChannel, openMessage, sealMessage, type Channel } from "../core/protocol/session.js";

/** A device in one of the reader's slots: a link in host role and the session over it. */
export interface Peer {
  link: Link;
  channel: Channel;
  buffer: Uint8Array;
  /** Data of the command to send, and of the last answer: `buffer` from `PEER_DATA` on. */
  data: Uint8Array;
  role: number;
  present: boolean;
  /** It was put in anew while it authenticates: what comes of that is no refusal. */
  anew: boolean;
  /** Status word of the last refusal, or 0. */
  refusal: number;
  /** Called when the peer's answer to reset arrives: somebody has just put it in. */
  inserted: ((peer: Peer) => void) | null;
  /** Called with the status word and the length of the answer's data; then idle. */
  waiting: ((sw: number, length: number) => void) | null;
}

/** Command data lie here: after a header of 7 bytes (extended length) and a session's tag of 16. */
export const PEER_DATA = 23;
/** Status word of our own for a link that broke: nothing came back. */
export const SW_NO_ANSWER = 0;

/** A ticket as it travels. */
const TICKET_SEALED = 16 + TICKET_LENGTH;

const header = scratch(4);
const pairId = scratch(8);
const context = scratch(16);

/**
 * Sends a command to a peer; its data are `length` bytes at `peer.data`. In a session the command and its answer are sealed.
 *
 * @param tag - P1 P2
 * @param done - called once, with the status word and the length of the answer's data, which are then at `peer.data`; status 0 when nothing came back
 */
export function exchange(
  peer: Peer,
  cla: number,
  ins: number,
  tag: number,
  length: number,
  done: (sw: number, length: number) => void,
): void {
  const buffer = peer.buffer;
  const sealed = peer.channel.open;
  let from = PEER_DATA;
  let total = length;
  if (sealed) {
    header[0] = cla | 0x0c;
    header[1] = ins;
    put16(header, 2, tag);
    total += 16;
    sealMessage(peer.channel, header, buffer.subarray(from - 16, from + length));
    from -= 16;
  } else {
    header[0] = cla;
    header[1] = ins;
    put16(header, 2, tag);
  }
  peer.waiting = done;
  linkSend(peer.link, encodeCommand(buffer, get32(header, 0), total > 0 ? buffer.subarray(from, from + total) : null, 65536));
}

/** An answer has come in: opens it and hands it on. */
function answered(peer: Peer, length: number): void {
  const buffer = peer.buffer;
  const done = peer.waiting;
  let sw = SW_NO_ANSWER;
  let size = length - 2;
  if (done === null) return;
  peer.waiting = null;
  // Nothing of ours is that long, and there is no room behind it for what it holds.
  if (size > peer.data.length) closeChannel(peer.channel);
  else if (length >= 2) {
    sw = get16(buffer, size);
    if (peer.channel.open && size >= 16) {
      header[0] = 0;
      header[1] = 0;
      put16(header, 2, sw);
      if (openMessage(peer.channel, header, buffer.subarray(0, size))) {
        size -= 16;
        buffer.set(buffer.subarray(16, 16 + size), PEER_DATA);
      } else sw = SW_NO_ANSWER;
    } else if (peer.channel.open) {
      closeChannel(peer.channel);
      size = 0;
      if (sw === SW_OK) sw = SW_NO_ANSWER;
    } else buffer.set(buffer.subarray(0, size), PEER_DATA);
  }
  done(sw, sw === SW_NO_ANSWER ? 0 : size);
}

/** The peer went silent: the session is over, and whoever waits is told. */
export function lost(peer: Peer): void {
  const done = peer.waiting;
  peer.waiting = null;
  closeChannel(peer.channel);
  if (done !== null) done(SW_NO_ANSWER, 0);
}

/** A slot of the reader, listening. */
export function createPeer(device: Device, port: Port, role: number): Peer {
  const buffer = new Uint8Array(MESSAGE_LENGTH);
  const peer: Peer = {
    link: createHostLink(port, device.board, buffer, function () {
      // nothing is expected until the receiver below is set
    }),
    channel: createChannel(),
    buffer,
    data: buffer.subarray(PEER_DATA),
    role,
    present: false,
    anew: false,
    refusal: 0,
    inserted: null,
    waiting: null,
  };
  peer.link.onMessage = function (length) {
    answered(peer, length);
  };
  peer.link.onReset = function () {
    lost(peer);
    peer.present = peer.anew = true;
    peer.refusal = 0;
    if (peer.inserted !== null) peer.inserted(peer);
  };
  peer.link.onFailure = function (reason) {
    if (reason === LINK_NO_ANSWER) peer.present = false;
    lost(peer);
  };
  return peer;
}

/**
 * Authenticates a peer as initiator: by the pair that the two share where there is one, else, and where the peer knows no such pair, by
 * certificates.
 *
 * @param done - called with true and the session open; or false, `peer.refusal` telling the peer's status word (or our own SW_SECURITY)
 */
export function authenticatePeer(device: Device, peer: Peer, done: (authenticated: boolean) => void): void {
  const h = device.handshake;
  let pair = -1;
  let step = 1;
  function fail(sw: number): void {
    peer.refusal = peer.anew ? 0 : sw;
    abandonHandshake(h);
    h.channel = device.channel;
    done(false);
  }
  function send(length: number): void {
    const finished = h.step === 0;
    if (length < 0) return fail(0x6982);
    if (finished && length === 0 && peer.channel.open) {
      h.channel = device.channel;
      peer.refusal = 0;
      done(true);
      return;
    }
    exchange(peer, 0, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | step, length, function (sw, size) {
      step++;
      if (sw === SW_OK) handshakeStep(h, peer.data, size, send);
      else if (pair >= 0 && h.step === 1 && sw !== SW_NO_ANSWER) {
        abandonHandshake(h);
        pair = -1;
        begin();
      } else fail(sw);
    });
  }
  function begin(): void {
    step = 1;
    if (pair >= 0) send(handshakeBegin(h, peer.data, context, peer.role, pairId, pair));
    else
      prepareEphemeral(h, function () {
        send(handshakeBegin(h, peer.data, context, peer.role, null, 0));
      });
  }
  /** A cartridge may bring introductions home: two tickets for this reader. Those of others, or taken before, are refused and change nothing. */
  function readMail(): void {
    exchange(peer, 0, INS_GET_DATA, TAG_MAILBOX, 0, function (sw, length) {
      if (sw === SW_NO_ANSWER) return fail(sw);
      if (length === 2 * TICKET_SEALED) {
        introduce(device, peer.data.subarray(0, TICKET_SEALED));
        introduce(device, peer.data.subarray(TICKET_SEALED, 2 * TICKET_SEALED));
      }
      identify();
    });
  }
  function identify(): void {
    exchange(peer, 0, INS_GET_DATA, TAG_DEVICE, 0, function (sw, length) {
      if (sw !== SW_OK || length < 28) return fail(sw);
      pair = pairWith(device.memory, peer.data.subarray(4, 12), pairId);
      begin();
    });
  }
  closeChannel(peer.channel);
  peer.anew = false;
  h.channel = peer.channel;
  if (peer.role === ROLE_CARTRIDGE) readMail();
  else identify();
}
