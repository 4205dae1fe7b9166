import * as assert from "uvu/assert";
import {
  INS_CONTRACT,
  INS_GENERAL_AUTHENTICATE,
  INS_GET_DATA,
  INS_GET_KEY,
  INS_PREPARE,
  INS_PUT_DATA,
  INS_REQUEST_KEY,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_READER,
  TAG_DEVICE,
  TAG_RECOMMENDATIONS,
} from "../../src/core/protocol/constants.js";
import { issueIssuer, signingKey } from "../../src/center/keys/certificates.js";
import { HostParty } from "../../src/host/party.js";
import { DeviceError, DeviceSession, type ApduTransport } from "../../src/host/session.js";
import { START } from "../../sim/loan-world.js";
import { suite } from "../suite.js";
import { partyOf, readerParty } from "../scenario/support/parties.js";
import { SECOND, type Stage } from "../scenario/support/stage.js";
import { tried } from "./support/tried.js";

const test = suite("attacks on authentication");
const none = new Uint8Array(0);

/** Status with which the card (or cartridge) ends an authentication of `party`: 0x9000 when it succeeds. */
async function authenticates(stage: Stage, party: HostParty, name: "card" | "cartridge" = "card"): Promise<number> {
  const role = name === "card" ? ROLE_CARD : ROLE_CARTRIDGE;
  try {
    await stage.session(name, party).authenticate(role);
    return 0x9000;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return error.status;
  }
}

/** The same party with something false about it. */
function altered(
  party: HostParty,
  stage: Stage,
  change: { id?: Uint8Array; chain?: Uint8Array; privateKey?: Uint8Array; role?: number },
): HostParty {
  return new HostParty({
    id: change.id ?? party.id,
    role: change.role ?? party.role,
    privateKey: change.privateKey ?? party.privateKey,
    chain: change.chain ?? party.chain,
    roots: party.roots,
    epoch: party.epoch,
    time: () => stage.time(),
    random: (out) => {
      out.set(stage.draw(out.length));
    },
  });
}

/** Lets somebody sit on the wire: every command of the session passes through `change`. */
function tapped(stage: Stage, name: "card" | "cartridge", party: HostParty, change: (apdu: Uint8Array) => Uint8Array): DeviceSession {
  const carry = stage.device(name).carry as (apdu: Uint8Array) => Promise<Uint8Array>;
  const transport: ApduTransport = { transmit: (apdu) => carry(change(apdu)) };
  return new DeviceSession(transport, party);
}

test("[A11] a foreign center's kiosk or reader is refused by card and cartridge, by the signature alone", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const root = signingKey(stage.draw(32));
      // Everything but the signature is as it should be: the foreign issuer even bears the name of the genuine one.
      const issuerCertificate = issueIssuer(root, stage.issuer, 7, START - 86_400, START + 86_400 * 365);
      issuerCertificate.set(stage.issuerCertificate.subarray(12, 20), 12);
      const kiosk = partyOf(stage, { role: ROLE_KIOSK, issuerCertificate });
      return (await authenticates(stage, kiosk)) === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/responder.ts", from: "if (result !== 1) return answer(HANDSHAKE_CERTIFICATE);", to: "" }],
  );
});

test("[A11][A12] one flipped bit in any byte of a certificate is refused with the standard status", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  for (const from of [0, 64, 128, 192])
    await Play.play({ seed: 130 + from }, async (stage) => {
      await stage.toKiosk();
      for (let at = from; at < from + 64; at += 3) {
        const chain = stage.kiosk.chain.slice();
        chain[at] ^= 1 << (at & 7);
        const sw = await authenticates(stage, altered(stage.kiosk, stage, { chain }));
        assert.ok(sw === 0x6982 || sw === 0x6983, `byte ${String(at)}: ${sw.toString(16)}`);
        // Failed attempts are slowed down; the patient go on.
        await stage.world.sleep(300 * SECOND);
      }
      assert.is(await authenticates(stage, stage.kiosk), 0x9000, "and the genuine one still passes");
    });
});

