/**
 * A rental kiosk as a process of its own: the real one, with every byte that it ever sees told at the end. Words: identity file, data folder, the center's address,
 * addresses of the card's and the cartridge's slot. Each line on standard input is a rental: content id, and which of the card's readers shall play.
 */
import { CenterClient } from "../../../src/center/client.js";
import { readIdentity } from "../../../src/center/keys/identity.js";
import { hex, HostParty } from "../../../src/host/party.js";
import { DeviceSession } from "../../../src/host/session.js";
import { openTcp } from "../../../src/host/tcp.js";
import { Transport } from "../../../src/host/transport.js";
import { CounterIntroduction } from "../../../src/kiosk/introduction.js";
import { RentalKiosk } from "../../../src/kiosk/rental-kiosk.js";
import { KioskSlots } from "../../../src/kiosk/slots.js";
import { receive, send } from "./lines.js";

const [identityFile, folder, center, card, cartridge] = process.argv.slice(2);
const seconds = (): number => Math.floor(Date.now() / 1000);
const identity = readIdentity(identityFile);
/** All that the kiosk sees: on the wires, in its sessions, and from the center. */
const seen: string[] = [];
/** What it did, in order: requests to the center, commands to the devices. */
const done: string[] = [];

/** Tells of every APDU, in the form that it has on the wire. */
async function slot(name: string, address: string): Promise<Transport> {
  const transport = new Transport(await openTcp(address));
  const transmit = transport.transmit.bind(transport);
  transport.transmit = async (apdu) => {
    const answer = await transmit(apdu);
    seen.push(hex(apdu), hex(answer));
    done.push(
      `${name} ${hex(apdu.subarray(0, 4))} ${apdu[1] === 0x86 ? `mode ${String(apdu[7] === undefined ? 0 : modeOf(apdu))}` : ""}`.trim(),
    );
    return answer;
  };
  return transport;
}

/** First byte of the data of a command: of an authentication's first message the mode. */
function modeOf(apdu: Uint8Array): number {
  return apdu[4] === 0 ? apdu[7] : apdu[5];
}

const asked = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const { pathname } = new URL(String(input));
  const response = await asked(input, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  done.push(`center ${init?.method ?? "GET"} ${pathname.replace(/[0-9a-f]{32}/g, ":id")}`);
  seen.push(hex(bytes), Buffer.from(bytes).toString("latin1"));
  return new Response(bytes, response);
};

const transfer = DeviceSession.prototype.transfer;
DeviceSession.prototype.transfer = async function (cla, ins, tag, data) {
  const given = hex(data);
  const answer = await transfer.call(this, cla, ins, tag, data);
  seen.push(given, hex(answer.data));
  return answer;
};

const client = new CenterClient({ url: center, credential: { kioskId: hex(identity.id), seed: identity.signingSeed } });
const slots = new KioskSlots(
  new HostParty({ ...identity, time: seconds }),
  await slot("cartridge", cartridge),
  await slot("card", card),
  new CounterIntroduction(client, identity.deviceKey),
);
const kiosk = new RentalKiosk({ folder, client, devices: slots });

receive(process.stdin, ({ contentId, reader }) => {
  kiosk.rent(String(contentId), typeof reader === "number" ? reader : undefined).then(
    (loan) => {
      send(process.stdout, { loan, seen, done });
    },
    (error: unknown) => {
      send(process.stdout, { error: error instanceof Error ? error.message : String(error), seen, done });
    },
  );
});
send(process.stdout, { ready: true });
