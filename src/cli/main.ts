#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { BadInput } from "./bad-input.js";
import { handleSignals } from "./interrupt.js";
import { mendable } from "./mendable.js";

/** Every command, in the order of the help. Each is loaded when it is asked for: a board need not wait for a database. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  loan: async () => (await import("./loan.js")).loanCommand(),
  board: async () => (await import("./board.js")).boardCommand(),
  center: async () => (await import("./center.js")).centerCommand(),
  enroll: async () => (await import("./enroll.js")).enrollCommand(),
  operator: async () => (await import("./operator.js")).operatorCommand(),
  register: async () => (await import("./register.js")).registerCommand(),
  produce: async () => (await import("./produce.js")).produceCommand(),
  kiosk: async () => (await import("./kiosk.js")).kioskCommand(),
  "license-server": async () => (await import("./license-server.js")).licenseServerCommand(),
  household: async () => (await import("./household.js")).householdCommand(),
  move: async () => (await import("./household.js")).moveCommand(),
  take: async () => (await import("./household.js")).takeCommand(),
  order: async () => (await import("./order.js")).orderCommand(),
  store: async () => (await import("./store.js")).storeCommand(),
  client: async () => (await import("./client.js")).clientCommand(),
  adverts: async () => (await import("./adverts.js")).advertsCommand(),
  card: async () => (await import("./card.js")).cardCommand(),
  play: async () => (await import("./play.js")).playCommand(),
  flash: async () => (await import("./flash.js")).flashCommand(),
  tree: async () => (await import("./tree.js")).treeCommand(),
  faults: async () => (await import("./faults.js")).faultsCommand(),
  replay: async () => (await import("./faults.js")).replayCommand(),
};

const program = new Command("leyden").description("Lend digital content on cartridges whose key erases itself.");

/** One sentence of what commander says: "error: unknown option '--dayz'\n(Did you mean --days?)" and the like. */
function sentence(text: string): string {
  if (!text.startsWith("error: ")) return text;
  const line = text
    .slice(7)
    .trim()
    .replace(/\n\(Did you mean (.*)\?\)$/, "; did you mean $1?")
    .replace(/\.? (Expected|Allowed) /, (_, word: string) => `; ${word.toLowerCase()} `);
  return `${line[0].toUpperCase()}${line.slice(1)}${/[.?]$/.test(line) ? "" : "."}\n`;
}

/** Every command reports its errors here: commander throws instead of ending the process. */
function throwErrors(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      write(sentence(text));
    },
  });
  for (const inner of command.commands) throwErrors(inner);
}

handleSignals();
try {
  const asked = process.argv[2] ?? "";
  const names = Object.hasOwn(COMMANDS, asked) ? [asked] : Object.keys(COMMANDS);
  for (const name of names) program.addCommand(await COMMANDS[name]());
  throwErrors(program);
  await program.parseAsync();
} catch (thrown) {
  const error = mendable(thrown);
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof BadInput ? 2 : 1;
  }
}
