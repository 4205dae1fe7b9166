/** No secret is in any trace, log, error text, or file that is no secret itself. */
import { readFileSync, readdirSync } from "node:fs";
import { inspect } from "node:util";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { pino } from "pino";
import {
  CUSTODY_CARD,
  CUSTODY_CARTRIDGE,
  CUSTODY_SPLIT,
  INS_CONTRACT_KEY,
  INS_LOAD_KEY,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_READER,
} from "../../src/core/protocol/constants.js";
import { IDENTITY_LENGTH, IDENTITY_PRIVATE, PAIR_LENGTH, PAIR_PREVIOUS, PAIR_SECRET, SLOT_PAIR } from "../../src/core/device/identity.js";
import { rent } from "../../src/kiosk/rental.js";
import { reportHtml } from "../../sim/report.js";
import { tellStory } from "../../sim/story.js";
import { toVcd } from "../../sim/vcd.js";
import { mutant } from "../attack/support/mutant.js";
import { kioskSeed, keys as centerKeys } from "../center/support/keys.js";
import { rent as rentOverHttp, giveBack } from "../center/support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, startWorld } from "../center/support/world.js";
import { suite } from "../suite.js";
import { fakeCard } from "./support/fake-card.js";
import { partyOf } from "./support/parties.js";
import { Secrets } from "./support/secrets.js";
import { DAY, SECOND, Stage } from "./support/stage.js";

const test = suite("no secret in trace, log or error");
const none = new Uint8Array(0);

/** Remembers every key that the center makes, and those of every session of the kiosk. */
function watch(stage: Stage, secrets: Secrets): void {
  const { authority } = stage;
  const makeLoanKey = authority.makeLoanKey.bind(authority);
  authority.makeLoanKey = (loan, seed) => {
    const made = makeLoanKey(loan, seed);
    secrets.add("seed of a loan", seed);
    for (const [name, bytes] of Object.entries(made)) secrets.add(`${name} of a loan`, new Uint8Array(bytes as Uint8Array));
    return made;
  };
  const session = stage.session.bind(stage);
  stage.session = (name, party) => {
    const made = session(name, party);
    const authenticate = made.authenticate.bind(made);
    made.authenticate = async (...given) => {
      await authenticate(...given);
      const { channel } = made as unknown as { channel: { sendKey: Uint8Array; receiveKey: Uint8Array } };
      secrets.add("session key", channel.sendKey.slice());
      secrets.add("session key", channel.receiveKey.slice());
    };
    return made;
  };
  for (const [name, role] of [
    ["card", ROLE_CARD],
    ["cartridge", ROLE_CARTRIDGE],
    ["reader", ROLE_READER],
  ] as const)
    secrets.add(`device key of the ${name}`, stage.keys.deviceKey(role, stage.certificates.get(name)?.slice(4, 12) ?? none, 1));
  secrets.add("private key of the kiosk", stage.kiosk.privateKey);
  secrets.add("seed of the issuer", stage.keys.issuerSeed());
}

/** Private keys and pair secrets as the devices' flash holds them. */
function addFlash(stage: Stage, secrets: Secrets): void {
  for (const name of ["card", "cartridge", "reader"] as const) {
    const board = stage[name];
    const cells = Buffer.from((board.nor("A4")?.flash ?? board.flash).cells);
    const identity = Buffer.from([1, 0, 0, IDENTITY_LENGTH]);
    for (let at = cells.indexOf(identity); at >= 0; at = cells.indexOf(identity, at + 1))
      secrets.add(`private key of the ${name}`, new Uint8Array(cells.subarray(at + 4 + IDENTITY_PRIVATE, at + 36 + IDENTITY_PRIVATE)));
    const pair = Buffer.from([0, PAIR_LENGTH]);
    for (let at = cells.indexOf(pair); at >= 0; at = cells.indexOf(pair, at + 1)) {
      if (cells[at - 2] !== SLOT_PAIR) continue;
      const value = cells.subarray(at + 2, at + 2 + PAIR_LENGTH);
      for (const offset of [PAIR_SECRET, PAIR_PREVIOUS])
        secrets.add(`pair secret of the ${name}`, new Uint8Array(value.subarray(offset, offset + 32)));
    }
  }
}

