/** One loan from a file to the erased key, on three simulated boards. What it tells is in the world's trace and nowhere else. */
import { existsSync, mkdtempSync, openSync, readSync, closeSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHUNK_SIZE, produce, type ProducedContent } from "../src/center/contents.js";
import { expectObject, expectPositive, expectText, expectWhole } from "../src/core/check.js";
import { INS_STATUS } from "../src/core/protocol/constants.js";
import { sealedLength } from "../src/core/stream/stream.js";
import { suite2 } from "../src/core/stream/suite2.js";
import type { DeviceInfo } from "../src/host/session.js";
import { encodeTerms, rent, requireRoom, type RentalStep, type SealedContent } from "../src/kiosk/rental.js";
import { LoanWorld, type LoanWorldOptions } from "./loan-world.js";
import type { Trace } from "./trace.js";
import { makeTune } from "./tune.js";

export interface LoanOptions extends Omit<LoanWorldOptions, "days"> {
  /** Path of the file to lend. */
  file: string;
  /** Name under which the story speaks of it. */
  name: string;
  /** 1 cartridge, 2 card, 3 split. */
  custody: number;
  days: number;
  /** Where sealed contents are kept meanwhile; default a temporary folder that is removed at the end. */
  folder?: string;
  /** Told of the trace as soon as there is one. */
  onStart?: (trace: Trace, loan: LoanWorld) => void;
  /** Called between steps, and while bytes are recorded or played. */
  progress?: (step: RentalStep | "packaging" | "playing" | "waiting", done: number, total: number) => void;
}

export interface LoanResult {
  loan: LoanWorld;
  /** What the reader played, or null when nothing came to its end. */
  played: Uint8Array | null;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The suite in which the simulated reader's board opens contents fastest. */
const SUITE = suite2.id;

/** States of the reader, as STATUS tells them. */
const IDLE = 0;
const PLAYING = 1;
const FINISHED = 2;

/** Sealed content in a file of the kiosk. */
export class FileContent implements SealedContent {
  readonly length: number;
  private readonly descriptor: number;

  constructor(path: string) {
    this.length = statSync(path).size;
    this.descriptor = openSync(path, "r");
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(Math.min(length, this.length - offset));
    readSync(this.descriptor, bytes, 0, bytes.length, offset);
    return bytes;
  }

