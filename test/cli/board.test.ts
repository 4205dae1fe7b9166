/** `leyden board`: a simulated board as a process of its own, reached over TCP like any device. */
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import * as assert from "uvu/assert";
import { Authority } from "../../src/center/keys/authority.js";
import { issueCertificate, issueIssuer, signingKey } from "../../src/center/keys/certificates.js";
import { MemoryKeyProvider } from "../../src/center/keys/provider.js";
import { ROLE_CARD, ROLE_CARTRIDGE } from "../../src/core/protocol/constants.js";
import { enroll } from "../../src/host/enrollment.js";
import { DeviceSession } from "../../src/host/session.js";
import type { HostPort } from "../../src/host/port.js";
import { openTcp } from "../../src/host/tcp.js";
import { LinkError, Transport } from "../../src/host/transport.js";
import { suite } from "../suite.js";

const test = suite("leyden board");
const folder = mkdtempSync(join(tmpdir(), "leyden-board-test-"));
const ports: HostPort[] = [];
const children: ChildProcessWithoutNullStreams[] = [];

test.after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  child: ChildProcessWithoutNullStreams;
  addresses: Record<string, string>;
  /** Sends a line and answers what the process says to it. */
  say(line: string): Promise<string>;
}

async function board(role: string, ...words: string[]): Promise<Running> {
  const child = spawn(process.execPath, ["scripts/leyden.mjs", "board", role, "--json", "--data", join(folder, role), ...words], {
    cwd: new URL("../..", import.meta.url),
  });
  children.push(child);
  let errors = "";
  child.stderr.on("data", (data) => (errors += String(data)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = (await lines.next()) as { value: string; done?: boolean };
    if (done) throw new Error(`the board ended: ${errors}`);
    return value;
  };
  const addresses = JSON.parse(await next()) as Record<string, string>;
  return {
    child,
    addresses,
    say: (line) => {
      child.stdin.write(`${line}\n`);
      return next();
    },
  };
}

const now = Math.floor(Date.now() / 1000);
const keys = new MemoryKeyProvider(new Uint8Array(32).fill(7));
const root = signingKey(new Uint8Array(32).fill(9));
const issuer = signingKey(keys.issuerSeed());
const issuerCertificate = issueIssuer(root, issuer, 1, now - 60, now + 86_400);

async function personalize(session: DeviceSession, role: number): Promise<void> {
  const device = { role, id: new Uint8Array(8).fill(role), generation: keys.generation };
  await enroll(session, (publicKey, info) => {
    const certificate = issueCertificate(issuer, {
      role,
      suites: info.suites,
      subject: device.id,
      serial: 5,
      notBefore: now - 60,
      notAfter: now + 86_400,
      publicKey,
    });
    const roots = new Uint8Array(64);
    roots.set(root.publicKey);
    const chain = new Uint8Array(Buffer.concat([certificate, issuerCertificate]));
    const sealed = new Authority(keys).sealPersonalization(device, publicKey, { roots, floor: now, epoch: 1, chain });
    return Promise.resolve({ certificate, sealed });
  });
}

/** A session with what is in the slot, after its answer to reset. */
async function sessionAt(address: string): Promise<DeviceSession> {
  const port = await openTcp(address);
  ports.push(port);
  const transport = new Transport(port);
  await transport.reset();
  return new DeviceSession(transport);
}

async function leave(): Promise<void> {
  for (const port of ports.splice(0)) await port.close();
}

test.after.each(leave);

test("a card is personalized over TCP, and is the same card after the process was killed", async () => {
  const first = await board("card");
  const session = await sessionAt(first.addresses.rent);
  assert.is((await session.info()).personalized, false);
  await personalize(session, ROLE_CARD);
  first.child.kill("SIGKILL");
  await leave();
  const second = await board("card");
  const info = await (await sessionAt(second.addresses.return)).info();
  assert.is(info.personalized, true);
  assert.equal(info.id, new Uint8Array(8).fill(ROLE_CARD));
});

test("a cartridge is in one place at a time: whoever holds it loses it when it is carried away", async () => {
  const cartridge = await board("cartridge");
  const session = await sessionAt(cartridge.addresses.rent);
  assert.is((await session.info()).role, ROLE_CARTRIDGE);
  assert.is(await cartridge.say("home"), "The cartridge is at: home.");
  try {
    await session.info();
    assert.unreachable("the kiosk still reaches a cartridge that is at home");
  } catch (error) {
    assert.instance(error, LinkError);
  }
  await leave();
  assert.is((await (await sessionAt(cartridge.addresses.home)).info()).role, ROLE_CARTRIDGE);
  assert.is(await cartridge.say("pass 2d"), "2 d have passed.");
  assert.match(await cartridge.say("fly"), /^Type rent, return, home, out, pass followed by/);
});

test("a folder of another role's board, and slots for a card, are refused in one sentence", async () => {
  const refused = async (...words: string[]): Promise<[number | null, string]> => {
    const child = spawn(process.execPath, ["scripts/leyden.mjs", "board", ...words], {
      cwd: new URL("../..", import.meta.url),
    });
    children.push(child);
    let errors = "";
    child.stderr.on("data", (data) => (errors += String(data)));
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return [code, errors];
  };
  const [code, text] = await refused("card", "--card", "tcp://127.0.0.1:1");
  assert.is(code, 2);
  assert.match(text, /^Only a reader has slots; leave --card and --cartridge out for a card\.$/m);
  assert.is(readFileSync(join(folder, "card", "internal.flash")).length > 0, true);
  const [other, sentence] = await refused("cartridge", "--data", join(folder, "card"));
  assert.is(other, 1);
  assert.match(sentence, /internal\.flash has \d+ bytes, and the chip \d+; name the folder of this role's board\./);
});

test.run();
