import { Command } from "commander";
import { SingleBar } from "cli-progress";
import { cutEverywhere, decodeCuts, replay } from "../../sim/faults.js";
import { loanScenario } from "../../sim/loan-faults.js";
import { tellStory, timeText } from "../../sim/story.js";
import { CUSTODY_CARD, CUSTODY_CARTRIDGE, CUSTODY_SPLIT } from "../core/protocol/constants.js";
import { BadInput } from "./bad-input.js";
import { whole } from "./options.js";

const CUSTODIES: Record<string, number> = { cartridge: CUSTODY_CARTRIDGE, card: CUSTODY_CARD, split: CUSTODY_SPLIT };
const OPERATIONS = ["flash", "serial"] as const;

interface FaultFlags {
  custody: string;
  seed: number;
  limit?: number;
  depth: number;
  json?: boolean;
}

/** `leyden faults`: one loan, over and over, with the power cut at another operation each time. */
export function faultsCommand(): Command {
  return new Command("faults")
    .description(
      "play a loan with the power cut at every flash operation and every sending of every device; each failure comes with a string to replay it",
    )
    .option("--custody <where>", "who holds the key: cartridge, card, split", "cartridge")
    .option("--seed <number>", "seed of everything that is left to chance", whole("--seed", 0, 4294967295), 1)
    .option("--limit <number>", "at most so many runs, spread evenly (default: all)", whole("--limit", 1, 1_000_000))
    .option("--depth <number>", "cuts in one run", whole("--depth", 1, 5), 1)
    .option("--json", "print the report as JSON")
    .action(run);
}

async function run(flags: FaultFlags): Promise<void> {
  if (!Object.hasOwn(CUSTODIES, flags.custody))
    throw new BadInput(`--custody takes ${Object.keys(CUSTODIES).join(", ")}, not ${flags.custody === "" ? "nothing" : flags.custody}.`);
  const shown = process.stderr.isTTY && flags.json !== true;
  const bar = shown
    ? new SingleBar({ format: "faults     {bar} {percentage} %  {value}/{total} runs", stream: process.stderr, clearOnComplete: true })
    : null;
  const report = await cutEverywhere(loanScenario(flags.seed, CUSTODIES[flags.custody]), {
    operations: [...OPERATIONS],
    limit: flags.limit,
    depth: flags.depth,
    progress: (done, total) => {
      if (done === 1) bar?.start(total, 0);
      bar?.update(done);
    },
  });
  bar?.stop();
  const failures = report.failures.map(({ replay: text, error }) => ({ replay: text, error: error.message }));
  if (flags.json === true) console.log(JSON.stringify({ runs: report.runs, failures }, null, 2));
  else {
    for (const failure of failures) console.log(`${failure.replay}  ${failure.error}`);
    console.log(`${String(report.runs)} runs, ${String(failures.length)} failures.`);
  }
  if (failures.length > 0) process.exitCode = 1;
}

/** `leyden replay STRING`: exactly the run that failed, told step by step. */
export function replayCommand(): Command {
  return new Command("replay")
    .description("play again exactly the run that a string of leyden faults names, and tell it")
    .argument("<string>", "what leyden faults printed before a failure")
    .option("--trace", "print every event as a line of JSON instead of the story")
    .action(async (text: string, flags: { trace?: boolean }) => {
      const { seed } = decoded(text);
      const scenarios = Object.values(CUSTODIES).map((custody) => loanScenario(Number(seed), custody));
      const { world, error, cuts } = await replay(text, scenarios);
      if (flags.trace === true) process.stdout.write(world.trace.toString());
      else {
        for (const sentence of tellStory(world.trace)) console.log(`${timeText(sentence.t).padEnd(18)} ${sentence.text}`);
        for (const cut of cuts) console.log(`Cut: ${cut.what} operation ${String(cut.index)} of the ${cut.device}, ${cut.how}.`);
      }
      if (error) throw error;
      console.log("Nothing failed in this run.");
    });
}

function decoded(text: string): ReturnType<typeof decodeCuts> {
  try {
    return decodeCuts(text);
  } catch (error) {
    throw new BadInput(error instanceof Error ? `${error.message[0].toUpperCase()}${error.message.slice(1)}.` : String(error));
  }
}