/** A loan of each custody, played and given back, and loans that fail in every way; answers all that was told of it. */
async function tellAll(stage: Stage, secrets: Secrets): Promise<string> {
  const errors: string[] = [];
  const fails = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      errors.push(inspect(error, { depth: 8 }));
      return;
    }
    assert.unreachable("nothing failed");
  };
  const sample = (): ReturnType<Stage["sample"]> => {
    const title = stage.sample(1000);
    secrets.add("title key", title.produced.titleKey);
    return title;
  };
  watch(stage, secrets);
  for (const [custody, readProgram] of [
    [CUSTODY_CARTRIDGE, true],
    [CUSTODY_CARD, false],
    [CUSTODY_SPLIT, false],
  ] as const) {
    const loanId = await stage.rent(sample(), { custody, readProgram, plays: 1 });
    await stage.playAtHome();
    await stage.playAtHome();
    await stage.giveBack(loanId);
  }
  for (const ins of [INS_CONTRACT_KEY, INS_LOAD_KEY]) {
    await stage.toKiosk();
    const rental = stage.rental(sample());
    for (const device of [rental.card, rental.cartridge]) {
      const genuine = device.session.command.bind(device.session);
      device.session.command = (cla, now, tag, data, what) =>
        genuine(cla, now, tag, now === ins ? data.map((byte) => byte ^ 1) : data, what);
    }
    await fails(rent(rental));
    await fails(rent({ ...rental, contentId: stage.draw(16), idempotencyKey: "of nothing" }));
    await fails(stage.session("card", partyOf(stage, { role: ROLE_READER, notAfter: 1 })).authenticate(ROLE_CARD));
    stage.takeOut();
  }
  const loanId = await stage.rent(sample(), { custody: CUSTODY_SPLIT });
  await stage.world.sleep(8 * DAY);
  await stage.playAtHome();
  fakeCard(stage, partyOf(stage, { role: ROLE_CARD, notAfter: 1 }));
  await stage.world.sleep(20 * SECOND);
  await fails(stage.center.receive(new Uint8Array(60)));
  await fails(stage.center.licenseRevoked(loanId, new Uint8Array(16)));
  addFlash(stage, secrets);
  const { trace } = stage.world;
  return [...errors, trace.toString(), JSON.stringify(tellStory(trace)), reportHtml(trace, { title: "A loan" }), toVcd(trace)].join("\n");
}

test("a simulated loan of every custody, played, given back, and failing in every way, tells no key: wires, logs, story, report, errors", async () => {
  const secrets = new Secrets();
  let told = "";
  await Stage.play({ seed: 500, days: 8, wires: true }, async (stage) => {
    told = await tellAll(stage, secrets);
  });
  assert.ok(secrets.kinds.length >= 17 && told.length > 100_000, secrets.kinds.join(", "));
  assert.equal(secrets.in(told), []);
});

test("a card that prints a key is noticed", async () => {
  const print = {
    file: "src/card/card.ts",
    from: "  device.data.set(record);\n",
    to: "  device.data.set(record);\n  print(device.memory.deviceKey);\n",
  };
  const secrets = new Secrets();
  let told = "";
  await Stage.play({ seed: 501, bundles: { card: await mutant("card", [print]) } }, async (stage) => {
    watch(stage, secrets);
    await stage.rent(stage.sample(500));
    await stage.playAtHome();
    told = stage.world.trace.toString();
  });
  assert.equal(secrets.in(told), ["device key of the card"]);
});

test("the center's log at its most talkative, its answers, and its database hold no key, token or seed", async () => {
  let log = "";
  const world = await startWorld({ logger: pino({ level: "trace" }, { write: (line: string) => (log += line) }) });
  const secrets = new Secrets();
  try {
    const operator = await addOperator(world, "pier");
    const contentId = await addContent(world, "a tune");
    await addOffer(world, operator.id, contentId);
    const { card } = await addCustomer(world, "sailor");
    const cartridge = await addCartridge(world, "pier cartridge");
    const id = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
    await rentOverHttp(operator.kiosk, cartridge, contentId, card);
    secrets.add("loan key", cartridge.key ?? none);
    secrets.add("device key of the card", centerKeys.deviceKey(ROLE_CARD, id(card.id), 1));
    secrets.add("device key of the cartridge", centerKeys.deviceKey(ROLE_CARTRIDGE, id(cartridge.id), 1));
    secrets.add("seed of the issuer", centerKeys.issuerSeed());
    secrets.add("seed of the kiosk", kioskSeed("pier kiosk"));
    const token = readFileSync(world.center.tokenFile, "utf8").trim();
    secrets.add("staff token", new TextEncoder().encode(token));
    for (const name of ["title keys", "loan seeds", "titles", "loans"]) secrets.add("wrapping key", centerKeys.wrappingKey(name));
    await giveBack(operator.kiosk, cartridge);
    let answers = "";
    for (const [path, headers] of [
      ["/v1/loans/none", { authorization: `Bearer ${token}` }],
      ["/v1/customers", { authorization: `Bearer ${token}x` }],
      ["/v1/loans", { authorization: `Bearer ${token}`, "content-type": "application/json" }],
    ] as const) {
      const response = await fetch(`${world.center.url}${path}`, { headers });
      answers += JSON.stringify([...response.headers]) + (await response.text());
    }
    assert.match(log, /the center listens/);
    assert.equal(secrets.in(log + answers), []);
    await world.center.stop();
    const database = readdirSync(join(world.folder, "database"), { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    for (const file of database) assert.equal(secrets.in(readFileSync(join(file.parentPath, file.name), "latin1")), [], file.name);
  } finally {
    await world.end().catch(() => undefined);
  }
});

test.run();
