import * as assert from "uvu/assert";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT, INS_GET_KEY, INS_GET_LOAN, INS_PLAY } from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED, PLAYER_REFUSED, PLAYER_STOPPED, REASON_CARTRIDGE, REASON_CHUNK } from "../../src/reader/state.js";
import { rent } from "../../src/kiosk/rental.js";
import { suite } from "../suite.js";
import { contains, flashOf, inFlash, inMemory, memoryOf, steal } from "./support/leftovers.js";
import { DAY, HOUR, SECOND, Stage } from "./support/stage.js";

const test = suite("a loan");

/** The key that the center sealed into the cartridge, as the test knows it from the cartridge's own memory while it is armed. */
function heldKey(stage: Stage): Uint8Array {
  const memory = stage.cartridge.arenas.keyMemory;
  assert.ok(
    memory?.some((byte) => byte !== 0),
    "the cartridge holds a key",
  );
  return (memory as Uint8Array).slice(0, 32);
}

test("[A1][A2][A3] of several contents the kiosk records the one that was ordered, and the reader plays it without a network", async () => {
  await Stage.play({ seed: 2 }, async (stage) => {
    const titles = [stage.sample(700), stage.sample(9000), stage.sample(3000, 1)];
    await stage.rent(titles[1]);
    const stored = flashOf(stage.cartridge);
    assert.ok(stored.some((part) => contains(part, titles[1].sealed.subarray(0, 400))));
    for (const other of [titles[0], titles[2]]) assert.not.ok(stored.some((part) => contains(part, other.sealed.subarray(0, 200))));
    assert.not.ok(
      stored.some((part) => contains(part, titles[1].plain.subarray(0, 16))),
      "only ciphertext is on the medium",
    );
    const status = await stage.playAtHome();
    assert.is(status.state, PLAYER_FINISHED);
    assert.equal(stage.heard(), titles[1].plain);
  });
});

for (const [name, custody] of [
  ["cartridge", CUSTODY_CARTRIDGE],
  ["card", CUSTODY_CARD],
  ["split", CUSTODY_SPLIT],
] as const)
  for (const sealing of [1, 2])
    test(`[A3]${custody === CUSTODY_SPLIT ? "[F1]" : ""} custody ${name}, suite ${String(sealing)}: plays byte by byte what was packaged, twice`, async () => {
      await Stage.play({ seed: 3 }, async (stage) => {
        const title = stage.sample(5000, sealing);
        await stage.rent(title, { custody });
        for (let play = 1; play <= 2; play++) {
          assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
          assert.is(stage.reader.decoder?.contents.length, play);
          assert.equal(stage.heard(), title.plain);
        }
      });
    });

test("a host that says PLAY while the reader begins to play by itself disturbs nothing", async () => {
  await Stage.play({ seed: 31 }, async (stage) => {
    const title = stage.sample(600);
    await stage.rent(title);
    for (let after = 0; after < 8; after++) {
      const begun = stage.world.trace.of("apdu").length;
      const asked = (): boolean => stage.world.trace.of("apdu").some(({ ins }, i) => i >= begun && ins === INS_GET_LOAN);
      stage.home();
      // The tap tells of a command when its answer has come; what follows it is the rest of the play's beginning.
      await stage.world.until(asked, 20 * SECOND, "GET LOAN");
      await stage.world.sleep(after * 10);
      const { sw } = await stage.session("reader", null).transfer(0x80, INS_PLAY, 0, new Uint8Array(0));
      assert.is(sw, 0x6985);
      assert.is((await stage.settled()).state, PLAYER_FINISHED);
      await stage.world.sleep(5 * SECOND);
      assert.equal(stage.heard(), title.plain);
      stage.takeOut();
      await stage.world.sleep(SECOND);
    }
  });
});

test("[A3] a content of no bytes is valid and plays as nothing", async () => {
  await Stage.play({ seed: 4 }, async (stage) => {
    await stage.rent(stage.sample(0));
    const status = await stage.playAtHome();
    assert.is(status.state, PLAYER_FINISHED);
    assert.is(status.played, 0);
  });
});

test("[A6] a content larger than the medium is refused by the board's name, before anything is changed", async () => {
  await Stage.play({ seed: 5 }, async (stage) => {
    const title = stage.sample(600);
    await stage.toKiosk();
    const rental = stage.rental(title);
    rental.content = { length: 0x40000001, read: rental.content.read.bind(rental.content) };
    try {
      await rent(rental);
      assert.unreachable("the kiosk takes a content that has no room");
    } catch (error) {
      assert.match((error as Error).message, /Espruino Pico holds 1073741824 bytes, and this content takes 1073741825/);
    }
    assert.equal(stage.cartridge.card?.names() ?? [], []);
  });
});

