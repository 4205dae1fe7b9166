import { Command } from "commander";
import { createOperator } from "../center/api/admin-routes.js";
import { BadInput } from "./bad-input.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";

/** `leyden operator NAME`: takes a lending operator in. */
export function operatorCommand(): Command {
  return new Command("operator")
    .description("take in an operator, whose kiosks lend")
    .argument("<name>")
    .requiredOption(...TOKEN_OPTION)
    .option(...CENTER_OPTION)
    .option("--currency <code>", "currency of its books, ISO 4217", "EUR")
    .action(async (name: string, flags: StaffFlags & { currency: string }) => {
      if (!/^[A-Z]{3}$/.test(flags.currency)) throw new BadInput(`--currency takes three capitals as EUR, not ${flags.currency}.`);
      const { id } = await staffClient(flags).call(createOperator, { body: { name, currency: flags.currency } });
      console.log(`${name} is operator ${id}.`);
    });
}
