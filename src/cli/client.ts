import { createInterface } from "node:readline";
import { mkdirSync } from "node:fs";
import { Command } from "commander";
import { SingleBar } from "cli-progress";
import { centerKey } from "../center/api/order-routes.js";
import { CenterClient } from "../center/client.js";
import { CLIENT_PLAYING } from "../host/client-device.js";
import { openPort } from "../host/open.js";
import { Transport } from "../host/transport.js";
import { startTerminalServer } from "../terminal/server.js";
import { Terminal, centerOf, outcomeOf } from "../terminal/terminal.js";
import { CENTER_OPTION } from "./staff.js";
import { untilInterrupted } from "./interrupt.js";
import { whole } from "./options.js";

interface ClientFlags {
  data: string;
  device: string;
  center: string;
  port: number;
  host: string;
  limit: number;
}

/** Milliseconds between two looks after time and receipts. */
const CARE = 2000;

/** `leyden client`: the destination terminal, at whose address contents, keys and adverts are delivered. */
export function clientCommand(): Command {
  return new Command("client")
    .description("run a destination terminal: take deliveries for the client at its port, and play them")
    .requiredOption("--data <folder>", "where what is delivered is kept")
    .requiredOption("--device <address>", "where the client is: tcp://host:port or a serial port")
    .option(...CENTER_OPTION)
    .option("--port <number>", "TCP port that deliveries come to; 0 takes a free one", whole("--port", 0, 65_535), 7100)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--limit <bytes>", "largest content that is taken", whole("--limit", 1, 0xffffffff), 0xffffffff)
    .action(run);
}

async function run(flags: ClientFlags): Promise<void> {
  mkdirSync(flags.data, { recursive: true, mode: 0o700 });
  const center = new CenterClient({ url: flags.center, credential: "nobody" });
  const { publicKey } = await center.call(centerKey, {});
  const transport = new Transport(await openPort(flags.device));
  await transport.reset();
  const terminal = await Terminal.open(transport, flags.data, centerOf(center));
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "{order} {bar} {percentage} %", stream: process.stderr, clearOnComplete: true })
    : null;
  const server = await startTerminalServer({
    terminal,
    centerKey: Buffer.from(publicKey, "hex"),
    port: flags.port,
    host: flags.host,
    limit: flags.limit,
    progress: (order, received, length) => {
      if (bar === null) return;
      if (!bar.isActive) bar.start(length, 0, { order });
      bar.update(received, { order });
      if (received >= length) bar.stop();
    },
    contentCame: (order) => {
      console.log(`The content of order ${order} has come.`);
    },
    keyCame: (order) => {
      console.log(`The key of order ${order} has come.`);
    },
  });
  console.log(`The terminal ${terminal.id} takes deliveries at ${server.url}.`);
  console.log('"orders" lists them, "play ORDER" plays one, "give back ORDER" ends it early, "stop" ends the terminal.');
  let last = "";
  const care = async (): Promise<void> => {
    try {
      const { timeStated, settled } = await terminal.care();
      if (timeStated) console.log("The center has stated the time.");
      for (const order of settled) console.log(`Order ${order} is over, its key destroyed, and the center has the receipt.`);
      last = "";
    } catch (error) {
      const text = (error as Error).message;
      if (text !== last) console.error(text);
      last = text;
    }
  };
  await care();
  const timer = setInterval(() => void care(), CARE);
  await Promise.race([untilInterrupted(), commands(terminal)]);
  clearInterval(timer);
  await server.stop();
  await transport.close();
}

/** Does what comes on standard input, until "stop". */
function commands(terminal: Terminal): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: process.stdin }).on("line", (line) => {
      const words = line.trim();
      if (words === "stop") resolve();
      else if (words !== "")
        command(terminal, words).then(
          (said) => {
            console.log(said);
          },
          (error: unknown) => {
            console.log((error as Error).message);
          },
        );
    });
  });
}

async function command(terminal: Terminal, words: string): Promise<string> {
  const parts = /^(play|give back) ([0-9a-f]{32})$/.exec(words);
  if (parts?.[1] === "play") {
    let begun = false;
    const status = await terminal.play(parts[2], ({ state }) => {
      if (state === CLIENT_PLAYING && !begun) console.log(`Playing order ${parts[2]}; click on its adverts now.`);
      begun ||= state === CLIENT_PLAYING;
    });
    return outcomeOf(status);
  }
  if (parts?.[1] === "give back") {
    await terminal.giveBack(parts[2]);
    return `Order ${parts[2]} is given back.`;
  }
  if (words !== "orders") return `Type orders, play ORDER, give back ORDER or stop, not "${words}".`;
  const orders = terminal.orders.list().map((id) => {
    const content = terminal.orders.whole(id) ? "content here" : `${String(terminal.orders.received(id))} bytes here`;
    const key = terminal.orders.proof(id) === undefined ? "no key yet" : "key delivered";
    return `${id}  ${content}, ${key}, ${String(terminal.orders.adverts(id).length)} adverts`;
  });
  return orders.join("\n") || "Nothing was delivered yet.";
}
