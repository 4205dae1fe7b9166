/**
 * A rental kiosk as a process of its own: the real one, with every byte that it ever sees told at the end, and with a fault where it is told so. Words: identity file,
 * data folder, the center's address, addresses of the card's and the cartridge's slot, and that of a second card where it has one. Each line on standard input is an order: see `Order`.
 */
import { CenterClient } from "../../../src/center/client.js";
import { readIdentity } from "../../../src/center/keys/identity.js";
import { LINK_LOST } from "../../../src/core/link/t1.js";
import { INS_CONTRACT, INS_CONTRACT_KEY, ROLE_CARD } from "../../../src/core/protocol/constants.js";
import { hex, HostParty } from "../../../src/host/party.js";
import { DeviceSession } from "../../../src/host/session.js";
import { openTcp } from "../../../src/host/tcp.js";
import { LinkError, Transport } from "../../../src/host/transport.js";
import { CounterIntroduction } from "../../../src/kiosk/introduction.js";
import { RentalKiosk } from "../../../src/kiosk/rental-kiosk.js";
import { KioskSlots } from "../../../src/kiosk/slots.js";
import { receive, send } from "./lines.js";

export interface Order {
  /** What to rent; without, the cartridge's loan is ended, and nothing told to the center. */
  contentId?: string;
  /** Which of the card's readers shall play; any where it is missing. */
  reader?: number;
  /** Where a link breaks: at the first message of that name, `lost` before it arrives or as its answer comes. A link to the center stays broken. */
  cut?: { at: string; lost: "message" | "answer" };
  /**
   * The first message of that name is another: the one of an earlier rental, or the same with one bit of byte `flip` changed. With `second` it goes to the second card; all those
   * of a meeting do where `at` is "meeting".
   */
  lie?: { at: string; flip?: number; second?: boolean };
}

const [identityFile, folder, center, card, cartridge, secondCard] = process.argv.slice(2);
const seconds = (): number => Math.floor(Date.now() / 1000);
const identity = readIdentity(identityFile);
/** All that the kiosk sees: on the wires, in its sessions, and from the center. */
const seen: string[] = [];
/** What it did, in order: requests to the center, commands to the devices. */
const done: string[] = [];
/** What each message of the last rental that was made said. */
let recorded = new Map<string, Uint8Array>();
let said = new Map<string, Uint8Array>();
let cut: Order["cut"];
let lie: Order["lie"];
let broken = false;
/** The last that was asked of the center was to go on with its meeting. */
let meeting = false;

/** Whether the message of that name, or its answer, is lost now. */
function lost(at: string, which: "message" | "answer"): boolean {
  if (cut?.at !== at || cut.lost !== which) return false;
  cut = undefined;
  return true;
}

/** What is said in place of `data`. */
function lies(at: string, data: Uint8Array): Uint8Array {
  said.set(at, data.slice());
  if (lie?.at !== at) return data;
  const { flip } = lie;
  lie = undefined;
  if (flip === undefined) return recorded.get(at) ?? data;
  return data.map((byte, i) => (i === flip ? byte ^ 1 : byte));
}

let secondSlot: Promise<Transport> | undefined;

/** The second card's slot. */
function second(): Promise<Transport> {
  secondSlot ??= openTcp(secondCard).then(async (port) => {
    const transport = new Transport(port);
    await transport.reset();
    return transport;
  });
  return secondSlot;
}

/** Says to the second card, in a session of the kiosk with it, what the first was to be told; a license after the contract that goes with it. */
async function tellSecond(cla: number, ins: number, tag: number, data: Uint8Array): Promise<{ sw: number; data: Uint8Array }> {
  const session = new DeviceSession(await second(), new HostParty({ ...identity, time: seconds }));
  await session.authenticate(ROLE_CARD);
  if (ins === INS_CONTRACT_KEY) await session.transfer(cla, INS_CONTRACT, tag, said.get("device 8030") ?? data);
  return session.transfer(cla, ins, tag, data);
}

/** Tells of every APDU, in the form that it has on the wire. */
async function slot(name: string, address: string): Promise<Transport> {
  const transport = new Transport(await openTcp(address));
  const transmit = transport.transmit.bind(transport);
  transport.transmit = async (apdu) => {
    const at = `${name} ${hex(apdu.subarray(0, 2))}`;
    if (lost(at, "message")) throw new LinkError(LINK_LOST);
    const swapped = name === "card" && meeting && lie?.at === "meeting";
    const answer = await (swapped ? (await second()).transmit(apdu) : transmit(apdu));
    if (lost(at, "answer")) throw new LinkError(LINK_LOST);
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
  const at = `center ${init?.method ?? "GET"} ${pathname.replace(/[0-9a-f]{32}/g, ":id")}`;
  broken ||= lost(at, "message");
  if (broken) throw new TypeError("the line is dead");
  const response = await asked(input, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  broken = lost(at, "answer");
  if (broken) throw new TypeError("the line is dead");
  done.push(at);
  meeting = pathname.endsWith("/meeting");
  seen.push(hex(bytes), Buffer.from(bytes).toString("latin1"));
  return new Response(bytes, response);
};

const transfer = DeviceSession.prototype.transfer;
DeviceSession.prototype.transfer = async function (cla, ins, tag, data) {
  const at = `device ${hex(Uint8Array.of(cla, ins))}`;
  if (lie?.second === true && lie.at === at) {
    lie = undefined;
    return tellSecond(cla, ins, tag, data);
  }
  const given = lies(at, data);
  seen.push(hex(given));
  const answer = await transfer.call(this, cla, ins, tag, given);
  seen.push(hex(answer.data));
  return answer;
};

const client = new CenterClient({ url: center, credential: { kioskId: hex(identity.id), seed: identity.signingSeed }, attempts: 1 });
const call = client.call.bind(client);
client.call = (route, input, key) => {
  const { body } = input as { body?: Record<string, unknown> };
  for (const [name, value] of Object.entries(body ?? {})) {
    if (body === undefined || typeof value !== "string" || !/^([0-9a-f]{2})+$/.test(value)) continue;
    body[name] = hex(lies(`${route.url.replace(/.*\//, "")} ${name}`, new Uint8Array(Buffer.from(value, "hex"))));
  }
  return call(route, input, key);
};
const slots = new KioskSlots(
  new HostParty({ ...identity, time: seconds }),
  await slot("cartridge", cartridge),
  await slot("card", card),
  new CounterIntroduction(client, identity.deviceKey),
);
const kiosk = new RentalKiosk({ folder, client, devices: slots });

async function obey(order: Order): Promise<object> {
  ({ cut, lie } = order);
  broken = false;
  said = new Map();
  if (order.contentId === undefined) {
    await (await slots.cartridge())?.erase();
    return {};
  }
  const loan = await kiosk.rent(order.contentId, order.reader);
  if (order.lie === undefined) recorded = said;
  return { loan };
}

receive(process.stdin, (order) => {
  const before = done.length;
  void obey(order)
    .catch((error: unknown) => ({ error: error instanceof Error ? error.message : String(error), at: done.slice(before) }))
    .then(async (outcome) => {
      const missed = cut !== undefined;
      cut = lie = undefined;
      broken = false;
      const told = [...done];
      const licenses = (await (await slots.card())?.loans())?.map(({ loanId }) => loanId);
      const armed = (await (await slots.cartridge())?.loan())?.loanId;
      send(process.stdout, { ...outcome, missed, licenses, armed, seen: order.cut || order.lie ? [] : seen, done: told });
    });
});
send(process.stdout, { ready: true });
