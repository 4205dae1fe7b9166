/** Power cuts in the middle of a play: card and reader agree afterwards on how many plays there were. LEYDEN_CUTS=all cuts at every operation of the journals. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { produce } from "../../src/center/contents.js";
import { CUSTODY_SPLIT, INS_GET_DATA, ROLE_CARD, TAG_LICENSE } from "../../src/core/protocol/constants.js";
import { LICENSE_OPEN, LICENSE_PLAYS } from "../../src/core/protocol/license.js";
import { encodeTerms, rent } from "../../src/kiosk/rental.js";
import { cutEverywhere, type FaultScenario } from "../../sim/faults.js";
import { readerStatus } from "../../sim/loan.js";
import { LoanWorld, type LoanWorldOptions } from "../../sim/loan-world.js";
import { mutant } from "../attack/support/mutant.js";
import { suite } from "../suite.js";
import { SECOND } from "./support/stage.js";

const test = suite("power cuts in a play");
/** Plays that the license has; one cut at most lets one of them be heard again. */
const PLAYS = 2;
const FINISHED = 2;
const REFUSED = 3;
const NO_PLAYS = 4;

interface Home {
  loan: LoanWorld;
  plain: Uint8Array;
  /** Times that the content was heard from its beginning to its end. */
  heard: number;
}

/** Into the reader, until it has played or has refused, and out again; how it ended, and why. */
async function atHome(home: Home): Promise<[state: number, detail: number]> {
  const { loan, plain } = home;
  let [state, detail] = [0, 0];
  loan.reader.supply("wall", 3.3);
  loan.world.dock(loan.card, loan.readerCard);
  loan.world.dock(loan.cartridge, loan.readerCartridge);
  for (let waited = 0; waited < 40 && state < FINISHED; waited++) {
    await loan.world.sleep(2 * SECOND);
    const status = await readerStatus(loan).catch(() => null);
    if (status !== null) ({ state, detail } = status);
  }
  await loan.world.sleep(5 * SECOND);
  for (const content of loan.reader.decoder?.contents.splice(0) ?? []) {
    let rest = Buffer.from(content);
    for (; rest.length >= plain.length; rest = rest.subarray(plain.length)) {
      if (!rest.subarray(0, plain.length).equals(plain)) throw new Error("the reader played something else");
      home.heard++;
    }
  }
  loan.world.undock(loan.card);
  loan.world.undock(loan.cartridge);
  return [state, detail];
}

/** Plays used, as the card says, and whether one is open. */
async function used({ loan }: Home): Promise<{ plays: number; open: number }> {
  loan.world.dock(loan.card, loan.kioskCard);
  await loan.world.sleep(3 * SECOND);
  const session = loan.session("card");
  await session.authenticate(ROLE_CARD);
  const { data } = await session.transfer(0x00, INS_GET_DATA, TAG_LICENSE, new Uint8Array(0));
  loan.world.undock(loan.card);
  return { plays: (data[LICENSE_PLAYS] << 8) | data[LICENSE_PLAYS + 1], open: data[LICENSE_OPEN] };
}

function scenario(bundles?: LoanWorldOptions["bundles"]): FaultScenario {
  const homes = new WeakMap<object, Home>();
  const homeIn = (world: object): Home => homes.get(world) as Home;
  return {
    name: "plays",
    seed: 8,
    async setup(world) {
      const loan = new LoanWorld({ seed: 8, days: 2, world, bundles });
      const plain = loan.draw(700);
      const folder = mkdtempSync(join(tmpdir(), "leyden-plays-"));
      writeFileSync(join(folder, "plain"), plain);
      const content = produce(join(folder, "plain"), join(folder, "sealed"), 2, (length) => loan.draw(length));
      const sealed = new Uint8Array(readFileSync(join(folder, "sealed")));
      rmSync(folder, { recursive: true });
      loan.center.addContent(content);
      homes.set(world, { loan, plain, heard: 0 });
      await loan.enrollAll();
      world.dock(loan.card, loan.kioskCard);
      world.dock(loan.cartridge, loan.kioskCartridge);
      loan.kioskCartridge.charging(true);
      await world.sleep(2 * SECOND);
      await rent({
        cartridge: loan.device("cartridge"),
        card: loan.device("card"),
        center: loan.center,
        contentId: content.contentId,
        content: { length: sealed.length, read: (offset, length) => sealed.subarray(offset, offset + length) },
        terms: encodeTerms({ custody: CUSTODY_SPLIT, duration: 86_400, kioskId: loan.kiosk.id, plays: PLAYS }),
        kioskId: loan.kiosk.id,
        idempotencyKey: "one",
        wait: (milliseconds) => world.sleep(milliseconds),
      });
      world.undock(loan.card);
      world.undock(loan.cartridge);
    },
    async run(world) {
      const home = homeIn(world);
      for (let visit = 0; visit < 3 && home.heard === 0; visit++) await atHome(home);
      if (home.heard === 0) throw new Error("nothing was played after three tries");
    },
    async check(world) {
      const home = homeIn(world);
      const { plays, open } = await used(home);
      if (plays < 1) throw new Error("a play was heard and not debited");
      if (plays > home.heard + open) throw new Error(`${String(plays)} plays were debited for ${String(home.heard)} that were heard`);
      let ended: [number, number] = [0, 0];
      for (let visit = 0; visit < 2 * PLAYS && ended[0] !== REFUSED; visit++) ended = await atHome(home);
      if (ended[0] !== REFUSED || ended[1] !== NO_PLAYS) throw new Error(`the plays do not end: ${ended.join()}`);
      if ((await used(home)).plays !== PLAYS) throw new Error("other than all plays are used");
      if (home.heard < PLAYS) throw new Error(`only ${String(home.heard)} plays of ${String(PLAYS)} were heard`);
      if (home.heard > PLAYS + 1) throw new Error(`${String(home.heard)} plays of ${String(PLAYS)} were heard`);
    },
  };
}

test("[D7] a cut at any moment of a play, at the card or the reader, neither loses a play nor doubles one", async () => {
  const limit = process.env.LEYDEN_CUTS === "all" ? undefined : 7;
  const report = await cutEverywhere(scenario(), { operations: ["flash", "serial"], devices: ["card", "reader"], limit });
  assert.ok(report.runs >= 7);
  assert.equal(
    report.failures.map(({ replay, error }) => `${replay} ${error.message}`),
    [],
  );
});

test("[D7] a reader that does not write its play down before it asks doubles one at a cut, and that is noticed", async () => {
  const forgets = { file: "src/reader/player.ts", from: " && journalPut(journal, SLOT_PLAY, 0, play);", to: ";" };
  const reader = await mutant("reader", [forgets]);
  const { failures } = await cutEverywhere(scenario({ reader }), { operations: ["serial"], devices: ["reader"], limit: 4 });
  assert.ok(failures.length > 0);
  for (const { error } of failures) assert.match(error.message, /debited for|were heard/);
});

test.run();