test("[A11] an expired certificate is refused", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const kiosk = partyOf(stage, { role: ROLE_KIOSK, notBefore: START - 20 * 86_400, notAfter: START - 10 * 86_400 });
      return (await authenticates(stage, kiosk)) === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/certificate.ts", from: "get32(certificate, 28) >= (vouched > floor ? vouched : floor)", to: "true" }],
  );
});

test("[A11] the center and kiosks refuse what is not valid yet", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 131 }, async (stage) => {
    await stage.toKiosk();
    const early = altered(stage.kiosk, stage, {});
    Object.assign(early, { vouched: () => START - 30 * 86_400, floor: () => 0 });
    assert.is(await authenticates(stage, early), 0x6982, "by a clock of a month ago the card's certificate is not valid yet");
  });
});

test("[A12][A13] who shows a certificate without its key is refused: the random number stays closed to him", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 132 }, async (stage) => {
    await stage.toKiosk();
    for (const name of ["card", "cartridge"] as const)
      assert.is(await authenticates(stage, altered(stage.kiosk, stage, { privateKey: stage.draw(32) }), name), 0x6982);
    assert.is(await authenticates(stage, altered(stage.kiosk, stage, { privateKey: new Uint8Array(32) })), 0x6982);
  });
});

test("Lowe's attack, unknown key share: the sealed random number names its sender, and another name is refused", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      return (await authenticates(stage, altered(stage.kiosk, stage, { id: stage.draw(8) }))) === 0x9000;
    },
    "card",
    [{ file: "src/core/protocol/responder.ts", from: "  genuine = equal(input.subarray(64), h.peer);", to: "  genuine = true;" }],
  );
});

test("a certified role is the role: a reader's keys do not speak as a kiosk", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 133 }, async (stage) => {
    await stage.toKiosk();
    const reader = readerParty(stage);
    assert.is(await authenticates(stage, altered(reader, stage, { role: ROLE_KIOSK })), 0x6982);
  });
});

test("a kiosk's commands are refused in a reader's session, and a reader's in a kiosk's", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const session = stage.session("card", readerParty(stage));
      await session.authenticate(ROLE_CARD);
      return (await session.transfer(0x80, INS_CONTRACT, 0, new Uint8Array(88))).sw === 0x9000;
    },
    "card",
    [
      {
        file: "src/card/card.ts",
        from: "length = counter ? openContract(device, data) : length;",
        to: "length = openContract(device, data);",
      },
    ],
  );
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(500));
      await stage.toKiosk();
      const session = stage.session("cartridge");
      await session.authenticate(ROLE_CARTRIDGE);
      const { sw, data } = await session.transfer(0x80, INS_GET_KEY, 0, new Uint8Array(20).fill(1));
      return sw === 0x9000 && data.length === 32;
    },
    "cartridge",
    [
      {
        file: "src/cartridge/cartridge.ts",
        from: "length = player ? releaseKey(loan, data, device.data) : length;",
        to: "length = releaseKey(loan, data, device.data);",
      },
    ],
  );
});

test("a sealed command that is sent again, in its session or a later one, is refused", async () => {
  const later = async (stage: Stage): Promise<number> => {
    await stage.toKiosk();
    let last: Uint8Array = none;
    const session = tapped(stage, "cartridge", stage.kiosk, (apdu) => (last = apdu.slice()));
    await session.authenticate(ROLE_CARTRIDGE);
    await session.transfer(0x00, INS_PUT_DATA, TAG_RECOMMENDATIONS, Uint8Array.of(1, 2, 3));
    const carry = stage.device("cartridge").carry as (apdu: Uint8Array) => Promise<Uint8Array>;
    const again = last;
    const answer = await carry(again);
    const same = (answer[answer.length - 2] << 8) | answer[answer.length - 1];
    await stage.session("cartridge").authenticate(ROLE_CARTRIDGE);
    const next = await carry(again);
    assert.is((next[next.length - 2] << 8) | next[next.length - 1], 0x6988, "in a later session");
    return same;
  };
  await tried(async (stage) => (await later(stage)) === 0x9000, "cartridge", [
    { file: "src/core/protocol/session.ts", from: "put32(associated, 4, channel.receiveCounter++);", to: "put32(associated, 4, 0);" },
  ]);
});

