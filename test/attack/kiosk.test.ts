/** A kiosk that is not honest: it keeps what it carries, says it again, or says something else. */
import * as assert from "uvu/assert";
import {
  CUSTODY_CARD,
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_ERASE,
  INS_LOAD_KEY,
  INS_PREPARE,
  INS_REVOKE_LICENSE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
} from "../../src/core/protocol/constants.js";
import { rent, type Rental } from "../../src/kiosk/rental.js";
import type { LocalCenter } from "../../src/center/local.js";
import { u32 } from "../model/outside/keys.js";
import { suite } from "../suite.js";
import { Stage } from "../scenario/support/stage.js";
import { mutantModule, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks by a kiosk");
const none = new Uint8Array(0);
const CHALLENGE: Edit = { file: "src/cartridge/loan.ts", from: "  if (!randomFill(loan.challenge)) return -SW_CONDITIONS;", to: "" };

/** Changes the data of each command `ins` to card or cartridge; of all where it is null. */
function replacing(rental: Rental, ins: number | null, change: (data: Uint8Array, ins: number) => Uint8Array): void {
  for (const device of [rental.card, rental.cartridge]) {
    const genuine = device.session.command.bind(device.session);
    device.session.command = (cla, now, tag, data, what) =>
      genuine(cla, now, tag, ins === null || now === ins ? change(data.slice(), now) : data, what);
  }
}

/** A kiosk that keeps everything that it is given to carry, by instruction. */
async function rentAndKeep(
  stage: Stage,
  terms: Parameters<Stage["rent"]>[1] = {},
): Promise<{ kept: Map<number, Uint8Array>; loanId: Uint8Array; contentId: Uint8Array }> {
  const title = stage.sample(500);
  const kept = new Map<number, Uint8Array>();
  await stage.toKiosk();
  const rental = stage.rental(title, terms);
  replacing(rental, null, (data, ins) => {
    kept.set(ins, data.slice());
    return data;
  });
  const loanId = await rent(rental);
  return { kept, loanId, contentId: title.produced.contentId };
}

/** The cartridge, erased and free again, and a kiosk's session with it. */
async function freed(stage: Stage): Promise<ReturnType<Stage["session"]>> {
  const session = stage.session("cartridge");
  await session.authenticate(ROLE_CARTRIDGE);
  const receipt = await session.command(0x80, INS_ERASE, 0, none, "erase");
  await session.command(0x80, INS_ACKNOWLEDGE, 0, await stage.center.receive(receipt), "acknowledge");
  return session;
}

/** False when the cartridge refuses the key, and for nothing else. */
function takesKey(rental: Parameters<typeof rent>[0]): Promise<boolean> {
  return rent(rental).then(
    () => true,
    (error: unknown) => {
      assert.match((error as Error).message, /did not take the key: 0x6985/);
      return false;
    },
  );
}

test("a key load that was recorded does not go into the same cartridge again: its challenge is over, and so is its counter", async () => {
  const attack = async (stage: Stage): Promise<boolean> => {
    const { kept } = await rentAndKeep(stage);
    const session = await freed(stage);
    assert.not.ok(stage.cartridge.keyValid);
    await session.command(0x80, INS_PREPARE, 0, none, "prepare");
    await session.transfer(0x80, INS_LOAD_KEY, 0, kept.get(INS_LOAD_KEY) ?? none);
    return stage.cartridge.keyValid;
  };
  const counter = { file: "src/cartridge/loan.ts", from: "(!again && counter <= get32(record, LOAN_COUNTER)) || ", to: "" };
  await tried(attack, "cartridge", [CHALLENGE, counter]);
});

test("an ACTIVATE that was recorded does not arm a later loan: it is over another challenge, and names another loan", async () => {
  await tried(
    async (stage) => {
      const { kept } = await rentAndKeep(stage);
      await freed(stage);
      const rental = stage.rental(stage.sample(500));
      replacing(rental, INS_ACTIVATE, () => kept.get(INS_ACTIVATE) ?? none);
      return rent(rental).then(
        () => true,
        (error: unknown) => {
          assert.match((error as Error).message, /did not arm: 0x6a80/);
          return false;
        },
      );
    },
    "cartridge",
    [
      CHALLENGE,
      {
        file: "src/cartridge/loan.ts",
        from: "  if (!equal(activation.subarray(0, 16), record.subarray(LOAN_ID, LOAN_ID + 16)) || get32(activation, 16) !== get32(record, LOAN_COUNTER))\n    return -SW_CONDITIONS;\n",
        to: "",
      },
    ],
  );
});

test("a license that was recorded does not come back onto the card after the return: its nonce is over", async () => {
  await tried(
    async (stage) => {
      const { kept, loanId } = await rentAndKeep(stage, { custody: CUSTODY_CARD });
      const session = stage.session("card");
      await session.authenticate(ROLE_CARD);
      await session.command(0x80, INS_REVOKE_LICENSE, 0, await stage.center.revokeLicense(loanId), "revoke");
      await session.command(0x80, INS_CONTRACT, 0, kept.get(INS_CONTRACT) ?? none, "contract");
      return (await session.transfer(0x80, INS_CONTRACT_KEY, 0, kept.get(INS_CONTRACT_KEY) ?? none)).sw === 0x9000;
    },
    "card",
    [{ file: "src/card/card.ts", from: " || !randomFill(nonce)", to: "" }],
  );
});

test("[A17] a kiosk that swaps terms, key or card between the steps gets no license out of it", async () => {
  await Stage.play({ seed: 202 }, async (stage) => {
    const title = stage.sample(500);
    await stage.toKiosk();
    const attempt = async (ins: number, change: (data: Uint8Array) => Uint8Array): Promise<string> => {
      const rental = { ...stage.rental(title, { plays: 1 }), idempotencyKey: "the same order" };
      replacing(rental, ins, change);
      try {
        await rent(rental);
        return "a loan";
      } catch (error) {
        return (error as Error).message;
      }
    };
    const flip =
      (at: number) =>
      (data: Uint8Array): Uint8Array => {
        data[at] ^= 1;
        return data;
      };
    assert.match(await attempt(INS_CONTRACT, flip(40 + 17)), /not the one that was prepared/, "more plays for the card");
    assert.match(await attempt(INS_CONTRACT, flip(33)), /not the one that was prepared/, "another cartridge");
    for (const at of [0, 20, 60, 130, 171]) assert.match(await attempt(INS_CONTRACT_KEY, flip(at)), /did not take the license: 0x6a80/);
    for (const at of [0, 16, 40, 100, 131]) assert.match(await attempt(INS_LOAD_KEY, flip(at)), /did not take the key: 0x6a80/);
    assert.match(await attempt(INS_ACTIVATE, flip(16)), /did not arm: 0x6a80/);
  });
});

test("[A17] no key goes out before the card has confirmed, and none for another card's contract", async () => {
  await Stage.play({ seed: 203 }, async (stage) => {
    const title = stage.sample(500);
    const rental = stage.rental(title);
    const cardId = stage.certificates.get("card")?.slice(4, 12) ?? none;
    const cartridgeId = stage.certificates.get("cartridge")?.slice(4, 12) ?? none;
    const other = { role: ROLE_CARD, id: stage.draw(8), generation: 1 };
    stage.center.addDevice(other);
    await stage.toKiosk();
    const ask = { contentId: title.produced.contentId, cartridgeId, kioskId: stage.kiosk.id, terms: rental.terms };
    const mine = await stage.center.prepare({ ...ask, cardId, idempotencyKey: "mine" });
    const others = await stage.center.prepare({ ...ask, cardId: other.id, idempotencyKey: "other" });
    const session = stage.session("card");
    await session.authenticate(ROLE_CARD);
    const refused = async (work: Promise<unknown>, why: RegExp): Promise<void> => {
      try {
        await work;
        assert.unreachable("it went through");
      } catch (error) {
        assert.match((error as Error).message, why);
      }
    };
    await refused(stage.center.loadKey(mine.loanId, new Uint8Array(16), 0), /has not confirmed/);
    const sealed = await session.command(0x80, INS_CONTRACT, 0, mine.contract, "contract");
    await refused(stage.center.issueLicense(others.loanId, sealed), /not the card's/);
    await stage.center.issueLicense(mine.loanId, sealed);
    await refused(stage.center.completeContract(mine.loanId, new Uint8Array(16)), /not genuine/);
    await refused(stage.center.loadKey(mine.loanId, new Uint8Array(16), 0), /has not confirmed/);
  });
});

test("[A17] a license for other terms than those of the contract that the card has open is not taken", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const title = stage.sample(500);
      const ask = async (terms: Parameters<Stage["terms"]>[0], idempotencyKey: string) =>
        stage.center.prepare({
          contentId: title.produced.contentId,
          cardId: stage.certificates.get("card")?.slice(4, 12) ?? none,
          cartridgeId: stage.certificates.get("cartridge")?.slice(4, 12) ?? none,
          kioskId: stage.kiosk.id,
          terms: stage.terms(terms),
          idempotencyKey,
        });
      const cheap = await ask({ plays: 9 }, "what the kiosk orders");
      const agreed = await ask({ plays: 1 }, "what the customer agrees to");
      const session = stage.session("card");
      await session.authenticate(ROLE_CARD);
      const sealed = await session.command(0x80, INS_CONTRACT, 0, cheap.contract, "contract");
      const license = await stage.center.issueLicense(cheap.loanId, sealed);
      await session.command(0x80, INS_CONTRACT, 0, agreed.contract, "contract");
      return (await session.transfer(0x80, INS_CONTRACT_KEY, 0, license)).sw === 0x9000;
    },
    "card",
    [
      { file: "src/card/card.ts", from: " || !randomFill(nonce)", to: "" },
      {
        file: "src/card/card.ts",
        from: "  if (!equal(issue.subarray(16, 16 + CONTRACT_LENGTH), contract.subarray(16))) {",
        to: "  if (!issue) {",
      },
    ],
  );
});

