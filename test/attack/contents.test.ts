/** What a customer tries with what he has at home: wires, chips and the medium. */
import * as assert from "uvu/assert";
import { CUSTODY_SPLIT, INS_CONTRACT_KEY, INS_GET_DATA, ROLE_CARD, TAG_LICENSE } from "../../src/core/protocol/constants.js";
import { rent } from "../../src/kiosk/rental.js";
import { PLAYER_FINISHED } from "../../src/reader/state.js";
import { flashOf, memoryOf, steal } from "../scenario/support/leftovers.js";
import { DAY } from "../scenario/support/stage.js";
import { suite } from "../suite.js";
import type { Edit } from "./support/mutant.js";
import { tried, triedWithout } from "./support/tried.js";

const test = suite("attacks on contents");
const none = new Uint8Array(0);

test("[A7] all chips, files and memories of the cartridge after the loan, read out and tried as keys, open nothing: the key was overwritten", async () => {
  await tried(
    async (stage) => {
      const title = stage.sample(900);
      const terms = stage.terms({ duration: 86_400 });
      const loanId = await stage.rent(title, { duration: 86_400 });
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      await stage.world.sleep(2 * DAY);
      return steal(stage, title, loanId, terms, [...flashOf(stage.cartridge), ...memoryOf(stage.cartridge)]).opened;
    },
    "cartridge",
    [
      {
        file: "src/cartridge/loan.ts",
        from: "  loan.keyMemory.fill(0);\n  loan.prepared = false;",
        to: "  loan.prepared = false;",
      },
    ],
    { days: 4 },
  );
});

test("[A18] who listens at home hears no key: what reader, card and cartridge say to each other is sealed", async () => {
  const file = "src/core/protocol/session.ts";
  // Between a reader and its devices: what a kiosk hears is sealed as before.
  const clear: Edit[] = [
    { file, from: "  seal(bytes, channel.sendKey,", to: "  if (channel.peer[8] > 3) seal(bytes, channel.sendKey," },
    { file, from: "&& open(bytes.subarray(16),", to: "&& (channel.peer[8] < 4 || open(bytes.subarray(16)," },
    { file, from: "channel.receiveKey, associated, bytes)) return true;", to: "channel.receiveKey, associated, bytes))) return true;" },
  ];
  await triedWithout(
    async (stage) => {
      await stage.rent(stage.sample(500));
      const key = stage.cartridge.arenas.keyMemory?.slice(0, 32) ?? none;
      assert.ok(key.some((byte) => byte !== 0));
      assert.is((await stage.playAtHome()).state, PLAYER_FINISHED);
      const frames = stage.world.trace.of("frame");
      assert.ok(frames.length > 50);
      return frames.some(({ bytes }) => bytes?.includes(Buffer.from(key.subarray(0, 16)).toString("hex")));
    },
    [{ card: clear, cartridge: clear, reader: clear }],
    { wires: true },
  );
});

test("[A3] a chunk that was changed on the medium is not played", async () => {
  await tried(
    async (stage) => {
      await stage.rent(stage.sample(480 * 3));
      for (const name of stage.cartridge.card?.names() ?? []) stage.cartridge.card?.damage(name, 512 + 100, 1);
      return (await stage.playAtHome()).state === PLAYER_FINISHED;
    },
    "reader",
    [
      {
        file: "src/core/stream/suite2.ts",
        from: "      if ((words[0] ^ tag[0]) | (words[1] ^ tag[1]) | (words[2] ^ tag[2]) | (words[3] ^ tag[3])) return -1;\n",
        to: "",
      },
    ],
  );
});

test("[A17] a license that the kiosk hands over twice, since the answer was lost, is one license", async () => {
  await tried(
    async (stage) => {
      await stage.toKiosk();
      const rental = stage.rental(stage.sample(500), { custody: CUSTODY_SPLIT });
      const { session } = rental.card;
      const genuine = session.command.bind(session);
      session.command = async (cla, ins, tag, data, what) => {
        if (ins === INS_CONTRACT_KEY) await genuine(cla, ins, tag, data, what);
        return genuine(cla, ins, tag, data, what);
      };
      await rent(rental);
      const held: number[] = [];
      const kiosk = stage.session("card");
      await kiosk.authenticate(ROLE_CARD);
      for (let at = 0; at < 4; at++) held.push((await kiosk.transfer(0x00, INS_GET_DATA, TAG_LICENSE + at, none)).sw);
      return held.filter((sw) => sw === 0x9000).length > 1;
    },
    "card",
    [{ file: "src/card/card.ts", from: "  if (seekLicense(device, LICENSE_ID, issue.subarray(0, 16)) < 0) {", to: "  {" }],
  );
});

test.run();
