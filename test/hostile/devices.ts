/** The built devices under fire: in the middle of a loan, and of a period, while someone hostile has their wire. */
import * as assert from "uvu/assert";
import { CUSTODY_SPLIT, ROLE_CARD, ROLE_CARTRIDGE, ROLE_CLIENT, ROLE_READER } from "../../src/core/protocol/constants.js";
import { Transport } from "../../src/host/transport.js";
import { DeviceSession } from "../../src/host/session.js";
import { CLIENT_FINISHED } from "../../src/host/client-device.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { ClientWorld } from "../../sim/client-world.js";
import type { EspruinoBoard } from "../../sim/espruino.js";
import { virtualTimers, type LoanWorld, type LoanWorldOptions } from "../../sim/loan-world.js";
import type { HostPort, Wire } from "../../sim/wire.js";
import { makeOrder, makeTitle, Household } from "../client/support.js";
import { generator } from "../link/wire.js";
import { DAY, SECOND, Stage } from "../scenario/support/stage.js";
import { Attacker, Heard } from "./attacker.js";

/** Every device, at each of its wires. */
export const TARGETS = [
  "card",
  "cartridge",
  "reader",
  "reader, card slot",
  "reader, cartridge slot",
  "client",
  "client, cartridge slot",
] as const;
export type Target = (typeof TARGETS)[number];
type LoanTarget = Exclude<Target, `client${string}`>;
type ClientTarget = Exclude<Target, LoanTarget>;

/** Bytes in a row that count as a piece of a secret: chance does not make them. */
const PIECE = 8;
/** After so many frames an honest program has to get through, and what the device said is searched. */
const ROUND = 500;
/** Virtual milliseconds that failed authentications may have an honest reader wait, and what its own play takes. */
const SLOWED = 400 * SECOND;
/** Virtual milliseconds after a frame. */
const PAUSES = [4, 8, 15, 30, 120, 400];

export interface Outcome {
  frames: number;
  /** Bytes that the device sent while under fire. */
  said: number;
  /** Statuses of commands that it took, from its answers. */
  statuses: Map<number, number>;
}

/** What a device must never say: the keys that it holds or uses, by name. */
type Secrets = Record<string, Uint8Array>;

/** An end of a wire that either the attacker or an honest program has. */
class Hand {
  to: (bytes: Uint8Array) => void = () => undefined;
  readonly transport: Transport;

  constructor(
    world: LoanWorld,
    readonly port: HostPort,
  ) {
    let honest: (bytes: Uint8Array) => void = () => undefined;
    this.port.onReceive((bytes) => {
      this.to(bytes);
    });
    this.transport = new Transport(
      {
        write: (bytes) => {
          port.write(bytes);
        },
        onReceive: (receiver) => (honest = receiver),
      },
      virtualTimers(world.world),
    );
    this.honest = (bytes): void => {
      honest(bytes);
    };
    this.to = this.honest;
  }

  readonly honest: (bytes: Uint8Array) => void;
}

/** A device's own keys; the private one out of the identity in its flash, where it stands before the device key. */
function identity(board: EspruinoBoard, deviceKey: Uint8Array): Secrets {
  for (const chip of [board.flash, board.nor("A4")?.flash]) {
    const at = chip ? Buffer.from(chip.cells.buffer).indexOf(deviceKey) : -1;
    if (chip && at >= 32) return { "device key": deviceKey, "private key": chip.cells.slice(at - 32, at) };
  }
  throw new Error("no flash holds the identity of the device");
}

function search(said: Buffer, secrets: Secrets): void {
  for (const [name, secret] of Object.entries(secrets))
    for (let at = 0; at + PIECE <= secret.length; at++)
      assert.is(said.indexOf(secret.subarray(at, at + PIECE)), -1, `a piece of the ${name} was said`);
}

