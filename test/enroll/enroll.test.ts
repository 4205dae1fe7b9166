import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { Contact } from "../../src/center/contact.js";
import { destroyGeneration, enrollDevice, giveReaders, partyOf, renewDevice } from "../../src/center/enrollment.js";
import { Authority } from "../../src/center/keys/authority.js";
import { KeyFolder, type EnrolledDevice } from "../../src/center/keys/folder.js";
import { readIdentity, type Identity } from "../../src/center/keys/identity.js";
import { RootKeys } from "../../src/center/keys/root.js";
import {
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_ROTATE,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_LICENSE_SERVER,
  ROLE_READER,
} from "../../src/core/protocol/constants.js";
import { openTcp } from "../../src/host/tcp.js";
import { DeviceError, DeviceSession } from "../../src/host/session.js";
import { Transport } from "../../src/host/transport.js";
import { LoanWorld, START } from "../../sim/loan-world.js";
import { receive, type Message } from "../scenario/support/lines.js";
import { suite } from "../suite.js";
import { nodeArguments } from "../support/translated.js";

const test = suite("leyden enroll");
const entry = fileURLToPath(new URL("../../scripts/leyden.mjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "leyden-enroll-test-"));
const at = (...parts: string[]): string => join(folder, ...parts);
const validity = { notBefore: START - 86_400, notAfter: START + 3650 * 86_400 };

test.after(() => {
  rmSync(folder, { recursive: true });
});

function leyden(...words: string[]): { code: number | null; out: string; error: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, "enroll", ...words], { encoding: "utf8" });
  return { code: status, out: stdout, error: stderr };
}

function good(...words: string[]): string {
  const { code, out, error } = leyden(...words);
  assert.is(code, 0, error);
  return out;
}

function bad(message: RegExp, ...words: string[]): void {
  const { code, out, error } = leyden(...words);
  assert.is(code, 2, error);
  assert.is(out, "");
  assert.match(error, message);
  assert.match(error, /^[^\n]+[.?]\n$/);
}

/** Blank boards in a process of their own; answers their TCP ports. */
async function blankBoards(): Promise<{ ports: Record<string, string>; end: () => void }> {
  const child = spawn(process.execPath, [...nodeArguments(fileURLToPath(new URL("blank-process.ts", import.meta.url))), "90"]);
  const ports = await new Promise<Message>((resolve, reject) => {
    receive(child.stdout, resolve);
    child.once("exit", (code) => {
      reject(new Error(`the boards ended with ${String(code)}`));
    });
  });
  return {
    ports: Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, `tcp://127.0.0.1:${String(port)}`])),
    end: () => child.kill("SIGKILL"),
  };
}