test("[A17] the key of another content than the one that was recorded is not taken", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const [recorded, ordered] = [stage.sample(500), stage.sample(500)];
      const rental = stage.rental(ordered);
      rental.content = stage.rental(recorded).content;
      rental.center = stage.centerWith({
        prepare: async (...given: Parameters<LocalCenter["prepare"]>) => ({
          ...(await stage.center.prepare(...given)),
          header: recorded.produced.header,
        }),
      });
      return takesKey(rental);
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: " || !equal(plain.subarray(LOAD_CONTENT, LOAD_CONTENT + 16), contentId)",
        to: "",
      },
    ],
  );
});

test("[A6] a kiosk that lies about the charge does not get a key into an empty cartridge, which measures itself", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      stage.kioskCartridge.charging(false);
      const rental = stage.rental(stage.sample(500));
      const { session } = rental.cartridge;
      const genuine = session.command.bind(session);
      session.command = async (cla, ins, tag, data, what) => {
        const answer = await genuine(cla, ins, tag, data, what);
        if (ins === INS_PREPARE) answer[22] = 1;
        return answer;
      };
      return takesKey(rental);
    },
    "cartridge",
    [{ file: "src/cartridge/loan.ts", from: " || supply.millivolts() < supply.charged) return", to: ") return" }],
  );
});

