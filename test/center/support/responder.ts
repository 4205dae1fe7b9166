import { createCommand, decodeCommand } from "../../../src/core/link/apdu.js";
import {
  INS_GENERAL_AUTHENTICATE,
  INS_GET_DATA,
  MESSAGE_LENGTH,
  TAG_DEVICE,
  TAG_READER_CERTIFICATE,
} from "../../../src/core/protocol/constants.js";
import { abandonHandshake, createHandshake, handshakeStep } from "../../../src/core/protocol/handshake.js";
import { createChannel, openMessage, sealMessage } from "../../../src/core/protocol/session.js";
import type { HostParty } from "../../../src/host/party.js";

const REFUSED = 0x6982;
const NOT_FOUND = 0x6a82;

/** A card's own side of an authentication, and the certificates that it hands over then: command APDU in, response APDU out. */
export class CardResponder {
  private readonly channel = createChannel();
  private readonly handshake;

  /**
   * @param party - the card
   * @param certificates - of its readers, 128 bytes each
   */
  constructor(
    private readonly party: HostParty,
    private readonly certificates: () => Uint8Array[],
  ) {
    this.handshake = createHandshake(party, this.channel);
  }

  answer(apdu: Uint8Array): Uint8Array {
    const command = createCommand();
    decodeCommand(command, apdu, apdu.length);
    const body = apdu.slice(command.offset, command.offset + command.length);
    if (command.ins === INS_GENERAL_AUTHENTICATE) return this.authenticate(command.p2, body);
    const tag = (command.p1 << 8) | command.p2;
    if (command.ins === INS_GET_DATA && tag === TAG_DEVICE && (command.cla & 0x0c) === 0) return response(this.describe(), 0x9000);
    return this.inSession(apdu.slice(0, 4), tag, body);
  }

  private authenticate(step: number, body: Uint8Array): Uint8Array {
    if (step === 1) abandonHandshake(this.handshake);
    const message = new Uint8Array(MESSAGE_LENGTH);
    let length = -1;
    message.set(body);
    handshakeStep(this.handshake, message, body.length, (size) => (length = size));
    return length < 0 ? response(new Uint8Array(0), REFUSED) : response(message.subarray(0, length), 0x9000);
  }

  private inSession(header: Uint8Array, tag: number, body: Uint8Array): Uint8Array {
    if (!this.channel.open || !openMessage(this.channel, header, body)) return response(new Uint8Array(0), 0x6988);
    const certificate = this.certificates().at(tag - TAG_READER_CERTIFICATE);
    const sw = certificate === undefined ? NOT_FOUND : 0x9000;
    const sealed = new Uint8Array(16 + (certificate?.length ?? 0));
    sealed.set(certificate ?? [], 16);
    sealMessage(this.channel, Uint8Array.of(0, 0, sw >> 8, sw & 255), sealed);
    return response(sealed, sw);
  }

  private describe(): Uint8Array {
    const data = new Uint8Array(28);
    data.set([1, this.party.role, 1, 3]);
    data.set(this.party.id, 4);
    return data;
  }
}

function response(data: Uint8Array, sw: number): Uint8Array {
  return Uint8Array.from([...data, sw >> 8, sw & 255]);
}