test("[A16] a root, a center's keys, and blank boards in another process: each is enrolled once, and the card gets its reader's certificate", async () => {
  const { ports, end } = await blankBoards();
  const keys = at("keys");
  try {
    good("root", at("root.json"));
    good("center", keys, "--root", at("root.json"));
    assert.is(statSync(join(keys, "center.json")).mode & 0o77, 0, "secret");
    bad(/holds a center's keys already/, "center", keys, "--root", at("root.json"));
    bad(/not a reader|plays role 1, not 3/, "device", ports.card, "--keys", keys, "--role", "reader");
    assert.is(KeyFolder.open(keys).devices().length, 0, "and nothing was written down");
    for (const name of ["card", "cartridge", "reader"])
      assert.match(good("device", ports[name], "--keys", keys), new RegExp(`^Enrolled: ${name} [0-9a-f]{16} on .+, generation 1\\.\n$`));
    bad(/is [0-9a-f]{16} already; a device is personalized once/, "device", ports.card, "--keys", keys);
    const devices = KeyFolder.open(keys).devices();
    assert.equal(devices.map(({ role }) => role).sort(), [ROLE_CARD, ROLE_CARTRIDGE, ROLE_READER]);
    const idOf = (role: number): string => devices.find((device) => device.role === role)?.id ?? "";
    bad(/is no reader/, "readers", ports.card, idOf(ROLE_CARTRIDGE), "--keys", keys);
    good("readers", ports.card, idOf(ROLE_READER), "--keys", keys);
    const now = (): number => Math.floor(Date.now() / 1000);
    const opened = KeyFolder.open(keys);
    const transport = new Transport(await openTcp(ports.card));
    const met = await new Contact(partyOf(opened.party, now), opened.issuers).card(transport, new Uint8Array(16).fill(7));
    assert.is(Buffer.from(met.id).toString("hex"), idOf(ROLE_CARD));
    assert.equal(
      met.readers.map((certificate) => Buffer.from(certificate.subarray(4, 12)).toString("hex")),
      [idOf(ROLE_READER)],
    );
    await transport.close();
    good("identity", "kiosk", "--keys", keys, "--out", at("kiosk.json"));
    const kiosk = readIdentity(at("kiosk.json"));
    const cartridge = new Transport(await openTcp(ports.cartridge));
    await new DeviceSession(cartridge, partyOf(kiosk, now)).authenticate(ROLE_CARTRIDGE);
    await cartridge.close();
    const rotate = (what: string, ...more: string[]): string[] => ["rotate", what, "--keys", keys, "--root", at("root.json"), ...more];
    good(...rotate("root"));
    const { code, error } = leyden(...rotate("successor"));
    assert.is(code, 0);
    assert.match(
      error,
      /^3 devices, [0-9a-f]{16} among them, trust the root that is retired, until renewed; rotate the master, then renew\.\n$/,
    );
    bad(/^3 devices, [0-9a-f]{16} among them, would refuse everybody from now on/, ...rotate("root"));
    good(...rotate("root", "--leave-behind"));
  } finally {
    end();
  }
});

test("what cannot be enrolled is refused by one sentence, and nothing is written", () => {
  bad(/cannot be read/, "center", at("other"), "--root", at("missing.json"));
  bad(/public.json cannot be read/, "device", "tcp://127.0.0.1:1", "--keys", at("none"));
  bad(/takes kiosk, license-server, store/, "identity", "castle", "--keys", at("none"), "--out", at("castle.json"));
  assert.not.ok(existsSync(at("other")) || existsSync(at("castle.json")));
});

/** Card, cartridge and reader in the simulator, in virtual time, enrolled with the keys of a folder. */
async function enrolled(
  name: string,
  scenario: (town: { loan: LoanWorld; keys: KeyFolder; root: RootKeys; devices: Record<string, EnrolledDevice> }) => Promise<void>,
): Promise<void> {
  const root = RootKeys.create(at(`${name}-root.json`));
  const keys = KeyFolder.create(at(name), root, validity);
  const loan = new LoanWorld({ days: 7, seed: 91 });
  await loan.world.run(async () => {
    loan.world.dock(loan.card, loan.kioskCard);
    loan.world.dock(loan.cartridge, loan.kioskCartridge);
    loan.reader.supply("wall", 3.3);
    await loan.world.sleep(1000);
    const devices: Record<string, EnrolledDevice> = {};
    for (const device of ["card", "cartridge", "reader"])
      devices[device] = await enrollDevice(keys, loan.transport(device), { validity, now: loan.time() });
    await scenario({ loan, keys, root, devices });
  });
}

const names = ["card", "cartridge", "reader"];
const renewal = (loan: LoanWorld): { validity: typeof validity; now: () => number } => ({ validity, now: () => loan.time() });

async function meets(loan: LoanWorld, identity: Identity, name: "card" | "cartridge"): Promise<number> {
  try {
    await new DeviceSession(
      loan.transport(name),
      partyOf(identity, () => loan.time()),
    ).authenticate(name === "card" ? ROLE_CARD : ROLE_CARTRIDGE);
    return 0x9000;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return error.status;
  }
}

async function refused(work: Promise<unknown> | (() => void), why: RegExp): Promise<void> {
  try {
    await (typeof work === "function" ? Promise.resolve().then(work) : work);
  } catch (error) {
    assert.match((error as Error).message, why);
    return;
  }
  assert.unreachable("it went through");
}

test("rotation of the master: devices prove the key of the next generation, and only then can the one before be destroyed", async () => {
  await enrolled("master", async ({ loan, keys, devices }) => {
    const authority = new Authority(keys.keys);
    const reference = { role: ROLE_CARD, id: new Uint8Array(Buffer.from(devices.card.id, "hex")), generation: 1 };
    const revoked = (epoch: number, generation: number): Promise<{ sw: number }> =>
      loan.session("card", null).transfer(0x00, 0xda, 0x0170, authority.sealRevoked({ ...reference, generation }, epoch, []));
    assert.is(keys.keys.rotateMaster(), 2);
    await refused(() => {
      destroyGeneration(keys, 1);
    }, /3 devices have a key of generation 1/);
    for (const name of names) assert.is((await renewDevice(keys, loan.transport(name), renewal(loan))).generation, 2);
    assert.is((await renewDevice(keys, loan.transport("card"), renewal(loan))).generation, 2, "again, for an answer that was lost");
    assert.equal(
      KeyFolder.open(keys.path)
        .devices()
        .map(({ generation }) => generation),
      [2, 2, 2],
    );
    const old = authority.sealRevoked(reference, 2, []);
    destroyGeneration(keys, 1);
    await refused(() => {
      authority.sealRevoked(reference, 3, []);
    }, /not held/);
    assert.is((await loan.session("card", null).transfer(0x00, 0xda, 0x0170, old)).sw, 0x6a80, "what the key before sealed is nobody's");
    assert.is((await revoked(3, 2)).sw, 0x9000);
    assert.is(await meets(loan, keys.party, "card"), 0x9000);
    loan.world.undock(loan.card);
    loan.world.dock(loan.card, loan.kioskCard);
    await loan.world.sleep(1000);
    assert.is((await revoked(4, 2)).sw, 0x9000, "after power-off too");
  });
});

test("a card that holds a license is not renewed unless told, and a renewal whose answer was lost is finished", async () => {
  await enrolled("licensed", async ({ loan, keys, root, devices }) => {
    const authority = new Authority(keys.keys);
    const card = { role: ROLE_CARD, id: new Uint8Array(Buffer.from(devices.card.id, "hex")), generation: 1 };
    const session = new DeviceSession(
      loan.transport("card"),
      partyOf(keys.party, () => loan.time()),
    );
    await session.authenticate(ROLE_CARD);
    const opened = authority.openContract(card, await session.command(0x80, INS_CONTRACT, 0, new Uint8Array(88).fill(1), "contract"));
    const license = authority.sealLicense(
      card,
      new Uint8Array(16).fill(2),
      opened?.nonce ?? new Uint8Array(16),
      new Uint8Array(88).fill(1),
      loan.time(),
      new Uint8Array(32),
    );
    await session.command(0x80, INS_CONTRACT_KEY, 0, license, "license");
    session.close();
    keys.keys.rotateMaster();
    await refused(
      renewDevice(keys, loan.transport("card"), renewal(loan)),
      /holds 1 license, which its new key would destroy; have it returned first, or give --destroy-licenses/,
    );
    assert.is((await loan.session("card", null).info()).generation, 1, "nothing was done to it");
    const deaf = {
      transmit: async (apdu: Uint8Array): Promise<Uint8Array> => {
        const answer = await loan.transport("card").transmit(apdu);
        if (apdu[1] === INS_ROTATE) throw new Error("the line is dead");
        return answer;
      },
    };
    await refused(renewDevice(keys, deaf, { ...renewal(loan), destroyLicenses: true }), /the line is dead/);
    assert.is(keys.device(devices.card.id).generation, 1, "nobody has proven anything");
    const renewed = await renewDevice(keys, loan.transport("card"), renewal(loan));
    assert.equal(keys.device(devices.card.id), renewed, "generation 2 is written down now");
    assert.is(renewed.generation, 2);
    const again = new DeviceSession(
      loan.transport("card"),
      partyOf(keys.party, () => loan.time()),
    );
    let shown = "";
    const { transmit } = loan.transport("card");
    loan.transport("card").transmit = async (apdu) => {
      const answer = await transmit.call(loan.transport("card"), apdu);
      if (apdu[1] === 0x86 && apdu[3] === 1) shown = Buffer.from(answer.subarray(56, 312)).toString("hex");
      return answer;
    };
    await again.authenticate(ROLE_CARD);
    assert.is(shown, renewed.chain, "what is written down is the chain that the card has");
    root.succeed();
    root.retire();
    keys.followRoots(root, validity);
    await refused(
      renewDevice(keys, loan.transport("card"), renewal(loan)),
      /takes other roots with a newer one only; run leyden enroll rotate master/,
    );
  });
});

test("a rotation of another device, sealed by somebody else, or altered, changes nothing; a proof that is not genuine is noticed", async () => {
  await enrolled("forged", async ({ loan, keys, devices }) => {
    const authority = new Authority(keys.keys);
    keys.keys.rotateMaster();
    const chain = new Uint8Array(Buffer.from(devices.card.chain, "hex"));
    const card = { role: ROLE_CARD, id: chain.slice(4, 12), generation: 1 };
    const genuine = authority.sealRotation(card, 2, keys.rootBytes, chain);
    const give = async (data: Uint8Array): Promise<number> => (await loan.session("card", null).transfer(0x80, INS_ROTATE, 0, data)).sw;
    assert.is(await give(authority.sealRotation({ ...card, id: new Uint8Array(8) }, 2, keys.rootBytes, chain)), 0x6a80);
    for (const place of [0, 20, 60, 371]) assert.is(await give(genuine.map((byte, i) => (i === place ? byte ^ 1 : byte))), 0x6a80);
    assert.is(await give(genuine.slice(1)), 0x6700);
    assert.is((await loan.session("card", null).info()).generation, 1);
    const lying = {
      transmit: async (apdu: Uint8Array): Promise<Uint8Array> =>
        apdu[1] === INS_ROTATE ? Uint8Array.from([...new Uint8Array(16), 0x90, 0]) : loan.transport("card").transmit(apdu),
    };
    await refused(renewDevice(keys, lying, renewal(loan)), /not genuine/);
    assert.is(keys.device(devices.card.id).generation, 1);
    assert.is(await give(genuine), 0x9000);
    assert.is(await give(genuine), 0x6a80, "sealed under a key that is over");
  });
});

test("rotation of the issuer: what either certified is taken, at once", async () => {
  await enrolled("issuer", async ({ loan, keys, root }) => {
    const before = keys.makeIdentity(ROLE_KIOSK, validity);
    keys.replaceIssuer(root, validity);
    const reopened = KeyFolder.open(keys.path);
    assert.is(reopened.issuers.length, 2);
    for (const name of ["card", "cartridge"] as const) {
      assert.is(await meets(loan, before, name), 0x9000);
      assert.is(await meets(loan, reopened.makeIdentity(ROLE_KIOSK, validity), name), 0x9000);
    }
    await giveReaders(reopened, loan.transport("card"), [reopened.devices().find(({ role }) => role === ROLE_READER)?.id ?? ""], () =>
      loan.time(),
    );
    assert.is(reopened.makeIdentity(ROLE_LICENSE_SERVER, validity).signingChain[2], ROLE_LICENSE_SERVER);
  });
});

test("rotation of the root: its successor takes over with no device at hand; once devices are renewed the old root is worth nothing", async () => {
  await enrolled("root", async ({ loan, keys, root }) => {
    const before = keys.makeIdentity(ROLE_KIOSK, validity);
    await refused(() => {
      root.retire();
    }, /first root still signs/);
    root.succeed();
    keys.followRoots(root, validity);
    const after = KeyFolder.open(keys.path).makeIdentity(ROLE_KIOSK, validity);
    assert.not.equal(after.chain.slice(140, 148), before.chain.slice(140, 148), "another root signed the issuer");
    assert.is(await meets(loan, before, "card"), 0x9000);
    assert.is(await meets(loan, after, "card"), 0x9000);
    root.retire();
    keys.followRoots(RootKeys.open(at("root-root.json")), validity);
    keys.keys.rotateMaster();
    for (const name of names) await renewDevice(keys, loan.transport(name), renewal(loan));
    assert.is(await meets(loan, before, "card"), 0x6982, "signed by the root that was retired");
    assert.is(await meets(loan, after, "card"), 0x9000);
    assert.is(await meets(loan, keys.party, "cartridge"), 0x9000);
    assert.is(KeyFolder.open(keys.path).acceptedRoots.length, 3, "the center still knows the old one, for devices that come late");
    root.succeed();
    keys.followRoots(root, validity);
    assert.is(
      await meets(loan, keys.makeIdentity(ROLE_KIOSK, validity), "card"),
      0x9000,
      "the third root, which no device knew at enrollment",
    );
    assert.equal(
      readdirSync(at("root")).filter((name) => name.endsWith(".new")),
      [],
    );
    assert.not.ok(readFileSync(join(keys.path, "public.json"), "utf8").includes(Buffer.from(keys.keys.issuerSeed()).toString("hex")));
  });
});

test.run();
