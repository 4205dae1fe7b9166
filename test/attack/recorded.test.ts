/** What was recorded: a session with keys that are stolen later, and everything that ever crossed a wire, said again. */
import * as assert from "uvu/assert";
import {
  CUSTODY_SPLIT,
  INS_CONTRACT,
  INS_GENERAL_AUTHENTICATE,
  INS_GET_DATA,
  INS_PREPARE,
  INS_PUT_DATA,
  INS_SELECT,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  TAG_DEVICE,
  TAG_LICENSE,
  TAG_RECOMMENDATIONS,
} from "../../src/core/protocol/constants.js";
import type { LocalCenter } from "../../src/center/local.js";
import { rent } from "../../src/kiosk/rental.js";
import { agree, open, publicKeyOf, u16, u32 } from "../model/outside/keys.js";
import { keysOfRecorded } from "../model/outside/reader.js";
import { OutsideSession, type Deviation } from "../model/outside/session.js";
import { suite } from "../suite.js";
import { identityOf } from "../scenario/support/parties.js";
import { steal } from "../scenario/support/leftovers.js";
import { SECOND, Stage } from "../scenario/support/stage.js";
import { statusIn } from "./support/commands.js";
import { mutant, type Edit } from "./support/mutant.js";
import { tried } from "./support/tried.js";

const test = suite("attacks by what was recorded");
const none = new Uint8Array(0);

/** The private key that a device's flash holds: it stands after id, role and generation. */
function privateKeyInFlash(flash: Uint8Array, certificate: Uint8Array): Uint8Array {
  const cells = Buffer.from(flash.buffer, flash.byteOffset, flash.length);
  const id = Buffer.from(certificate.subarray(4, 12));
  for (let at = cells.indexOf(id); at >= 0; at = cells.indexOf(id, at + 1)) {
    const key = new Uint8Array(cells.subarray(at + 13, at + 45));
    if (Buffer.from(publicKeyOf(key)).equals(certificate.subarray(32, 64))) return key;
  }
  throw new Error("the flash holds no such key");
}

/** A kiosk's session with the card, recorded; then both static keys are taken. Whether any session key that can be made of it opens the first command. */
async function opensLater(stage: Stage, deviation: Deviation): Promise<boolean> {
  const messages: Uint8Array[] = [];
  await stage.toKiosk();
  const transport = stage.transport("card");
  const session = new OutsideSession(
    async (apdu) => {
      const answer = await transport.transmit(apdu);
      messages.push(apdu.slice(7, apdu.length - 2), answer.slice(0, -2));
      return answer;
    },
    identityOf(stage, stage.kiosk),
  );
  await session.authenticate(ROLE_CARD, deviation);
  await session.exchange(0x00, INS_PUT_DATA, 0x0120, Uint8Array.of(...new TextEncoder().encode("what was said in the session")));
  const command = messages[6];

  const certificate = stage.certificates.get("card") ?? none;
  const card = privateKeyInFlash(stage.card.flash.cells, certificate);
  const kiosk = stage.kiosk.privateKey;
  const [kioskEphemeral, cardEphemeral] = [messages[0].slice(24, 56), messages[1].slice(24, 56)];
  const [openInitiators, openResponders] = [agree(card, kioskEphemeral), agree(kiosk, cardEphemeral)];
  // The value of the two ephemeral keys is what he lacks; everything else that can be computed is tried in its place.
  const statics = agree(kiosk, certificate.slice(32, 64));
  const guesses = [none, new Uint8Array(32), statics, openInitiators, openResponders, kioskEphemeral, cardEphemeral];
  return guesses.some((third) => {
    const keys = keysOfRecorded(messages, { openInitiators, openResponders, third });
    assert.ok(keys, "both sealed random numbers, and the shares in them, are open to him");
    const header = Uint8Array.from([0x0c, INS_PUT_DATA, ...u16(0x0120), ...u32(0)]);
    return open(keys?.initiator ?? none, header, command) !== null;
  });
}

test("a recorded session stays closed to who takes the static keys of both sides later: the ephemeral keys are gone", async () => {
  const edits: Edit[] = [
    {
      file: "src/core/protocol/responder.ts",
      from: "h.initiator ? [h.share, h.peerShare, h.shared] : [h.peerShare, h.share, h.shared]",
      to: "[h.peerShare, h.share]",
    },
  ];
  await Stage.play({ seed: 300 }, async (stage) => {
    assert.not.ok(await opensLater(stage, {}));
  });
  await Stage.play({ seed: 300, bundles: { card: await mutant("card", edits) } }, async (stage) => {
    assert.ok(await opensLater(stage, { third: () => none }), "without them he opens it");
  });
});

