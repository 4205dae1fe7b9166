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
import { DeviceError } from "../../src/host/session.js";
import { agree, publicKeyOf } from "../model/outside/keys.js";
import { OutsideSession, Refusal, type Deviation } from "../model/outside/session.js";
import { suite } from "../suite.js";
import { identityOf, readerParty } from "../scenario/support/parties.js";
import { SECOND, Stage } from "../scenario/support/stage.js";
import { altered, authenticates, tapped } from "./support/attempts.js";
import { statusIn } from "./support/commands.js";
import { mutant } from "./support/mutant.js";
import { tried, triedWithout } from "./support/tried.js";

const test = suite("attacks on authentication");
const none = new Uint8Array(0);

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
  await tried(
    async (stage) => {
      await stage.toKiosk();
      return (await authenticates(stage, altered(readerParty(stage), stage, { role: ROLE_KIOSK }))) === 0x9000;
    },
    "card",
    [
      {
        file: "src/core/protocol/responder.ts",
        from: "  genuine = equal(input.subarray(64), h.peer);",
        to: "  genuine = equal(input.subarray(64, 72), h.peer.subarray(0, 8));",
      },
    ],
  );
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
    const same = statusIn(await carry(again));
    await stage.session("cartridge").authenticate(ROLE_CARTRIDGE);
    assert.is(statusIn(await carry(again)), 0x6988, "in a later session");
    return same;
  };
  await tried(async (stage) => (await later(stage)) === 0x9000, "cartridge", [
    { file: "src/core/protocol/session.ts", from: "put32(associated, 4, channel.receiveCounter++);", to: "put32(associated, 4, 0);" },
  ]);
});

