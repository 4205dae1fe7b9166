import * as assert from "uvu/assert";
import {
  CUSTODY_CARD,
  INS_ACKNOWLEDGE,
  INS_ACTIVATE,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_END_PLAY,
  INS_ERASE,
  INS_GET_KEY,
  INS_LOAD_KEY,
  INS_PREPARE,
  INS_REQUEST_KEY,
  INS_REVOKE_LICENSE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
} from "../../src/core/protocol/constants.js";
import { LICENSE_LENGTH, LICENSE_RECORD, closePlay, openLicense, sealLicense } from "../../src/core/protocol/license.js";
import { rent } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED } from "../../src/reader/player.js";
import { suite } from "../suite.js";
import { readerParty } from "../scenario/support/parties.js";
import { DAY, HOUR, SECOND, Stage } from "../scenario/support/stage.js";
import { tried } from "./support/tried.js";

const test = suite("attacks on a loan");
const none = new Uint8Array(0);

/** A kiosk that keeps everything that it is given to carry, by instruction. */
async function rentAndKeep(
  stage: Stage,
  terms: Parameters<Stage["rent"]>[1] = {},
): Promise<{ kept: Map<number, Uint8Array>; loanId: Uint8Array; contentId: Uint8Array }> {
  const title = stage.sample(500);
  const kept = new Map<number, Uint8Array>();
  await stage.toKiosk();
  const rental = stage.rental(title, terms);
  for (const device of [rental.card, rental.cartridge]) {
    const genuine = device.session.command.bind(device.session);
    device.session.command = (cla, ins, tag, data, what) => {
      kept.set(ins, data.slice());
      return genuine(cla, ins, tag, data, what);
    };
  }
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

test("a key load that was recorded does not go into the same cartridge again: its challenge is over, and so is its counter", async () => {
  const attack = async (stage: Stage): Promise<boolean> => {
    const { kept } = await rentAndKeep(stage);
    const session = await freed(stage);
    assert.not.ok(stage.cartridge.keyValid);
    await session.command(0x80, INS_PREPARE, 0, none, "prepare");
    await session.transfer(0x80, INS_LOAD_KEY, 0, kept.get(INS_LOAD_KEY) ?? none);
    return stage.cartridge.keyValid;
  };
  const challenge = { file: "src/cartridge/loan.ts", from: "  if (!randomFill(loan.challenge)) return -SW_CONDITIONS;", to: "" };
  const counter = { file: "src/cartridge/loan.ts", from: "(!again && counter <= get32(record, LOAN_COUNTER)) || ", to: "" };
  await tried(attack, "cartridge", [challenge, counter]);
});

test("an ACTIVATE that was recorded does not arm a later loan", async () => {
  await Stage.play({ seed: 201 }, async (stage) => {
    const { kept } = await rentAndKeep(stage);
    await freed(stage);
    const rental = stage.rental(stage.sample(500));
    const genuine = rental.cartridge.session.command.bind(rental.cartridge.session);
    rental.cartridge.session.command = (cla, ins, tag, data, what) =>
      genuine(cla, ins, tag, ins === INS_ACTIVATE ? (kept.get(INS_ACTIVATE) ?? none) : data, what);
    try {
      await rent(rental);
      assert.unreachable("an old ACTIVATE armed");
    } catch (error) {
      assert.match((error as Error).message, /did not arm: 0x6a80/);
    }
  });
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
      for (const device of [rental.card, rental.cartridge]) {
        const genuine = device.session.command.bind(device.session);
        device.session.command = (cla, now, tag, data, what) => genuine(cla, now, tag, now === ins ? change(data.slice()) : data, what);
      }
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

test("a key that is pending is given to no reader", async () => {
  await tried(
    async (stage) => {
      const title = stage.sample(500);
      await stage.toKiosk();
      const rental = stage.rental(title);
      rental.center = Object.assign(Object.create(stage.center) as typeof stage.center, {
        activate: () => Promise.reject(new Error("the line is dead")),
      });
      await rent(rental).catch(() => undefined);
      const session = stage.session("cartridge", readerParty(stage));
      await session.authenticate(ROLE_CARTRIDGE);
      return (await session.transfer(0x80, INS_GET_KEY, 0, new Uint8Array(20).fill(1))).sw === 0x9000;
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: "  if (loan.record[LOAN_STATE] !== STATE_ARMED) return -SW_CONDITIONS;\n  if (get32(data, 0)",
        to: "  if (get32(data, 0)",
      },
    ],
  );
});

test("[F2] a key that nobody activates dies by itself, and its receipt says so", async () => {
  await tried(
    async (stage) => {
      const title = stage.sample(500);
      await stage.toKiosk();
      const rental = stage.rental(title);
      rental.center = Object.assign(Object.create(stage.center) as typeof stage.center, {
        activate: () => Promise.reject(new Error("the line is dead")),
      });
      await rent(rental).catch(() => undefined);
      assert.ok(stage.cartridge.keyValid);
      await stage.world.sleep(10 * 60 * SECOND);
      return stage.cartridge.keyValid;
    },
    "cartridge",
    [{ file: "src/cartridge/loan.ts", from: "      eraseKey(loan, CAUSE_NEVER_ACTIVATED);", to: "" }],
  );
});

test("[A7] nothing that a customer does with slots moves the deadline: a thousand times in and out", async () => {
  await Stage.play({ seed: 204, days: 2 }, async (stage) => {
    await stage.rent(stage.sample(500), { duration: 86_400 });
    const connected = stage.world.trace.of("dock", "cartridge").at(-1)?.t ?? 0;
    for (let time = 0; time < 1000; time++) {
      stage.world.dock(stage.cartridge, stage.readerCartridge);
      await stage.world.sleep(1500);
      stage.world.undock(stage.cartridge);
      await stage.world.sleep(1500);
    }
    assert.ok(stage.cartridge.keyValid);
    await stage.world.sleep(DAY);
    const erased = stage.world.trace.of("key", "cartridge").at(-1);
    assert.is(erased?.valid, false);
    assert.ok(
      Math.abs(((erased?.t ?? 0) - connected) / 1e6 - 86_400) < 90,
      "a day after the connection, give or take the oscillator and a minute",
    );
  });
});

test("[A7] the deadline is kept by the timer, and by every command that finds it passed", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500), { duration: 86_400 });
      await stage.world.sleep(26 * HOUR);
      return (await stage.playAtHome()).state === PLAYER_FINISHED;
    },
    "cartridge",
    [
      { file: "src/cartridge/loan.ts", from: "    eraseKey(loan, CAUSE_DEADLINE);\n    return;", to: "    return;" },
      {
        file: "src/cartridge/loan.ts",
        from: "  if (loan.record[LOAN_STATE] === STATE_ARMED && loan.board.now() >= loan.deadlineAt) eraseKey(loan, CAUSE_DEADLINE);",
        to: "",
      },
    ],
    { days: 2 },
  );
});

