import { ed25519Verify } from "../core/curve/curve.js";
import { ALGORITHM_X25519, CERTIFICATE_CONTEXT, CERTIFICATE_LENGTH, certificateFits } from "../core/protocol/certificate.js";
import { INS_GET_DATA, ROLE_CARD, ROLE_READER, TAG_READER_CERTIFICATE } from "../core/protocol/constants.js";
import { SW_OK } from "../core/link/apdu.js";
import type { HostParty } from "../host/party.js";
import { DeviceSession, type ApduTransport } from "../host/session.js";

/** A card that the center has authenticated itself, through whatever carries the messages. */
export interface ContactedCard {
  id: Uint8Array;
  /** Certificates of enrolled readers that the card brought, each genuine, valid now, and of a reader that is not revoked. */
  readers: Uint8Array[];
  session: DeviceSession;
}

/** Certificates that a card may bring. */
const READERS = 2;

/**
 * The center's own conversation with a card in a kiosk's slot. The kiosk carries sealed messages; it can lose or spoil them, and neither read, change, repeat
 * nor answer them.
 */
export class Contact {
  /**
   * @param party - the center's, role 6
   * @param issuers - public keys of the issuers whose readers are served
   */
  constructor(
    private readonly party: HostParty,
    private readonly issuers: Uint8Array[],
  ) {}

  /**
   * Mutual authentication with a card: certificates, and a random number encrypted under the card's key and one under the center's; then the card hands over its
   * readers' certificates.
   *
   * @param transport - carries command APDUs to the card
   * @param loanId - 16 bytes that both sides bind into the session
   * @throws DeviceError when the card refuses, or is not genuine
   */
  async card(transport: ApduTransport, loanId: Uint8Array): Promise<ContactedCard> {
    const session = new DeviceSession(transport, this.party);
    await session.authenticate(ROLE_CARD, loanId);
    const readers: Uint8Array[] = [];
    for (let index = 0; index < READERS; index++) {
      const { sw, data } = await session.transfer(0x00, INS_GET_DATA, TAG_READER_CERTIFICATE + index, new Uint8Array(0));
      if (sw === SW_OK && this.genuine(data)) readers.push(new Uint8Array(data));
    }
    return { id: session.peer, readers, session };
  }

  /** The certificate of a reader that may be introduced now. */
  genuine(certificate: Uint8Array): boolean {
    if (certificate.length !== CERTIFICATE_LENGTH || this.party.revoked(certificate.slice(4, 12))) return false;
    const scratch = new Uint8Array(32);
    const now = this.party.vouched();
    return this.issuers.some(
      (key) =>
        certificateFits(certificate, ALGORITHM_X25519, ROLE_READER, key, now, now, scratch) &&
        ed25519Verify(certificate.subarray(64), [CERTIFICATE_CONTEXT, certificate.subarray(0, 64)], key),
    );
  }
}
