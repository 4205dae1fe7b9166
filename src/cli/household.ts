import { createReadStream, readFileSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { CLIENT_FINISHED, ClientDevice } from "../host/client-device.js";
import { ContentFolder, HouseholdTerminal, LicenseServerClient, type Parcel } from "../host/household.js";
import { openPort } from "../host/open.js";
import { Transport } from "../host/transport.js";
import { BadInput } from "./bad-input.js";

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
  const command = new Command("household").description("register a networked reader of one's own, fetch contents for it, play them");
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
  return command;
}

/** `leyden move`: from one client of a customer to another, over the network, over a wire, or as a file that is carried. */
export function moveCommand(): Command {
  const command = new Command("move")
    .description("move a content from one reader of yours to another; the first can no longer play it")
    .argument("<content>", "id of the content")
    .requiredOption("--client <address>", "the client that has it: tcp://host:port or a serial port")
    .requiredOption("--data <folder>", "where the contents of that client are kept")
    .requiredOption("--to <id>", "id of the client that shall have it")
    .requiredOption("--to-server <url>", "license server of that client")
    .option("--parcel <file>", "write what is carried to the other client to a file, for leyden take")
    .option("--to-client <address>", "or hand it over at once, to the client at this address")
    .option("--to-data <folder>", "and keep the content in this folder")
    .action(
      async (content: string, flags: Flags & { to: string; toServer: string; parcel?: string; toClient?: string; toData?: string }) => {
        checked("content", content, CONTENT);
        checked("--to", flags.to, CLIENT);
        if (flags.parcel === undefined && (flags.toClient === undefined || flags.toData === undefined))
          throw new BadInput("Name a file with --parcel, or the other client with --to-client and --to-data.");
        const server = new LicenseServerClient(flags.toServer);
        await withTerminal({ ...flags, server: flags.toServer }, async (source) => {
          const parcel = await source.give(content, flags.to, server);
          if (flags.parcel !== undefined) writeFileSync(flags.parcel, JSON.stringify({ ...parcel, sealed: source.contents.path(content) }));
          if (flags.toClient === undefined || flags.toData === undefined) return;
          await withTerminal({ client: flags.toClient, data: flags.toData, server: flags.toServer }, async (destination) => {
            const proof = await destination.takeIn(parcel, createReadStream(source.contents.path(content)));
            await server.ask(`/v1/moves/${parcel.useId}/completion`, { proof: Buffer.from(proof).toString("hex") });
          });
        });
        console.log(`Content ${content} belongs to client ${flags.to} now.`);
      },
    );
  return command;
}

/** `leyden take PARCEL`: takes a content in with its copy certificate; no network is needed. */
export function takeCommand(): Command {
  return new Command("take")
    .description("take a content in that was moved here, with its copy certificate and without any network")
    .argument("<parcel>", "file that leyden move wrote")
    .requiredOption("--client <address>", "the client: tcp://host:port or a serial port")
    .requiredOption("--data <folder>", "where its contents are kept")
    .option("--sealed <file>", "the sealed bytes, where they are not in the place that the parcel names")
    .action(async (file: string, flags: Flags & { sealed?: string }) => {
      const parcel = readParcel(file);
      await withTerminal({ ...flags, server: "" }, async (home) => {
        await home.takeIn(parcel, createReadStream(flags.sealed ?? parcel.sealed));
      });
      console.log(`Content ${parcel.content.contentId} has been taken in.`);
    });
}

function readParcel(file: string): Parcel & { sealed: string } {
  try {
    const parcel = JSON.parse(readFileSync(file, "utf8")) as Parcel & { sealed: string };
    if (typeof parcel.certificate === "string" && typeof parcel.slice === "string" && CONTENT.test(parcel.content.contentId)) return parcel;
  } catch {
    // Falls through to the one sentence.
  }
  throw new BadInput(`${file} is no parcel that leyden move wrote; name one.`);
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
    .option("--server <url>", "its license server", "http://127.0.0.1:7080");
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
