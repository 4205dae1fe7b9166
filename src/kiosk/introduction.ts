import { introduce } from "../center/api/rental-routes.js";
import { ProblemError } from "../center/api/problems.js";
import { CenterAway, type CenterClient } from "../center/client.js";
import { SW_OK } from "../core/link/apdu.js";
import { INS_PUT_DATA, TAG_TICKET } from "../core/protocol/constants.js";
import { hex, unhex, type HostParty } from "../host/party.js";
import type { DeviceSession } from "../host/session.js";
import { takeTicket } from "../host/ticket.js";

/** Has the center introduce this kiosk to devices that it has not met, so that the device has no public-key arithmetic to do. */
export class CounterIntroduction {
  /**
   * @param client - should give up soon: where the center is away, certificates do
   * @param deviceKey - the kiosk's own, 32 bytes
   */
  constructor(
    private readonly client: CenterClient,
    private readonly deviceKey: Uint8Array,
  ) {}

  /**
   * Introduces the two unless they know each other. A device of no use here, a ticket that the device does not take, and a center that is away or refuses leave
   * all as it was.
   *
   * @param session - with the device, not authenticated yet
   */
  async introduce(session: DeviceSession, party: HostParty): Promise<void> {
    const { id, personalized } = await session.info();
    if (!personalized || party.pairWith(id) !== null) return;
    try {
      const tickets = await this.client.call(introduce, { body: { firstId: hex(party.id), secondId: hex(id) } });
      const { sw } = await session.transfer(0x00, INS_PUT_DATA, TAG_TICKET, unhex(tickets.secondTicket));
      if (sw === SW_OK) takeTicket(party, this.deviceKey, unhex(tickets.firstTicket));
    } catch (error) {
      if (!(error instanceof CenterAway) && !(error instanceof ProblemError)) throw error;
    }
  }
}
