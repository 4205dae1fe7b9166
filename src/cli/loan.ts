import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Command } from "commander";
import { SingleBar } from "cli-progress";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../core/protocol/constants.js";
import { reportHtml } from "../../sim/report.js";
import { tellStory, timeText, type Sentence } from "../../sim/story.js";
import { summarize } from "../../sim/summary.js";
import { toVcd } from "../../sim/vcd.js";
import { runLoan } from "../../sim/loan.js";
import { makeTune } from "../../sim/tune.js";
import type { Trace } from "../../sim/trace.js";
import { NoRoom } from "../kiosk/rental.js";
import { BadInput } from "./bad-input.js";
import { removeScratch, scratchFolder } from "./scratch.js";
import { whole } from "./options.js";

const CUSTODIES = { cartridge: CUSTODY_CARTRIDGE, card: CUSTODY_CARD, split: CUSTODY_SPLIT };
const LONGEST = 3650;
/** What a run leaves in its folder, besides what was played. */
const RESULTS = ["summary.json", "report.html", "trace.vcd", "trace.jsonl"];

interface LoanFlags {
  out: string;
  custody: keyof typeof CUSTODIES;
  days: number;
  seed: number;
  json?: boolean;
}

function custody(text: string): string {
  if (!Object.hasOwn(CUSTODIES, text))
    throw new BadInput(`--custody takes ${Object.keys(CUSTODIES).join(", ")}, not ${text === "" ? "nothing" : text}.`);
  return text;
}

/** `leyden loan [FILE]`: one whole loan on simulated boards, told and drawn. */
export function loanCommand(): Command {
  return new Command("loan")
    .description("lend one file on three simulated boards, from the kiosk to the erased key")
    .argument("[file]", "any file; without one, a short tune")
    .option("--out <folder>", "where the results go", "out")
    .option("--custody <where>", "who holds the key: cartridge, card, or split for one share each", custody, "cartridge")
    .option("--days <number>", "length of the loan", whole("--days", 1, LONGEST), 7)
    .option("--seed <number>", "seed of everything that is left to chance", whole("--seed", 0, 4294967295), 1)
    .option("--json", "print the summary as JSON instead of the story")
    .action(lend);
}

/** The file exists and can be read; answers its path and name. */
function checkFile(file: string): { path: string; name: string } {
  const path = resolve(file);
  if (!existsSync(path)) throw new BadInput(`There is no file ${file}; name one that exists.`);
  if (!statSync(path).isFile()) throw new BadInput(`${file} is not a file; name one file to lend.`);
  try {
    closeSync(openSync(path, "r"));
  } catch {
    throw new BadInput(`${file} cannot be read; check its permissions.`);
  }
  return { path, name: basename(path) };
}

/** Makes what is missing of a folder and one more in it, and takes all of that away again: only trying tells (root may do all, and /proc takes nothing). */
function tryFolder(path: string): void {
  const missing: string[] = [];
  for (let level = path; !existsSync(level); level = dirname(level)) missing.unshift(level);
  const made: string[] = [];
  try {
    for (const level of missing) {
      // One by one: for some file systems a recursive mkdir never ends.
      mkdirSync(level);
      made.unshift(level);
    }
    made.unshift(mkdtempSync(join(path, ".leyden-")));
  } finally {
    for (const level of made) rmdirSync(level);
  }
}

/** The folder exists and can be written, or can be made; nothing that will be written is a folder by now. Changes nothing. */
function checkFolder(folder: string, name: string): string {
  const path = resolve(folder);
  try {
    tryFolder(path);
  } catch {
    throw new BadInput(`The folder ${folder} cannot be written; choose another with --out.`);
  }
  for (const file of [...RESULTS, join("played", name)])
    if (existsSync(join(path, file)) && statSync(join(path, file)).isDirectory())
      throw new BadInput(`${join(folder, file)} is a folder in the way of a result; choose another with --out.`);
  if (existsSync(join(path, "played")) && !statSync(join(path, "played")).isDirectory())
    throw new BadInput(`${join(folder, "played")} is a file in the way of a result; choose another with --out.`);
  return path;
}

