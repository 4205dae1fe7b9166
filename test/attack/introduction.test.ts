/** Introductions that are not the center's, not for this device, not for now; each against a card that lacks the defense. */
import {
  INS_GENERAL_AUTHENTICATE,
  INS_PUT_DATA,
  ROLE_CARD,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_REVOKED,
  TAG_TICKET,
} from "../../src/core/protocol/constants.js";
import type { DeviceReference } from "../../src/center/keys/authority.js";
import { takeTicket } from "../../src/host/ticket.js";
import * as assert from "uvu/assert";
import { join, sha256, u32 } from "../model/outside/keys.js";
import { suite } from "../suite.js";
import { SECOND, type Stage } from "../scenario/support/stage.js";
import { authenticates } from "./support/attempts.js";
import type { Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks on introductions");
const none = new Uint8Array(0);
const PERSONALIZATION = "src/core/device/personalization.ts";
const RESPONDER = "src/core/protocol/responder.ts";

const kioskOf = (stage: Stage): DeviceReference => ({ role: ROLE_KIOSK, id: stage.kiosk.id, generation: 1 });
const cardOf = (stage: Stage): DeviceReference => ({
  role: ROLE_CARD,
  id: stage.certificates.get("card")?.slice(4, 12) ?? none,
  generation: 1,
});

/** The center introduces card and kiosk to each other. */
function introduction(
  stage: Stage,
  serial: number,
  { expiry = stage.time() + 86_400, epoch = 1 } = {},
): ReturnType<Stage["authority"]["introduce"]> {
  return stage.authority.introduce(
    [kioskOf(stage), cardOf(stage)],
    [stage.kiosk.chain.slice(0, 128), stage.certificates.get("card") ?? none],
    [serial, serial],
    expiry,
    epoch,
  );
}

async function gives(stage: Stage, tag: number, data: Uint8Array): Promise<boolean> {
  return (await stage.session("card", null).transfer(0x00, INS_PUT_DATA, tag, data)).sw === 0x9000;
}

/** The kiosk and the card have been introduced. */
async function introduced(stage: Stage): Promise<Uint8Array> {
  const { tickets, pairId } = introduction(stage, 1);
  await stage.toKiosk();
  takeTicket(stage.kiosk, stage.keys.deviceKey(ROLE_KIOSK, stage.kiosk.id, 1), tickets[0]);
  assert.ok(await gives(stage, TAG_TICKET, tickets[1]));
  return pairId;
}

test("[F9] an introduction that was used is not taken again, and an expired one or one of an epoch that is over not at all", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const [, once] = introduction(stage, 1).tickets;
      assert.ok(await gives(stage, TAG_TICKET, once));
      return gives(stage, TAG_TICKET, once);
    },
    "card",
    [{ file: PERSONALIZATION, from: "get32(plain, 0) > get32(memory.state, STATE_TICKET) &&", to: "" }],
  );
  await tried(
    async (stage) => {
      await stage.toKiosk();
      return gives(stage, TAG_TICKET, introduction(stage, 1, { expiry: stage.time() - 86_400 * 3 }).tickets[1]);
    },
    "card",
    [{ file: PERSONALIZATION, from: "get32(plain, TICKET_EXPIRY) >= party.floor() &&", to: "" }],
  );
  await tried(
    async (stage) => {
      await stage.toKiosk();
      return gives(stage, TAG_TICKET, introduction(stage, 1, { epoch: 0 }).tickets[1]);
    },
    "card",
    [{ file: PERSONALIZATION, from: "get32(plain, TICKET_EPOCH) >= party.epoch &&", to: "" }],
  );
});

test("[F9] a third device that has seen a pair's id on the wire does not speak for one of the two", async () => {
  await tried(
    async (stage) => {
      const pairId = await introduced(stage);
      const wire = stage.session("card", null);
      const hello = join([1, 3, 1, 0], u32(1), new Uint8Array(16), pairId, u32(0), stage.draw(16));
      assert.is((await wire.transfer(0x00, INS_GENERAL_AUTHENTICATE, 0x0101, hello)).sw, 0x9000);
      return (await wire.transfer(0x00, INS_GENERAL_AUTHENTICATE, 0x0102, stage.draw(16))).sw === 0x9000;
    },
    "card",
    [
      {
        file: RESPONDER,
        from: "    if (length !== 16 || !equal(input, confirmation(h, true))) return answer(h, HANDSHAKE_AUTHENTICATION);\n",
        to: "",
      },
    ],
  );
});