test("[A6] the medium holds ciphertext, the key is in capacitor memory and in no flash, file or other memory", async () => {
  await Stage.play({ seed: 6 }, async (stage) => {
    const title = stage.sample(4000);
    await stage.rent(title);
    const key = heldKey(stage);
    for (const board of [stage.cartridge, stage.card, stage.reader]) {
      assert.not.ok(inFlash(board, key), `${board.name} flash`);
      assert.not.ok(inFlash(board, title.produced.titleKey), `${board.name} flash`);
    }
    assert.is(stage.cartridge.searchMemory(key), 1, "one copy, in key memory");
    await stage.playAtHome();
    assert.not.ok(inMemory(stage.reader, key), "the reader forgets the key when it has played");
    assert.not.ok(inMemory(stage.reader, title.produced.titleKey));
  });
});

test("[A6] an under-charged cartridge is not given a key", async () => {
  await Stage.play({ seed: 7 }, async (stage) => {
    const title = stage.sample(600);
    await stage.toKiosk();
    stage.kioskCartridge.charging(false);
    const rental = stage.rental(title);
    let waits = 0;
    rental.wait = (milliseconds) => {
      waits++;
      return stage.world.sleep(milliseconds);
    };
    try {
      await rent(rental);
      assert.unreachable("a cartridge without charge was armed");
    } catch (error) {
      assert.match((error as Error).message, /capacitor stays at \d+ mV/);
    }
    assert.ok(waits > 100);
    assert.not.ok(stage.cartridge.keyValid);
  });
});

test("[A6] a kiosk that lies about the charge is refused by the cartridge itself", async () => {
  await Stage.play({ seed: 8 }, async (stage) => {
    const title = stage.sample(600);
    await stage.toKiosk();
    stage.kioskCartridge.charging(false);
    const rental = stage.rental(title);
    const { session } = rental.cartridge;
    const genuine = session.command.bind(session);
    session.command = async (cla, ins, tag, data, what) => {
      const answer = await genuine(cla, ins, tag, data, what);
      if (ins === 0x40) answer[22] = 1;
      return answer;
    };
    try {
      await rent(rental);
      assert.unreachable("a cartridge without charge took a key");
    } catch (error) {
      assert.match((error as Error).message, /did not take the key: 0x6985/);
    }
    assert.not.ok(stage.cartridge.keyValid);
  });
});

test("[A7] the timer erases at the deadline, counted from the connection to the kiosk, and everybody refuses", async () => {
  await Stage.play({ seed: 9, days: 2 }, async (stage) => {
    const title = stage.sample(2000);
    const before = stage.world.clock.now;
    await stage.rent(title, { duration: 86_400 });
    const key = heldKey(stage);
    await stage.world.sleep(25 * HOUR);
    const docked = stage.world.trace.of("dock", "cartridge").find(({ t }) => t >= before);
    const erased = stage.world.trace.of("key", "cartridge").at(-1);
    assert.is(erased?.valid, false);
    const seconds = ((erased?.t ?? 0) - (docked?.t ?? 0)) / 1e6;
    assert.ok(Math.abs(seconds - 86_400) < 86_400 * 0.0002, `erased ${String(seconds)} s after the connection`);
    assert.not.ok(inMemory(stage.cartridge, key), "no byte of the key is left in memory");
    const status = await stage.playAtHome();
    assert.is(status.state, PLAYER_REFUSED);
    assert.is(status.reason, REASON_CARTRIDGE);
    assert.is(stage.heard(), null);
  });
});

for (const [name, custody] of [
  ["cartridge", CUSTODY_CARTRIDGE],
  ["split", CUSTODY_SPLIT],
] as const)
  test(`[A9]${custody === CUSTODY_SPLIT ? "[F1]" : ""} custody ${name}: the capacitor runs dry before the deadline, and the key is gone, timer or not`, async () => {
    await Stage.play({ seed: 10, days: 2 }, async (stage) => {
      const title = stage.sample(2000);
      await stage.rent(title, { custody, duration: 60 * 86_400 });
      const key = heldKey(stage);
      await stage.world.sleep(30 * DAY);
      assert.not.ok(stage.cartridge.powered, "the cartridge has run dry");
      assert.not.ok(inFlash(stage.cartridge, key));
      const status = await stage.playAtHome();
      assert.is(status.state, PLAYER_REFUSED);
      assert.is(status.reason, REASON_CARTRIDGE);
      assert.not.ok(inMemory(stage.cartridge, key));
      assert.is(stage.heard(), null);
    });
  });

