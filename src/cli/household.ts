import { createReadStream } from "node:fs";
import { Command } from "commander";
import { ownHousehold, removeClient } from "../center/api/household-routes.js";
import { CLIENT_FINISHED, ClientDevice } from "../host/client-device.js";
import { ContentFolder, HouseholdTerminal, LicenseServerClient } from "../host/household.js";
import { openPort } from "../host/open.js";
import { ParcelCartridge, openParcelFile, writeParcelFile, type Carried } from "../host/parcel.js";
import { Transport } from "../host/transport.js";
import { BadInput } from "./bad-input.js";
import { IDENTITY_OPTION, customerClient, type CustomerFlags } from "./customer.js";
import { CENTER_OPTION } from "./staff.js";

interface Flags {
  client: string;
  data: string;
  server: string;
}

const CONTENT = /^[0-9a-f]{32}$/;
const CLIENT = /^[0-9a-f]{16}$/;
/** Why a client does not play, by the reason in its status. */
const REASONS: Record<number, string> = {
  3: "its license does not permit it",
  4: "its keys do not open it",
  5: "a piece of the content is damaged",
  6: "the transfer broke off",
  7: "it has no right to it",
  8: "it does not find the content",
};

/** `leyden household`: what a customer does with a client of its own. */
export function householdCommand(): Command {
  const command = new Command("household").description(
    "register a networked reader of your own, fetch contents for it, play them; list and remove your readers",
  );
  terminal(command, "register", "take the client's keys and its license server's public key", async (home) => {
    await home.register();
    return `Client ${await home.clientId()} is registered.`;
  });
  terminal(command, "get <content>", "fetch a content and a license for it", async (home, content) => {
    checked("content", content, CONTENT);
    await home.fetch(content);
    return `License ${await home.license(content)} of content ${content} is here.`;
  });
  terminal(command, "play <content>", "play a content", async (home, content) => {
    checked("content", content, CONTENT);
    await play(home, content);
    return `Content ${content} has been played.`;
  });
  return command
    .addCommand(owner("list", "list your readers, what they hold, and what has moved").action(list))
    .addCommand(
      owner("remove", "remove a reader of yours: it gets and opens nothing that is issued from now on")
        .argument("<client>", "id of the reader")
        .action(remove),
    );
}

function owner(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .requiredOption(...IDENTITY_OPTION)
    .option(...CENTER_OPTION);
}

const date = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

async function list(flags: CustomerFlags): Promise<void> {
  const { clients, licenses, moves } = await customerClient(flags).call(ownHousehold, {});
  for (const { id, name, registeredAt, removedAt } of clients) {
    console.log(`${id}  ${name}, ${removedAt === null ? `since ${date(registeredAt)}` : `removed ${date(removedAt)}`}`);
    for (const { contentId, clientId } of licenses) if (clientId === id) console.log(`  holds content ${contentId}`);
  }
  for (const { contentId, clientId } of licenses) if (clientId === null) console.log(`on its way: content ${contentId}`);
  for (const { at, outcome, licenseId, sourceId, destinationId } of moves)
    console.log(`${date(at)}  license ${licenseId} from ${sourceId} to ${destinationId}: ${outcome}`);
}

async function remove(clientId: string, flags: CustomerFlags): Promise<void> {
  checked("client", clientId, CLIENT);
  const { epoch } = await customerClient(flags).call(removeClient, { params: { clientId }, body: {} });
  console.log(`Client ${clientId} is removed; it opens nothing that is issued from epoch ${String(epoch)} on.`);
}

interface MoveFlags extends Flags {
  to: string;
  toServer: string;
  parcel?: string;
  cartridge?: string;
  toClient?: string;
  toData?: string;
}

/** `leyden move`: from one client of a customer to another, over the network, over a wire, on a cartridge, or as a file that is carried. */
export function moveCommand(): Command {
  return new Command("move")
    .description("move a content from one reader of yours to another; the first can no longer play it")
    .argument("<content>", "id of the content")
    .requiredOption("--client <address>", "the client that has it: tcp://host:port or a serial port")
    .requiredOption("--data <folder>", "where the contents of that client are kept")
    .requiredOption("--to <id>", "id of the client that shall have it")
    .requiredOption("--to-server <url>", "license server of that client")
    .option("--cartridge <address>", "write content and copy certificate on the cartridge at this address, for leyden take")
    .option("--parcel <file>", "or to a file, for leyden take")
    .option("--to-client <address>", "or hand it over at once, to the client at this address")
    .option("--to-data <folder>", "and keep the content in this folder")
    .action(move);
}