test("a command in clear gets nothing of an open session, and ends it", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 135 }, async (stage) => {
    await stage.toKiosk();
    for (const [name, role, ins] of [
      ["cartridge", ROLE_CARTRIDGE, INS_PREPARE],
      ["card", ROLE_CARD, INS_CONTRACT],
    ] as const) {
      const session = stage.session(name);
      const carry = stage.device(name).carry as (apdu: Uint8Array) => Promise<Uint8Array>;
      await session.authenticate(role);
      const data = name === "card" ? [88, ...new Uint8Array(88)] : [];
      assert.equal([...(await carry(Uint8Array.of(0x80, ins, 0, 0, ...data, 0)))], [0x69, 0x82], name);
      assert.is((await session.transfer(0x80, ins, 0, Uint8Array.from(data.slice(1)))).sw, 0x6988, `${name}: the session is over`);
    }
  });
});

test("whatever is changed in the messages of an authentication, suites and epoch included, no session comes of it", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 134 }, async (stage) => {
    await stage.toKiosk();
    // Message, byte of its data: mode, suites, version, epoch, context, ephemeral key, chain, sealed number, challenge, confirmation.
    for (const [step, at] of [
      [1, 0],
      [1, 1],
      [1, 2],
      [1, 5],
      [1, 9],
      [1, 30],
      [1, 100],
      [2, 3],
      [2, 40],
      [3, 2],
      [3, 20],
    ]) {
      const session = tapped(stage, "card", altered(stage.kiosk, stage, {}), (apdu) => {
        if (apdu[1] !== INS_GENERAL_AUTHENTICATE || apdu[3] !== step) return apdu;
        const changed = apdu.slice();
        changed[(changed[4] === 0 ? 7 : 5) + at] ^= 1;
        return changed;
      });
      try {
        await session.authenticate(ROLE_CARD);
        assert.unreachable(`message ${String(step)} byte ${String(at)} was changed, and nobody noticed`);
      } catch (error) {
        assert.ok(error instanceof DeviceError, String(error));
        assert.ok([0x6982, 0x6983, 0x6a80].includes((error as DeviceError).status));
      }
      await stage.world.sleep(300 * SECOND);
    }
  });
});

test("reflection: a device's own message does not come back as its peer's", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 135 }, async (stage) => {
    await stage.toKiosk();
    const carry = stage.device("card").carry as (apdu: Uint8Array) => Promise<Uint8Array>;
    let own: Uint8Array = none;
    const transport: ApduTransport = {
      transmit: async (apdu) => {
        if (apdu[1] === INS_GENERAL_AUTHENTICATE && apdu[3] === 3) {
          const reflected = apdu.slice();
          reflected.set(own.subarray(0, 32), reflected[4] === 0 ? 7 : 5);
          return carry(reflected);
        }
        const answer = await carry(apdu);
        own = answer;
        return answer;
      },
    };
    try {
      await new DeviceSession(transport, altered(stage.kiosk, stage, {})).authenticate(ROLE_CARD);
      assert.unreachable("its own message was taken");
    } catch (error) {
      assert.is((error as DeviceError).status, 0x6982);
    }
  });
});