interface Place {
  world: LoanWorld;
  board: EspruinoBoard;
  wire: Wire;
  /** End of the wire that the attacker has: 0 a host's, 1 a slot of the device. */
  end: 0 | 1;
  baud: number;
  secrets: Secrets;
  heard: readonly Uint8Array[];
  /** The honest program's own way to the device, which the attacker takes with end 0. */
  transport: Transport;
}

/** Fires `count` frames at the device on the other end of the wire. */
async function fire(place: Place, count: number, seed: number): Promise<Outcome> {
  const { world, board, wire, end, secrets, transport } = place;
  const draw = generator(seed);
  const outcome: Outcome = { frames: 0, said: 0, statuses: new Map() };
  const before = wire.party(end);
  const hand = new Hand(world, world.world.hostPort("attacker", wire, end, place.baud));
  const attacker = new Attacker(draw, place.heard, end === 1);
  const { boots } = board.counts;
  const answers = new Heard();
  const { onFrame } = wire;
  wire.onFrame = (from, bytes, at): void => {
    onFrame?.(from, bytes, at);
    if (at !== end) answers.frame(bytes);
  };
  let escaped = "";
  world.world.trace.onEvent((event) => {
    if (event.kind === "fault" && event.what === "uncaught error" && event.device === board.name) escaped ||= event.detail ?? event.what;
  });
  let said: Buffer = Buffer.alloc(0);
  while (outcome.frames < count) {
    const parts: Uint8Array[] = [said.subarray(-PIECE)];
    hand.to = (bytes): void => {
      parts.push(bytes);
      outcome.said += bytes.length;
    };
    for (let shot = 0; shot < ROUND && outcome.frames < count; shot++, outcome.frames++) {
      hand.port.write(attacker.next());
      world.world.clock.runFor(PAUSES[draw() % PAUSES.length] * 1000);
    }
    said = Buffer.concat(parts);
    search(said, secrets);
    for (const answer of answers.messages.splice(0)) {
      const status = ((answer.at(-2) ?? 0) << 8) | (answer.at(-1) ?? 0);
      outcome.statuses.set(status, (outcome.statuses.get(status) ?? 0) + 1);
    }
    assert.is(escaped, "", "an exception escaped");
    assert.is(board.counts.boots, boots, "the device started again");
    hand.to = hand.honest;
    await world.world.sleep(3 * SECOND);
    const honest = end ? transport : hand.transport;
    if (!end) await honest.reset();
    await new DeviceSession(honest, null).info();
  }
  wire.onFrame = onFrame;
  wire.detach(end);
  if (before) wire.attach(end, before);
  if (!end) await transport.reset();
  return outcome;
}

/** What end `end` of a wire sent while `work` was done. */
async function overhear(wire: Wire, end: 0 | 1, work: () => Promise<unknown>): Promise<Uint8Array[]> {
  const heard = new Heard();
  const { onFrame } = wire;
  wire.onFrame = (from, bytes, at): void => {
    onFrame?.(from, bytes, at);
    if (at === end) heard.frame(bytes);
  };
  await work();
  wire.onFrame = onFrame;
  return heard.messages;
}

