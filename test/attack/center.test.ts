/** What a dishonest kiosk, or a customer's altered device, tries at the center over HTTP: refused by the program as it is, and let through by a copy that lacks the one check. */
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import * as rental from "../../src/center/api/rental-routes.js";
import * as returns from "../../src/center/api/return-routes.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import type { CenterClient } from "../../src/center/client.js";
import type { startCenter } from "../../src/center/main.js";
import { ROLE_CARTRIDGE, ROLE_KIOSK, ROLE_READER } from "../../src/core/protocol/constants.js";
import { MESSAGE_RECEIPT, prove } from "../../src/core/protocol/loan.js";
import { carryMeeting } from "../../src/kiosk/meeting.js";
import type { ModelCard, ModelCartridge } from "../center/support/devices.js";
import { chainOf, deviceId, keys } from "../center/support/keys.js";
import { contract, hex, rent, unhex } from "../center/support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, startWorld, type World } from "../center/support/world.js";
import { suite } from "../suite.js";
import { mutantModule, type Edit } from "./support/mutant.js";

const test = suite("attacks at the center");

/** A center, an operator's kiosk and its content, another operator's kiosk. */
interface Scene {
  world: World;
  kiosk: CenterClient;
  rival: CenterClient;
  contentId: string;
}

let numbers = 0;
const fresh = (name: string): string => `${name} ${String(++numbers)}`;
const zeros = "0".repeat(32);

async function scene(start?: typeof startCenter): Promise<Scene> {
  const world = await startWorld({}, start);
  const operator = await addOperator(world, "fair");
  const rival = await addOperator(world, "rival");
  // The rival's kiosk can be introduced to devices, too.
  const chains = { chain: chainOf("rival kiosk", ROLE_KIOSK, true), deviceChain: chainOf("rival kiosk", ROLE_KIOSK, false) };
  await world.staff.call(admin.enrollKiosk, { body: { operatorId: rival.id, name: "rival kiosk", ...chains, generation: 1 } });
  const contentId = await addContent(world, "a tune");
  await addOffer(world, operator.id, contentId, { custody: 3 });
  return { world, kiosk: operator.kiosk, rival: rival.kiosk, contentId };
}

interface Begun {
  card: ModelCard;
  cartridge: ModelCartridge;
  loan: LoanBody;
  params: { loanId: string };
}

