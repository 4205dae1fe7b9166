import { ProblemError } from "../center/api/problems.js";
import { meetCard } from "../center/api/rental-routes.js";
import type { Output } from "../center/api/route.js";
import type { CenterClient } from "../center/client.js";
import { hex, unhex } from "../host/party.js";

/** What the center has learned when it has met a card. */
export type Met = Pick<Output<typeof meetCard>, "readers" | "introduction">;

/** Meetings that are begun for one loan before the kiosk gives up: the center forgets one when it starts anew. */
const ATTEMPTS = 3;

/**
 * Carries the center's own conversation with the card of a loan, which the kiosk can neither read nor answer.
 *
 * @param carry - brings a command APDU to the card and its answer back
 * @throws ProblemError when the center does not accept the card; CenterAway when it does not answer
 */
export async function carryMeeting(client: CenterClient, loanId: string, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<Met> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await converse(client, loanId, carry);
    } catch (error) {
      if (attempt >= ATTEMPTS || !(error instanceof ProblemError) || error.problem !== "meeting-over") throw error;
    }
  }
}

async function converse(client: CenterClient, loanId: string, carry: (apdu: Uint8Array) => Promise<Uint8Array>): Promise<Met> {
  const params = { loanId };
  let step = await client.call(meetCard, { params, body: {} });
  while (step.command !== null) {
    const answer = hex(await carry(unhex(step.command)));
    step = await client.call(meetCard, { params, body: { number: step.number, answer } });
  }
  return step;
}
