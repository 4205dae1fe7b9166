import * as assert from "uvu/assert";
import { INS_ACTIVATE, INS_LOAD_PROGRAM } from "../../src/core/protocol/constants.js";
import { programFits, runProgram } from "../../src/cartridge/program.js";
import { readAdverts } from "../../src/host/adverts.js";
import { makeReadProgram } from "../../src/kiosk/read-program.js";
import { rent } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED, PLAYER_REFUSED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { contains, flashOf, inFlash, inMemory } from "./support/leftovers.js";
import { DAY, HOUR, Stage, type Title } from "./support/stage.js";

const test = suite("the read program");

/** What lies on the medium, the file as the cartridge wrote it. */
function medium(stage: Stage): Uint8Array {
  return stage.cartridge.card?.content(stage.cartridge.card.names()[0]) ?? new Uint8Array(0);
}

/** The program in key memory: the block map is its last part. */
function loaded(stage: Stage): Uint8Array {
  const memory = stage.cartridge.arenas.keyMemory?.slice(64) ?? new Uint8Array(0);
  return memory.slice(0, 4 + 5 * memory[1] + ((memory[2] << 8) | memory[3]));
}

function inOrder(stage: Stage, title: Title): number {
  const stored = medium(stage);
  let same = 0;
  for (let at = 0; at + 512 <= stored.length; at += 512)
    if (Buffer.from(stored.subarray(at, at + 512)).equals(title.sealed.subarray(at, at + 512))) same++;
  return same;
}

test("every block has one place, and the cartridge finds it", () => {
  let seed = 1;
  const random = (length: number): Uint8Array => Uint8Array.from({ length }, () => (seed = (seed * 48271) % 2147483647) & 255);
  for (const blocks of [1, 2, 3, 5, 64, 65, 66, 130, 1000, 2049, 100_003]) {
    const program = makeReadProgram(blocks, random);
    assert.ok(programFits(program.bytes), `${String(blocks)} blocks`);
    assert.ok(program.bytes.length <= 448);
    const seen = new Set<number>();
    for (let block = 0; block < blocks; block++) {
      const place = runProgram(program.bytes, block);
      assert.ok(place >= 0 && place < blocks);
      assert.is(program.blockAt(place), block);
      seen.add(place);
    }
    assert.is(seen.size, blocks);
    assert.is(runProgram(program.bytes, blocks - 1), blocks - 1, "the last block may be shorter: it stays");
  }
});

test("[A8a] the content is recorded out of order, and plays by the read program in key memory", async () => {
  for (const sealing of [1, 2])
    await Stage.play({ seed: 31 }, async (stage) => {
      const title = stage.sample(480 * 40 + 77, sealing);
      const rental = { readProgram: true };
      await stage.rent(title, rental);
      assert.is(medium(stage).length, title.sealed.length);
      assert.ok(inOrder(stage, title) < 8, `${String(inOrder(stage, title))} of 40 blocks lie where they were`);
      const program = loaded(stage);
      assert.ok(programFits(program));
      assert.not.ok(
        contains(Uint8Array.from(flashOf(stage.cartridge).flatMap((part) => [...part.subarray(0, 200_000)])), program.slice(-30)),
      );
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      assert.equal(stage.heard(), title.plain);
    });
});

test("[A4] [A8a] adverts lie behind a content that is recorded out of order, and the reader shows them byte for byte", async () => {
  const pictures = [300, 1025].map((length) => Uint8Array.from({ length }, (_, i) => (i * 13 + length) & 255));
  for (const length of [480 * 40 + 77, 480 * 12])
    await Stage.play({ seed: 35 }, async (stage) => {
      const title = stage.sample(length);
      const area = { left: 1, top: 2, right: 200, bottom: 201, address: "https://adverts.example.com/a/1" };
      pictures.forEach((picture, i) => {
        stage.center.advertise({ id: `000000000000000${String(i)}`, mediaType: "image/webp", areas: i === 0 ? [area] : [] }, picture);
      });
      await stage.rent(title, { readProgram: true });
      assert.ok(inOrder(stage, title) < 8);
      stage.home();
      assert.is((await stage.settled()).state, PLAYER_FINISHED);
      await stage.world.sleep(5000);
      assert.equal(stage.heard(), title.plain);
      const shown = await readAdverts(stage.session("reader", null));
      assert.equal(
        shown.map(({ picture }) => picture),
        pictures,
      );
      assert.equal(shown[0].areas, [area]);
    });
});

test("[A8a] terms that want a read program do not arm without one, and one that does not fit is refused", async () => {
  await Stage.play({ seed: 32 }, async (stage) => {
    const title = stage.sample(3000);
    await stage.toKiosk();
    const rental = stage.rental(title, { readProgram: true });
    const { session } = rental.cartridge;
    const genuine = session.command.bind(session);
    session.command = async (cla, ins, tag, data, what) => {
      if (ins !== INS_LOAD_PROGRAM) return genuine(cla, ins, tag, data, what);
      for (const wrong of [
        new Uint8Array(0),
        data.slice(1),
        data.slice(0, -1),
        Uint8Array.of(1, 1, 0, 1, 3, 0, 0, 0, 0, 0),
        new Uint8Array(500).fill(1),
      ])
        assert.is((await session.transfer(cla, ins, tag, wrong)).sw, 0x6a80);
      return new Uint8Array(0);
    };
    try {
      await rent(rental);
      assert.unreachable("armed without the read program");
    } catch (error) {
      assert.match((error as Error).message, /did not arm: 0x6985/);
    }
    assert.is((await session.transfer(0x80, INS_ACTIVATE, 0, new Uint8Array(40))).sw, 0x6a80);
  });
});

test("[A8b][A9] the read program is lost when the capacitor runs dry", async () => {
  await Stage.play({ seed: 33, days: 2 }, async (stage) => {
    await stage.rent(stage.sample(9000), { readProgram: true, duration: 60 * 86_400 });
    const map = loaded(stage).slice(-18);
    await stage.world.sleep(30 * DAY);
    assert.not.ok(stage.cartridge.powered);
    assert.not.ok(inFlash(stage.cartridge, map));
    assert.is((await stage.playAtHome()).state, PLAYER_REFUSED);
    assert.not.ok(inMemory(stage.cartridge, map));
  });
});

test("[A8c] the timer erases the read program", async () => {
  await Stage.play({ seed: 34, days: 2 }, async (stage) => {
    await stage.rent(stage.sample(9000), { readProgram: true, duration: 86_400 });
    const map = loaded(stage).slice(-18);
    assert.ok(inMemory(stage.cartridge, map));
    await stage.world.sleep(25 * HOUR);
    assert.ok(stage.cartridge.powered, "the capacitor still holds");
    assert.not.ok(inMemory(stage.cartridge, map));
    assert.not.ok(inFlash(stage.cartridge, map));
    assert.is((await stage.playAtHome()).state, PLAYER_REFUSED);
  });
});

test.run();
