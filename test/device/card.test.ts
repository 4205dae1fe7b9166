import { instance, mock, resetCalls, verify, anything } from "ts-mockito";
import * as assert from "uvu/assert";
import { startCard } from "../../src/card/card.js";
import { Authority } from "../../src/center/keys/authority.js";
import { SW_CONDITIONS, SW_DATA, SW_FAILURE, SW_OK, SW_SECURITY } from "../../src/core/link/apdu.js";
import {
  CUSTODY_CARD,
  INS_CONTRACT,
  INS_CONTRACT_KEY,
  INS_END_PLAY,
  INS_REQUEST_KEY,
  ROLE_CARD,
  ROLE_CARTRIDGE,
  ROLE_KIOSK,
  ROLE_READER,
} from "../../src/core/protocol/constants.js";
import { LICENSE_KEY, LICENSE_LENGTH, LICENSE_PLAYS, LICENSE_RECORD, USE_NO_PLAYS, openLicense } from "../../src/core/protocol/license.js";
import { encodeTerms } from "../../src/kiosk/rental.js";
import { suite } from "../suite.js";
import { MockedBoard, command, inSession, keys, type Answer } from "./board.js";

const test = suite("card firmware");
const reference = { role: ROLE_CARD, id: Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1), generation: 1 };
const authority = new Authority(keys);
const loanId = new Uint8Array(16).fill(1);
const contentId = new Uint8Array(16).fill(2);
const licenseId = new Uint8Array(16).fill(3);
const loanKey = new Uint8Array(32).fill(0x77);
const terms = encodeTerms({ custody: CUSTODY_CARD, duration: 86_400, kioskId: new Uint8Array(8), plays: 2 });
const contract = Buffer.concat([loanId, contentId, new Uint8Array(8).fill(ROLE_CARTRIDGE), terms]);

const mocked = new MockedBoard(1);
mocked.personalize(reference);
const device = startCard(instance(mocked.board));
const tell = (ins: number, data: Uint8Array, tag = 0): Answer => command(device, ins, tag, data);

/** The answers of the card, as a mock whose calls have an order among those of the board. */
class Answers {
  respond(_sw: number, _length: number): void {
    throw new Error("a mock stands in for this");
  }
}

const request = (play: number): Uint8Array => Buffer.concat([contentId, loanId, new Uint8Array(16).fill(play), new Uint8Array(4)]);

/** The license in clear that a reader gets out of the card's answer. */
function licenseIn(answer: Answer): Uint8Array {
  const license = new Uint8Array(LICENSE_LENGTH);
  assert.is(answer.sw, SW_OK);
  assert.ok(openLicense(license, answer.data.subarray(LICENSE_RECORD), answer.data.subarray(0, LICENSE_RECORD)));
  return license;
}

test("takes the license that the center sealed for its own contract, and no other", () => {
  inSession(device, ROLE_KIOSK);
  assert.is(tell(INS_CONTRACT_KEY, new Uint8Array(172)).sw, SW_CONDITIONS, "there is no contract");
  const opened = authority.openContract(reference, tell(INS_CONTRACT, contract).data);
  assert.ok(opened && Buffer.from(opened.contract).equals(contract));
  const nonce = (opened as { nonce: Uint8Array }).nonce;
  const sealed = authority.sealLicense(reference, licenseId, nonce, contract, 1_800_000_000, loanKey);
  const other = { ...reference, id: new Uint8Array(8) };
  assert.is(tell(INS_CONTRACT_KEY, authority.sealLicense(other, licenseId, nonce, contract, 1, loanKey)).sw, SW_DATA);
  assert.is(tell(INS_CONTRACT_KEY, authority.sealLicense(reference, licenseId, new Uint8Array(16), contract, 1, loanKey)).sw, SW_DATA);
  const changed = Uint8Array.from(contract);
  changed[60] ^= 1;
  assert.is(tell(INS_CONTRACT_KEY, authority.sealLicense(reference, licenseId, nonce, changed, 1, loanKey)).sw, SW_DATA);
  const completion = tell(INS_CONTRACT_KEY, sealed);
  assert.is(completion.sw, SW_OK);
  assert.ok(authority.verifyCompletion(reference, licenseId, nonce, completion.data));
});

test("gives no license to a kiosk, nor to anyone without a session", () => {
  assert.is(tell(INS_REQUEST_KEY, request(1)).sw, SW_SECURITY);
  device.channel.open = false;
  assert.is(tell(INS_REQUEST_KEY, request(1)).sw, SW_SECURITY);
});

test("debits the play in its journal before it answers with the key", () => {
  inSession(device, ROLE_READER);
  const answers = mock(Answers);
  const { respond } = instance(answers);
  resetCalls(mocked.flash);
  device.data.set(request(1));
  device.handler?.(device, INS_REQUEST_KEY, 0, device.data.subarray(0, 52), respond);
  verify(mocked.flash.program(anything(), anything(), anything())).calledBefore(answers.respond(SW_OK, LICENSE_RECORD + 32));
  const license = licenseIn({ sw: SW_OK, data: device.data.slice(0, LICENSE_RECORD + 32) });
  assert.is(new DataView(license.buffer).getUint16(LICENSE_PLAYS), 1);
  assert.equal(license.subarray(LICENSE_KEY), loanKey);
});

test("asked again for the open play it answers the same, and neither debits nor writes", () => {
  resetCalls(mocked.flash);
  const license = licenseIn(tell(INS_REQUEST_KEY, request(1)));
  assert.is(new DataView(license.buffer).getUint16(LICENSE_PLAYS), 1);
  verify(mocked.flash.program(anything(), anything(), anything())).never();
});

test("a debit that flash did not take releases nothing", () => {
  mocked.flashWorks = false;
  const answer = tell(INS_REQUEST_KEY, request(2));
  mocked.flashWorks = true;
  assert.is(answer.sw, SW_FAILURE);
  assert.is(answer.data.length, 0);
  assert.not.ok(Buffer.from(device.buffer).includes(Buffer.from(loanKey)));
});

test("the last play is debited once, the one after is refused with its reason", () => {
  const license = licenseIn(tell(INS_REQUEST_KEY, request(2)));
  assert.is(new DataView(license.buffer).getUint16(LICENSE_PLAYS), 2);
  resetCalls(mocked.flash);
  const refused = tell(INS_REQUEST_KEY, request(3));
  assert.is(refused.sw, SW_CONDITIONS);
  assert.equal([...refused.data], [USE_NO_PLAYS]);
  verify(mocked.flash.program(anything(), anything(), anything())).never();
});

test("the key of the next version goes only to the reader that has the open play", () => {
  assert.is(tell(INS_END_PLAY, Buffer.concat([licenseId, new Uint8Array(16).fill(9)])).sw, SW_CONDITIONS);
  const next = tell(INS_END_PLAY, Buffer.concat([licenseId, new Uint8Array(16).fill(2)]));
  assert.is(next.sw, SW_OK);
  assert.is(next.data.length, 32);
  assert.is(tell(INS_END_PLAY, new Uint8Array(LICENSE_RECORD), 1).sw === SW_OK, false, "a license of zeros takes no other's place");
});

test.run();
