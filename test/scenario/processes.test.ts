/** The contract over the network: center, rental kiosk, card, cartridge and reader are processes of their own, and the kiosk tells all that it has seen. */
import type { ChildProcess } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import { listLoans } from "../../src/center/api/admin-routes.js";
import { giveReaders } from "../../src/center/enrollment.js";
import { CUSTODY_SPLIT, INS_GET_DATA, TAG_MAILBOX } from "../../src/core/protocol/constants.js";
import { TERMS_READER } from "../../src/core/protocol/terms.js";
import { hex } from "../../src/host/party.js";
import { DeviceSession } from "../../src/host/session.js";
import { suite } from "../suite.js";
import { RecordingKiosk } from "./support/recording-kiosk.js";
import { lending } from "./support/service-secrets.js";
import { Service, carry, household, until } from "./support/service.js";

const test = suite("separate processes");
const service = new Service();
let recorder: ChildProcess | undefined;
test.after(async () => {
  recorder?.kill("SIGKILL");
  await service.end();
});

test("[A14][A15][A16][A17][D1][D4][F9] over the network the center authenticates card and reader, and the card gets its license; the kiosk sees no key", async () => {
  const center = await service.center();
  const operatorId = await service.operator("library");
  const title = await service.lend("a tune", randomBytes(3000), operatorId, { custody: CUSTODY_SPLIT });
  const home = await household(service, "Ada");
  await service.atCounter(home.card.addresses, (transport) =>
    giveReaders(service.keys, transport, [home.readerId], () => Date.now() / 1000),
  );
  const identity = await service.kioskIdentity("desk", operatorId);
  await carry(home, "rent");
  const kiosk = await RecordingKiosk.start(service, identity, home.card.addresses.rent, home.cartridge.addresses.rent);
  recorder = kiosk.process;
  const { loan, error, done, seen: all } = await kiosk.order({ contentId: title.id, reader: 0 });
  assert.is(error, undefined);
  assert.ok(loan);
  assert.is(loan.state, "ACTIVE");
  assert.is(loan.terms.slice(2 * TERMS_READER, 2 * TERMS_READER + 16), home.readerId, "the loan is for the reader that the card brought");

  // Who authenticated whom, and how: message 1 tells by its mode, 0 with certificates, 1 by a secret that the two share.
  const begun = (name: string): string[] => done.filter((line) => line.startsWith(`${name} 00860101`)).map((line) => line.slice(-6));
  assert.equal(begun("cartridge"), ["mode 1"], "the center has introduced kiosk and cartridge: no public-key arithmetic at the counter");
  assert.equal(begun("card"), ["mode 1", "mode 0", "mode 1"], "kiosk and card; then center and card by certificates; then the kiosk again");
  const meeting = "center POST /v1/loans/:id/meeting";
  for (const message of ["00860101", "00860102", "00860103"])
    assert.ok(done.slice(done.indexOf(meeting), done.lastIndexOf(meeting)).some((line) => line.startsWith(`card ${message}`)));

  // The order of the contract: nothing is downloaded before the card has confirmed.
  const places = [
    done.lastIndexOf(meeting),
    done.indexOf("center POST /v1/loans/:id/contract"),
    done.indexOf("center POST /v1/loans/:id/completion"),
    done.findIndex((line) => line.startsWith("center GET /v1/contents/:id/sealed/")),
    done.indexOf("center POST /v1/loans/:id/key"),
    done.indexOf("center POST /v1/loans/:id/activation"),
  ];
  assert.ok(
    places.every((place, index) => place > (index === 0 ? -1 : places[index - 1])),
    String(places),
  );

  // Nothing of a key is in what the kiosk saw, in its sessions too.
  const seen = all.join(" ");
  assert.ok(seen.includes(loan.id) && seen.length > 10_000, "it sees what the loan is about");
  const mailbox = await mailOf(home.cartridge.addresses.rent);
  assert.is(mailbox?.length, 236, "the reader's introductions travel home in the cartridge");
  await carry(home, "home");
  await until(() => service.played("Ada reader").length > 0, "playing");
  assert.equal(sha256(service.played("Ada reader")[0]), sha256(title.plain));
  const [listed] = await service.staff.call(listLoans, { query: { customerId: loan.customerId } });
  assert.is(listed.id, loan.id);
  await center.kill();
  const { loanKeys, titleKeys } = await lending(service, [loan]);
  for (const secret of [...Object.values(loanKeys[0]), ...titleKeys] as Uint8Array[])
    for (let at = 0; at + 8 <= 32; at += 8) assert.not.ok(seen.includes(hex(secret.subarray(at, at + 8))));
});

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What anyone may fetch from a cartridge: tickets for its reader. */
async function mailOf(address: string): Promise<Uint8Array | null> {
  recorder?.kill("SIGKILL");
  let mail: Uint8Array | null = null;
  // The slot is free once it has noticed that the kiosk is gone.
  await until(
    () =>
      service
        .atCounter({ host: address }, async (transport) => {
          const { sw, data } = await new DeviceSession(transport).transfer(0x00, INS_GET_DATA, TAG_MAILBOX, new Uint8Array(0));
          mail = sw === 0x9000 ? data : null;
          return true;
        })
        .catch(() => false),
    "a free slot",
  );
  return mail;
}

test.run();
