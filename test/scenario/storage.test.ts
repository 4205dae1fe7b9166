/** After personalization no device makes, moves or deletes a file in the engine's Storage, so that Storage never compacts itself, which no power cut may meet. */
import * as assert from "uvu/assert";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../src/core/protocol/constants.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { suite } from "../suite.js";
import { HOUR, Stage } from "./support/stage.js";

const test = suite("Storage in the field");
const NAMES = ["card", "cartridge", "reader"] as const;

test("two loans, and as many sessions as fill the journals' regions several times, cause no compaction and no change of a file", async () => {
  await Stage.play({ days: 1, seed: 71 }, async (stage) => {
    const boards = NAMES.map((name) => stage[name]);
    const layout = (): string[] =>
      boards.flatMap(({ storage }) =>
        storage.list().map((file) => `${file} ${String(storage.locate(file)?.address)} ${String(storage.locate(file)?.size)}`),
      );
    const changed: string[] = [];
    const before = layout();
    const erases = NAMES.map((name) => stage[name].flash.counts.erases);
    for (const { name, storage } of boards)
      for (const method of ["write", "erase", "compact", "eraseAll"] as const) {
        const real = storage[method].bind(storage) as (...all: unknown[]) => unknown;
        Object.assign(storage, {
          [method]: (...all: unknown[]) => {
            changed.push(`${name} ${method} ${String(all[0])}`);
            return real(...all);
          },
        });
      }
    for (let loan = 0; loan < 2; loan++) {
      const title = stage.sample(3000);
      const loanId = await stage.rent(title);
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      await stage.world.sleep(6 * HOUR);
      await stage.giveBack(loanId);
    }
    await stage.toKiosk();
    const { kiosk } = stage;
    for (let i = 0; i < 60; i++) {
      await stage.session("card", kiosk).authenticate(ROLE_CARD);
      await stage.session("cartridge", kiosk).authenticate(ROLE_CARTRIDGE);
    }
    stage.takeOut();
    assert.equal(changed, []);
    assert.equal(layout(), before);
    for (const { name, storage } of boards) assert.is(storage.compactions, 0, name);
    const recycled = stage.card.flash.counts.erases - erases[0];
    assert.ok(recycled > 3, `the card's journal recycled only ${String(recycled)} pages, so that this shows little`);
  });
});

test("a file written over and over in the engine's own way compacts Storage: what the count would show", () => {
  const { card } = new Stage({ seed: 72 });
  const { storage } = card;
  for (let i = 0; i < 200; i++) storage.write("state", new Uint8Array(400).fill(i));
  assert.ok(storage.compactions > 0);
});

test.run();
