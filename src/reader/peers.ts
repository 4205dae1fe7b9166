import type { Device } from "../core/device/device.js";
import { introduce } from "../core/device/personalization.js";
import { TICKET_LENGTH } from "../core/device/identity.js";
import { pairWith } from "../core/device/known-peers.js";
import { SW_OK, encodeCommand } from "../core/link/apdu.js";
import { get16, get32, put16, scratch } from "../core/bytes.js";
import { rest } from "../core/rest.js";
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
  /** Authentication: the device's own part, the message that comes next, and the generation of the pair to resume or -1. */
  device: Device;
  step: number;
  pair: number;
  /** Goes on with what `handshakeStep` answers. */
  proceed: (length: number) => void;
  /** Called when an authentication has ended: the session is open, or `refusal` tells why not. Set once, by what starts the device. */
  authenticated: ((peer: Peer) => void) | null;
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
    device,
    step: 0,
    pair: -1,
    // A closure of this function, since one of another keeps everything about peers in memory while arithmetic needs it.
    proceed: function (length) {
      proceed(peer, length);
    },
    authenticated: null,
  };
  peer.link.onMessage = function (length) {
    answered(peer, length);
    rest(device);
  };
  peer.link.onReset = function () {
    lost(peer);
    peer.present = peer.anew = true;
    peer.refusal = 0;
    if (peer.inserted !== null) peer.inserted(peer);
    rest(device);
  };
  peer.link.onFailure = function (reason) {
    if (reason === LINK_NO_ANSWER) peer.present = false;
    lost(peer);
    rest(device);
  };
  return peer;
}

function end(peer: Peer, refusal: number): void {
  const device = peer.device;
  peer.refusal = refusal;
  device.handshake.channel = device.channel;
  if (peer.authenticated) peer.authenticated(peer);
}

function fail(peer: Peer, sw: number): void {
  abandonHandshake(peer.device.handshake);
  end(peer, peer.anew ? 0 : sw);
}

/** The next message is made, or the ephemeral key that the first one needs; or all is over. */
function proceed(peer: Peer, length: number): void {
  const h = peer.device.handshake;
  if (length < 0) fail(peer, 0x6982);
  else if (h.step !== 0) send(peer, length);
  else if (peer.channel.open) end(peer, 0);
  else begin(peer);
}

function send(peer: Peer, length: number): void {
  const h = peer.device.handshake;
  exchange(peer, 0, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | peer.step, length, function (sw, size) {
    peer.step++;
    if (sw === SW_OK) handshakeStep(h, peer.data, size, peer.proceed);
    else if (peer.pair >= 0 && h.step === 1 && sw !== SW_NO_ANSWER) {
      abandonHandshake(h);
      peer.pair = -1;
      begin(peer);
    } else fail(peer, sw);
  });
}

function begin(peer: Peer): void {
  const h = peer.device.handshake;
  peer.step = 1;
  if (peer.pair >= 0) send(peer, handshakeBegin(h, peer.data, context, peer.role, pairId, peer.pair));
  else if (h.ephemeralReady) send(peer, handshakeBegin(h, peer.data, context, peer.role, null, 0));
  else prepareEphemeral(h, peer.proceed);
}

/** A cartridge may bring introductions home: two tickets for this reader. Those of others, or taken before, are refused and change nothing. */
function readMail(peer: Peer): void {
  exchange(peer, 0, INS_GET_DATA, TAG_MAILBOX, 0, function (sw, length) {
    if (sw === SW_NO_ANSWER) return fail(peer, sw);
    if (length === 2 * TICKET_SEALED) {
      introduce(peer.device, peer.data.subarray(0, TICKET_SEALED));
      introduce(peer.device, peer.data.subarray(TICKET_SEALED, 2 * TICKET_SEALED));
    }
    identify(peer);
  });
}

function identify(peer: Peer): void {
  exchange(peer, 0, INS_GET_DATA, TAG_DEVICE, 0, function (sw, length) {
    if (sw !== SW_OK || length < 28) return fail(peer, sw);
    peer.pair = pairWith(peer.device.memory.journal, peer.data.subarray(4, 12), pairId);
    begin(peer);
  });
}

/**
 * Authenticates a peer as initiator: by the pair that the two share where there is one, else, and where the peer knows no such pair, by
 * certificates. Ends in `peer.authenticated` with the session open, or with `peer.refusal` telling the peer's status word (or our own SW_SECURITY).
 */
export function authenticatePeer(peer: Peer): void {
  closeChannel(peer.channel);
  peer.anew = false;
  peer.device.handshake.channel = peer.channel;
  if (peer.role === ROLE_CARTRIDGE) readMail(peer);
  else identify(peer);
}
