/** Certificates that are not what they should be, at the built bundles. */
import * as assert from "uvu/assert";
import { issueIssuer, signingKey } from "../../src/center/keys/certificates.js";
import { Contact } from "../../src/center/contact.js";
import { INS_GENERAL_AUTHENTICATE, PROTOCOL_VERSION, ROLE_CARD, ROLE_CARTRIDGE, ROLE_KIOSK } from "../../src/core/protocol/constants.js";
import type { HostParty } from "../../src/host/party.js";
import { DeviceSession } from "../../src/host/session.js";
import { START } from "../../sim/loan-world.js";
import { OutsideSession, Refusal } from "../model/outside/session.js";
import { fakeCard } from "../scenario/support/fake-card.js";
import { centerParty, identityOf, partyOf } from "../scenario/support/parties.js";
import { DAY, HOUR, SECOND, Stage } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import { altered, authenticates, readerTakesCard } from "./support/attempts.js";
import { SIGNATURE, mutantModule, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks by certificates");

const NOT_BEFORE: Edit = {
  file: "src/core/protocol/certificate.ts",
  from: "(vouched === 0 || get32(certificate, 24) <= vouched)",
  to: "true",
};

test("[A11] a foreign center's kiosk or reader is refused by card and cartridge, by the signature alone", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const root = signingKey(stage.draw(32));
      // Everything but the signature is as it should be: the foreign issuer even bears the name of the genuine one.
      const issuerCertificate = issueIssuer(root, stage.issuer, 7, START - 86_400, START + 86_400 * 365);
      issuerCertificate.set(stage.issuerCertificate.subarray(12, 20), 12);
      const kiosk = partyOf(stage, { role: ROLE_KIOSK, issuerCertificate });
      return (await authenticates(stage, kiosk)) === 0x9000;
    },
    "card",
    [SIGNATURE],
  );
});

/** Sends the first message of an authentication with another chain; the status word. */
async function shows(stage: Stage, chain: Uint8Array): Promise<number> {
  const data = Uint8Array.from([0, 3, 1, 0, 0, 0, 0, 1, ...new Uint8Array(16), 9, ...new Uint8Array(31), ...chain]);
  return (await stage.session("card", null).transfer(0x00, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | 1, data)).sw;
}

test("[A11][A12] one flipped bit in any byte of a certificate, or of its issuer's, is refused", async () => {
  const flipped = (chain: Uint8Array, at: number): Uint8Array => chain.map((byte, i) => (i === at ? byte ^ (1 << (at & 7)) : byte));
  await Stage.play({ seed: 130 }, async (stage) => {
    await stage.toKiosk();
    for (let at = 0; at < 256; at++) {
      assert.is(await shows(stage, flipped(stage.kiosk.chain, at)), 0x6982, `byte ${String(at)}`);
      // Failed attempts are slowed down; the patient go on.
      await stage.world.sleep(300 * SECOND);
    }
    assert.is(await shows(stage, stage.kiosk.chain), 0x9000, "and the genuine one still passes");
  });
  await tried(
    async (stage) => {
      await stage.toKiosk();
      // The serial, and a byte of the signature itself.
      return (
        (await shows(stage, flipped(stage.kiosk.chain, 20))) === 0x9000 && (await shows(stage, flipped(stage.kiosk.chain, 80))) === 0x9000
      );
    },
    "card",
    [SIGNATURE],
  );
});

test("[A11] an expired certificate is refused", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const kiosk = partyOf(stage, { role: ROLE_KIOSK, notBefore: START - 20 * 86_400, notAfter: START - 10 * 86_400 });
      return (await authenticates(stage, kiosk)) === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/certificate.ts", from: "get32(certificate, 28) >= (vouched > floor ? vouched : floor)", to: "true" }],
  );
});

