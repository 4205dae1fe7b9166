#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { BadInput } from "./bad-input.js";
import { advertsCommand } from "./adverts.js";
import { boardCommand } from "./board.js";
import { cardCommand } from "./card.js";
import { centerCommand } from "./center.js";
import { enrollCommand } from "./enroll.js";
import { faultsCommand, replayCommand } from "./faults.js";
import { householdCommand, moveCommand, takeCommand } from "./household.js";
import { clientCommand } from "./client.js";
import { flashCommand } from "./flash.js";
import { handleSignals } from "./interrupt.js";
import { kioskCommand } from "./kiosk.js";
import { licenseServerCommand } from "./license-server.js";
import { loanCommand } from "./loan.js";
import { operatorCommand } from "./operator.js";
import { orderCommand } from "./order.js";
import { playCommand } from "./play.js";
import { produceCommand } from "./produce.js";
import { registerCommand } from "./register.js";
import { storeCommand } from "./store.js";
import { treeCommand } from "./tree.js";

const program = new Command("leyden")
  .description("Lend digital content on cartridges whose key erases itself.")
  .addCommand(loanCommand())
  .addCommand(boardCommand())
  .addCommand(centerCommand())
  .addCommand(enrollCommand())
  .addCommand(operatorCommand())
  .addCommand(registerCommand())
  .addCommand(produceCommand())
  .addCommand(kioskCommand())
  .addCommand(licenseServerCommand())
  .addCommand(householdCommand())
  .addCommand(moveCommand())
  .addCommand(takeCommand())
  .addCommand(orderCommand())
  .addCommand(storeCommand())
  .addCommand(clientCommand())
  .addCommand(advertsCommand())
  .addCommand(cardCommand())
  .addCommand(playCommand())
  .addCommand(flashCommand())
  .addCommand(treeCommand())
  .addCommand(faultsCommand())
  .addCommand(replayCommand());

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

throwErrors(program);
handleSignals();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof BadInput ? 2 : 1;
  }
}
