import { mkdirSync, openSync, readFileSync, readSync, closeSync, writeFileSync, existsSync } from "node:fs";
import { extname, join } from "node:path";
import { Command } from "commander";
import { SingleBar } from "cli-progress";
import { createStore } from "../center/api/order-routes.js";
import { sampleRate } from "../center/contents.js";
import { StoreContents } from "../store/contents.js";
import { startStore } from "../store/server.js";
import { areaOf, mediaTypeOf } from "./advert-flags.js";
import { BadInput } from "./bad-input.js";
import { untilInterrupted } from "./interrupt.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";
import { whole } from "./options.js";

const ITEM = /^[0-9a-f]{32}$/;
const DATA_OPTION = ["--data <folder>", "the store's contents and its secret"] as const;

/** `leyden store`: the content store server and what belongs to it. */
export function storeCommand(): Command {
  return new Command("store")
    .description("keep contents, seal them, and deliver them to terminals when the center says so")
    .addCommand(
      new Command("new")
        .description("take a new store in at the center")
        .requiredOption(...DATA_OPTION)
        .requiredOption("--address <url>", "where the center reaches the store")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--name <text>", "what people call it", "store")
        .action(takeIn),
    )
    .addCommand(
      new Command("add")
        .description("put a content into the store")
        .argument("<file>")
        .requiredOption(...DATA_OPTION)
        .requiredOption("--item <id>", "item number, as the center names the content: 32 hex digits")
        .action(add),
    )
    .addCommand(
      new Command("advert")
        .description("attach an advert to a content in the store")
        .argument("<picture>")
        .requiredOption(...DATA_OPTION)
        .requiredOption("--item <id>", "item number")
        .option(
          "--area <area>",
          "an icon: left,top,right,bottom=address, bounds from 0 to 255; up to four times",
          (text: string, before: string[]) => [...before, text],
          [],
        )
        .action(attach),
    )
    .addCommand(
      new Command("run")
        .description("serve, until it is interrupted")
        .requiredOption(...DATA_OPTION)
        .option("--port <number>", "TCP port; 0 takes a free one", whole("--port", 0, 65_535), 7080)
        .option("--host <address>", "address to listen on", "127.0.0.1")
        .option("--allow-local <networks...>", "names, addresses and networks of local terminals that may be delivered to", [])
        .action(serve),
    );
}

interface Secret {
  id: string;
  key: string;
  centerKey: string;
}

function secretOf(data: string): Secret {
  const path = join(data, "store.json");
  if (!existsSync(path)) throw new BadInput(`The folder ${data} holds no store; take one in with leyden store new.`);
  return JSON.parse(readFileSync(path, "utf8")) as Secret;
}

async function takeIn(flags: StaffFlags & { data: string; address: string; name: string }): Promise<void> {
  if (existsSync(join(flags.data, "store.json"))) throw new BadInput(`The folder ${flags.data} holds a store already; name another one.`);
  mkdirSync(flags.data, { recursive: true, mode: 0o700 });
  const secret = await staffClient(flags).call(createStore, { body: { name: flags.name, address: flags.address } });
  writeFileSync(join(flags.data, "store.json"), JSON.stringify(secret), { mode: 0o600, flush: true });
  console.log(`${flags.name} is store ${secret.id}.`);
}

function contentsOf(data: string, item: string): StoreContents {
  if (!ITEM.test(item)) throw new BadInput(`--item takes 32 hex digits, not ${item}.`);
  return new StoreContents(data, Buffer.from(secretOf(data).key, "hex"));
}

async function add(file: string, flags: { data: string; item: string }): Promise<void> {
  const contents = contentsOf(flags.data, flags.item);
  if (!existsSync(file)) throw new BadInput(`There is no file ${file}; name one that exists.`);
  const start = new Uint8Array(44);
  const input = openSync(file, "r");
  const length = readSync(input, start);
  closeSync(input);
  await contents.add(flags.item, file, sampleRate(start.subarray(0, length)));
  console.log(`The store has ${file} as item ${flags.item}.`);
}

function attach(picture: string, flags: { data: string; item: string; area: string[] }): void {
  const contents = contentsOf(flags.data, flags.item);
  if (!existsSync(picture)) throw new BadInput(`There is no file ${picture}; name one that exists.`);
  const id = contents.attach(flags.item, readFileSync(picture), mediaTypeOf(extname(picture)), flags.area.map(areaOf));
  console.log(`The store attaches advert ${id}.`);
}

async function serve(flags: { data: string; port: number; host: string; allowLocal: string[] }): Promise<void> {
  const secret = secretOf(flags.data);
  const bar = process.stderr.isTTY
    ? new SingleBar({ format: "{order} {bar} {percentage} %", stream: process.stderr, clearOnComplete: true })
    : null;
  const store = await startStore({
    folder: flags.data,
    key: Buffer.from(secret.key, "hex"),
    centerKey: Buffer.from(secret.centerKey, "hex"),
    port: flags.port,
    host: flags.host,
    allowLocal: flags.allowLocal,
    progress: (order, sent, length) => {
      if (bar === null) return;
      if (!bar.isActive) bar.start(length, 0, { order });
      bar.update(sent, { order });
      if (sent >= length) bar.stop();
    },
  });
  console.log(`The store listens at ${store.url}.`);
  await untilInterrupted();
  await store.stop();
}
