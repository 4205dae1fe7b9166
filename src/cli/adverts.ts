import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { Command } from "commander";
import { startAdvertServer } from "../adverts/server.js";
import { createAdvert, setLocalAdverts } from "../center/api/advert-routes.js";
import { readAdverts } from "../host/adverts.js";
import { openPort } from "../host/open.js";
import { DeviceSession } from "../host/session.js";
import { Transport } from "../host/transport.js";
import { areaOf, mediaTypeOf } from "./advert-flags.js";
import { BadInput } from "./bad-input.js";
import { untilInterrupted } from "./interrupt.js";
import { operatorNamed } from "./produce.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";
import { whole } from "./options.js";

/** `leyden adverts`: the advert server, and operators' adverts. */
export function advertsCommand(): Command {
  return new Command("adverts")
    .description("serve what adverts lead to and count clicks; add operators' adverts at the center")
    .addCommand(
      new Command("run")
        .description("serve /a/NAME (NAME.html of the folder) and /clicks, until it is interrupted")
        .requiredOption("--data <folder>", "pages, and the counts")
        .option("--port <number>", "TCP port; 0 takes a free one", whole("--port", 0, 65_535), 7090)
        .option("--host <address>", "address to listen on", "127.0.0.1")
        .action(serve),
    )
    .addCommand(
      new Command("add")
        .description("add an operator's advert: a picture with up to four icons")
        .argument("<picture>")
        .requiredOption("--operator <name>", "whose advert it is")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--name <text>", "what people call it", "advert")
        .option("--item <id>", "with this content only")
        .option(
          "--area <area>",
          "an icon: left,top,right,bottom=address, bounds from 0 to 255",
          (text: string, before: string[]) => [...before, text],
          [],
        )
        .action(add),
    )
    .addCommand(
      new Command("show")
        .description("fetch the adverts of the cartridge in a reader's slot, for a screen to show; when it has played")
        .argument("<address>", "where the reader or client is: tcp://host:port or a serial port")
        .requiredOption("--out <folder>", "where the pictures go")
        .action(show),
    )
    .addCommand(permission("permit", "permit that adverts lead a client into the local network; for tests and closed sites", true))
    .addCommand(permission("forbid", "forbid it again, as it is for every client until it is permitted", false));
}

function permission(name: string, description: string, allowed: boolean): Command {
  return new Command(name)
    .description(description)
    .argument("<client>", "id of the client, 16 hex digits")
    .requiredOption(...TOKEN_OPTION)
    .option(...CENTER_OPTION)
    .action(async (deviceId: string, flags: StaffFlags) => {
      await staffClient(flags).call(setLocalAdverts, { params: { deviceId }, body: { allowed } });
      console.log(`Adverts may ${allowed ? "" : "not "}lead client ${deviceId} into the local network.`);
    });
}

async function serve(flags: { data: string; port: number; host: string }): Promise<void> {
  const server = await startAdvertServer({ folder: flags.data, port: flags.port, host: flags.host });
  console.log(`The advert server listens at ${server.url}.`);
  await untilInterrupted();
  await server.stop();
}

async function show(address: string, flags: { out: string }): Promise<void> {
  const transport = new Transport(await openPort(address));
  try {
    await transport.reset();
    const adverts = await readAdverts(new DeviceSession(transport));
    mkdirSync(flags.out, { recursive: true });
    for (const { id, mediaType, picture, areas } of adverts) {
      const file = join(flags.out, `${id}.${mediaType.replace("image/", "")}`);
      writeFileSync(file, picture);
      console.log(`${file}, ${String(picture.length)} bytes`);
      for (const { left, top, right, bottom, address: target } of areas)
        console.log(`  ${[left, top, right, bottom].join(",")} leads to ${target}`);
    }
    if (adverts.length === 0) console.log("There are no adverts on the cartridge.");
  } finally {
    await transport.close();
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function add(picture: string, flags: StaffFlags & { operator: string; name: string; item?: string; area: string[] }): Promise<void> {
  if (!existsSync(picture)) throw new BadInput(`There is no file ${picture}; name one that exists.`);
  const mediaType = mediaTypeOf(extname(picture));
  const areas = flags.area.map(areaOf);
  const client = staffClient(flags);
  const operatorId = await operatorNamed(client, flags.operator);
  const body = { name: flags.name, areas, ...(flags.item !== undefined && { contentId: flags.item }) };
  const { id } = await client.call(createAdvert, { params: { operatorId }, body });
  await client.put(`/v1/adverts/${id}/picture`, mediaType, one(readFileSync(picture)));
  console.log(`${flags.operator} has advert ${id}.`);
}