test("[D6] a clock that is set back at the kiosk sets none back: the time in ACTIVATE is the center's, and sealed", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const rental = stage.rental(stage.sample(500));
      let counter = 0;
      replacing(rental, null, (data, ins) => {
        // The kiosk writes down a time of a year ago, in the form that the center would seal.
        if (ins !== INS_ACTIVATE || loan === null) return data;
        const year = stage.time() - 365 * 86_400;
        return Uint8Array.from([...new Uint8Array(16), ...loan, ...u32(counter), ...u32(year)]);
      });
      let loan: Uint8Array | null = null;
      rental.center = stage.centerWith({
        loadKey: async (id: Uint8Array, challenge: Uint8Array, highest: number) => {
          loan = id;
          counter = highest + 1;
          return stage.center.loadKey(id, challenge, highest);
        },
      });
      return rent(rental).then(
        () => true,
        (error: unknown) => {
          assert.match((error as Error).message, /did not arm: 0x6a80/);
          return false;
        },
      );
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: "  if (!openFor(activation, deviceKey(loan), LOAD_PURPOSE, MESSAGE_ACTIVATION, loan.device.memory.party.id, loan.challenge, sealed))\n    return -SW_DATA;\n",
        to: "  activation.set(sealed.subarray(16));\n",
      },
    ],
  );
});

