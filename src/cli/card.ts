import { Command } from "commander";
import { DeviceSession, type DeviceInfo } from "../host/session.js";
import { describeRefused } from "../host/status.js";
import { VPCD_PORT, cardBehind, listenAsCard, offerCard, type Offer } from "../host/vpcd.js";
import { BadInput } from "./bad-input.js";
import { ADDRESS, SIMULATED, openDevice, patiently, type OpenDevice } from "./devices.js";
import { whole } from "./options.js";

interface CardFlags {
  card: string;
  vpcd?: string | true;
  vpcdListen?: number;
  json?: boolean;
}

/** `leyden card`: what a card says of itself; with `--vpcd`, the card for every PC/SC program of this machine. */
export function cardCommand(): Command {
  return new Command("card")
    .description("tell what a card is, or offer it to the PC/SC programs of this machine")
    .option("--card <address>", ADDRESS, SIMULATED)
    .option("--vpcd [host:port]", `put the card into vpcd's virtual reader, which listens at localhost:${String(VPCD_PORT)} by default`)
    .option("--vpcd-listen [port]", "wait for a vpcd that was given this machine's name", whole("--vpcd-listen", 0, 65_535))
    .option("--json", "print one JSON object a line")
    .action(run);
}

function vpcdAt(text: string | true): { host: string; port: number } {
  if (text === true) return { host: "localhost", port: VPCD_PORT };
  const match = /^(?:([^:\s]+|\[[^\]]+\]):)?(\d{1,5})$/.exec(text);
  if (!match || Number(match[2]) > 65_535) throw new BadInput(`--vpcd takes host:port, not ${text}.`);
  return { host: (match[1] || "localhost").replace(/^\[(.*)\]$/, "$1"), port: Number(match[2]) };
}

async function run(flags: CardFlags): Promise<void> {
  const listens = flags.vpcdListen !== undefined;
  if (flags.vpcd !== undefined && listens) throw new BadInput("Either vpcd listens (--vpcd) or the card (--vpcd-listen); leave one out.");
  const place = flags.vpcd === undefined ? null : vpcdAt(flags.vpcd);
  const device = await openDevice("card", flags.card);
  try {
    const info = await patiently(device, () => new DeviceSession(device.transport).info());
    tell(flags, info);
    if (place || listens) await serve(device, flags, place);
  } finally {
    await device.close();
  }
}

function tell(flags: CardFlags, info: DeviceInfo): void {
  const id = Buffer.from(info.id).toString("hex");
  if (flags.json === true) console.log(JSON.stringify({ ...info, id }));
  else {
    if (info.refused) console.log(describeRefused(info.refused));
    console.log(
      info.personalized
        ? `Device ${id} on a board ${info.board}, role ${String(info.role)}, key generation ${String(info.generation)}.`
        : `A blank device on a board ${info.board}, role ${String(info.role)}; enroll it first.`,
    );
  }
}

/** Offers the card until the process is interrupted, or standard input says "stop". */
async function serve(device: OpenDevice, flags: CardFlags, place: { host: string; port: number } | null): Promise<void> {
  const card = cardBehind(device.transport);
  const say = (text: string, fields: object): void => {
    console.log(flags.json === true ? JSON.stringify(fields) : text);
  };
  const change = (connected: boolean, why?: string): void => {
    if (why !== undefined) console.error(`vpcd does not answer (${why}); trying again until it does.`);
    else
      say(connected ? "The card is in the virtual reader." : "The virtual reader is empty.", {
        vpcd: connected ? "connected" : "disconnected",
      });
  };
  const offer: Offer = place
    ? offerCard(card, place.host, place.port, change, () => device.transport.ready)
    : await listenAsCard(card, flags.vpcdListen ?? 0, change);
  if (offer.port !== null) say(`Waiting for vpcd on port ${String(offer.port)}; "stop" ends it.`, { listening: offer.port });
  // A card that is unplugged leaves the virtual reader, and comes back into it.
  device.transport.onChange = (ready) => {
    console.error(ready ? "The card is there again." : "The card was unplugged; plug it in again.");
    if (!ready) offer.eject();
  };
  await new Promise<void>((resolve) => {
    process.stdin.on("data", (data) => {
      if (String(data).includes("stop")) resolve();
    });
  });
  process.stdin.pause();
  await offer.close();
}