test("a command in clear gets nothing of an open session, and ends it", async () => {
  await Stage.play({ seed: 135 }, async (stage) => {
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
  await tried(
    async (stage) => {
      await stage.toKiosk();
      await stage.session("cartridge").authenticate(ROLE_CARTRIDGE);
      const carry = stage.device("cartridge").carry as (apdu: Uint8Array) => Promise<Uint8Array>;
      return statusIn(await carry(Uint8Array.of(0x80, INS_PREPARE, 0, 0, 0))) === 0x9000;
    },
    "cartridge",
    [
      {
        file: "src/core/device/device.ts",
        from: "    closeChannel(device.channel);\n    buffer.set(",
        to: "    buffer.set(",
      },
    ],
  );
});

test("whatever is changed in the messages of an authentication, suites and epoch included, no session comes of it", async () => {
  await Stage.play({ seed: 134 }, async (stage) => {
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

/** The parts of the first message that say what was offered, kept out of the transcript: what a party does that does not authenticate them. */
const unheard = (message: Uint8Array): Uint8Array => (message.length > 100 ? message.subarray(24) : message);
const UNHEARD = {
  file: "src/core/protocol/responder.ts",
  from: "  sha256(h.transcript, [h.transcript, message]);",
  to: "  sha256(h.transcript, [h.transcript, message.length > 100 ? message.subarray(HEAD) : message]);",
};

test("downgrade: suites that somebody on the wire strikes out of the offer are missed by both", async () => {
  const strike = (deviation: Deviation) => async (stage: Stage) => {
    await stage.toKiosk();
    const transport = stage.transport("card");
    const session = new OutsideSession(
      (apdu) => {
        const changed = apdu.slice();
        if (apdu[1] === INS_GENERAL_AUTHENTICATE && apdu[3] === 1) changed[7 + 1] = 1;
        return transport.transmit(changed);
      },
      identityOf(stage, stage.kiosk),
    );
    return session.authenticate(ROLE_CARD, deviation).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        assert.is(error.sw, 0x6982);
        return false;
      },
    );
  };
  await Stage.play({ seed: 140 }, async (stage) => {
    assert.not.ok(await strike({})(stage));
  });
  await Stage.play({ seed: 140, bundles: { card: await mutant("card", [UNHEARD]) } }, async (stage) => {
    assert.ok(await strike({ transcript: unheard })(stage), "where neither hears the offer, it is struck out unnoticed");
  });
});

test("reflection: a device's own confirmation does not come back as its peer's", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      await stage.session("card").authenticate(ROLE_CARD);
      const known = stage.kiosk.pairWith(stage.certificates.get("card")?.slice(4, 12) ?? none);
      const wire = stage.session("card", null);
      // Pair id and generation go over the wire in clear; the secret is not needed.
      const hello = Uint8Array.from([
        1,
        3,
        1,
        0,
        0,
        0,
        0,
        1,
        ...new Uint8Array(16),
        ...(known?.pairId ?? none),
        0,
        0,
        0,
        0,
        ...new Uint8Array(16),
      ]);
      const { sw, data } = await wire.transfer(0x00, INS_GENERAL_AUTHENTICATE, 0x0101, hello);
      assert.is(sw, 0x9000);
      return (await wire.transfer(0x00, INS_GENERAL_AUTHENTICATE, 0x0102, data.slice(40))).sw === 0x9000;
    },
    "card",
    [
      {
        file: "src/core/protocol/responder.ts",
        from: "message.set(confirmation(h, false), HEAD + 16);",
        to: "message.set(confirmation(h, true), HEAD + 16);",
      },
    ],
  );
});

/** An initiator with good certificates whose ephemeral key is `publicKey`, and who takes `shared` for what comes of it. */
function withPoint(publicKey: (stage: Stage) => Uint8Array, shared: "zeros" | "genuine") {
  return async (stage: Stage): Promise<boolean> => {
    if (!stage.kioskCard.device) await stage.toKiosk();
    const transport = stage.transport("card");
    const privateKey = new Uint8Array(32).fill(77);
    const deviation: Deviation = {
      ephemeral: { privateKey, publicKey: publicKey(stage) },
      agree: (own, peer) => (shared === "zeros" && own === privateKey ? new Uint8Array(32) : agree(own, peer)),
    };
    return new OutsideSession((apdu) => transport.transmit(apdu), identityOf(stage, stage.kiosk)).authenticate(ROLE_CARD, deviation).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof Refusal)) throw error;
        assert.is(error.sw, 0x6982);
        return false;
      },
    );
  };
}

test("public keys of small order, and keys that are not canonical, end the authentication", async () => {
  const small = {
    file: "src/core/protocol/responder.ts",
    from: "isZero(h.shared) || ",
    to: "",
  };
  const canonical = { file: "src/core/curve/x25519.ts", from: "  if (!equal(canonical, point)) x1.fill(0);", to: "" };
  await tried(
    withPoint(() => new Uint8Array(32), "zeros"),
    "card",
    [small],
  );
  const point = publicKeyOf(new Uint8Array(32).fill(77));
  await tried(
    withPoint(() => point.map((byte, i) => (i === 31 ? byte | 128 : byte)), "genuine"),
    "card",
    [canonical],
  );
  await Stage.play({ seed: 136 }, async (stage) => {
    for (const encoded of [
      "0100000000000000000000000000000000000000000000000000000000000000",
      "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
      "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ]) {
      assert.not.ok(await withPoint(() => new Uint8Array(Buffer.from(encoded, "hex")), "zeros")(stage), encoded);
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
  const file = "src/core/device/device.ts";
  await triedWithout(tries, [
    { card: [{ file, from: "failures > 3 ? 1000 << (failures - 3) : 0", to: "0" }] },
    // A card that counts, and forgets with its power; and one that remembers, and takes the power for the end of the delay.
    { card: [{ file, from: "  storeState(device.memory);\n  slowDown(device);", to: "  slowDown(device);" }] },
    { card: [{ file, from: "  slowDown(device);\n  linkReset(", to: "  linkReset(" }] },
  ]);
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
  await Stage.play({ seed: 137 }, async (stage) => {
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
