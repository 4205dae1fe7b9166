import { put32, scratch } from "../bytes.js";
import { open, seal } from "../seal.js";

/** An authenticated channel to one peer. Keys are per direction; the counters make every message's seal different. */
export interface Channel {
  open: boolean;
  /** Session keys, 32 bytes each, secret. */
  sendKey: Uint8Array;
  receiveKey: Uint8Array;
  sendCounter: number;
  receiveCounter: number;
  /** Peer's id (8 bytes) and role. */
  peer: Uint8Array;
}

const associated = scratch(8);

export function createChannel(): Channel {
  return {
    open: false,
    sendKey: new Uint8Array(32),
    receiveKey: new Uint8Array(32),
    sendCounter: 0,
    receiveCounter: 0,
    peer: new Uint8Array(9),
  };
}

/** Ends the session and overwrites its keys. */
export function closeChannel(channel: Channel): void {
  channel.open = false;
  channel.sendKey.fill(0);
  channel.receiveKey.fill(0);
  channel.peer.fill(0);
}

/**
 * Seals a message in place: `bytes` holds 16 free bytes, then the plaintext; afterwards tag and ciphertext.
 *
 * @param header - 4 bytes that travel in clear and are authenticated: CLA INS P1 P2 of a command, or 0 0 SW1 SW2 of a response
 */
export function sealMessage(channel: Channel, header: Uint8Array, bytes: Uint8Array): void {
  associated.set(header);
  put32(associated, 4, channel.sendCounter++);
  seal(bytes, channel.sendKey, associated, bytes.subarray(16));
}

/** Opens a message in place: the plaintext is then at offset 16. False, with the session closed, when it is not the next one from the peer. */
export function openMessage(channel: Channel, header: Uint8Array, bytes: Uint8Array): boolean {
  associated.set(header);
  put32(associated, 4, channel.receiveCounter++);
  if (bytes.length >= 16 && channel.open && open(bytes.subarray(16), channel.receiveKey, associated, bytes)) return true;
  closeChannel(channel);
  return false;
}