test("[F9] an introduction that was made for another device is not this one's", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      // Sealed for this card by mistake, and about another one: what binds a ticket to its device is in it, too.
      const other = { role: ROLE_CARD, id: stage.draw(8), generation: 1 };
      const { tickets } = stage.authority.introduce(
        [kioskOf(stage), cardOf(stage)],
        [stage.kiosk.chain.slice(0, 128), stage.kiosk.chain.slice(0, 128)],
        [1, 1],
        stage.time() + 86_400,
        1,
      );
      const others = stage.authority.introduce(
        [kioskOf(stage), other],
        [stage.kiosk.chain.slice(0, 128), stage.certificates.get("card") ?? none],
        [1, 1],
        stage.time() + 86_400,
        1,
      );
      assert.not.ok(await gives(stage, TAG_TICKET, others.tickets[1]), "sealed for the other");
      return gives(stage, TAG_TICKET, tickets[1]);
    },
    "card",
    [
      {
        file: PERSONALIZATION,
        from: "    equal(plain.subarray(TICKET_SELF_CERTIFICATE, TICKET_SELF_CERTIFICATE + 16), hash.subarray(0, 16)) &&\n",
        to: "",
      },
    ],
  );
});

test("[F9] an introduction that a kiosk makes by itself is not the center's", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const card = cardOf(stage);
      const [mine, its] = [stage.kiosk.chain.slice(0, 128), stage.certificates.get("card") ?? none];
      const hash = (bytes: Uint8Array): Uint8Array => sha256(bytes).slice(0, 16);
      const parts = [card.id, [ROLE_CARD], stage.kiosk.id, [ROLE_KIOSK], hash(its), hash(mine), stage.draw(40)];
      const plain = join(u32(1), u32(stage.time() + 86_400), u32(1), ...parts);
      return gives(stage, TAG_TICKET, join(new Uint8Array(16), plain));
    },
    "card",
    [
      {
        file: PERSONALIZATION,
        from: "  if (!openFor(plain, memory.deviceKey, KEY_TICKET, TAG_TICKET & 255, party.id, none, data)) return SW_DATA;\n",
        to: "",
      },
    ],
  );
});

test("[F9] after the center has revoked a kiosk, the card refuses its pair, its certificate, and a new introduction of it", async () => {
  const revoked = async (stage: Stage): Promise<void> => {
    assert.ok(await gives(stage, TAG_REVOKED, stage.authority.sealRevoked(cardOf(stage), 2, [stage.kiosk.id])));
  };
  const pair: Edit = {
    file: RESPONDER,
    from: "      if (party.revoked(h.peer.subarray(0, 8))) return answer(h, HANDSHAKE_REVOKED);\n      reply(h);",
    to: "      reply(h);",
  };
  const certificate: Edit = {
    file: RESPONDER,
    from: "if (h.party.revoked(h.peer.subarray(0, 8))) answer(h, HANDSHAKE_REVOKED);\n  else if",
    to: "if",
  };
  const ticket: Edit = { file: PERSONALIZATION, from: " &&\n    !party.revoked(plain.subarray(TICKET_PEER, TICKET_PEER + 8))", to: "" };
  await tried(
    async (stage) => {
      await introduced(stage);
      await revoked(stage);
      return (await authenticates(stage, stage.kiosk)) === 0x9000;
    },
    "card",
    [pair],
  );
  await tried(
    async (stage) => {
      await stage.toKiosk();
      await revoked(stage);
      return (await authenticates(stage, stage.kiosk)) === 0x9000;
    },
    "card",
    [certificate],
  );
  await tried(
    async (stage) => {
      await stage.toKiosk();
      await revoked(stage);
      return gives(stage, TAG_TICKET, introduction(stage, 1, { epoch: 2 }).tickets[1]);
    },
    "card",
    [ticket],
  );
});

test("[F9] after the center has revoked a card, the reader refuses it by the pair from before, and by its certificate", async () => {
  const pair: Edit = {
    file: "src/core/protocol/handshake.ts",
    from: "      if (party.revoked(h.peer.subarray(0, 8))) return answer(h, HANDSHAKE_REVOKED);\n",
    to: "",
  };
  const certificate: Edit = {
    file: RESPONDER,
    from: "if (h.party.revoked(h.peer.subarray(0, 8))) answer(h, HANDSHAKE_REVOKED);\n  else if",
    to: "if",
  };
  const meets = async (stage: Stage, before: boolean): Promise<boolean> => {
    const id = stage.certificates.get("reader")?.slice(4, 12) ?? none;
    const list = stage.authority.sealRevoked({ role: ROLE_READER, id, generation: 1 }, 2, [cardOf(stage).id]);
    const sessions = async (): Promise<number> => {
      stage.world.dock(stage.card, stage.readerCard);
      await stage.world.sleep(20 * SECOND);
      const status = await stage.status();
      stage.takeOut();
      assert.is(status.cardRefusal, status.sessions === 1 ? 0 : 0x6982);
      return status.sessions;
    };
    if (before) assert.is(await sessions(), 1);
    assert.is((await stage.session("reader", null).transfer(0x00, INS_PUT_DATA, TAG_REVOKED, list)).sw, 0x9000);
    return (await sessions()) === 1;
  };
  await tried((stage) => meets(stage, true), "reader", [pair]);
  await tried((stage) => meets(stage, false), "reader", [certificate]);
});

test.run();