for (const [name, custody] of [
  ["cartridge", CUSTODY_CARTRIDGE],
  ["split", CUSTODY_SPLIT],
] as const)
  test(`[A7][A9] custody ${name}: after the erase nothing left in cartridge, card and reader opens the content`, async () => {
    await Stage.play({ seed: 11, days: 2 }, async (stage) => {
      const title = stage.sample(900);
      const terms = stage.terms({ custody, duration: 86_400 });
      const loanId = await stage.rent(title, { custody, duration: 86_400 });
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      const boards = [stage.cartridge, stage.card, stage.reader];
      const everything = (): Uint8Array[] => boards.flatMap((board) => [...flashOf(board), ...memoryOf(board)]);
      stage.home();
      await stage.settled();
      const armed = steal(stage, title, loanId, terms, everything());
      assert.ok(armed.opened, "while the loan lasts, whoever reads out all memories has it: the thief knows how");
      stage.takeOut();
      await stage.world.sleep(2 * DAY);
      stage.home();
      await stage.settled();
      const theft = steal(stage, title, loanId, terms, everything());
      assert.ok(theft.tried > 2000, `${String(theft.tried)} keys`);
      assert.not.ok(theft.opened);
    });
  });

test("[A18] the key travels encrypted: neither its bytes nor the title key's cross any wire", async () => {
  await Stage.play({ seed: 12, wires: true }, async (stage) => {
    const title = stage.sample(3000);
    await stage.rent(title, { custody: CUSTODY_SPLIT });
    const key = heldKey(stage);
    await stage.playAtHome();
    const bytes = stage.world.trace
      .of("frame")
      .map((frame) => frame.bytes ?? "")
      .join("");
    assert.ok(bytes.includes(Buffer.from(title.sealed.subarray(0, 16)).toString("hex")), "the tap sees the ciphertext");
    for (const secret of [key, title.produced.titleKey, title.plain.subarray(0, 16)])
      for (let at = 0; at + 8 <= secret.length; at += 4)
        assert.not.ok(bytes.includes(Buffer.from(secret.subarray(at, at + 8)).toString("hex")));
  });
});

test("[A18] a cartridge gives no key to one who is not authenticated as a reader", async () => {
  await Stage.play({ seed: 13 }, async (stage) => {
    await stage.rent(stage.sample(600));
    await stage.toKiosk();
    const nobody = stage.session("cartridge", null);
    assert.is((await nobody.transfer(0x80, INS_GET_KEY, 0, new Uint8Array(0))).sw, 0x6982);
    const kiosk = stage.session("cartridge");
    await kiosk.authenticate(2);
    assert.is((await kiosk.transfer(0x80, INS_GET_KEY, 0, new Uint8Array(0))).sw, 0x6982);
  });
});

test("[A3] a chunk that was changed on the medium stops the reader before it, which says which one", async () => {
  for (const chunk of [0, 3, 6]) {
    await Stage.play({ seed: 14 }, async (stage) => {
      const title = stage.sample(480 * 7);
      await stage.rent(title);
      for (const name of stage.cartridge.card?.names() ?? []) stage.cartridge.card?.damage(name, 512 * chunk + 100, 1);
      const status = await stage.playAtHome();
      assert.is(status.state, PLAYER_STOPPED);
      assert.is(status.reason, REASON_CHUNK);
      assert.is(status.chunk, chunk);
      assert.is(status.played, 480 * chunk);
      assert.equal(stage.heard() ?? new Uint8Array(0), title.plain.subarray(0, 480 * chunk));
    });
  }
});

test("[F3] the boards run the very bytes of dist", async () => {
  const stage = new Stage();
  for (const board of [stage.card, stage.cartridge, stage.reader]) {
    const built = readFileSync(new URL(`../../dist/${board.name}.boot0`, import.meta.url));
    assert.ok(Buffer.from(board.storage.read(".boot0") ?? []).equals(built), `${board.name} runs dist/${board.name}.boot0`);
  }
});

test("[F3] the same seed gives the same trace, byte by byte, and another seed another one", async () => {
  const digest = async (seed: number): Promise<string> => {
    const stage = await Stage.play({ seed }, async (play) => {
      await play.rent(play.sample(1500));
      await play.playAtHome();
      await play.world.sleep(DAY);
    });
    return createHash("sha256").update(stage.world.trace.toString()).digest("hex");
  };
  const first = await digest(15);
  assert.is(await digest(15), first);
  assert.is.not(await digest(16), first);
});

test("[A3] a loan that was given back plays no more, in any custody", async () => {
  for (const custody of [CUSTODY_CARTRIDGE, CUSTODY_CARD, CUSTODY_SPLIT]) {
    await Stage.play({ seed: 17 }, async (stage) => {
      const loanId = await stage.rent(stage.sample(600), { custody });
      await stage.playAtHome();
      await stage.giveBack(loanId);
      await stage.world.sleep(5 * SECOND);
      assert.is((await stage.playAtHome()).state, PLAYER_REFUSED);
    });
  }
});

test.run();
