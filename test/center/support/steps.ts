import * as rental from "../../../src/center/api/rental-routes.js";
import * as returns from "../../../src/center/api/return-routes.js";
import type { LoanBody } from "../../../src/center/api/schema.js";
import type { CenterClient } from "../../../src/center/client.js";
import { carryMeeting } from "../../../src/kiosk/meeting.js";
import type { KioskCard, KioskCartridge } from "../../../src/kiosk/devices.js";

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

async function* nothing(): AsyncGenerator<Uint8Array> {
  // The content is of no concern here.
}

/** The whole rental, step by step, over HTTP, with no kiosk program around it. */
export async function rent(kiosk: CenterClient, cartridge: KioskCartridge, contentId: string, card: KioskCard): Promise<LoanBody> {
  const loan = await kiosk.call(rental.prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
  await contract(kiosk, loan, card);
  return arm(kiosk, loan, cartridge);
}

export async function contract(kiosk: CenterClient, loan: LoanBody, card: KioskCard): Promise<void> {
  const params = { loanId: loan.id };
  await carryMeeting(kiosk, loan.id, (apdu) => card.carry(apdu));
  const sealed = await card.contract(unhex(loan.id + loan.contentId + loan.cartridgeId + loan.terms));
  const { license } = await kiosk.call(rental.makeContract, { params, body: { contract: hex(sealed) } });
  await kiosk.call(rental.completeContract, { params, body: { proof: hex(await card.acceptLicense(unhex(license))) } });
}

export async function arm(kiosk: CenterClient, loan: LoanBody, cartridge: KioskCartridge): Promise<LoanBody> {
  const params = { loanId: loan.id };
  await cartridge.record(new Uint8Array(48), 0, 0, nothing(), new Uint8Array(0));
  const { challenge, counter } = await cartridge.prepare();
  const { keyLoad, envelope } = await kiosk.call(rental.sealKey, { params, body: { challenge: hex(challenge), counter } });
  const proof = await cartridge.loadKey(unhex(keyLoad), unhex(envelope));
  const answer = await kiosk.call(rental.activateLoan, { params, body: { challenge: hex(challenge), proof: hex(proof) } });
  await cartridge.activate(unhex(answer.activation));
  return answer.loan;
}

/** Destroys the key, hands the receipt in, lets the cartridge forget. */
export async function giveBack(kiosk: CenterClient, cartridge: KioskCartridge): Promise<LoanBody> {
  const receipt = await cartridge.erase();
  if (receipt === null) throw new Error("The cartridge has no loan.");
  const { loan, acknowledgment } = await kiosk.call(returns.takeReceipt, { body: { receipt: hex(receipt) } });
  await cartridge.acknowledge(unhex(acknowledgment));
  return loan;
}
