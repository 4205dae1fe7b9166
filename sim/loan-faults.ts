/** One loan as a scenario of the fault runner: whatever is cut, content and key are usable together or not at all, and the center knows which. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { produce, type ProducedContent } from "../src/center/contents.js";
import { INS_ERASE } from "../src/core/protocol/constants.js";
import { suite2 } from "../src/core/stream/suite2.js";
import { encodeTerms, rent, settleReceipt } from "../src/kiosk/rental.js";
import type { FaultScenario } from "./faults.js";
import { readerStatus } from "./loan.js";
import { LoanWorld, type LoanWorldOptions } from "./loan-world.js";
import type { World } from "./world.js";

const SECOND = 1000;
const HOUR = 3600 * SECOND;
const DAYS = 2;
/** Bytes of the content: some chunks. */
const LENGTH = 3000;
/** Visits to the kiosk after which a loan has to have come about, whatever was cut on the way. */
const VISITS = 5;
const PATIENCE = 30;

interface Staged {
  loan: LoanWorld;
  plain: Uint8Array;
  content: ProducedContent;
  sealed: Uint8Array;
  /** The loan's id by visit; null where the kiosk was told that it failed. */
  visits: (Uint8Array | null)[];
  /** How many contents came to their end at the reader, and whether one was not the one that was lent. */
  heard: number;
  other: boolean;
}

const staged = new WeakMap<World, Staged>();

function stagedIn(world: World): Staged {
  const found = staged.get(world);
  if (!found) throw new Error("this world holds no loan; set the scenario up first");
  return found;
}

/**
 * The scenario.
 *
 * @param custody - who holds the key
 * @param bundles - experimental scripts instead of those in `dist/`, by device
 */
export function loanScenario(seed: number, custody: number, bundles?: LoanWorldOptions["bundles"]): FaultScenario {
  return {
    name: `loan ${String(custody)}`,
    seed,
    async setup(world) {
      const loan = new LoanWorld({ seed, days: DAYS, world, bundles });
      const folder = mkdtempSync(join(tmpdir(), "leyden-faults-"));
      const plain = loan.draw(LENGTH);
      try {
        writeFileSync(join(folder, "plain"), plain);
        const content = produce(join(folder, "plain"), join(folder, "sealed"), suite2.id, (length) => loan.draw(length));
        loan.center.addContent(content);
        staged.set(world, {
          loan,
          plain,
          content,
          sealed: new Uint8Array(readFileSync(join(folder, "sealed"))),
          visits: [],
          heard: 0,
          other: false,
        });
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      await loan.enrollAll();
    },
    async run(world) {
      const stage = stagedIn(world);
      for (let visit = 0; visit < VISITS; visit++) {
        const loanId = await visitKiosk(stage, custody, visit);
        stage.visits.push(loanId);
        await atHome(stage);
        if (stage.heard > 0) return;
        await bringBack(stage);
      }
    },
    async check(world) {
      const stage = stagedIn(world);
      if (stage.other) throw new Error("the reader played something else than what was lent");
      if (stage.heard === 0) throw new Error(`nothing was played after ${String(VISITS)} visits to the kiosk`);
      await world.sleep(DAYS * 24 * HOUR);
      const before = stage.heard;
      await atHome(stage);
      if (stage.heard > before) throw new Error("the reader played after the deadline");
      if (stage.loan.cartridge.keyValid) throw new Error("the cartridge holds a key after the deadline");
    },
  };
}

/** Both devices into the kiosk; answers the loan, or null when the kiosk could not make one. */
async function visitKiosk({ loan, content, sealed }: Staged, custody: number, visit: number): Promise<Uint8Array | null> {
  const { world } = loan;
  world.dock(loan.card, loan.kioskCard);
  world.dock(loan.cartridge, loan.kioskCartridge);
  loan.kioskCartridge.charging(true);
  try {
    for (let attempt = 0; attempt < VISITS; attempt++) {
      await world.sleep(3 * SECOND);
      try {
        return await rent({
          cartridge: loan.device("cartridge"),
          card: loan.device("card"),
          center: loan.center,
          contentId: content.contentId,
          content: { length: sealed.length, read: (offset, length) => sealed.subarray(offset, offset + length) },
          terms: encodeTerms({ custody, duration: DAYS * 86_400, kioskId: loan.kiosk.id }),
          kioskId: loan.kiosk.id,
          idempotencyKey: `visit ${String(visit)}.${String(attempt)}`,
          wait: (milliseconds) => world.sleep(milliseconds),
        });
      } catch (error) {
        // What was pending dies, and its receipt goes to the center, before the kiosk tries once more.
        world.note("kiosk", "could not lend", { why: error instanceof Error ? error.message : String(error) });
        await settle(loan);
      }
    }
    return null;
  } finally {
    takeOut(loan);
  }
}

/** Ends whatever the cartridge holds, and brings the receipt to the center. A cut here is the next visit's. */
async function settle(loan: LoanWorld): Promise<void> {
  try {
    await loan.world.sleep(3 * SECOND);
    const session = loan.session("cartridge");
    await session.authenticate(2);
    await session.transfer(0x80, INS_ERASE, 0, new Uint8Array(0));
    await settleReceipt(session, loan.center);
  } catch (error) {
    loan.world.note("kiosk", "could not settle", { why: error instanceof Error ? error.message : String(error) });
  }
}

/** Into the reader, until it has played, or refuses. */
async function atHome(stage: Staged): Promise<void> {
  const { loan, plain } = stage;
  loan.reader.supply("wall", 3.3);
  loan.world.dock(loan.card, loan.readerCard);
  loan.world.dock(loan.cartridge, loan.readerCartridge);
  for (let waited = 0; waited < PATIENCE; waited++) {
    await loan.world.sleep(2 * SECOND);
    const status = await readerStatus(loan).catch(() => null);
    // States 3 and 4: refused, stopped.
    if (status !== null && status.state >= 2) break;
  }
  await loan.world.sleep(5 * SECOND);
  for (const content of loan.reader.decoder?.contents.splice(0) ?? []) {
    // A card that starts anew is played anew, perhaps before the decoder fell silent; a cut in the middle leaves the beginning of the content.
    let rest = Buffer.from(content);
    for (; rest.length >= plain.length && rest.subarray(0, plain.length).equals(plain); rest = rest.subarray(plain.length)) stage.heard++;
    if (!Buffer.from(plain).subarray(0, rest.length).equals(rest)) stage.other = true;
  }
  takeOut(loan);
}

/** What does not play goes back to the kiosk. */
async function bringBack({ loan }: Staged): Promise<void> {
  loan.world.dock(loan.cartridge, loan.kioskCartridge);
  await settle(loan);
  loan.world.undock(loan.cartridge);
}

function takeOut(loan: LoanWorld): void {
  for (const board of [loan.card, loan.cartridge])
    if ([...loan.world.slots.values()].some(({ device }) => device === board)) loan.world.undock(board);
}