/** A reader's own program asks the card for a play, with keys taken from a reader. */
async function withReader(
  stage: Stage,
  terms: Parameters<Stage["rent"]>[1],
): Promise<(play: number, vouched?: number) => Promise<{ sw: number; data: Uint8Array; session: ReturnType<Stage["session"]> }>> {
  const { loanId, contentId } = await rentAndKeep(stage, { custody: CUSTODY_CARD, ...terms });
  const party = readerParty(stage);
  let session = stage.session("card", party);
  await session.authenticate(ROLE_CARD);
  return async (play, vouched = stage.time()) => {
    if (!session.authenticated) {
      session = stage.session("card", party);
      await session.authenticate(ROLE_CARD);
    }
    const data = new Uint8Array(52);
    data.set(contentId);
    data.set(loanId, 16);
    data.fill(play, 32, 48);
    new DataView(data.buffer).setUint32(48, vouched);
    return { ...(await session.transfer(0x80, INS_REQUEST_KEY, 0, data)), session };
  };
}

test("[D7] a play is debited durably before its key goes out: pulling the card brings none back", async () => {
  await tried(
    async (stage) => {
      const ask = await withReader(stage, { plays: 1 });
      const first = await ask(1);
      assert.is(first.sw, 0x9000);
      first.session.close();
      stage.world.undock(stage.card);
      stage.world.dock(stage.card, stage.kioskCard);
      await stage.world.sleep(SECOND);
      return (await ask(2)).sw === 0x9000;
    },
    "card",
    [
      {
        file: "src/card/licenses.ts",
        from: "  return journalPut(device.memory.journal, SLOT_LICENSE, index, record);",
        to: "  return get32(record, 0) > 1 || journalPut(device.memory.journal, SLOT_LICENSE, index, record);",
      },
    ],
  );
});

