import { join } from "node:path";
import { Command } from "commander";
import { systemClock } from "../center/clock.js";
import { Contact } from "../center/contact.js";
import { createDeviceAuthority } from "../center/device-authority.js";
import { KeyFolder } from "../center/keys/folder.js";
import { startCenter } from "../center/main.js";
import { HostParty } from "../host/party.js";
import { untilInterrupted } from "./interrupt.js";
import { whole } from "./options.js";

interface CenterFlags {
  data: string;
  keys?: string;
  port: number;
  host: string;
  allowLocal: string[];
}

/** `leyden center`: the center as an HTTP service, until it is interrupted. */
export function centerCommand(): Command {
  return new Command("center")
    .description("run the center: catalog, customers, devices, loans, charges; its interface is shown at /docs")
    .requiredOption("--data <folder>", "database, sealed contents and the first staff token; made when missing")
    .option("--keys <folder>", "keys that leyden enroll center made (default: keys in the data folder)")
    .option("--port <number>", "TCP port; 0 takes a free one", whole("--port", 0, 65_535), 7070)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--allow-local <networks...>", "names, addresses and networks of local terminals, stores and adverts that are allowed", [])
    .addHelpText("after", "\nWith DATABASE_URL the tables are on that PostgreSQL server instead of in the data folder.")
    .action(run);
}

async function run(flags: CenterFlags): Promise<void> {
  const folder = KeyFolder.open(flags.keys ?? join(flags.data, "keys"));
  const center = await startCenter({
    dataDir: flags.data,
    port: flags.port,
    allowLocal: flags.allowLocal,
    host: flags.host,
    databaseUrl: process.env.DATABASE_URL,
    authority: createDeviceAuthority(folder.keys, folder.acceptedRoots),
    contact: new Contact(new HostParty({ ...folder.party, time: systemClock.now }), folder.issuers),
  });
  console.log(`The center listens at ${center.url}; the token of the first staff is in ${center.tokenFile}.`);
  await untilInterrupted();
  await center.stop();
}