test("a whole session that is played again, byte by byte, is refused: the device's own randomness is new", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const transport = stage.transport("cartridge");
      const said: Uint8Array[] = [];
      const session = new OutsideSession(
        (apdu) => {
          said.push(apdu.slice());
          return transport.transmit(apdu);
        },
        identityOf(stage, stage.kiosk),
      );
      await session.authenticate(ROLE_CARTRIDGE);
      assert.is((await session.exchange(0x00, INS_PUT_DATA, TAG_RECOMMENDATIONS, Uint8Array.of(1))).sw, 0x9000);
      let last: Uint8Array = none;
      for (const apdu of said) last = await transport.transmit(apdu);
      return last[last.length - 2] === 0x90;
    },
    "cartridge",
    [{ file: "src/core/device/device.ts", from: "    randomFill(out);\n  };", to: "    out.fill(7);\n  };" }],
  );
});

/** Everything that goes to card and cartridge from now on. */
function recording(stage: Stage): Record<"card" | "cartridge", Uint8Array[]> {
  const said: Record<"card" | "cartridge", Uint8Array[]> = { card: [], cartridge: [] };
  for (const name of ["card", "cartridge"] as const) {
    const transport = stage.transport(name);
    const transmit = transport.transmit.bind(transport);
    transport.transmit = (apdu) => {
      said[name].push(apdu.slice());
      return transmit(apdu);
    };
  }
  return said;
}

test("no message of a loan does anything in a later session, in the middle of an authentication, or outside of both", async () => {
  await Stage.play({ seed: 301 }, async (stage) => {
    const said = recording(stage);
    const before = await stage.rent(stage.sample(500), { custody: CUSTODY_SPLIT });
    await stage.giveBack(before);
    const recorded = { card: [...said.card], cartridge: [...said.cartridge] };
    assert.ok(recorded.card.length > 12 && recorded.cartridge.length > 12);
    const loanId = await stage.rent(stage.sample(500), { custody: CUSTODY_SPLIT });
    await stage.toKiosk();
    const license = async (): Promise<Uint8Array> => {
      const session = stage.session("card");
      await session.authenticate(ROLE_CARD);
      return (await session.transfer(0x00, INS_GET_DATA, TAG_LICENSE, none)).data;
    };
    const held = await license();
    assert.equal(held.slice(20, 36), loanId);
    for (const name of ["card", "cartridge"] as const) {
      const role = name === "card" ? ROLE_CARD : ROLE_CARTRIDGE;
      const carry = stage.device(name).carry as (apdu: Uint8Array) => Promise<Uint8Array>;
      const hello = recorded[name].find((apdu) => apdu[1] === INS_GENERAL_AUTHENTICATE && apdu[3] === 1) ?? none;
      const states: [string, () => Promise<void>][] = [
        ["outside of a session", async () => undefined],
        ["in an authentication", async () => void (await carry(hello))],
        ["in a session", () => stage.session(name).authenticate(role)],
      ];
      for (const [state, enter] of states)
        for (const apdu of recorded[name]) {
          await enter();
          const sw = statusIn(await carry(apdu));
          const harmless = apdu[0] < 0x80 && [INS_SELECT, INS_GET_DATA].includes(apdu[1]) && (apdu[0] & 0x0c) === 0;
          const begins = apdu[1] === INS_GENERAL_AUTHENTICATE && apdu[3] === 1;
          const what = `${name} took ${Buffer.from(apdu.subarray(0, 4)).toString("hex")} ${state}: ${sw.toString(16)}`;
          if (!harmless && !begins) assert.ok([0x6982, 0x6983, 0x6985, 0x6988, 0x6a80, 0x6a82].includes(sw), what);
          await stage.world.sleep(300 * SECOND);
        }
    }
    assert.ok(stage.cartridge.keyValid, "the loan that is running stands");
    assert.equal(await license(), held, "and so does its license");
  });
});

/** What a kiosk says to card and cartridge in a session, one after the other. */
const SAID: Record<"card" | "cartridge", [number, number, number, number][]> = {
  card: [
    [0x80, INS_CONTRACT, 0, 88],
    [0x00, INS_GET_DATA, TAG_DEVICE, 0],
    [0x80, INS_CONTRACT, 0, 88],
  ],
  cartridge: [
    [0x80, INS_PREPARE, 0, 0],
    [0x00, INS_PUT_DATA, TAG_RECOMMENDATIONS, 3],
    [0x00, INS_GET_DATA, TAG_RECOMMENDATIONS, 0],
    [0x80, INS_PREPARE, 0, 0],
  ],
};

