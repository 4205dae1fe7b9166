import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { SingleBar } from "cli-progress";
import { DeviceSession } from "../host/session.js";
import {
  READER_FINISHED,
  READER_PLAYING,
  READER_REFUSED,
  READER_STOPPED,
  beginPlaying,
  describeRefusal,
  readerStatus,
  type ReaderStatus,
} from "../host/reader.js";
import type { LiveBoard } from "../../sim/live.js";
import { BadInput } from "./bad-input.js";
import { ADDRESS, SIMULATED, openDevice, patiently, simulate, type OpenDevice } from "./devices.js";
import { whole } from "./options.js";

interface PlayFlags {
  reader: string;
  card?: string;
  cartridge?: string;
  out?: string;
  wait: number;
  json?: boolean;
}

const POLL = 250;

/** `leyden play`: has a reader play what is in its slots, and tells how it goes. */
export function playCommand(): Command {
  return new Command("play")
    .description("play what is lent, on a reader; a simulated reader takes its card and cartridge from anywhere")
    .option("--reader <address>", ADDRESS, SIMULATED)
    .option("--card <address>", `simulated reader only: what is in its card slot; ${ADDRESS} (default: sim)`)
    .option("--cartridge <address>", `simulated reader only: what is in its cartridge slot; ${ADDRESS} (default: sim)`)
    .option("--out <file>", "simulated reader only: where what was played goes")
    .option("--wait <seconds>", "how long to wait for card and cartridge", whole("--wait", 1, 86_400), 60)
    .option("--json", "print the outcome as JSON")
    .action(run);
}

async function run(flags: PlayFlags): Promise<void> {
  const simulated = flags.reader === SIMULATED;
  const given = (["card", "cartridge", "out"] as const).find((name) => flags[name] !== undefined);
  if (!simulated && given)
    throw new BadInput(`A real reader has slots and an output of its own; leave --${given} out, or make the reader sim.`);
  const boards: LiveBoard[] = [];
  let device: OpenDevice | undefined;
  try {
    let reader: LiveBoard | null = null;
    if (simulated) {
      const slots: { name: "card" | "cartridge"; address: string }[] = [];
      for (const name of ["card", "cartridge"] as const) {
        let address = flags[name] ?? SIMULATED;
        if (address === SIMULATED) {
          const board = await simulate(name);
          boards.push(board);
          address = board.addresses.home;
        }
        slots.push({ name, address });
      }
      reader = await simulate("reader", slots);
    }
    device = await openDevice("reader", flags.reader, reader);
    const played = device.board?.whenPlayed();
    const status = await play(device, flags);
    const refusal = describeRefusal(status);
    const bytes = played && status.state === READER_FINISHED ? (status.played > 0 ? await played : new Uint8Array(0)) : null;
    if (bytes && flags.out !== undefined) writeFileSync(flags.out, bytes);
    if (flags.json === true) console.log(JSON.stringify({ finished: refusal === "", played: status.played, refusal: refusal || null }));
    else if (refusal === "") console.log(`Played ${String(status.played)} bytes${flags.out === undefined ? "" : `: ${flags.out}`}.`);
    if (refusal !== "") throw new Error(refusal);
  } finally {
    await device?.close();
    for (const board of boards) await board.stop();
  }
}

/** Waits until the reader has played, refused or stopped. It begins by itself when card and cartridge come; a reader that has them already is told to. */
async function play(device: OpenDevice, flags: PlayFlags): Promise<ReaderStatus> {
  const session = new DeviceSession(device.transport);
  const bar = new SingleBar({ format: "playing {value} bytes", stream: process.stderr, clearOnComplete: true, hideCursor: true });
  const shows = flags.json !== true && process.stderr.isTTY;
  const ended = (status: ReaderStatus): boolean => [READER_FINISHED, READER_REFUSED, READER_STOPPED].includes(status.state);
  let begun = false;
  let seen = false;
  let until = Date.now() + flags.wait * 1000;
  if (shows) bar.start(0, 0);
  try {
    for (;;) {
      const status = await patiently(device, () => readerStatus(session));
      if (status.state === READER_PLAYING) {
        seen = true;
        until = Date.now() + flags.wait * 1000;
      }
      if (shows) bar.update(status.played);
      if ((seen || begun) && ended(status)) return status;
      if (!seen && describeRefusal({ ...status, state: 0 }) !== "") return status;
      // What it says before it was told to play is of the time before this command.
      if (!seen && !begun && (ended(status) || (status.card && status.cartridge)))
        begun = await patiently(device, () => beginPlaying(session));
      if (Date.now() > until) {
        const missing = status.card ? "cartridge" : status.cartridge ? "card" : "card and cartridge";
        throw new Error(`The reader waits for its ${missing}; put ${missing === "card and cartridge" ? "them" : "it"} in and try again.`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL));
    }
  } finally {
    if (shows) bar.stop();
  }
}
