import { existsSync } from "node:fs";
import { Command } from "commander";
import { destroyGeneration, enrollDevice, giveReaders, renewDevice } from "../center/enrollment.js";
import { CenterClient } from "../center/client.js";
import * as api from "../center/api/admin-routes.js";
import { KeyFolder, type EnrolledDevice, type Validity } from "../center/keys/folder.js";
import { writeIdentity } from "../center/keys/identity.js";
import { RootKeys } from "../center/keys/root.js";
import {
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_CLIENT,
  ROLE_KIOSK,
  ROLE_LICENSE_SERVER,
  ROLE_READER,
  ROLE_STORE,
} from "../core/protocol/constants.js";
import { openPort } from "../host/open.js";
import { DeviceError } from "../host/session.js";
import { LinkError, Transport } from "../host/transport.js";
import { BadInput } from "./bad-input.js";
import { readText, whole } from "./options.js";

const DEVICES: Record<string, number> = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER, client: ROLE_CLIENT };
const MACHINES: Record<string, number> = { kiosk: ROLE_KIOSK, "license-server": ROLE_LICENSE_SERVER, store: ROLE_STORE };
const DAY = 86_400;
const YEAR = 365 * DAY;

interface PortOptions {
  keys: string;
  baud: number;
  years: number;
}

interface DeviceOptions extends PortOptions {
  role?: string;
  id?: string;
  center?: string;
  token?: string;
  customer?: string;
  destroyLicenses?: boolean;
}

const now = (): number => Math.floor(Date.now() / 1000);
const validity = (years: number): Validity => ({ notBefore: now() - DAY, notAfter: now() + years * YEAR });

/** What the user can mend ends in one sentence and exit code 2; a device or a link that fails, in exit code 1. */
function mending<A extends unknown[]>(action: (...args: A) => void | Promise<void>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      await action(...args);
    } catch (error) {
      if (error instanceof LinkError || error instanceof DeviceError || !(error instanceof Error)) throw error;
      throw new BadInput(error.message);
    }
  };
}

/** Opens the port, does `work`, and gives the port back. */
async function atPort<T>(name: string, baud: number, work: (transport: Transport) => Promise<T>): Promise<T> {
  const transport = new Transport(await openPort(name, baud));
  try {
    // A device that gets its power from the slot starts when the port opens, and takes nothing before its answer to reset.
    await transport.reset();
    return await work(transport);
  } finally {
    await transport.close();
  }
}

function describe(device: EnrolledDevice): string {
  const role = Object.keys(DEVICES).find((name) => DEVICES[name] === device.role) ?? `role ${String(device.role)}`;
  return `${role} ${device.id} on ${device.board}, generation ${String(device.generation)}`;
}

function named(table: Record<string, number>, name: string, option: string): number {
  if (!Object.hasOwn(table, name))
    throw new BadInput(`${option} takes ${Object.keys(table).join(", ")}, not ${name === "" ? "nothing" : name}.`);
  return table[name];
}

function hexId(text: string): string {
  if (!/^[0-9a-f]{16}$/.test(text)) throw new BadInput(`An id has 16 hex digits in lower case, not ${text === "" ? "none" : text}.`);
  return text;
}

/** Tells the center of a device, so that it can lend to it. */
async function register(device: EnrolledDevice, options: DeviceOptions): Promise<void> {
  if (options.center === undefined) return;
  const token = readText("--token", options.token ?? "");
  const client = new CenterClient({ url: options.center, credential: { token } });
  await client.call(api.enrollDevice, { body: { chain: device.chain, generation: device.generation, customerId: options.customer } });
}

async function device(port: string, options: DeviceOptions): Promise<void> {
  const folder = KeyFolder.open(options.keys);
  const role = options.role === undefined ? undefined : named(DEVICES, options.role, "--role");
  if (options.center !== undefined && options.token === undefined)
    throw new BadInput("--center needs --token, the file with a staff token; the center writes one at its first start.");
  const id = options.id === undefined ? undefined : new Uint8Array(Buffer.from(hexId(options.id), "hex"));
  if (options.id !== undefined && folder.devices().some((one) => one.id === options.id))
    throw new BadInput(`There is a device ${options.id} already; give another id.`);
  const enrolled = await atPort(port, options.baud, (transport) =>
    enrollDevice(folder, transport, { validity: validity(options.years), now: now(), id, role }),
  );
  await register(enrolled, options);
  console.log(`Enrolled: ${describe(enrolled)}.`);
}

async function renew(port: string, options: DeviceOptions): Promise<void> {
  const folder = KeyFolder.open(options.keys);
  const renewed = await atPort(port, options.baud, (transport) =>
    renewDevice(folder, transport, { validity: validity(options.years), now, destroyLicenses: options.destroyLicenses }),
  );
  await register(renewed, options);
  console.log(`Renewed: ${describe(renewed)}.`);
}

interface RotateOptions {
  keys: string;
  root?: string;
  years: number;
  leaveBehind?: boolean;
}

/** "1 device, 0123456789abcdef," or "3 devices, 0123456789abcdef among them,". */
function counted(devices: EnrolledDevice[]): string {
  const [{ id }] = devices;
  return devices.length === 1 ? `1 device, ${id},` : `${String(devices.length)} devices, ${id} among them,`;
}

