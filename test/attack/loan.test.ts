import * as assert from "uvu/assert";
import { CUSTODY_CARD, INS_END_PLAY, INS_GET_KEY, INS_REQUEST_KEY, ROLE_CARD, ROLE_CARTRIDGE } from "../../src/core/protocol/constants.js";
import { LICENSE_LENGTH, LICENSE_RECORD, closePlay, openLicense, sealLicense } from "../../src/core/protocol/license.js";
import { rent } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { specimen } from "../../sim/specimens.js";
import { suite } from "../suite.js";
import { copyLicense } from "../scenario/support/copied-license.js";
import { readerParty } from "../scenario/support/parties.js";
import { DAY, HOUR, SECOND, Stage } from "../scenario/support/stage.js";
import { mutant, mutantModule, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks on a loan");

test("a key that is pending is given to no reader", async () => {
  await tried(
    async (stage) => {
      const title = stage.sample(500);
      await stage.toKiosk();
      const rental = stage.rental(title);
      rental.center = stage.centerWith({
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
      rental.center = stage.centerWith({
        activate: () => Promise.reject(new Error("the line is dead")),
      });
      await rent(rental).catch(() => undefined);
      assert.ok(stage.cartridge.keyValid);
      await stage.world.sleep(10 * 60 * SECOND);
      return stage.cartridge.keyValid;
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: "  if (loan.record[LOAN_STATE] === STATE_PENDING) eraseKey(loan, CAUSE_NEVER_ACTIVATED);\n  else tick(loan);",
        to: "  if (loan.record[LOAN_STATE] !== STATE_PENDING) tick(loan);",
      },
    ],
  );
});

/** In and out of the reader so many times, then a day; by how many seconds the erasure misses the deadline of a day after the connection. */
async function inAndOut(stage: Stage, times: number): Promise<number> {
  await stage.rent(stage.sample(500), { duration: 86_400 });
  const connected = stage.world.trace.of("dock", "cartridge").at(-1)?.t ?? 0;
  for (let time = 0; time < times; time++) {
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(1500);
    stage.world.undock(stage.cartridge);
    await stage.world.sleep(1500);
  }
  assert.ok(stage.cartridge.keyValid);
  await stage.world.sleep(DAY);
  const erased = stage.world.trace.of("key", "cartridge").at(-1);
  assert.is(erased?.valid, false);
  return Math.abs(((erased?.t ?? 0) - connected) / 1e6 - 86_400);
}

test("[A7] nothing that a customer does with slots moves the deadline: a thousand times in and out", async () => {
  const newest: Edit = {
    file: "src/cartridge/loan.ts",
    from: "export function settle(loan: Loan): void {\n",
    to: "export function settle(loan: Loan): void {\n  if (loan.record[LOAN_STATE] === STATE_ARMED) loan.deadlineAt = loan.device.connectedAt + get32(loan.record, LOAN_TERMS + TERMS_DURATION) * 1000;\n",
  };
  await Stage.play({ seed: 204, days: 2 }, async (stage) => {
    assert.ok((await inAndOut(stage, 1000)) < 90, "give or take the oscillator and a minute");
  });
  await Stage.play({ seed: 204, days: 2, bundles: { cartridge: await mutant("cartridge", [newest]) } }, async (stage) => {
    assert.ok((await inAndOut(stage, 100)) > 120, "it would move if it counted from the newest connection");
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
  const title = stage.sample(500);
  const loanId = await stage.rent(title, { custody: CUSTODY_CARD, ...terms });
  const { contentId } = title.produced;
  await stage.toKiosk();
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

test("[D6] a license with a window does not open for a reader that tells no time", async () => {
  await tried(
    async (stage) => {
      const ask = await withReader(stage, { notAfter: stage.time() + 7200 });
      return (await ask(1, 0)).sw === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/license.ts", from: "  if (hasWindow(terms) && vouched === 0) return USE_TIME_UNKNOWN;\n", to: "" }],
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

const ANCHOR: Edit = {
  file: "src/cartridge/loan.ts",
  from: "  if (get32(data, 0) <= get32(anchor, 0) && !equal(data, anchor)) return -SW_CONDITIONS;\n",
  to: "",
};

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
    [ANCHOR],
  );
});

test("[D7] a card whose whole image is copied to another card has no plays more: one of the two opens what the other has not", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500), { plays: 1 });
      const twin = stage.world.board({ ...specimen("card", 7), name: "twin" });
      twin.flash.cells.set(stage.card.flash.cells);
      const plays = async (card: Stage["card"]): Promise<boolean> => {
        stage.world.dock(card, stage.readerCard);
        stage.world.dock(stage.cartridge, stage.readerCartridge);
        const { state } = await stage.settled();
        await stage.world.sleep(5 * SECOND);
        for (const board of [card, stage.cartridge]) stage.world.undock(board);
        return state === PLAYER_FINISHED;
      };
      assert.ok(await plays(twin), "a copy is as good as the card");
      return plays(stage.card);
    },
    "cartridge",
    [ANCHOR],
  );
});

test("[D3] a license's record that is written into another card's flash, with that card's own keys, is no license there", async () => {
  const file = "src/core/protocol/license.ts";
  await tried(copyLicense, "card", [
    { file, from: "  context.set(deviceId);\n", to: "" },
    { file, from: "  derive(wrap, deviceKey, KEY_LICENSE_WRAP, none);\n", to: "  wrap.fill(0);\n" },
  ]);
});

test("[D3] a license that is copied to another card opens under that card's id or key no more", async () => {
  const file = "src/core/protocol/license.ts";
  type Module = typeof import("../../src/core/protocol/license.js");
  const id = new Uint8Array(8).fill(1);
  const other = new Uint8Array(8).fill(2);
  const deviceKey = new Uint8Array(32).fill(3);
  const othersKey = new Uint8Array(32).fill(4);
  const opens = ({ licenseWrappingKey, sealLicense, openLicense }: Module, owner: Uint8Array, key: Uint8Array): boolean => {
    const wrapping = new Uint8Array(32);
    const record = new Uint8Array(LICENSE_RECORD);
    licenseWrappingKey(wrapping, deviceKey, id, new Uint8Array(16), 1);
    sealLicense(record, wrapping, new Uint8Array(LICENSE_LENGTH));
    licenseWrappingKey(wrapping, key, owner, new Uint8Array(16), 1);
    return openLicense(new Uint8Array(LICENSE_LENGTH), wrapping, record);
  };
  const genuine = await import("../../src/core/protocol/license.js");
  assert.ok(opens(genuine, id, deviceKey));
  assert.not.ok(opens(genuine, other, deviceKey) || opens(genuine, id, othersKey));
  const withoutId = await mutantModule(file, [{ file, from: "  context.set(deviceId);\n", to: "" }]);
  assert.ok(opens(withoutId as Module, other, deviceKey), "the id is bound in");
  const withoutKey = await mutantModule(file, [
    { file, from: "  derive(wrap, deviceKey, KEY_LICENSE_WRAP, none);\n", to: "  wrap.fill(0);\n" },
  ]);
  assert.ok(opens(withoutKey as Module, id, othersKey), "and so is the key");
});

const WORDS = ["\x03\x03\x10print(process.memory())\n", "\x10E.dumpVariables()\r\n", "E.reboot()\n"];

test("the console is reached over no port: not by bytes, not by Ctrl-C, on USB, Bluetooth or the wire", async () => {
  for (const [name, port] of [
    ["cartridge", "USB"],
    ["card", "Bluetooth"],
  ] as const)
    await tried(
      async (stage) => {
        await stage.rent(stage.sample(500));
        const wire = stage.world.wire({ name: "intruder" });
        const intruder = stage.world.hostPort("intruder", wire);
        stage[name].port(port).connect(wire, 1);
        stage.home();
        for (const text of WORDS) {
          intruder.write(new Uint8Array(Buffer.from(text, "latin1")));
          await stage.world.sleep(SECOND);
        }
        return stage[name].counts.consoleBytes > 0;
      },
      name,
      [{ file: "boards/espruino/boot.ts", from: "  E.setConsole(null, { force: true });", to: "" }],
    );
  // On the wire of its slot the same bytes are noise, and the device goes on.
  const onWire = async (stage: Stage): Promise<number> => {
    let taken = 0;
    await stage.toKiosk();
    for (const [board, slot] of [
      [stage.card, stage.kioskCard],
      [stage.cartridge, stage.kioskCartridge],
    ] as const) {
      const port = stage.world.hostPort("intruder", slot.wire);
      const { boots } = board.counts;
      for (const text of WORDS) {
        port.write(new Uint8Array(Buffer.from(text, "latin1")));
        await stage.world.sleep(SECOND);
      }
      taken += board.counts.consoleBytes;
      assert.is(board.counts.boots, boots, "and it was not started anew");
    }
    return taken;
  };
  await Stage.play({ seed: 220 }, async (stage) => {
    assert.is(await onWire(stage), 0);
    stage.takeOut();
    stage.home();
    await stage.world.sleep(20 * SECOND);
    assert.is((await stage.status()).sessions, 3);
  });
  // Copies that give the console to the wire. They hear no command, so that nobody can personalize them.
  const shared: Edit = {
    file: "boards/espruino/boot.ts",
    from: "E.setConsole(null, { force: true });",
    to: 'E.setConsole("Serial1", { force: true });',
  };
  const bundles = { card: await mutant("card", [shared]), cartridge: await mutant("cartridge", [shared]) };
  const stage = new Stage({ seed: 220, bundles });
  await stage.world.run(async () => {
    assert.is(await onWire(stage), 2 * WORDS.join("").length);
  });
});

test.run();
