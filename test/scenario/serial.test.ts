/** Host programs and devices over serial ports: boards in processes of their own behind pseudo-terminals, as a kiosk and a user meet them. */
import * as assert from "uvu/assert";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CUSTODY_CARTRIDGE, ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER } from "../../src/core/protocol/constants.js";
import { openPort } from "../../src/host/open.js";
import { DeviceSession } from "../../src/host/session.js";
import { LINK_UNPLUGGED, Transport, type LinkError } from "../../src/host/transport.js";
import { encodeTerms, rent, type KioskDevice, type Rental, type RentalStep } from "../../src/kiosk/rental.js";
import { suite } from "../suite.js";
import { Cable } from "./support/cable.js";
import { LeydenCommand } from "./support/command.js";
import { Stage, type Title } from "./support/stage.js";

const SCRIPT = spawnSync("script", ["--version"], { stdio: "ignore" }).error === undefined;
const test = suite("over serial ports");
const withTerminals = test.when(SCRIPT, "util-linux's script is missing");
const ROLES = { card: ROLE_CARD, cartridge: ROLE_CARTRIDGE, reader: ROLE_READER };
type Name = keyof typeof ROLES;

const folder = mkdtempSync(join(tmpdir(), "leyden-serial-"));
const commands: LeydenCommand[] = [];
const cables: Cable[] = [];
const transports: Transport[] = [];
/** Center, kiosk and producer; the boards of this world stay off. */
const parties = new Stage({ seed: 61 });
const boards = new Map<Name, { command: LeydenCommand; addresses: Record<string, string> }>();

function leyden(...words: string[]): LeydenCommand {
  const command = new LeydenCommand(folder, ...words);
  commands.push(command);
  return command;
}

async function cable(name: string, address: string): Promise<Cable> {
  const made = await new Cable(join(folder, name), address).plug();
  cables.push(made);
  return made;
}

/** The host's end of a serial port, in the time that a pseudo-terminal takes. */
async function transportOn(path: string): Promise<Transport> {
  const transport = new Transport(await openPort(path));
  transports.push(transport);
  return transport;
}

async function board(name: Name, ...words: string[]): Promise<Record<string, string>> {
  const command = leyden("board", name, "--json", "--data", join(folder, "boards", name), ...words);
  const addresses = JSON.parse(await command.line()) as Record<string, string>;
  boards.set(name, { command, addresses });
  return addresses;
}

async function leave(): Promise<void> {
  for (const transport of transports.splice(0)) await transport.close();
  for (const plugged of cables.splice(0)) plugged.unplug();
}