test("[A11][A14] the center and kiosks refuse a card or cartridge that is not valid yet, by their own clocks", async () => {
  interface Sides {
    DeviceSession: typeof DeviceSession;
    Contact: typeof Contact;
  }
  const meets = async ({ DeviceSession: Session, Contact: Center }: Sides): Promise<string[]> => {
    const passed: string[] = [];
    const month = 30 * 86_400;
    const attempt = async (who: string, work: () => Promise<unknown>): Promise<void> => {
      try {
        await work();
        passed.push(who);
      } catch (error) {
        assert.match((error as Error).message, /This side refused the device/);
      }
    };
    await Stage.play({ seed: 131 }, async (stage) => {
      await stage.toKiosk();
      // By a clock of a month ago nobody's certificate is valid yet; the floor of time, which a host has none of, does not count.
      const early = (party: HostParty): HostParty => Object.assign(party, { vouched: () => START - month, floor: () => 0 });
      const kiosk = early(altered(stage.kiosk, stage, {}));
      await attempt("kiosk and card", () => new Session(stage.transport("card"), kiosk).authenticate(ROLE_CARD));
      await attempt("kiosk and cartridge", () => new Session(stage.transport("cartridge"), kiosk).authenticate(ROLE_CARTRIDGE));
      await attempt("center and card", () =>
        new Center(early(centerParty(stage)), [stage.issuer.publicKey]).card(stage.transport("card"), stage.draw(16)),
      );
    });
    return passed;
  };
  assert.equal(await meets({ DeviceSession, Contact }), []);
  const lacking = {
    ...((await mutantModule("src/host/session.ts", [NOT_BEFORE])) as object),
    ...((await mutantModule("src/center/contact.ts", [NOT_BEFORE])) as object),
  };
  assert.equal(await meets(lacking as Sides), ["kiosk and card", "kiosk and cartridge", "center and card"]);
});

test("[A11] the reader refuses a card that is not valid yet, by the time that its cartridge vouches for", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500));
      stage.home();
      await stage.settled();
      stage.world.undock(stage.card);
      fakeCard(stage, partyOf(stage, { role: ROLE_CARD, notBefore: stage.time() + 30 * 86_400 }));
      return readerTakesCard(stage);
    },
    "reader",
    [NOT_BEFORE],
  );
});

test("[A11] a time that was vouched for long ago does not make the reader refuse a card that was certified since", async () => {
  await Stage.play({ seed: 131, days: 30 }, async (stage) => {
    await stage.rent(stage.sample(500));
    await stage.playAtHome();
    await stage.world.sleep(10 * DAY);
    fakeCard(stage, partyOf(stage, { role: ROLE_CARD, notBefore: stage.time() - HOUR / 1000 }));
    await stage.world.sleep(20 * SECOND);
    assert.is((await stage.status()).sessions & 1, 1);
  });
});

test("[A12][A13] who shows a certificate without its key is refused: the random number stays closed to him", async () => {
  const thief = (stage: Stage): ReturnType<typeof identityOf> => ({ ...identityOf(stage, stage.kiosk), privateKey: stage.draw(32) });
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const transport = stage.transport("card");
      try {
        await new OutsideSession((apdu) => transport.transmit(apdu), thief(stage)).authenticate(ROLE_CARD, { blind: true });
      } catch (error) {
        assert.is((error as Refusal).sw, 0x6982);
        return false;
      }
      return true;
    },
    "card",
    [
      {
        file: "src/core/protocol/responder.ts",
        from: "    if (!confirmed(h, input)) return answer(h, HANDSHAKE_AUTHENTICATION);\n    record(h, input);",
        to: "    record(h, input);",
      },
    ],
  );
  await Stage.play({ seed: 132 }, async (stage) => {
    await stage.toKiosk();
    for (const privateKey of [stage.draw(32), new Uint8Array(32)])
      assert.is(await authenticates(stage, altered(stage.kiosk, stage, { privateKey }), "cartridge"), 0x6982);
  });
});

test.run();