  close(): void {
    closeSync(this.descriptor);
  }
}

/** What the reader says of itself on its host port. */
export interface ReaderStatus {
  state: number;
  reason: number;
  sw: number;
  detail: number;
  chunk: number;
  played: number;
}

export async function readerStatus(loan: LoanWorld): Promise<ReaderStatus> {
  const { data } = await loan.session("reader", null).transfer(0x80, INS_STATUS, 0, new Uint8Array(0));
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  return { state: data[0], reason: data[1], sw: view.getUint16(2), detail: data[4], chunk: view.getUint32(6), played: view.getUint32(10) };
}

/** Waits until the reader has finished, refused or stopped; answers what it says then. */
export async function untilDone(loan: LoanWorld, total: number, progress: LoanOptions["progress"]): Promise<ReaderStatus> {
  for (let waited = 0; ; waited += 2 * SECOND) {
    await loan.world.sleep(2 * SECOND);
    const status = await readerStatus(loan);
    progress?.("playing", status.played, total);
    if (status.state !== PLAYING && (status.state !== IDLE || waited >= 10 * MINUTE)) return status;
  }
}

/** Card and cartridge go into the reader. */
export function insertAtHome(loan: LoanWorld): void {
  loan.world.dock(loan.card, loan.readerCard);
  loan.world.dock(loan.cartridge, loan.readerCartridge);
}

export function takeOut(loan: LoanWorld): void {
  loan.world.undock(loan.card);
  loan.world.undock(loan.cartridge);
}

/** At the kiosk: contract, content, charge, key. */
export async function rentAtKiosk(
  loan: LoanWorld,
  content: ProducedContent,
  sealed: SealedContent,
  options: LoanOptions,
): Promise<Uint8Array> {
  const { world } = loan;
  world.dock(loan.card, loan.kioskCard);
  world.dock(loan.cartridge, loan.kioskCartridge);
  loan.kioskCartridge.charging(true);
  await world.sleep(2 * SECOND);
  const loanId = await rent({
    cartridge: loan.device("cartridge"),
    card: loan.device("card"),
    center: loan.center,
    contentId: content.contentId,
    content: sealed,
    terms: encodeTerms({ custody: options.custody, duration: (options.days * DAY) / SECOND, kioskId: loan.kiosk.id }),
    kioskId: loan.kiosk.id,
    idempotencyKey: "loan 1",
    wait: (milliseconds) => world.sleep(milliseconds),
    progress: (step, done, total) => {
      if (step === "contracted") world.note("card", "closed the contract with the center");
      if (step === "recorded") world.note("kiosk", "recorded", { name: options.name, bytes: content.plainLength });
      if (step === "active") world.note("center", "activated the loan", { days: options.days });
      options.progress?.(step, done, total);
    },
  });
  takeOut(loan);
  return loanId;
}

/** The kiosk's other titles: it keeps several, and records the one asked for. */
function stock(loan: LoanWorld, folder: string): void {
  for (const name of ["A letter.txt", "Silence.wav"]) {
    const path = join(folder, name);
    writeFileSync(path, name === "Silence.wav" ? makeTune().fill(128, 44) : "Dear reader, this is another title of the kiosk.\n");
    loan.center.addContent(produce(path, `${path}.sealed`, SUITE, (length) => loan.draw(length)));
  }
}

/**
 * Runs the whole loan: enroll, rent, carry home, play, wait past the deadline, try again.
 *
 * @throws NoRoom when the cartridge's board cannot store the file; Error with one sentence when the loan comes to no end
 */
export async function runLoan(options: LoanOptions): Promise<LoanResult> {
  expectObject("options", options);
  expectText("file", options.file);
  expectText("name", options.name);
  expectWhole("custody", options.custody, 1, 3);
  expectPositive("days", options.days);
  if (!existsSync(options.file)) throw new Error(`There is no file ${options.file} to lend; name one that exists.`);
  const loan = new LoanWorld(options);
  const { world } = loan;
  options.onStart?.(world.trace, loan);
  const own = options.folder === undefined ? mkdtempSync(join(tmpdir(), "leyden-")) : undefined;
  const folder = options.folder ?? (own as string);
  try {
    await world.run(async () => {
      await loan.enrollAll();
      requireRoom(loan.infos.get("cartridge") as DeviceInfo, sealedLength(statSync(options.file).size, CHUNK_SIZE, suite2));
      stock(loan, folder);
      const path = join(folder, "content.sealed");
      const content = produce(
        options.file,
        path,
        SUITE,
        (length) => loan.draw(length),
        (done, total) => options.progress?.("packaging", done, total),
      );
      loan.center.addContent(content);
      world.note("producer", "packaged", { name: options.name, bytes: content.plainLength });
      const sealed = new FileContent(path);
      try {
        await rentAtKiosk(loan, content, sealed, options);
      } finally {
        sealed.close();
      }
      world.note("customer", "carries card and cartridge home");
      await world.sleep(HOUR);
      insertAtHome(loan);
      const status = await untilDone(loan, content.plainLength, options.progress);
      if (status.state === FINISHED && status.played === 0) loan.reader.decoder?.playNothing();
      await world.sleep(10 * SECOND);
      takeOut(loan);
      options.progress?.("waiting", 0, 0);
      await world.sleep(options.days * DAY);
      insertAtHome(loan);
      await untilDone(loan, content.plainLength, options.progress);
      takeOut(loan);
    });
  } finally {
    if (own !== undefined) rmSync(own, { recursive: true, force: true });
  }
  return { loan, played: loan.reader.decoder?.contents.at(-1) ?? null };
}
