import { get32 } from "../core/bytes.js";
import { raiseFloor } from "../core/device/party.js";
import { SW_CONDITIONS, SW_DATA, SW_LENGTH } from "../core/link/apdu.js";
import { MESSAGE_TIME } from "../core/protocol/client.js";
import { randomFill } from "../core/random.js";
import { about, isProven, type Client, type Outcome } from "./state.js";

/** Milliseconds for which a nonce waits for its statement, and seconds for which a statement lets anything be opened. */
const NONCE_LASTS = 60000;
const FRESH = 86400;
/** The board's clock may be wrong by one part in so many. */
const TOLERANCE = 4096;

/** Seconds that have passed since the statement, by the board's clock. */
function since(client: Client): number {
  return ((client.board.now() - client.statedAt) / 1000) >>> 0;
}

/** A time that is not above the true one; 0 while no statement is fresh. */
export function earliest(client: Client): number {
  const seconds = since(client);
  const floor = client.device.memory.party.floor();
  let time = client.stated + seconds - ((seconds / TOLERANCE) >>> 0);
  if (client.stated === 0 || seconds > FRESH) return 0;
  if (time < floor) time = floor;
  return time;
}

/** A time that is not below the true one; the floor of time where none was stated since the start. */
export function latest(client: Client): number {
  const seconds = since(client);
  const floor = client.device.memory.party.floor();
  const time = client.stated === 0 ? 0 : client.stated + client.age + seconds + ((seconds / TOLERANCE) >>> 0) + 1;
  return time < floor ? floor : time;
}

/** A new nonce, 16 bytes; the one before is void. */
export function challengeTime(client: Client): Outcome {
  if (!randomFill(client.timeNonce)) return -SW_CONDITIONS;
  client.askedAt = client.board.now();
  client.device.data.set(client.timeNonce);
  return 16;
}

/** Takes the statement of time over the last nonce: time 4 | proof 16. What was known before is a floor for what is known now. */
export function takeTime(client: Client, data: Uint8Array): Outcome {
  const memory = client.device.memory;
  const waited = client.board.now() - client.askedAt;
  const time = get32(data, 0);
  if (data.length !== 20) return -SW_LENGTH;
  if (client.askedAt < 0 || waited > NONCE_LASTS) return -SW_CONDITIONS;
  about.set(client.timeNonce);
  about.set(data.subarray(0, 4), 16);
  if (time === 0 || !isProven(client, data.subarray(4), MESSAGE_TIME, 20)) return -SW_DATA;
  raiseFloor(memory, earliest(client));
  raiseFloor(memory, time);
  client.stated = time;
  client.statedAt = client.board.now();
  client.age = Math.ceil(waited / 1000);
  client.askedAt = -1;
  client.timeNonce.fill(0);
  return 0;
}
