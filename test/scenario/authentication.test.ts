/** Card and reader authenticate each other: what starts it, what each checks, and what either does with an impostor. */
import * as assert from "uvu/assert";
import { issueCertificate, issueIssuer, signingKey, type SigningKey } from "../../src/center/keys/certificates.js";
import { x25519Base } from "../../src/core/curve/curve.js";
import {
  INS_GENERAL_AUTHENTICATE,
  MESSAGE_LENGTH,
  PROTOCOL_VERSION,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_READER,
} from "../../src/core/protocol/constants.js";
import { createHandshake, handshakeBegin, handshakeStep, prepareEphemeral } from "../../src/core/protocol/handshake.js";
import { createChannel } from "../../src/core/protocol/session.js";
import { HostParty } from "../../src/host/party.js";
import { DeviceError, DeviceSession } from "../../src/host/session.js";
import { START } from "../../sim/loan-world.js";
import { suite } from "../suite.js";
import { fakeCard } from "./support/fake-card.js";
import { SECOND, Stage } from "./support/stage.js";

const test = suite("authentication");
const YEAR = 365 * 86_400;
const REFUSED = 0x6982;

interface Impostor {
  role: number;
  issuer?: SigningKey;
  issuerCertificate?: Uint8Array;
  root?: SigningKey;
  notBefore?: number;
  notAfter?: number;
  /** Changes the chain before it is shown. */
  tamper?: (chain: Uint8Array) => void;
}

/** A party with a certificate of this center, unless told otherwise. */
function party(stage: Stage, impostor: Impostor): HostParty {
  const privateKey = stage.draw(32);
  const publicKey = new Uint8Array(32);
  x25519Base(publicKey, privateKey);
  const certificate = issueCertificate(impostor.issuer ?? stage.issuer, {
    role: impostor.role,
    suites: 3,
    subject: stage.draw(8),
    serial: 99,
    notBefore: impostor.notBefore ?? START - YEAR,
    notAfter: impostor.notAfter ?? START + YEAR,
    publicKey,
  });
  const chain = new Uint8Array(Buffer.concat([certificate, impostor.issuerCertificate ?? stage.issuerCertificate]));
  impostor.tamper?.(chain);
  return new HostParty({
    id: certificate.slice(4, 12),
    role: impostor.role,
    privateKey,
    chain,
    roots: (impostor.root ?? stage.root).publicKey,
    time: () => stage.time(),
    random: (out) => {
      out.set(stage.draw(out.length));
    },
  });
}

/** Keys of a center that nobody here knows. */
function otherCenter(stage: Stage): { root: SigningKey; issuer: SigningKey; issuerCertificate: Uint8Array } {
  const root = signingKey(stage.draw(32));
  const issuer = signingKey(stage.draw(32));
  return { root, issuer, issuerCertificate: issueIssuer(root, issuer, 1, START - YEAR, START + YEAR) };
}

/** The status word with which the card in the kiosk's slot refuses this initiator; 0 when it does not. */
async function cardRefuses(stage: Stage, initiator: HostParty): Promise<number> {
  try {
    await new DeviceSession(stage.transport("card"), initiator).authenticate(ROLE_CARD);
    return 0;
  } catch (error) {
    if (error instanceof DeviceError) return error.status;
    throw error;
  }
}

test("[A11] setting card and cartridge into the reader starts mutual authentication by itself", async () => {
  await Stage.play({}, async (stage) => {
    await stage.rent(stage.sample(1000));
    const before = stage.world.trace.events.length;
    stage.world.dock(stage.card, stage.readerCard);
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(20 * SECOND);
    const commands = stage.world.trace.events.slice(before).filter((event) => event.kind === "apdu");
    for (const device of ["card", "cartridge"]) {
      const steps = commands.filter((event) => event.device === device && event.ins === INS_GENERAL_AUTHENTICATE);
      assert.equal(
        steps.map(({ p2, sw }) => [p2, sw]),
        [
          [1, 0x9000],
          [2, 0x9000],
          [3, 0x9000],
        ],
      );
      const others = commands.filter((event) => event.device === device && (event.cla & 0x80) !== 0);
      assert.ok(others.length > 0 && others.every(({ cla }) => (cla & 0x0c) === 0x0c), "what follows is inside the session");
    }
  });
});

