import { Command } from "commander";
import { pino } from "pino";
import { CenterClient } from "../center/client.js";
import { readIdentity } from "../center/keys/identity.js";
import { buildLicenseServer } from "../center/license-server/app.js";
import { ROLE_LICENSE_SERVER } from "../core/protocol/constants.js";
import { BadInput } from "./bad-input.js";
import { untilInterrupted } from "./interrupt.js";
import { CENTER_OPTION } from "./staff.js";
import { whole } from "./options.js";

interface Flags {
  identity: string;
  center: string;
  port: number;
  host: string;
}

/** `leyden license-server`: supplies contents and licenses to the clients registered with it, and signs their copy certificates. */
export function licenseServerCommand(): Command {
  return new Command("license-server")
    .description("run a license server: contents, licenses and copy certificates for the clients registered with it")
    .requiredOption("--identity <file>", "identity of role 8 that enrollment made, registered with the center")
    .option(...CENTER_OPTION)
    .option("--port <number>", "TCP port; 0 takes a free one", whole("--port", 0, 65_535), 7170)
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .action(run);
}

async function run(flags: Flags): Promise<void> {
  const identity = readIdentity(flags.identity);
  if (identity.role !== ROLE_LICENSE_SERVER)
    throw new BadInput(`${flags.identity} is no license server's identity but of role ${String(identity.role)}; name one of role 8.`);
  const serverId = Buffer.from(identity.id).toString("hex");
  const app = await buildLicenseServer({
    client: new CenterClient({ url: flags.center, credential: { serverId, seed: identity.signingSeed } }),
    seed: identity.signingSeed,
    logger: pino({ level: "warn" }),
    requestsPerMinute: 6000,
  });
  console.log(`License server ${serverId} listens at ${await app.listen({ port: flags.port, host: flags.host })}.`);
  await untilInterrupted();
  await app.close();
}
