import { Command } from "commander";
import * as admin from "../center/api/admin-routes.js";
import * as household from "../center/api/household-routes.js";
import { KeyFolder } from "../center/keys/folder.js";
import { readIdentity } from "../center/keys/identity.js";
import { ROLE_CARD, ROLE_KIOSK, ROLE_LICENSE_SERVER } from "../core/protocol/constants.js";
import { BadInput } from "./bad-input.js";
import { operatorNamed } from "./produce.js";
import { CENTER_OPTION, TOKEN_OPTION, staffClient, type StaffFlags } from "./staff.js";

interface DeviceFlags extends StaffFlags {
  keys: string;
  customer?: string;
}

interface KioskFlags extends StaffFlags {
  operator: string;
  name: string;
  address?: string;
}

/** `leyden register`: brings what was enrolled into the center's books. */
export function registerCommand(): Command {
  return new Command("register")
    .description("bring enrolled devices and kiosks into the center's books")
    .addCommand(
      new Command("device")
        .description("a card with its customer, a cartridge, a reader, or a client")
        .argument("<id>", "id that enrollment gave it, 16 hex digits")
        .requiredOption("--keys <folder>", "keys with which it was enrolled")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--customer <name>", "whose it is: a new customer of this name, or the id of one")
        .action(registerDevice),
    )
    .addCommand(
      new Command("kiosk")
        .description("a kiosk, by its identity file")
        .argument("<file>", "identity that enrollment made")
        .requiredOption("--operator <name>", "whose kiosk it is")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--name <text>", "what people call it", "kiosk")
        .option("--address <url>", "where other kiosks ask it for records of its loans")
        .action(registerKiosk),
    )
    .addCommand(
      new Command("license-server")
        .description("a license server, by its identity file")
        .argument("<file>", "identity that enrollment made")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--name <text>", "what people call it", "license server")
        .option("--address <url>", "where clients' terminals reach it", "http://127.0.0.1:7170")
        .action(registerServer),
    )
    .addCommand(
      new Command("client")
        .description("a customer's networked reader, with the license server that serves it")
        .argument("<id>", "id that enrollment gave it; the device is registered with its customer before")
        .requiredOption("--server <id>", "id of the license server, 16 hex digits")
        .requiredOption(...TOKEN_OPTION)
        .option(...CENTER_OPTION)
        .option("--name <text>", "what its owner calls it", "reader")
        .action(registerOwn),
    );
}

async function registerServer(file: string, flags: StaffFlags & { name: string; address: string }): Promise<void> {
  const identity = readIdentity(file);
  if (identity.role !== ROLE_LICENSE_SERVER)
    throw new BadInput(`${file} is no license server's identity but of role ${String(identity.role)}; name a license server's.`);
  const chain = Buffer.from(identity.signingChain).toString("hex");
  const { id } = await staffClient(flags).call(household.addLicenseServer, { body: { name: flags.name, chain, address: flags.address } });
  console.log(`The center knows license server ${id} (${flags.name}).`);
}

async function registerOwn(clientId: string, flags: StaffFlags & { server: string; name: string }): Promise<void> {
  const body = { clientId, licenseServerId: flags.server, name: flags.name };
  const { leaf } = await staffClient(flags).call(household.registerClient, { body });
  console.log(`Client ${clientId} is registered with license server ${flags.server}, leaf ${String(leaf)}.`);
}

async function registerDevice(id: string, flags: DeviceFlags): Promise<void> {
  const device = KeyFolder.open(flags.keys).device(id);
  const client = staffClient(flags);
  if (device.role === ROLE_CARD && flags.customer === undefined)
    throw new BadInput("A card belongs to a customer; name one with --customer.");
  const known = flags.customer !== undefined && /^[0-9a-f]{32}$/.test(flags.customer);
  const customerId =
    flags.customer === undefined || known
      ? flags.customer
      : (await client.call(admin.createCustomer, { body: { name: flags.customer } })).id;
  await client.call(admin.enrollDevice, {
    body: { chain: device.chain, generation: device.generation, ...(customerId !== undefined && { customerId }) },
  });
  console.log(`The center knows device ${id}${customerId === undefined ? "" : `, of customer ${customerId}`}.`);
}

async function registerKiosk(file: string, flags: KioskFlags): Promise<void> {
  const identity = readIdentity(file);
  if (identity.role !== ROLE_KIOSK)
    throw new BadInput(`${file} is no kiosk's identity but of role ${String(identity.role)}; name a kiosk's.`);
  const client = staffClient(flags);
  const operatorId = await operatorNamed(client, flags.operator);
  const { id } = await client.call(admin.enrollKiosk, {
    body: {
      operatorId,
      name: flags.name,
      chain: Buffer.from(identity.signingChain).toString("hex"),
      deviceChain: Buffer.from(identity.chain).toString("hex"),
      generation: identity.generation,
      ...(flags.address !== undefined && { address: flags.address }),
    },
  });
  console.log(`The center knows kiosk ${id} (${flags.name}), of ${flags.operator}.`);
}
