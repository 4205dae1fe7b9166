/** Messages of an authentication that were recorded, said again one by one in a later one: to card and cartridge, and by a false card to reader, kiosk and center. */
import * as assert from "uvu/assert";
import { Contact } from "../../src/center/contact.js";
import { INS_GENERAL_AUTHENTICATE, INS_GET_DATA, ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER } from "../../src/core/protocol/constants.js";
import { DeviceSession, type ApduTransport } from "../../src/host/session.js";
import { OutsideSession, Refusal, type Pair } from "../model/outside/session.js";
import { fakeCard } from "../scenario/support/fake-card.js";
import { centerParty, identityOf, partyOf } from "../scenario/support/parties.js";
import { Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { altered, readerTakesCard } from "./support/attempts.js";
import { mutantModule, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks by replayed authentications");
const RESPONDER = "src/core/protocol/responder.ts";
const none = new Uint8Array(0);

/** The random number that comes sealed need not open, nor be the peer's. */
const SEALED: Edit = {
  file: RESPONDER,
  from: "(after === AFTER_OPENING && !readSealed(h, h.input))",
  to: "(after === AFTER_OPENING && !readSealed(h, h.input) && false)",
};
/** The responder takes any confirmation; by a pair; the initiator does. */
const CONFIRMED: Edit = {
  file: RESPONDER,
  from: "    if (!confirmed(h, input)) return answer(h, HANDSHAKE_AUTHENTICATION);\n    record(h, input);",
  to: "    record(h, input);",
};
const PAIR: Edit = {
  file: RESPONDER,
  from: "    if (length !== 16 || !equal(input, confirmation(h, true))) return answer(h, HANDSHAKE_AUTHENTICATION);\n",
  to: "",
};
const ANSWERED: Edit = {
  file: "src/core/protocol/handshake.ts",
  from: "    if (!confirmed(h, input)) return answer(h, HANDSHAKE_AUTHENTICATION);\n    finish(h);",
  to: "    finish(h);",
};

/** The kiosk authenticates a device, in whose way somebody says message `step` of an earlier authentication in place of the kiosk's. True when the device is content. */
async function saidAgain(stage: Stage, name: "card" | "cartridge", step: number, byPair: boolean): Promise<boolean> {
  const role = name === "card" ? ROLE_CARD : ROLE_CARTRIDGE;
  const recorded = new Map<number, Uint8Array>();
  let later = false;
  let last = 0;
  const session = new OutsideSession(
    async (apdu) => {
      const at = apdu[1] === INS_GENERAL_AUTHENTICATE ? apdu[3] : 0;
      if (!later) recorded.set(at, apdu.slice());
      const answer = await stage.transport(name).transmit(later && at === step ? (recorded.get(step) ?? none) : apdu);
      last = (answer[answer.length - 2] << 8) | answer[answer.length - 1];
      return answer;
    },
    identityOf(stage, stage.kiosk),
  );
  await stage.toKiosk();
  await session.authenticate(role);
  if (byPair) await session.resume(session.pair as Pair);
  later = true;
  try {
    if (byPair) await session.resume(session.pair as Pair);
    else await session.authenticate(role, { blind: true });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    assert.is(error.sw, 0x6982);
  }
  return last === 0x9000;
}

test("any message of an authentication, said again in a later one, ends that", async () => {
  await tried((stage) => saidAgain(stage, "card", 1, false), "card", [SEALED, CONFIRMED]);
  await tried((stage) => saidAgain(stage, "card", 2, false), "card", [SEALED, CONFIRMED]);
  await tried((stage) => saidAgain(stage, "card", 3, false), "card", [CONFIRMED]);
  await tried((stage) => saidAgain(stage, "cartridge", 2, true), "cartridge", [PAIR]);
});

/** What the card answered in an authentication by somebody whom it trusts: what it says of itself, then message by message. */
async function recordCard(stage: Stage): Promise<Uint8Array[]> {
  const answers: Uint8Array[] = [];
  const transport = stage.transport("card");
  await stage.toKiosk();
  const tapped: ApduTransport = {
    transmit: async (apdu) => {
      const answer = await transport.transmit(apdu);
      answers.push(answer.slice());
      return answer;
    },
  };
  await new DeviceSession(tapped, partyOf(stage, { role: ROLE_READER })).authenticate(ROLE_CARD);
  stage.takeOut();
  assert.is(answers.length, 4);
  return answers;
}

/** Answers as the card did. */
function replaying(answers: Uint8Array[]): ApduTransport {
  return {
    transmit: (apdu) => {
      if (apdu[1] === INS_GENERAL_AUTHENTICATE) return Promise.resolve(answers[apdu[3]].slice());
      return Promise.resolve(apdu[1] === INS_GET_DATA && apdu[0] === 0 ? answers[0].slice() : Uint8Array.of(0x6a, 0x82));
    },
  };
}

test("[A13] a false card that shows the genuine one's certificate and says what that once said is refused by the reader", async () => {
  await tried(
    async (stage) => {
      const answers = await recordCard(stage);
      const card = partyOf(stage, { role: ROLE_CARD, id: answers[0].slice(4, 12) });
      fakeCard(stage, card, (step) => answers[step].slice(0, -2));
      return readerTakesCard(stage);
    },
    "reader",
    [SEALED, ANSWERED],
  );
});

test("[A14][A15] nor is it accepted by a kiosk, or by the center through the kiosk", async () => {
  interface Sides {
    DeviceSession: typeof DeviceSession;
    Contact: typeof Contact;
  }
  const accepted = async (sides: Sides): Promise<string[]> => {
    const passed: string[] = [];
    await Stage.play({ seed: 330 }, async (stage) => {
      const card = replaying(await recordCard(stage));
      const attempt = async (who: string, work: () => Promise<unknown>): Promise<void> => {
        try {
          await work();
          passed.push(who);
        } catch (error) {
          assert.match((error as Error).message, /This side refused the device/);
        }
      };
      await attempt("kiosk", () => new sides.DeviceSession(card, altered(stage.kiosk, stage, {})).authenticate(ROLE_CARD));
      await attempt("center", () => new sides.Contact(centerParty(stage), [stage.issuer.publicKey]).card(card, stage.draw(16)));
    });
    return passed;
  };
  assert.equal(await accepted({ DeviceSession, Contact }), []);
  const lacking = {
    ...((await mutantModule("src/host/session.ts", [SEALED, ANSWERED])) as object),
    ...((await mutantModule("src/center/contact.ts", [SEALED, ANSWERED])) as object),
  };
  assert.equal(await accepted(lacking as Sides), ["kiosk", "center"]);
});

test.run();