/** Each command of a session is said again, byte by byte and at its place, in a session of its own: how many of them are answered as the kiosk's. */
async function saidAgain(stage: Stage, name: "card" | "cartridge", deviation: Deviation): Promise<number> {
  const transport = stage.transport(name);
  const begin = async (): Promise<{ session: OutsideSession; apdus: Uint8Array[] }> => {
    const apdus: Uint8Array[] = [];
    const session = new OutsideSession(
      (apdu) => {
        apdus.push(apdu.slice());
        return transport.transmit(apdu);
      },
      identityOf(stage, stage.kiosk),
    );
    await session.authenticate(name === "card" ? ROLE_CARD : ROLE_CARTRIDGE, deviation);
    apdus.length = 0;
    return { session, apdus };
  };
  const say = async (session: OutsideSession, count: number): Promise<void> => {
    for (const [cla, ins, tag, length] of SAID[name].slice(0, count))
      assert.is((await session.exchange(cla, ins, tag, new Uint8Array(length).fill(5))).sw, 0x9000, `${name} ${ins.toString(16)}`);
  };
  const { session, apdus } = await begin();
  await say(session, SAID[name].length);
  let taken = 0;
  for (const [place, apdu] of apdus.entries()) {
    const later = await begin();
    await say(later.session, place);
    const sw = statusIn(await transport.transmit(apdu));
    assert.ok(sw === 0x9000 || sw === 0x6988, sw.toString(16));
    if (sw === 0x9000) taken++;
  }
  return taken;
}

test("any command of a session, said again at its place in a later session, is refused: keys are those of one session", async () => {
  const constant: Edit = {
    file: "src/core/protocol/responder.ts",
    from: "  derive(channel.sendKey, h.key,",
    to: "  h.key.fill(0);\n  derive(channel.sendKey, h.key,",
  };
  for (const name of ["card", "cartridge"] as const) {
    await Stage.play({ seed: 302 }, async (stage) => {
      await stage.toKiosk();
      assert.is(await saidAgain(stage, name, {}), 0);
    });
    await Stage.play({ seed: 302, bundles: { [name]: await mutant(name, [constant]) } }, async (stage) => {
      await stage.toKiosk();
      assert.is(await saidAgain(stage, name, { session: () => new Uint8Array(32) }), SAID[name].length, "where all sessions have one key");
    });
  }
});

/** A kiosk that keeps all that it sees, on the wires, in its sessions and from the center, and then tries all of it as keys. */
async function opensWhatItSaw(stage: Stage, inClear: boolean): Promise<boolean> {
  const title = stage.sample(900);
  const seen: Uint8Array[] = [];
  const keep = <T extends Uint8Array>(bytes: T): T => {
    seen.push(bytes.slice());
    return bytes;
  };
  await stage.toKiosk();
  for (const name of ["card", "cartridge"] as const) {
    const transport = stage.transport(name);
    const transmit = transport.transmit.bind(transport);
    transport.transmit = async (apdu) => keep(await transmit(keep(apdu)));
  }
  const rental = stage.rental(title);
  for (const device of [rental.card, rental.cartridge]) {
    const command = device.session.command.bind(device.session);
    device.session.command = async (cla, ins, tag, data, what) => keep(await command(cla, ins, tag, keep(data), what));
  }
  let part: Uint8Array = none;
  const make = stage.authority.makeLoanKey.bind(stage.authority);
  stage.authority.makeLoanKey = (...given) => {
    const made = make(...given);
    part = made.cartridgePart.slice();
    return made;
  };
  rental.center = stage.centerWith({
    issueLicense: async (...given: Parameters<LocalCenter["issueLicense"]>) => keep(await stage.center.issueLicense(...given)),
    activate: async (...given: Parameters<LocalCenter["activate"]>) => keep(await stage.center.activate(...given)),
    loadKey: async (loanId: Uint8Array, challenge: Uint8Array, highest: number) => {
      const { keyLoad, envelope } = await stage.center.loadKey(loanId, challenge, highest);
      const clear = Uint8Array.from([
        ...new Uint8Array(16),
        ...u32(highest + 1),
        ...loanId,
        ...title.produced.contentId,
        ...rental.terms,
        ...part,
      ]);
      keep(Uint8Array.from([...title.produced.header, ...envelope]));
      return { keyLoad: keep(inClear ? clear : keyLoad), envelope };
    },
  });
  const loanId = await rent(rental);
  const { opened, tried: keys } = steal(stage, title, loanId, rental.terms, seen);
  assert.ok(keys > 2000, `${String(keys)} keys tried`);
  return opened;
}

test("[A17] a kiosk that records everything, on the wires, in its sessions and from the center, opens nothing with it", async () => {
  const unsealed: Edit = {
    file: "src/cartridge/loan.ts",
    from: "  if (!openFor(plain, deviceKey(loan), LOAD_PURPOSE, MESSAGE_KEY_LOAD, loan.device.memory.party.id, loan.challenge, sealed))\n    return -SW_DATA;\n",
    to: "  plain.set(sealed.subarray(16));\n",
  };
  await Stage.play({ seed: 230 }, async (stage) => {
    assert.not.ok(await opensWhatItSaw(stage, false));
  });
  await Stage.play({ seed: 230, bundles: { cartridge: await mutant("cartridge", [unsealed]) } }, async (stage) => {
    assert.ok(await opensWhatItSaw(stage, true), "where the key load is not sealed, it has the key");
  });
});

test.run();