async function move(contentId: string, flags: MoveFlags): Promise<void> {
  const { cartridge, parcel: file, toClient, toData } = flags;
  checked("content", contentId, CONTENT);
  checked("--to", flags.to, CLIENT);
  if (cartridge === undefined && file === undefined && (toClient === undefined || toData === undefined))
    throw new BadInput("Name a cartridge with --cartridge, a file with --parcel, or the other client with --to-client and --to-data.");
  const server = new LicenseServerClient(flags.toServer);
  await withTerminal({ ...flags, server: flags.toServer }, async (source) => {
    // Before the license leaves: where it is to go must be there.
    const length = source.contents.find(contentId)?.length ?? 0;
    if (cartridge !== undefined) await withCartridge(cartridge, (carrier) => carrier.check(length));
    const parcel = await source.give(contentId, flags.to, server);
    const sealed = source.contents.path(contentId);
    if (file !== undefined) await writeParcelFile(file, parcel, sealed);
    if (cartridge !== undefined) await withCartridge(cartridge, (carrier) => carrier.write(parcel, sealed));
    if (toClient === undefined || toData === undefined) return;
    const takeIn = async (destination: HouseholdTerminal): Promise<void> => {
      const bytes = (start: number): AsyncIterable<Uint8Array> => createReadStream(sealed, { start }) as AsyncIterable<Uint8Array>;
      const proof = await destination.takeIn({ parcel, bytes });
      await server.ask(`/v1/moves/${parcel.useId}/completion`, { proof: Buffer.from(proof).toString("hex") });
    };
    // A license that comes back to where it was: that terminal is open already.
    if (toClient === flags.client) await takeIn(source);
    else await withTerminal({ client: toClient, data: toData, server: flags.toServer }, takeIn);
  });
  console.log(`Content ${contentId} belongs to client ${flags.to} now.`);
}

/** `leyden take`: takes a content in with its copy certificate, from a cartridge or a file; no network is needed. */
export function takeCommand(): Command {
  return new Command("take")
    .description("take a content in that was moved here, with its copy certificate and without any network")
    .argument("[parcel]", "file that leyden move wrote")
    .option("--cartridge <address>", "or the cartridge that it wrote")
    .requiredOption("--client <address>", "the client: tcp://host:port or a serial port")
    .requiredOption("--data <folder>", "where its contents are kept")
    .action(async (file: string | undefined, flags: Flags & { cartridge?: string }) => {
      const { cartridge } = flags;
      await withTerminal({ ...flags, server: "" }, async (home) => {
        if (cartridge !== undefined) await withCartridge(cartridge, async (carrier) => takeIn(home, await carrier.read()));
        else if (file !== undefined) await takeIn(home, openParcelFile(file));
        else throw new BadInput("Name the parcel's file, or a cartridge with --cartridge.");
      });
    });
}

async function takeIn(home: HouseholdTerminal, carried: Carried): Promise<void> {
  await home.takeIn(carried);
  console.log(`Content ${carried.parcel.content.contentId} has been taken in.`);
}

async function withCartridge(address: string, run: (carrier: ParcelCartridge) => Promise<void>): Promise<void> {
  const transport = new Transport(await openPort(address));
  try {
    await transport.reset();
    await run(new ParcelCartridge(transport));
  } finally {
    await transport.close();
  }
}

function checked(what: string, text: string, form: RegExp): void {
  if (!form.test(text)) throw new BadInput(`${what} takes an id of hex digits, not ${text}.`);
}

function terminal(
  parent: Command,
  name: string,
  description: string,
  run: (home: HouseholdTerminal, ...words: string[]) => Promise<string>,
): void {
  const command = parent
    .command(name)
    .description(description)
    .requiredOption("--client <address>", "the client: tcp://host:port or a serial port")
    .requiredOption("--data <folder>", "where its contents are kept; made when missing")
    .option("--server <url>", "its license server", "http://127.0.0.1:7170");
  command.action(async (...given: unknown[]) => {
    const words = given.filter((word): word is string => typeof word === "string");
    await withTerminal(command.opts<Flags>(), async (home) => {
      console.log(await run(home, ...words));
    });
  });
}

async function withTerminal(flags: Flags, run: (home: HouseholdTerminal) => Promise<void>): Promise<void> {
  const transport = new Transport(await openPort(flags.client));
  try {
    await transport.reset();
    await run(new HouseholdTerminal(new ClientDevice(transport), new LicenseServerClient(flags.server), new ContentFolder(flags.data)));
  } finally {
    await transport.close();
  }
}

async function play(home: HouseholdTerminal, contentId: string): Promise<void> {
  const status = await home.client.play(new Uint8Array(Buffer.from(contentId, "hex")), null, () =>
    Promise.resolve(home.contents.source(contentId)),
  );
  if (status.state !== CLIENT_FINISHED)
    throw new Error(`The client does not play: ${REASONS[status.reason] ?? `reason ${String(status.reason)}`}.`);
}