/** A center that lacks some of its checks. */
function centerOf(Center: typeof LocalCenter, stage: Stage): LocalCenter {
  const center = new Center(
    stage.authority,
    () => stage.time(),
    (length) => stage.draw(length),
  );
  for (const [name, role] of [
    ["card", ROLE_CARD],
    ["cartridge", ROLE_CARTRIDGE],
  ] as const)
    center.addDevice({ role, id: stage.certificates.get(name)?.slice(4, 12) ?? none, generation: 1 });
  return center;
}

test("[A17] the center gives no key to a kiosk that made up the card's completion, and no license for terms that it did not agree to", async () => {
  const COMPLETION: Edit = {
    file: "src/center/local.ts",
    from: "!this.authority.verifyCompletion(loan.card, loan.licenseId, loan.nonce, completion)",
    to: "false",
  };
  const TERMS: Edit = { file: "src/center/local.ts", from: "!expected.equals(opened.contract)", to: "false" };
  const swap = (center: (stage: Stage) => LocalCenter) => async (stage: Stage) => {
    const at = center(stage);
    const title = stage.sample(500);
    at.addContent(title.produced);
    const attempt = async (ins: number, change: (data: Uint8Array) => Uint8Array): Promise<string> => {
      const rental = { ...stage.rental(title, { plays: 1 }), center: at };
      replacing(rental, ins, change);
      return rent(rental).then(
        () => "a loan",
        (error: unknown) => (error as Error).message,
      );
    };
    await stage.toKiosk();
    const better = await attempt(INS_CONTRACT, (data) => data.map((byte, i) => (i === 40 + 17 ? 9 : byte)));
    const ask = { ...stage.rental(title), cardId: stage.certificates.get("card")?.slice(4, 12) ?? none };
    const { loanId, contract } = await at.prepare({ ...ask, cartridgeId: stage.certificates.get("cartridge")?.slice(4, 12) ?? none });
    const session = stage.session("card");
    await session.authenticate(ROLE_CARD);
    await at.issueLicense(loanId, await session.command(0x80, INS_CONTRACT, 0, contract, "contract"));
    const madeUp = await at.completeContract(loanId, new Uint8Array(16)).then(
      () => at.loadKey(loanId, new Uint8Array(16), 0).then(() => "a key"),
      (error: unknown) => (error as Error).message,
    );
    return { better, madeUp };
  };
  await Stage.play({ seed: 210 }, async (stage) => {
    const { better, madeUp } = await swap(() => stage.center)(stage);
    assert.match(better, /not the one that was prepared/);
    assert.match(madeUp, /not genuine/);
  });
  const { LocalCenter: Center } = (await mutantModule("src/center/local.ts", [COMPLETION, TERMS])) as { LocalCenter: typeof LocalCenter };
  await Stage.play({ seed: 210 }, async (stage) => {
    const { better, madeUp } = await swap((own) => centerOf(Center, own))(stage);
    assert.not.match(better, /not the one that was prepared/);
    assert.is(madeUp, "a key");
  });
});

test.run();
