/** A card on a real Espruino through a hundred thousand commands: ESPRUINO=... npm run campaign:commands [-- COMMANDS]. It must end with the variables it began with. */
import { answerCommands } from "./commands.js";
import { ESPRUINO } from "./support.js";

if (ESPRUINO === "") throw new Error("ESPRUINO is not set; name an Espruino built for Linux.");
const commands = Number(process.argv[2] ?? "100000");
const { before, after } = await answerCommands(ESPRUINO, commands, (done, held) => {
  console.log(`${String(done)} commands, ${String(held)} variables`);
});
console.log(`${String(commands)} commands: ${String(before)} variables held before, ${String(after)} after`);
if (after > before) process.exitCode = 1;
