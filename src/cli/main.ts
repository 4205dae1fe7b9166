#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { BadInput } from "./bad-input.js";
import { loanCommand } from "./loan.js";
import { treeCommand } from "./tree.js";

const program = new Command("leyden")
  .description("Lend digital content on cartridges whose key erases itself.")
  .addCommand(loanCommand())
  .addCommand(treeCommand());

/** Every command reports its errors here: commander throws instead of ending the process. */
function throwErrors(command: Command): void {
  command.exitOverride();
  for (const inner of command.commands) throwErrors(inner);
}

throwErrors(program);
process.once("SIGINT", () => {
  console.error("Interrupted; nothing was written.");
  process.exit(130);
});
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = error instanceof BadInput ? 2 : 1;
  }
}
