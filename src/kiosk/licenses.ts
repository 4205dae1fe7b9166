import { ProblemError } from "../center/api/problems.js";
import { getLoan } from "../center/api/rental-routes.js";
import { orderRevocation, takeRevocation } from "../center/api/return-routes.js";
import type { Output } from "../center/api/route.js";
import type { LoanBody } from "../center/api/schema.js";
import type { CenterClient } from "../center/client.js";
import { hex, unhex } from "../host/party.js";
import { DeviceRefused, type HeldLoan, type KioskCard } from "./devices.js";

/** States of a loan in which its license opens nothing any more, and only takes a place on the card. */
const OVER: readonly LoanBody["state"][] = ["NEVER_ACTIVATED", "RETURNED", "UNPAID", "CLOSED"];

/** Has the card destroy a loan's license, and tells the center. Safe to repeat. */
export async function revokeLicense(
  client: CenterClient,
  card: KioskCard,
  loanId: string,
): Promise<Output<typeof takeRevocation> & { proof: string }> {
  const params = { loanId };
  const { revocation } = await client.call(orderRevocation, { params, body: {} });
  const proof = hex(await card.revoke(unhex(revocation)));
  return { ...(await client.call(takeRevocation, { params, body: { proof } })), proof };
}

/**
 * Destroys the licenses on a card whose loans are over: of contracts that were cut off, and of cartridges that came back without their card. A card has few
 * places. Answers the loans that are not over.
 *
 * @throws CenterAway when the center does not answer; what is left then is found the next time
 */
export async function clearLicenses(client: CenterClient, card: KioskCard): Promise<HeldLoan[]> {
  const running: HeldLoan[] = [];
  for (const held of await card.loans()) {
    try {
      const { state } = await client.call(getLoan, { params: { loanId: held.loanId } });
      if (OVER.includes(state)) await revokeLicense(client, card, held.loanId);
      else running.push(held);
    } catch (error) {
      // A loan that this center does not know, or a card that does not obey: the license stays.
      if (!(error instanceof ProblemError) && !(error instanceof DeviceRefused)) throw error;
      running.push(held);
    }
  }
  return running;
}