test("[A11] the card checks the reader's certificate: its center, its dates, every part of it", async () => {
  await Stage.play({}, async (stage) => {
    const other = otherCenter(stage);
    await stage.toKiosk();
    assert.is(await cardRefuses(stage, party(stage, { role: ROLE_READER })), 0, "a reader of this center is accepted");
    const impostors: Impostor[] = [
      { role: ROLE_READER, ...other, root: stage.root },
      { role: ROLE_READER, issuer: other.issuer },
      { role: ROLE_READER, notBefore: START - 2 * YEAR, notAfter: START - YEAR },
      ...[1, 2, 5, 15, 40, 70, 127, 130, 200].map((offset) => ({
        role: ROLE_READER,
        tamper: (chain: Uint8Array): void => {
          chain[offset] ^= 1;
        },
      })),
    ];
    for (const impostor of impostors) {
      assert.is(await cardRefuses(stage, party(stage, impostor)), REFUSED);
      // Refusals in a row slow the card down; an honest reader's success ends that.
      await stage.world.sleep(300 * SECOND);
      assert.is(await cardRefuses(stage, party(stage, { role: ROLE_READER })), 0);
    }
  });
});

test("[A11] the reader checks the card's certificate and plays with no other center's card", async () => {
  await Stage.play({}, async (stage) => {
    await stage.rent(stage.sample(1000));
    fakeCard(stage, party(stage, { role: ROLE_CARD, ...otherCenter(stage) }));
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(20 * SECOND);
    const status = await stage.status();
    assert.is(status.cardRefusal, REFUSED);
    assert.is(status.sessions & 1, 0, "no session with the card");
    assert.is(status.played, 0);
  });
});

test("[A11] the reader does not take a cartridge for a card", async () => {
  await Stage.play({}, async (stage) => {
    fakeCard(stage, party(stage, { role: ROLE_CARTRIDGE }));
    await stage.world.sleep(20 * SECOND);
    const status = await stage.status();
    assert.is(status.cardRefusal, REFUSED);
    assert.is(status.sessions, 0);
  });
});

test("[A12] the card refuses a reader that has the certificate but cannot open the random number", async () => {
  await Stage.play({}, async (stage) => {
    await stage.toKiosk();
    const transport = stage.transport("card");
    const handshake = createHandshake(party(stage, { role: ROLE_READER }), createChannel());
    const message = new Uint8Array(MESSAGE_LENGTH);
    prepareEphemeral(handshake, () => undefined);
    let length = handshakeBegin(handshake, message, new Uint8Array(16), ROLE_CARD, null, 0);
    const session = new DeviceSession(transport);
    for (const step of [1, 2]) {
      const answer = await session.transfer(0x00, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | step, message.slice(0, length));
      assert.is(answer.sw, 0x9000);
      message.set(answer.data);
      handshakeStep(handshake, message, answer.data.length, (next) => (length = next));
    }
    const guess = message.slice(0, 32);
    guess.set(stage.draw(16));
    const refused = await session.transfer(0x00, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | 3, guess);
    assert.is(refused.sw, REFUSED);
    const late = await session.transfer(0x00, INS_GENERAL_AUTHENTICATE, (PROTOCOL_VERSION << 8) | 3, message.slice(0, 32));
    assert.is(late.sw, 0x6985, "the right number comes too late: the handshake is over");
  });
});

test("[A13] the reader refuses a card that has the certificate but cannot open the random number", async () => {
  await Stage.play({}, async (stage) => {
    await stage.rent(stage.sample(1000));
    const card = party(stage, { role: ROLE_CARD });
    card.privateKey[5] ^= 1;
    fakeCard(stage, card);
    stage.world.dock(stage.cartridge, stage.readerCartridge);
    await stage.world.sleep(20 * SECOND);
    const status = await stage.status();
    assert.is(status.cardRefusal, REFUSED);
    assert.is(status.sessions & 1, 0);
    assert.is(status.played, 0);
  });
});

test("[A12][A13] random numbers never cross the wire in clear, and no two authentications look alike", async () => {
  const seen = new Set<string>();
  await Stage.play({ wires: true }, async (stage) => {
    for (let round = 0; round < 3; round++) {
      await stage.toKiosk();
      assert.is(await cardRefuses(stage, party(stage, { role: ROLE_READER })), 0);
      stage.takeOut();
    }
    for (const frame of stage.world.trace.of("frame")) {
      // the sealed random numbers: 73 bytes, in the block of a command or of its answer
      if (frame.wire !== stage.kioskCard.name || frame.length < 75 || frame.length > 100) continue;
      assert.not.ok(seen.has(String(frame.bytes)), "no sealed random number is sent twice");
      seen.add(String(frame.bytes));
    }
    assert.ok(seen.size >= 6, "both ways, three times");
  });
});

test.run();
