import { spawnSync } from "node:child_process";
import { Command } from "commander";
import { PROJECT } from "../host/project.js";

/** `leyden flash ROLE --port PORT`: the same as flash.sh. */
export function flashCommand(): Command {
  return new Command("flash")
    .description("build a device's firmware and put it on a board: card, cartridge, reader, client or selftest")
    .argument("<role>", "which firmware")
    .option("--port <port>", "the board's port: /dev/ttyACM0, COM3 or tcp://host:port")
    .option("--ble <board>", "over Bluetooth in place of a port: a board's address, or a part of its name")
    .option("--board <name>", "the board, as docs/boards.md names it")
    .option("--baud <number>", "speed of the console on a serial port, where it is not the board's own")
    .option("--tool <file>", "the espruino tool, where it is not the one installed here")
    .option("--dry-run", "print the tool's commands and run none")
    .action((role: string, flags: Record<string, string | true>) => {
      const words = Object.entries(flags).flatMap(([name, value]) => {
        const option = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
        return value === true ? [option] : [option, value];
      });
      const { status } = spawnSync(process.execPath, ["scripts/flash.mjs", role, ...words], { cwd: PROJECT, stdio: "inherit" });
      process.exitCode = status ?? 1;
    });
}