function rotate(what: string, options: RotateOptions): void {
  const folder = KeyFolder.open(options.keys);
  if (what === "master") {
    console.log(`The master is of generation ${String(folder.keys.rotateMaster())}; renew the devices, then destroy the one before.`);
    return;
  }
  if (!["issuer", "root", "successor"].includes(what)) throw new BadInput(`rotate takes master, issuer, root, successor, not ${what}.`);
  if (options.root === undefined) throw new BadInput(`Rotating the ${what} needs --root, the file that is kept offline.`);
  const root = RootKeys.open(options.root);
  const [first, successor] = root.publicKeys;
  if (what === "issuer") folder.replaceIssuer(root, validity(options.years));
  else if (what === "root") {
    const strangers = folder.devicesWithout(successor);
    if (strangers.length > 0 && !root.succeeded && options.leaveBehind !== true)
      throw new BadInput(
        `${counted(strangers)} would refuse everybody from now on, not knowing the successor; rotate the master, renew them, then rotate the root, or give --leave-behind.`,
      );
    root.succeed();
    folder.followRoots(root, validity(options.years));
  } else {
    root.retire();
    folder.followRoots(root, validity(options.years));
    const trusting = folder.devices().filter((device) => !folder.devicesWithout(first).some(({ id }) => id === device.id));
    if (trusting.length > 0)
      console.error(
        `${counted(trusting)} ${trusting.length === 1 ? "trusts" : "trust"} the root that is retired, until renewed; rotate the master, then renew.`,
      );
  }
  console.log(
    {
      issuer: "There is a new issuer; what the one before certified stays good.",
      root: "The successor signs now. Devices know it already; go on with rotate successor.",
      successor: "The root before is retired, and there is a new successor.",
    }[what],
  );
}

/** `leyden enroll`: the keys of a center, and the devices and machines that it certifies. */
export function enrollCommand(): Command {
  const enroll = new Command("enroll").description("make a center's keys, and make devices and machines its own");
  const years = ["--years <number>", "how long certificates are valid", whole("--years", 1, 50), 10] as const;
  const keys = ["--keys <folder>", "folder with the center's keys"] as const;
  const baud = ["--baud <number>", "speed of a serial port", whole("--baud", 1200, 4_000_000), 115_200] as const;
  const center = ["--center <url>", "center to tell of it"] as const;
  const token = ["--token <file>", "file with a staff token of that center"] as const;
  enroll
    .command("root <file>")
    .description("make a root and its successor; keep the file offline")
    .action(
      mending((file: string) => {
        RootKeys.create(file);
        console.log(`Made ${file}; keep it offline, and a copy of it elsewhere.`);
      }),
    );
  enroll
    .command("center <folder>")
    .description("make the keys of a center: master, issuer, wrapping key, its own certificate")
    .requiredOption("--root <file>", "root file")
    .option(...years)
    .action(
      mending((path: string, options: { root: string; years: number }) => {
        KeyFolder.create(path, RootKeys.open(options.root), validity(options.years));
        console.log(`Made ${path}; the center needs it beside its data, and a copy elsewhere.`);
      }),
    );
  enroll
    .command("device <port>")
    .description("make the blank card, cartridge, reader or client at a port one of this center's; once")
    .requiredOption(...keys)
    .option("--role <name>", `refuse other devices than a ${Object.keys(DEVICES).join(", ")}`)
    .option("--id <hex>", "id of the device, 16 hex digits; drawn at random otherwise")
    .option(...baud)
    .option(...years)
    .option(...center)
    .option(...token)
    .option("--customer <id>", "whose device it is, at the center")
    .action(mending(device));
  enroll
    .command("renew <port>")
    .description("bring a device to the newest master, roots and issuer; a card without licenses")
    .requiredOption(...keys)
    .option("--destroy-licenses", "renew a card although the licenses on it are lost by that")
    .option(...baud)
    .option(...years)
    .option(...center)
    .option(...token)
    .option("--customer <id>", "whose device it is, at the center")
    .action(mending(renew));
  enroll
    .command("readers <port> <ids...>")
    .description("give the card at a port the certificates of its readers, at most two")
    .requiredOption(...keys)
    .option(...baud)
    .action(
      mending(async (port: string, ids: string[], options: PortOptions) => {
        const folder = KeyFolder.open(options.keys);
        const readers = ids.map(hexId);
        await atPort(port, options.baud, (transport) => giveReaders(folder, transport, readers, now));
        console.log(`The card holds the certificate${readers.length === 1 ? "" : "s"} of ${readers.join(" and ")}.`);
      }),
    );
  enroll
    .command("identity <role>")
    .description(`make keys and certificates for a machine: ${Object.keys(MACHINES).join(", ")}`)
    .requiredOption(...keys)
    .requiredOption("--out <file>", "where they go; secret")
    .option(...years)
    .action(
      mending((role: string, options: { keys: string; out: string; years: number }) => {
        const number = named(MACHINES, role, "identity");
        if (existsSync(options.out)) throw new BadInput(`The file ${options.out} is there already; name another one.`);
        const identity = KeyFolder.open(options.keys).makeIdentity(number, validity(options.years));
        writeIdentity(options.out, identity);
        console.log(`Made ${options.out}: ${role} ${Buffer.from(identity.id).toString("hex")}, secret.`);
      }),
    );
  enroll
    .command("rotate <what>")
    .description("put new keys in place of old ones: master, issuer, root (its successor takes over), successor (a new one)")
    .requiredOption(...keys)
    .option("--root <file>", "root file, for all but the master")
    .option("--leave-behind", "rotate the root although devices that were not renewed refuse everybody afterwards")
    .option(...years)
    .action(mending(rotate));
  enroll
    .command("destroy <generation>")
    .description("destroy a generation of the master that no device has a key of any more")
    .requiredOption(...keys)
    .action(
      mending((text: string, options: { keys: string }) => {
        const generation = whole("destroy", 1, 4_294_967_295)(text);
        destroyGeneration(KeyFolder.open(options.keys), generation);
        console.log(`Generation ${text} is destroyed.`);
      }),
    );
  return enroll;
}