test.after.each(leave);
test.after(() => {
  for (const { child } of commands) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Counter {
  card: Cable;
  cartridge: Cable;
  cardAt: Transport;
  cartridgeAt: Transport;
}

/** Both are put into the kiosk. */
async function toKiosk(): Promise<Counter> {
  const at = (name: Name): string => boards.get(name)?.addresses.rent ?? "";
  const card = await cable("kiosk-card", at("card"));
  const cartridge = await cable("kiosk-cartridge", at("cartridge"));
  return { card, cartridge, cardAt: await transportOn(card.path), cartridgeAt: await transportOn(cartridge.path) };
}

function device(transport: Transport): KioskDevice {
  return {
    session: new DeviceSession(transport, parties.kiosk),
    sendFrames: (count, frame) => transport.bulkSend(count, frame),
    carry: (apdu) => transport.transmit(apdu),
  };
}

interface Rented {
  loanId: Uint8Array;
  /** What the user read on the way. */
  said: string[];
}

/** The kiosk's whole visit. `at` is told of every step; what goes away on the way is waited for, and the visit begins again with the same order. */
async function visit(
  counter: Counter,
  title: Title,
  order: string,
  at: (step: RentalStep, done: number) => void = () => undefined,
): Promise<Rented> {
  const said: string[] = [];
  const again = (error: LinkError): void => void said.push(error.message);
  const rental: Rental = {
    cartridge: device(counter.cartridgeAt),
    card: device(counter.cardAt),
    center: parties.center,
    contentId: title.produced.contentId,
    content: { length: title.sealed.length, read: (offset, length) => title.sealed.subarray(offset, offset + length) },
    terms: encodeTerms({ custody: CUSTODY_CARTRIDGE, duration: 6 * 3600, kioskId: parties.kiosk.id }),
    kioskId: parties.kiosk.id,
    idempotencyKey: order,
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    progress: at,
  };
  const work = (): Promise<Uint8Array> => rent(rental);
  const loanId = await counter.cardAt.retrying(() => counter.cartridgeAt.retrying(work, again, 3, 15_000), again, 3, 15_000);
  return { loanId, said };
}

withTerminals("[F4] card, cartridge and reader are enrolled over a serial port", async () => {
  await Promise.all([
    board("card"),
    board("cartridge", "--days", "1"),
    board("reader", "--card", join(folder, "home-card"), "--cartridge", join(folder, "home-cartridge")),
  ]);
  for (const name of ["card", "cartridge", "reader"] as const) {
    const plugged = await cable(`${name}-port`, boards.get(name)?.addresses[name === "reader" ? "host" : "rent"] ?? "");
    const transport = await transportOn(plugged.path);
    const session = new DeviceSession(transport);
    assert.is((await transport.retrying(() => session.info())).personalized, false);
    const { id } = await parties.enrollDevice(name, ROLES[name], session);
    assert.equal((await session.info()).id, id);
    await leave();
  }
});

const small = parties.sample(1200);

withTerminals("[F4] a kiosk lends over serial ports, also when a device is unplugged and plugged in again at any step", async () => {
  const counter = await toKiosk();
  const unplugged = new Set<string>();
  const steps: RentalStep[] = ["connected", "contracted", "recording", "recorded", "charged", "loaded"];
  const { said, loanId } = await visit(counter, small, "one", (step) => {
    if (!steps.includes(step) || unplugged.has(step)) return;
    unplugged.add(step);
    const plug = step === "connected" ? counter.card : counter.cartridge;
    plug.unplug();
    setTimeout(() => void plug.plug(), 300);
  });
  assert.is(loanId.length, 16);
  assert.is(unplugged.size, steps.length);
  const sentences = said.filter((line) => line.includes("unplugged"));
  assert.ok(sentences.length >= steps.length, said.join("\n"));
  for (const line of sentences) assert.match(line, /kiosk-(card|cartridge): The device was unplugged; plug it in again\.$/);
});

withTerminals("[F4] a device that stays unplugged ends in one sentence, and the order is as it was", async () => {
  const plugged = await cable("gone", boards.get("card")?.addresses.rent ?? "");
  const transport = await transportOn(plugged.path);
  await transport.retrying(() => new DeviceSession(transport).info());
  plugged.unplug();
  try {
    await transport.retrying(
      () => new DeviceSession(transport).info(),
      () => undefined,
      3,
      400,
    );
    assert.unreachable("a card that is not there answers");
  } catch (error) {
    assert.is((error as LinkError).reason, LINK_UNPLUGGED);
    assert.match((error as Error).message, /gone: The device was unplugged; plug it in again\.$/);
  }
  await plugged.plug();
  assert.is((await transport.retrying(() => new DeviceSession(transport).info())).personalized, true);
  await leave();
});

withTerminals(
  "[F4] leyden play drives a reader over its serial port; card and cartridge are in its slots; after the deadline it says why not",
  async () => {
    const home = async (): Promise<void> => {
      await cable("home-card", boards.get("card")?.addresses.home ?? "");
      await cable("home-cartridge", boards.get("cartridge")?.addresses.home ?? "");
      await cable("reader-port", boards.get("reader")?.addresses.host ?? "");
    };
    await home();
    const first = leyden("play", "--reader", join(folder, "reader-port"), "--json");
    assert.is(await first.ended, 0, first.errors);
    assert.equal(JSON.parse(first.output), { finished: true, played: small.plain.length, refusal: null });
    // The reader began by itself when both were put in; a command that came after the end had it play once more.
    await boards.get("reader")?.command.line();
    const played = join(folder, "boards", "reader", "played");
    const heard = readFileSync(join(played, readdirSync(played)[0]));
    assert.ok([1, 2].includes(heard.length / small.plain.length), String(heard.length));
    for (let at = 0; at < heard.length; at += small.plain.length)
      assert.equal(new Uint8Array(heard.subarray(at, at + small.plain.length)), small.plain);
    await leave();
    assert.is(await boards.get("cartridge")?.command.say("pass 7h"), "7 h have passed.");
    await home();
    const second = leyden("play", "--reader", join(folder, "reader-port"));
    assert.is(await second.ended, 1);
    assert.is(second.errors, "The reader refused because of the cartridge: 0x6a82, it holds no such thing.\n");
    assert.is(readdirSync(played).length, 1, "nothing is played after the deadline");
    await leave();
  },
);

test("[F4] leyden card --vpcd puts a simulated card before PC/SC: what pcscd asked of it, answered byte by byte", async () => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket));
  const connected = new Promise<Socket>((resolve) => server.once("connection", resolve));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const command = leyden("card", "--vpcd", `127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  try {
    assert.match(await command.line(), /^A blank device on a board Puck\.js/);
    assert.is(await command.line(), "The card is in the virtual reader.");
    const vpcd = await connected;
    let came = "";
    let more: (() => void) | undefined;
    vpcd.on("data", (data) => {
      came += data.toString("hex");
      more?.();
    });
    const transcript = readFileSync(new URL("../host/vpcd-transcript.txt", import.meta.url), "latin1")
      .trim()
      .split("\n");
    for (const line of transcript) {
      const bytes = line.slice(2);
      if (line.startsWith(">")) vpcd.write(Buffer.from(bytes, "hex"));
      else if (line.startsWith("<")) {
        while (came.length < bytes.length) await new Promise<void>((resolve) => (more = resolve));
        assert.is(came.slice(0, bytes.length), bytes);
        came = came.slice(bytes.length);
      }
    }
    command.child.stdin.write("stop\n");
    assert.is(await command.ended, 0, command.errors);
  } finally {
    server.close();
    for (const socket of sockets) socket.destroy();
  }
});

test("[F4] an address that leads nowhere is one sentence that says what to do", async () => {
  for (const [words, expected] of [
    [["card", "--card", "/dev/no-such-port"], /^\/dev\/no-such-port cannot be opened .*plug the device in/m],
    [["play", "--reader", "tcp://127.0.0.1:9"], /^tcp:\/\/127\.0\.0\.1:9 does not answer .*start the device there/m],
    [["play", "--reader", "/dev/no-such-port", "--card", "sim"], /^A real reader has slots and an output of its own; leave --card out/m],
    [["card", "--vpcd", "nowhere"], /^--vpcd takes host:port, not nowhere\.$/m],
    [["flash", "card"], /name the board's port: --port/],
  ] as const) {
    const command = leyden(...words);
    assert.ok([1, 2].includes((await command.ended) ?? 0), words.join(" "));
    assert.match(command.errors, expected);
    assert.is(command.errors.trim().split("\n").length, 1, command.errors);
  }
});

test.run();