/** In the middle of a loan in split custody; afterwards the loan is played and given back as if nothing had been. */
async function fireAtLoan(stage: Stage, target: LoanTarget, count: number, seed: number): Promise<Outcome> {
  const title = stage.sample(2500);
  const name = target === "card" || target === "cartridge" ? target : "reader";
  const slot = name === "card" ? stage.kioskCard : stage.kioskCartridge;
  const [board, wire, end] = {
    card: [stage.card, stage.kioskCard.wire, 0] as const,
    cartridge: [stage.cartridge, stage.kioskCartridge.wire, 0] as const,
    reader: [stage.reader, stage.readerHost, 0] as const,
    "reader, card slot": [stage.reader, stage.readerCard.wire, 1] as const,
    "reader, cartridge slot": [stage.reader, stage.readerCartridge.wire, 1] as const,
  }[target];
  let loanId: Uint8Array = new Uint8Array(0);
  const heard = await overhear(wire, end, async () => {
    loanId = await stage.rent(title, { custody: CUSTODY_SPLIT });
    assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
  });
  if (name !== "reader") stage.world.dock(board, slot);
  await stage.world.sleep(SECOND);
  const session = stage.session(name, null);
  const role = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER }[name];
  const secrets: Secrets = {
    ...identity(board, stage.keys.deviceKey(role, (await session.info()).id, 1)),
    share: stage.cartridge.arenas.keyMemory?.slice(0, 32) ?? new Uint8Array(0),
    "title key": title.produced.titleKey,
  };
  const baud = wire === stage.readerHost ? 1_000_000 : 115_200;
  const outcome = await fire({ world: stage, board, wire, end, baud, secrets, heard, transport: stage.transport(name) }, count, seed);
  if (name !== "reader") stage.world.undock(board);
  const plays = stage.reader.decoder?.contents.length ?? 0;
  stage.home();
  await stage.world.until(() => (stage.reader.decoder?.contents.length ?? 0) > plays, SLOWED, "the play after the attack");
  assert.equal(stage.heard(), title.plain);
  stage.takeOut();
  assert.ok(await stage.giveBack(loanId), "the return has no receipt");
  return outcome;
}

/** In the middle of an order's period; afterwards the content plays, unless the client was told to end the period, of which it then has a receipt. */
async function fireAtClient(world: ClientWorld, target: ClientTarget, count: number, seed: number): Promise<Outcome> {
  const client = world.addClient("client");
  const { board, device } = client;
  const household = new Household(world);
  const title = makeTitle(2500);
  const licensed = makeTitle(1000);
  const wire = target === "client" ? world.world.wires.get("client host wire") : client.cartridge.wire;
  if (!wire) throw new Error("the client has no host wire");
  const end = target === "client" ? 0 : 1;
  await world.enrollClient(client);
  const order = makeOrder(world, client, title, world.time() - 60, world.time() + 365 * (DAY / SECOND));
  let licenseKey: Uint8Array = new Uint8Array(0);
  const play = async (): Promise<number> => (await device.play(title.contentId, order.envelope, () => Promise.resolve(title.source))).state;
  const heard = await overhear(wire, end, async () => {
    await household.register(client, 77);
    await household.enable(client);
    await device.loadPeriodKey(order.sealed);
    licenseKey = (await household.license(client, licensed)).key;
    await world.tellTime(client);
    assert.is(await play(), CLIENT_FINISHED);
  });
  const deviceKey = world.keys.deviceKey(ROLE_CLIENT, client.reference.id, 1);
  const secrets: Secrets = {
    ...identity(board, deviceKey),
    "period key": order.key,
    "license key": licenseKey,
    "title key": title.titleKey,
  };
  const outcome = await fire(
    { world, board, wire, end, baud: end ? 115_200 : 1_000_000, secrets, heard, transport: world.transport("client") },
    count,
    seed,
  );
  await world.world.sleep(5 * SECOND);
  await device.stop();
  const held = await device.periods();
  if (held.length) assert.equal([await play(), board.decoder?.contents.at(-1)], [CLIENT_FINISHED, title.plain]);
  else assert.ok(await device.periodReceipt(order.period.orderId), "the period is neither held nor accounted for");
  return outcome;
}

/** A device, `count` frames at one of its wires; the same seed makes the same attack. `bundles`: experimental scripts in place of those in `dist/`. */
export async function underFire(target: Target, count: number, seed: number, bundles: LoanWorldOptions["bundles"] = {}): Promise<Outcome> {
  let outcome: Outcome | undefined;
  if (target === "client" || target === "client, cartridge slot") {
    const world = new ClientWorld({ seed, keep: false });
    outcome = await world.world.run(() => fireAtClient(world, target, count, seed));
  } else
    await Stage.play({ seed, keep: false, bundles }, async (stage) => {
      outcome = await fireAtLoan(stage, target, count, seed);
    });
  if (!outcome) throw new Error("the scenario did not end");
  return outcome;
}
