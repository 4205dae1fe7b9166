import { createInterface } from "node:readline";
import { existsSync, mkdirSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Argument, Command } from "commander";
import { LiveBoard, PLACES, type Place } from "../../sim/live.js";
import type { DeviceName } from "../../sim/specimens.js";
import { BadInput } from "./bad-input.js";
import { whole } from "./options.js";

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

interface BoardFlags {
  data?: string;
  port: number;
  days: number;
  card?: string;
  cartridge?: string;
  json?: boolean;
}

/** `leyden board ROLE`: one simulated board as a process of its own, for kiosks, readers and programs that connect to it. */
export function boardCommand(): Command {
  return new Command("board")
    .description("run one simulated board in real time, its wires on TCP ports, its flash in a folder")
    .addArgument(new Argument("<role>", "what the board is").choices(["card", "cartridge", "reader", "client"]))
    .option("--data <folder>", "where the board's flash is kept (default: out/boards/<role>)")
    .option("--port <number>", "first TCP port; 0 takes free ones", whole("--port", 0, 65_533), 0)
    .option("--days <number>", "days that the cartridge's capacitor is sized for", whole("--days", 1, 3650), 7)
    .option("--card <address>", "reader only: where the card is, a serial port or tcp://host:port")
    .option("--cartridge <address>", "reader or client: where the cartridge is, a serial port or tcp://host:port")
    .option("--json", "print the addresses as JSON")
    .action(run);
}

function slotAt(name: "card" | "cartridge", address: string | undefined): { name: "card" | "cartridge"; address: string }[] {
  if (address === undefined) return [];
  if (/^[a-z]+:/i.test(address) && !/^tcp:\/\/(\[[^\]]+\]|[^:/\s]+):\d{1,5}\/?$/.test(address))
    throw new BadInput(`--${name} takes a serial port or tcp://host:port, not ${address}.`);
  return [{ name, address }];
}

async function run(role: DeviceName, flags: BoardFlags): Promise<void> {
  const folder = flags.data ?? join("out", "boards", role);
  const slots = [...slotAt("card", flags.card), ...slotAt("cartridge", flags.cartridge)];
  const plays = role === "reader" || role === "client";
  if (!plays && slots.length > 0) throw new BadInput(`Only a reader has slots; leave --card and --cartridge out for a ${role}.`);
  if (role === "client" && flags.card !== undefined)
    throw new BadInput("A client's board has a slot for a cartridge only; leave --card out.");
  let played = existsSync(join(folder, "played")) ? readdirSync(join(folder, "played")).length : 0;
  const live = await LiveBoard.start({
    role,
    folder,
    days: flags.days,
    port: flags.port,
    slots,
    onPlayed: (content) => {
      const file = join(folder, "played", String(++played));
      mkdirSync(join(folder, "played"), { recursive: true });
      // Whoever looks finds nothing or all of it.
      writeFileSync(join(folder, "played.part"), content);
      renameSync(join(folder, "played.part"), file);
      console.log(
        flags.json === true ? JSON.stringify({ played: file, bytes: content.length }) : `Played ${String(content.length)} bytes: ${file}`,
      );
    },
  });
  if (flags.json === true) console.log(JSON.stringify(live.addresses));
  else {
    for (const [name, address] of Object.entries(live.addresses)) console.log(`${name.padEnd(8)} ${address}`);
    console.log(
      plays
        ? `The ${role} is on. "press" presses its button, "pass 7d" lets time pass, "stop" ends it.`
        : `The ${role} goes to whoever connects first; ${PLACES.join(", ")} or out carry it there, "pass 7d" lets time pass, "stop" ends it.`,
    );
  }
  await new Promise<void>((resolve) => {
    createInterface({ input: process.stdin }).on("line", (line) => {
      if (line.trim() === "stop") resolve();
      else if (line.trim() !== "") console.log(order(live, role, line.trim()));
    });
  });
  await live.stop();
}

/** Does what a line on standard input says; answers what to tell. */
function order(live: LiveBoard, role: DeviceName, line: string): string {
  const pass = /^pass (\d+)([smhd])$/.exec(line);
  if (pass) {
    live.pass(Number(pass[1]) * UNITS[pass[2]]);
    return `${pass[1]} ${pass[2]} have passed.`;
  }
  const plays = role === "reader" || role === "client";
  if (plays && line === "press") {
    live.press();
    return "The button was pressed.";
  }
  if (!plays && (line === "out" || PLACES.some((place) => place === line))) {
    live.carry(line === "out" ? undefined : (line as Place));
    return line === "out" ? `The ${role} is nowhere.` : `The ${role} is at: ${line}.`;
  }
  return `Type ${plays ? "press, " : `${PLACES.join(", ")}, out, `}pass followed by a number and s, m, h or d, or stop; not "${line}".`;
}
