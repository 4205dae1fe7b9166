import { createCommand, decodeCommand, endResponse } from "../../../src/core/link/apdu.js";
import { createLink, linkReset, linkSend, type Link } from "../../../src/core/link/t1.js";
import { INS_GENERAL_AUTHENTICATE, INS_GET_DATA, MESSAGE_LENGTH, ROLE_CARD } from "../../../src/core/protocol/constants.js";
import { createHandshake, handshakeStep } from "../../../src/core/protocol/handshake.js";
import { createChannel } from "../../../src/core/protocol/session.js";
import type { HostParty } from "../../../src/host/party.js";
import { virtualTimers } from "../../../sim/loan-world.js";
import type { Stage } from "./stage.js";

/** A host program in the reader's card slot that speaks T=1 as a card does; `answer` may change what it says in a step, or answer something of its own. */
export function fakeCard(
  stage: Stage,
  card: HostParty,
  answer: (step: number, message: Uint8Array) => Uint8Array | undefined = () => undefined,
): void {
  const port = stage.world.hostPort("fake card", stage.readerCard.wire, 1);
  const buffer = new Uint8Array(MESSAGE_LENGTH);
  const command = createCommand();
  const handshake = createHandshake(card, createChannel());
  const link: Link = createLink(ROLE_CARD, port, virtualTimers(stage.world), buffer, (length) => {
    decodeCommand(command, buffer, length);
    if (command.ins === INS_GET_DATA) {
      // What any device says of itself; the reader asks for it first.
      buffer.fill(0, 0, 32);
      buffer.set([1, card.role, 1, 3]);
      buffer.set(card.id, 4);
      linkSend(link, endResponse(buffer, 32, 0x9000));
      return;
    }
    if (command.ins !== INS_GENERAL_AUTHENTICATE) {
      linkSend(link, endResponse(buffer, 0, 0x6982));
      return;
    }
    const message = new Uint8Array(MESSAGE_LENGTH);
    message.set(buffer.subarray(command.offset, command.offset + command.length));
    handshakeStep(handshake, message, command.length, (size) => {
      // An impostor without the private key cannot open message 2; it answers something of the right length.
      const shown = size < 0 && command.p2 === 2 ? 73 : size;
      const said = answer(command.p2, message) ?? message.subarray(0, Math.max(0, shown));
      buffer.set(said);
      linkSend(link, endResponse(buffer, said.length, shown < 0 && said.length === 0 ? 0x6982 : 0x9000));
    });
  });
  linkReset(link);
}