async function begun({ world, kiosk, contentId }: Scene): Promise<Begun> {
  const { card } = await addCustomer(world, fresh("customer"));
  const cartridge = await addCartridge(world, fresh("cartridge"));
  const loan = await kiosk.call(rental.prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
  return { card, cartridge, loan, params: { loanId: loan.id } };
}

const meets = ({ kiosk }: Scene, { loan }: Begun, card: ModelCard): Promise<unknown> =>
  carryMeeting(kiosk, loan.id, (apdu) => card.carry(apdu));
const sealedBy = (card: ModelCard, { loan }: Begun, change = (_fields: Uint8Array): void => undefined): Promise<Uint8Array> => {
  const fields = unhex(loan.id + loan.contentId + loan.cartridgeId + loan.terms);
  change(fields);
  return card.contract(fields);
};

/** A reader's certificate in the books, 128 bytes. */
async function reader({ world }: Scene): Promise<Uint8Array> {
  const chain = chainOf(fresh("reader"), ROLE_READER, false);
  await world.staff.call(admin.enrollDevice, { body: { chain, generation: 1 } });
  return unhex(chain.slice(0, 256));
}

interface Attack {
  name: string;
  check: Edit;
  /** Comes to its end when the attacker gets what he wants. */
  run: (scene: Scene) => Promise<unknown>;
  /** Why the center refuses it. */
  why: RegExp;
}

const RENTAL = "src/center/loans/rental.ts";
const MEETING = "src/center/loans/meeting.ts";
const RETURNING = "src/center/loans/returning.ts";
const VIEW = "src/center/loans/view.ts";

const ATTACKS: Attack[] = [
  {
    name: "a license without the card having met the center",
    check: { file: RENTAL, from: "  await expectMet(scope, loan);\n", to: "" },
    run: async (at) => {
      const one = await begun(at);
      await at.kiosk.call(rental.makeContract, { params: one.params, body: { contract: hex(await sealedBy(one.card, one)) } });
    },
    why: /let the two meet first/,
  },
  {
    name: "another card than the loan's in the meeting",
    check: { file: MEETING, from: "if (toHex(turn.card.id) !== loan.card_id)", to: "if (loan.card_id === null)" },
    run: async (at) => {
      const [one, two] = [await begun(at), await begun(at)];
      await meets(at, one, two.card);
    },
    why: /is not the one of this loan/,
  },
  {
    name: "other terms than were agreed",
    check: { file: RENTAL, from: "if (toHex(opened.contract) !== toHex(contractOf(loan)))", to: "if (opened.contract.length === 0)" },
    run: async (at) => {
      const one = await begun(at);
      await meets(at, one, one.card);
      const contract = hex(await sealedBy(one.card, one, (fields) => (fields[40 + 17] = 9)));
      const { license } = await at.kiosk.call(rental.makeContract, { params: one.params, body: { contract } });
      await one.card.acceptLicense(unhex(license));
    },
    why: /other terms than were agreed/,
  },
  {
    name: "a completion that no card proved",
    check: {
      file: RENTAL,
      from: "!scope.authority.verifyCompletion(card, fromHex(license.id), fromHex(license.nonce), proof)",
      to: "proof.length === 0",
    },
    run: async (at) => {
      const one = await begun(at);
      await meets(at, one, one.card);
      await at.kiosk.call(rental.makeContract, { params: one.params, body: { contract: hex(await sealedBy(one.card, one)) } });
      await at.kiosk.call(rental.completeContract, { params: one.params, body: { proof: zeros } });
    },
    why: /did not prove that it holds the license/,
  },
  {
    name: "the key before the card has the license",
    check: { file: RENTAL, from: "  if (loan.card_id !== null) await expectLicense(scope, loan);\n", to: "" },
    run: async (at) => {
      const one = await begun(at);
      await at.kiosk.call(rental.sealKey, { params: one.params, body: { challenge: zeros, counter: 0 } });
    },
    why: /has not reported that it holds the license/,
  },
  {
    name: "an active loan that no cartridge holds",
    check: {
      file: RENTAL,
      from: "!scope.authority.verifyHeld(cartridge, fromHex(loan.id), loan.counter, challenge, proof)",
      to: "proof.length === 0",
    },
    run: async (at) => {
      const one = await begun(at);
      await contract(at.kiosk, one.loan, one.card);
      await at.kiosk.call(rental.sealKey, { params: one.params, body: { challenge: zeros, counter: 0 } });
      await at.kiosk.call(rental.activateLoan, { params: one.params, body: { challenge: zeros, proof: zeros } });
    },
    why: /did not prove that it holds this loan's key/,
  },
  {
    name: "a loan of another kiosk",
    check: { file: "src/center/loans/machine.ts", from: "if (loan.kiosk_id !== kioskId)", to: "if (kioskId.length === 0)" },
    run: async (at) => {
      const one = await begun(at);
      await at.rival.call(rental.cancelLoan, { params: one.params, body: {} });
    },
    why: /is being made at another kiosk/,
  },
  {
    name: "a reader that the card did not bring",
    check: { file: MEETING, from: "if (named !== null && !readers.includes(named))", to: "if (readers.length > 9)" },
    run: async (at) => {
      const { card } = await addCustomer(at.world, fresh("customer"));
      const cartridge = await addCartridge(at.world, fresh("cartridge"));
      const body = { cartridgeId: cartridge.id, cardId: card.id, contentId: at.contentId, readerCertificate: hex(await reader(at)) };
      const loan = await at.kiosk.call(rental.prepareLoan, { body });
      await meets(at, { card, cartridge, loan, params: { loanId: loan.id } }, card);
    },
    why: /did not bring the certificate/,
  },
  {
    name: "a certificate with a reader's id and another key",
    check: { file: MEETING, from: "if (toHex(reader.chain.subarray(0, 128)) !== certificate)", to: "if (certificate.length === 0)" },
    run: async (at) => {
      const forged = await reader(at);
      forged[40] ^= 1;
      const { card } = await addCustomer(at.world, fresh("customer"));
      const cartridge = await addCartridge(at.world, fresh("cartridge"));
      await at.kiosk.call(rental.prepareLoan, {
        body: { cartridgeId: cartridge.id, cardId: card.id, contentId: at.contentId, readerCertificate: hex(forged) },
      });
    },
    why: /not the one that reader/,
  },
  {
    name: "a contract of a card that was revoked after it met the center",
    check: { file: VIEW, from: "if (row.revoked_at !== null)", to: "if (row.id.length === 0)" },
    run: async (at) => {
      const one = await begun(at);
      await meets(at, one, one.card);
      await at.world.staff.call(admin.revokeDevice, { params: { deviceId: one.card.id }, body: {} });
      await at.kiosk.call(rental.makeContract, { params: one.params, body: { contract: hex(await sealedBy(one.card, one)) } });
    },
    why: /is revoked/,
  },
  {
    name: "an introduction of a card to another kiosk",
    check: {
      file: "src/center/loans/introduction.ts",
      from: "if (firstId !== kioskId && secondId !== kioskId)",
      to: "if (kioskId.length === 0)",
    },
    run: async (at) => {
      const one = await begun(at);
      await at.kiosk.call(rental.introduce, { body: { firstId: one.card.id, secondId: deviceId("rival kiosk") } });
    },
    why: /introduces itself only/,
  },
  {
    name: "the end of a loan whose license the card keeps",
    check: {
      file: RETURNING,
      from: "!scope.authority.verifyRevoked(card, fromHex(license.id), fromHex(license.revocation_nonce), proof)",
      to: "proof.length === 0",
    },
    run: async (at) => {
      const { card } = await addCustomer(at.world, fresh("customer"));
      const { id: loanId } = await rent(at.kiosk, await addCartridge(at.world, fresh("cartridge")), at.contentId, card);
      await at.kiosk.call(returns.orderRevocation, { params: { loanId }, body: {} });
      await at.kiosk.call(returns.takeRevocation, { params: { loanId }, body: { proof: zeros } });
    },
    why: /did not prove that the license is gone/,
  },
  {
    name: "the end of somebody else's loan by a receipt of one's own cartridge",
    check: {
      file: RETURNING,
      from: "if (loan.cartridge_id !== named.cartridgeId || loan.counter !== receipt.counter)",
      to: "if (named.cartridgeId.length === 0)",
    },
    run: async (at) => {
      const { card } = await addCustomer(at.world, fresh("customer"));
      const theirs = await rent(at.kiosk, await addCartridge(at.world, fresh("cartridge")), at.contentId, card);
      const own = await addCartridge(at.world, fresh("cartridge"));
      // The device key was read out of the flash of one's own cartridge.
      const receipt = new Uint8Array(60);
      receipt.set([1, 3, 0]);
      receipt.set(unhex(own.id), 4);
      receipt.set(unhex(theirs.id), 12);
      receipt.set([0, 0, 0, 1], 28);
      receipt.set([1, 1, 1, 1], 40);
      prove(receipt.subarray(44), keys.deviceKey(ROLE_CARTRIDGE, unhex(own.id), 1), MESSAGE_RECEIPT, receipt.subarray(0, 44));
      await at.kiosk.call(returns.takeReceipt, { body: { receipt: hex(receipt) } });
    },
    why: /names another cartridge or counter/,
  },
];

async function refusal(attack: Attack, at: Scene): Promise<string | null> {
  try {
    await attack.run(at);
    return null;
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.message;
  }
}

test("[A14][A16][A17][C3] each check of the center keeps a dishonest kiosk from what it wants, and nothing else does", async () => {
  const genuine = await scene();
  try {
    for (const attack of ATTACKS) assert.match((await refusal(attack, genuine)) ?? "it comes through", attack.why, attack.name);
  } finally {
    await genuine.world.end();
  }
  const edits = ATTACKS.map(({ check }) => check);
  const { startCenter: start } = (await mutantModule("src/center/main.ts", edits)) as { startCenter: typeof startCenter };
  const lacking = await scene(start);
  try {
    for (const attack of ATTACKS) assert.is(await refusal(attack, lacking), null, `${attack.name}: it fails even without its check`);
  } finally {
    await lacking.world.end();
  }
});

test.run();
