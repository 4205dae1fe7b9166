import { Outgoing, type Resolver } from "../src/host/outgoing.js";

/** Milliseconds in which an advert server has to answer. */
const PATIENCE = 10_000;

/**
 * The wireless of a board that is this machine's network: GETs an address, and drops what comes. Where the address itself names a place in the local network
 * the firmware has asked its registration, and it is gone to; a name that looks public and resolves into the local network is not. Redirections are not followed.
 *
 * @returns status of the answer
 * @throws Error when nothing answers, or nothing may be sent there
 */
export async function reach(url: string, resolve?: Resolver): Promise<number> {
  const outgoing = new Outgoing([], resolve);
  try {
    if (outgoing.refusal(url) === null) return (await outgoing.send(url, { method: "GET", timeout: PATIENCE, drop: true })).status;
    const response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE) });
    await response.body?.cancel();
    return response.status;
  } finally {
    outgoing.close();
  }
}