async function lend(file: string | undefined, flags: LoanFlags): Promise<void> {
  const scratch = scratchFolder("leyden");
  try {
    const sample = join(scratch, "tune.wav");
    if (file === undefined) writeFileSync(sample, makeTune());
    const { path, name } = checkFile(file ?? sample);
    const out = checkFolder(flags.out, name);
    const bar = makeBar(flags.json !== true);
    let told = 0;
    let trace: Trace | undefined;
    const tell = (sentences: Sentence[]): void => {
      bar.stop();
      if (flags.json !== true)
        for (const sentence of sentences.slice(told)) console.log(`${timeText(sentence.t).padEnd(18)} ${sentence.text}`);
      told = sentences.length;
    };
    const { loan, played } = await runLoan({
      file: path,
      name,
      custody: CUSTODIES[flags.custody],
      days: flags.days,
      seed: flags.seed,
      folder: scratch,
      onStart: (started) => (trace = started),
      progress: (step, done, total) => {
        if (step === "recording" || step === "playing" || step === "packaging") bar.show(step, done, total);
        else if (trace) tell(tellStory(trace));
      },
    });
    tell(tellStory(loan.world.trace));
    writeResults(out, name, loan.world.trace, played, flags);
    const summary = summarize(loan.world.trace);
    if (flags.json === true) console.log(JSON.stringify(summary, null, 2));
    else
      console.log(
        `\nReport: ${join(flags.out, "report.html")}   Summary: ${join(flags.out, "summary.json")}   Played: ${join(flags.out, "played", name)}`,
      );
    const intact = played !== null && Buffer.from(played).equals(readFileSync(path));
    if (!intact || !summary.refusedAfterErase)
      throw new Error(
        intact ? "The reader still played after the key was erased." : "What the reader played is not the file that was lent.",
      );
  } catch (error) {
    throw error instanceof NoRoom ? new BadInput(error.message) : error;
  } finally {
    removeScratch(scratch);
  }
}

/** Writes all results beside their places, then moves each into place. No signal comes in between: nothing here waits. */
function writeResults(out: string, name: string, trace: Trace, played: Uint8Array | null, flags: LoanFlags): void {
  mkdirSync(out, { recursive: true });
  const staging = scratchFolder(".leyden", out);
  try {
    const subtitle = `${name}, lent for ${String(flags.days)} day${flags.days === 1 ? "" : "s"}, key in custody of ${flags.custody === "split" ? "cartridge and card" : `the ${flags.custody}`}`;
    writeFileSync(join(staging, "summary.json"), `${JSON.stringify(summarize(trace), null, 2)}\n`);
    writeFileSync(join(staging, "report.html"), reportHtml(trace, { title: "One loan", subtitle }));
    writeFileSync(join(staging, "trace.vcd"), toVcd(trace));
    writeFileSync(join(staging, "trace.jsonl"), trace.toString());
    if (played) {
      mkdirSync(join(out, "played"), { recursive: true });
      writeFileSync(join(staging, "played"), played);
      renameSync(join(staging, "played"), join(out, "played", name));
    }
    for (const file of RESULTS) renameSync(join(staging, file), join(out, file));
  } finally {
    removeScratch(staging);
  }
}

/** A progress bar on the terminal, where there is one. */
function makeBar(wanted: boolean): { show(step: string, done: number, total: number): void; stop(): void } {
  let bar: SingleBar | undefined;
  let shown = "";
  const stop = (): void => {
    bar?.stop();
    bar = undefined;
    shown = "";
  };
  return {
    show: (step, done, total) => {
      if (!wanted || !process.stderr.isTTY || total <= 0) return;
      if (shown !== step) {
        stop();
        bar = new SingleBar({
          format: `${step.padEnd(10)} {bar} {percentage} %  {value}/{total} bytes`,
          stream: process.stderr,
          clearOnComplete: true,
          hideCursor: true,
        });
        bar.start(total, 0);
        shown = step;
      }
      bar?.update(Math.min(done, total));
    },
    stop,
  };
}