test("keys of small order and keys that are not canonical end the authentication", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 136 }, async (stage) => {
    await stage.toKiosk();
    const points = [
      new Uint8Array(32),
      Uint8Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0)),
      Uint8Array.from(Buffer.from("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", "hex")),
      Uint8Array.from(Buffer.from("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "hex")),
      new Uint8Array(32).fill(255),
    ];
    for (const point of points) {
      const session = tapped(stage, "card", altered(stage.kiosk, stage, {}), (apdu) => {
        if (apdu[1] !== INS_GENERAL_AUTHENTICATE || apdu[3] !== 1) return apdu;
        const changed = apdu.slice();
        changed.set(point, 7 + 24);
        return changed;
      });
      try {
        await session.authenticate(ROLE_CARD);
        assert.unreachable("a session over a public secret");
      } catch (error) {
        assert.ok(error instanceof DeviceError);
      }
      await stage.world.sleep(300 * SECOND);
    }
  });
});

test("failed authentications slow the next ones down, over power-off too, and never erase", async () => {
  const tries = async (stage: Stage): Promise<boolean> => {
    await stage.rent(stage.sample(500));
    stage.world.dock(stage.card, stage.kioskCard);
    await stage.world.sleep(SECOND);
    const chain = stage.kiosk.chain.slice();
    chain[70] ^= 1;
    let guesses = 0;
    for (let round = 0; round < 12; round++) {
      const sw = await authenticates(stage, altered(stage.kiosk, stage, { chain }));
      if (sw === 0x6982) guesses++;
      if (round === 8) {
        stage.takeOut();
        stage.world.dock(stage.card, stage.kioskCard);
        await stage.world.sleep(SECOND);
        if ((await authenticates(stage, stage.kiosk)) === 0x9000) return true;
      }
      await stage.world.sleep(500);
    }
    await stage.world.sleep(300 * SECOND);
    assert.is(await authenticates(stage, stage.kiosk), 0x9000);
    stage.takeOut();
    assert.is((await stage.playAtHome()).state, 2, "and the loan stands");
    return guesses > 8;
  };
  await tried(tries, "card", [{ file: "src/core/device/device.ts", from: "failures > 3 ? 1000 << (failures - 3) : 0", to: "0" }]);
});

test("a device is personalized once", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const { sw } = await stage.session("card", null).transfer(0x00, 0x46, 0, none);
      return sw === 0x9000;
    },
    "card",
    [{ file: "src/core/device/personalization.ts", from: "    if (!blank) respond(SW_CONDITIONS, 0);\n    else if", to: "    if" }],
  );
});

test("commands out of order, of wrong length, class, instruction or parameter get a standard status and change nothing", async () => {
  const { Stage: Play } = await import("../scenario/support/stage.js");
  await Play.play({ seed: 137 }, async (stage) => {
    await stage.rent(stage.sample(500));
    await stage.toKiosk();
    for (const name of ["card", "cartridge"] as const) {
      const session = stage.session(name, null);
      for (const [cla, ins, tag, length, expected] of [
        [0x00, INS_GENERAL_AUTHENTICATE, 0x0102, 93, [0x6985]],
        [0x00, INS_GENERAL_AUTHENTICATE, 0x0101, 10, [0x6a80]],
        [0x00, INS_GENERAL_AUTHENTICATE, 0x0201, 312, [0x6a86]],
        [0x10, INS_GET_DATA, TAG_DEVICE, 0, [0x6e00]],
        [0x80, 0xee, 0, 0, [0x6d00]],
        [0x8c, INS_GET_KEY, 0, 20, [0x6988]],
        [0x80, INS_REQUEST_KEY, 0, 52, [0x6982, 0x6d00]],
        [0x80, 0x12, 0, 485, [0x6985]],
        [0x80, 0x14, 0, 372, [0x6a80]],
        [0x80, 0x44, 0, 180, [0x6982, 0x6d00]],
      ] as const) {
        const { sw } = await session.transfer(cla, ins, tag, new Uint8Array(length));
        assert.ok((expected as readonly number[]).includes(sw), `${name} ${ins.toString(16)}: ${sw.toString(16)}`);
      }
    }
    stage.takeOut();
    assert.is((await stage.playAtHome()).state, 2);
    assert.is(ROLE_READER, 3);
  });
});

test.run();