test("[D7] who holds a reader's keys cannot write the plays back: the card compares", async () => {
  await tried(
    async (stage) => {
      const ask = await withReader(stage, { plays: 1 });
      const { data, session } = await ask(1);
      const license = new Uint8Array(LICENSE_LENGTH);
      const record = new Uint8Array(LICENSE_RECORD);
      assert.ok(openLicense(license, data.slice(LICENSE_RECORD), data.slice(0, LICENSE_RECORD)));
      const end = Uint8Array.from([...license.subarray(4, 20), ...new Uint8Array(16).fill(1)]);
      const key = await session.command(0x80, INS_END_PLAY, 0, end, "end");
      closePlay(license, 1);
      license[129] = 0;
      sealLicense(record, key, license);
      await session.transfer(0x80, INS_END_PLAY, 1, record);
      return (await ask(2)).sw === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/license.ts", from: "    get16(next, LICENSE_PLAYS) === get16(current, LICENSE_PLAYS) &&\n", to: "" }],
  );
});

test("[D6] a clock that is set back at the reader opens nothing: the card's floor of time only rises", async () => {
  await tried(
    async (stage) => {
      const now = stage.time();
      const ask = await withReader(stage, { notAfter: now + 7200 });
      assert.is((await ask(1, now + 9000)).sw, 0x6985);
      return (await ask(1, now + 60)).sw === 0x9000;
    },
    "card",
    [{ file: "src/core/device/party.ts", from: "  if (time <= before) return;\n", to: "  if (time > 0) return;\n" }],
  );
});

test("[D6] a clock that is set back at the card, by taking its power, opens nothing: the floor that it has seen is durable", async () => {
  await tried(
    async (stage) => {
      const now = stage.time();
      const ask = await withReader(stage, { notAfter: now + 7200 });
      // Time goes on in small steps, each too small to be written down by itself.
      for (let minute = 30; minute <= 240; minute += 30) await ask(1, now + 60 * minute);
      assert.is((await ask(1, now + 240 * 60)).sw, 0x6985);
      stage.takeOut();
      stage.world.dock(stage.card, stage.kioskCard);
      await stage.world.sleep(SECOND);
      (await ask(1, now + 60)).session.close();
      return (await ask(1, now + 60)).sw === 0x9000;
    },
    "card",
    [{ file: "src/core/device/party.ts", from: "  if ((time / 3600) >>> 0 > (before / 3600) >>> 0) storeState(memory);\n", to: "" }],
  );
});

test("[D7] a card whose flash is put back meets the version that the cartridge's key memory holds", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500), { plays: 1 });
      const before = stage.card.flash.cells.slice();
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      stage.card.flash.cells.set(before);
      return (await stage.playAtHome()).state === PLAYER_FINISHED;
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: "  if (get32(data, 0) <= get32(anchor, 0) && !equal(data, anchor)) return -SW_CONDITIONS;\n",
        to: "",
      },
    ],
  );
});

test("the console is reached over no port: not by bytes, not by Ctrl-C, on USB, Bluetooth or the wire", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500));
      const wire = stage.world.wire({ name: "intruder" });
      const intruder = stage.world.hostPort("intruder", wire);
      stage.cartridge.port("USB").connect(wire, 1);
      stage.world.dock(stage.cartridge, stage.readerCartridge);
      for (const text of ["\x03\x03\x10print(process.memory())\n", "\x10E.dumpVariables()\r\n", "E.reboot()\n"]) {
        intruder.write(new Uint8Array(Buffer.from(text, "latin1")));
        await stage.world.sleep(SECOND);
      }
      return stage.cartridge.counts.consoleBytes > 0;
    },
    "cartridge",
    [{ file: "boards/espruino/boot.ts", from: "  E.setConsole(null, { force: true });", to: "" }],
  );
});

test("[F9] an introduction that was used is not taken again, and an expired one not at all", async () => {
  const ticket = (stage: Stage, expiry: number): Uint8Array =>
    stage.authority.introduce(
      [
        { role: 4, id: stage.kiosk.id, generation: 1 },
        { role: ROLE_CARD, id: stage.certificates.get("card")?.slice(4, 12) ?? none, generation: 1 },
      ],
      [stage.kiosk.chain.slice(0, 128), stage.certificates.get("card") ?? none],
      [1, 1],
      expiry,
      1,
    ).tickets[1];
  const give = async (stage: Stage, data: Uint8Array): Promise<boolean> =>
    (await stage.session("card", null).transfer(0x00, 0xda, 0x0110, data)).sw === 0x9000;
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const once = ticket(stage, stage.time() + 86_400);
      assert.ok(await give(stage, once));
      return give(stage, once);
    },
    "card",
    [{ file: "src/core/device/personalization.ts", from: "get32(plain, 0) > get32(memory.state, STATE_TICKET) &&", to: "" }],
  );
  await tried(
    async (stage) => {
      await stage.toKiosk();
      return give(stage, ticket(stage, stage.time() - 86_400 * 3));
    },
    "card",
    [{ file: "src/core/device/personalization.ts", from: "get32(plain, TICKET_EXPIRY) >= party.floor() &&", to: "" }],
  );
});

test.run();
