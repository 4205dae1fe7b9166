import { join } from "node:path";
import { Command, Option } from "commander";
import { CenterClient } from "../center/client.js";
import { readIdentity, type Identity } from "../center/keys/identity.js";
import { ROLE_KIOSK } from "../core/protocol/constants.js";
import { lockFolder } from "../host/lock.js";
import { HostParty } from "../host/party.js";
import { Transport } from "../host/transport.js";
import { CounterIntroduction } from "../kiosk/introduction.js";
import { SimulatedTerminal, type Behavior } from "../kiosk/payment.js";
import { KioskDirectory, askPeers, servePeers } from "../kiosk/peers.js";
import { RentalKiosk } from "../kiosk/rental-kiosk.js";
import { ReturnKiosk } from "../kiosk/return-kiosk.js";
import { serveRentalScreen, serveReturnScreen } from "../kiosk/screen.js";
import { KioskSlots } from "../kiosk/slots.js";
import { BadInput } from "./bad-input.js";
import { ADDRESS, openPlace } from "./devices.js";
import { untilInterrupted } from "./interrupt.js";
import { CENTER_OPTION } from "./staff.js";
import { whole } from "./options.js";

const PAYMENTS: Record<string, Behavior> = {
  approve: "approve",
  decline: "decline",
  timeout: "silent",
  twice: "approve twice",
};
/** Milliseconds between two tries to settle what waits for the center. */
const FLUSH = 5000;

/** Seconds between two looks for what a kiosk need not keep any longer. */
const PRUNE = 86_400;

interface KioskFlags {
  identity: string;
  data: string;
  center: string;
  card: string;
  cartridge: string;
  port: number;
}

/** `leyden kiosk rent` and `leyden kiosk return`. */
export function kioskCommand(): Command {
  return new Command("kiosk")
    .description("run a kiosk: slots for a card and a cartridge, a screen as a page")
    .addCommand(rentCommand())
    .addCommand(returnCommand());
}

function options(command: Command): Command {
  return command
    .requiredOption("--identity <file>", "identity of the kiosk, made by enrollment and registered with the center")
    .requiredOption("--data <folder>", "where the kiosk keeps ciphertext and what waits for the center; made when missing")
    .requiredOption("--card <address>", `slot of the card: ${ADDRESS}`)
    .requiredOption("--cartridge <address>", `slot of the cartridge: ${ADDRESS}`)
    .option(...CENTER_OPTION)
    .option("--port <number>", "TCP port of the screen; 0 takes a free one", whole("--port", 0, 65_535), 0);
}

function rentCommand(): Command {
  return options(new Command("rent").description("lend contents"))
    .option("--peer-port <number>", "TCP port at which other kiosks ask for records of loans made here", whole("--peer-port", 0, 65_535), 0)
    .action(rent);
}

function returnCommand(): Command {
  return options(new Command("return").description("take loans back"))
    .addOption(
      new Option("--payment <outcome>", "what the simulated payment device does").choices(Object.keys(PAYMENTS)).default("approve"),
    )
    .option("--cap <number>", "returns that may wait for the center", whole("--cap", 1, 100_000), 50)
    .action(takeBack);
}

interface Kiosk {
  identity: Identity;
  id: string;
  client: CenterClient;
  slots: KioskSlots;
  directory: KioskDirectory;
  /** Gives the ports of the slots back. */
  close(): Promise<void>;
}

const seconds = (): number => Math.floor(Date.now() / 1000);

async function start(flags: KioskFlags): Promise<Kiosk> {
  const identity = readIdentity(flags.identity);
  if (identity.role !== ROLE_KIOSK)
    throw new BadInput(`${flags.identity} is no kiosk's identity but of role ${String(identity.role)}; name a kiosk's.`);
  const unlock = await lockFolder(flags.data, "kiosk.lock");
  const id = Buffer.from(identity.id).toString("hex");
  const client = new CenterClient({ url: flags.center, credential: { kioskId: id, seed: identity.signingSeed } });
  const party = new HostParty({ ...identity, time: seconds });
  const places = [await openPlace("cartridge", flags.cartridge, "rent"), await openPlace("card", flags.card, "rent")];
  const transports = places.map((place) => new Transport(place.port));
  // Soon given up: where the center is away, certificates do.
  const hasty = new CenterClient({
    url: flags.center,
    credential: { kioskId: id, seed: identity.signingSeed },
    attempts: 1,
    timeout: 3000,
  });
  const slots = new KioskSlots(party, transports[0], transports[1], new CounterIntroduction(hasty, identity.deviceKey));
  const close = async (): Promise<void> => {
    await Promise.all(transports.map((transport) => transport.close()));
    await Promise.all(places.map((place) => place.board?.stop()));
    await unlock();
  };
  return { identity, id, client, slots, directory: new KioskDirectory(join(flags.data, "kiosks"), client), close };
}

/** Does `work` now and again until the kiosk ends; the center may be away. */
async function again(work: () => Promise<unknown>): Promise<void> {
  const stopped = untilInterrupted();
  let open = true;
  void stopped.then(() => (open = false));
  while (open) {
    await work().catch((error: unknown) => {
      console.error(error instanceof Error ? error.message : String(error));
    });
    await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, FLUSH).unref())]);
  }
}

async function rent(flags: KioskFlags & { peerPort: number }): Promise<void> {
  const kiosk = await start(flags);
  const rental = new RentalKiosk({ folder: flags.data, client: kiosk.client, devices: kiosk.slots });
  const peers = await servePeers({ directory: kiosk.directory, records: rental.records, now: seconds }, flags.peerPort);
  const screen = await serveRentalScreen(rental, flags.port);
  console.log(`The rental kiosk's screen is at ${screen.url}; other kiosks ask at ${peers.url}.`);
  let pruned = 0;
  await again(async () => {
    if (seconds() - pruned >= PRUNE) {
      pruned = seconds();
      rental.records.prune(pruned);
    }
    await kiosk.directory.refresh();
    await rental.recover();
  });
  for (const { server } of [screen, peers]) {
    server.close();
    server.closeAllConnections();
  }
  await kiosk.close();
}

async function takeBack(flags: KioskFlags & { payment: string; cap: number }): Promise<void> {
  const kiosk = await start(flags);
  const returns = new ReturnKiosk({
    folder: flags.data,
    client: kiosk.client,
    devices: kiosk.slots,
    payment: new SimulatedTerminal([PAYMENTS[flags.payment]]),
    askPeers: (loan) => askPeers({ directory: kiosk.directory, kioskId: kiosk.id, seed: kiosk.identity.signingSeed, now: seconds }, loan),
    cap: flags.cap,
    now: seconds,
  });
  const screen = await serveReturnScreen(returns, flags.port);
  console.log(`The return kiosk's screen is at ${screen.url}.`);
  await again(async () => {
    await kiosk.directory.refresh();
    await returns.flush();
  });
  screen.server.close();
  screen.server.closeAllConnections();
  await kiosk.close();
}
