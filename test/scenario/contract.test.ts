/**
 * The contract with links that break, and by a kiosk that lies: center, kiosk, card and cartridge are processes of their own, the boards run the built bundles.
 * LEYDEN_CUTS=all cuts at every message that a rental has, before it arrives and before its answer does.
 */
import { randomBytes } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { listLoans } from "../../src/center/api/admin-routes.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import { CUSTODY_SPLIT, ROLE_CARD, ROLE_CARTRIDGE } from "../../src/core/protocol/constants.js";
import { unhex } from "../../src/host/party.js";
import { suite } from "../suite.js";
import { steal, type Theft } from "./support/leftovers.js";
import { RecordingKiosk, type Outcome } from "./support/recording-kiosk.js";
import { lending, secretsOf, type Lending } from "./support/service-secrets.js";
import { Service } from "./support/service.js";

const test = suite("contract");
const service = new Service();
const center = await service.center();
const operatorId = await service.operator("harbor");
const price: [number, number] = [100, 50];
const title = await service.lend("a tune", randomBytes(600), operatorId, { custody: CUSTODY_SPLIT, price });
const cheaper = await service.lend("a jingle", randomBytes(600), operatorId, { custody: CUSTODY_SPLIT });
const [card, cartridge, others] = await Promise.all([
  service.board("card", "card"),
  service.board("cartridge", "cartridge", "--days", "1"),
  service.board("card", "another card"),
]);
for (const board of [card, cartridge, others]) {
  board.tell("rent");
  await board.says(/is at/);
}
const cardId = await service.enroll(card, ROLE_CARD, "Grace");
const cartridgeId = await service.enroll(cartridge, ROLE_CARTRIDGE);
const othersId = await service.enroll(others, ROLE_CARD, "Mallory");
const identity = await service.kioskIdentity("quay", operatorId);
const kiosk = await RecordingKiosk.start(service, identity, card.addresses.rent, cartridge.addresses.rent, others.addresses.rent);
/** Sentences in which orders ended. */
const errors: string[] = [];
test.after(async () => {
  kiosk.process.kill("SIGKILL");
  await service.end();
});

const loans = (): Promise<LoanBody[]> => service.staff.call(listLoans, { query: {} });

/** One loan runs, with one license and one charge, and what else was begun never ran and costs nothing. */
async function oneLoan(outcome: Outcome, before: LoanBody[], where: string): Promise<void> {
  const made = (await loans()).filter(({ id }) => !before.some((loan) => loan.id === id));
  const running = made.filter(({ state }) => state === "ACTIVE");
  assert.is(running.length, 1, `${where}: ${made.map(({ state }) => state).join()}`);
  assert.equal([outcome.licenses, outcome.armed], [[running[0].id], running[0].id], `${where}: card and cartridge hold that loan alone`);
  assert.is(running[0].charged, 100, where);
  for (const loan of made) if (loan !== running[0]) assert.equal([loan.state, loan.charged], ["NEVER_ACTIVATED", 0], where);
}

/** What the contract consists of, after the center has met the card; the whole walk takes every message. */
const STEPS = [
  "center POST /v1/loans",
  "card 8c30",
  "center POST /v1/loans/:id/contract",
  "card 8c32",
  "center POST /v1/loans/:id/completion",
  "center POST /v1/loans/:id/key",
  "cartridge 8c44",
  "center POST /v1/loans/:id/activation",
  "cartridge 8c48",
];
const name = (line: string): string => (line.startsWith("center") ? line : line.replace(/^(\S+ \S{4}).*/, "$1"));

test("[A17][C1] a link that breaks at any message, of the kiosk with a device or with the center, ends after another try in one loan, one license, one charge", async () => {
  const first = await kiosk.order({ contentId: title.id });
  assert.is(first.error, undefined);
  await oneLoan(first, [], "without a cut");
  const all = [...new Set(first.done.map(name))];
  for (const step of STEPS) assert.ok(all.includes(step), `${step} is in ${all.join(", ")}`);
  const whole = process.env.LEYDEN_CUTS === "all";
  for (const [index, at] of (whole ? all : STEPS).entries())
    for (const lost of ["message", "answer"] as const) {
      // What was lost on the way to a device is found by what is lost on the way back.
      if (!whole && (index % 2 === 0) === (lost === "message")) continue;
      const where = `${at}, ${lost} lost`;
      await kiosk.order({});
      const before = await loans();
      const broken = await kiosk.order({ contentId: title.id, cut: { at, lost } });
      if (broken.missed) continue;
      let again = await kiosk.order({ contentId: title.id });
      // The loan was made, and only its kiosk did not hear of it.
      if (again.error !== undefined) {
        assert.match(again.error, /has a loan that runs/, where);
        again = { ...again, error: undefined };
      }
      await oneLoan(again, before, where);
    }
});

test("[A17] a kiosk that swaps card, terms, license, proofs, key or ACTIVATE between the steps, or says those of an earlier loan, gets no loan", async () => {
  await kiosk.order({});
  // What it says again of an earlier loan is of another content.
  assert.is((await kiosk.order({ contentId: cheaper.id })).error, undefined);
  await kiosk.order({});
  for (const [lie, why] of [
    [{ at: "device 8030", flip: 40 + 17 }, /other terms than were agreed/],
    [{ at: "device 8030", flip: 33 }, /other terms than were agreed/],
    [{ at: "device 8030" }, /other terms than were agreed/],
    [{ at: "contract contract" }, /other terms than were agreed/],
    [{ at: "contract contract", flip: 60 }, /not sealed by this loan's card/],
    [{ at: "device 8032" }, /the license: 0x6a80|6a80/],
    [{ at: "completion proof" }, /did not prove that it holds the license/],
    [{ at: "meeting", second: true }, /is not the one of this loan/],
    [{ at: "device 8030", second: true }, /not sealed by this loan's card/],
    [{ at: "device 8032", second: true }, /the license: 0x6a80|6a80/],
    [{ at: "device 8044" }, /6a80/],
    [{ at: "device 8044", flip: 100 }, /6a80/],
    [{ at: "activation proof" }, /did not prove that it holds this loan's key/],
    [{ at: "activation challenge" }, /did not prove that it holds this loan's key/],
    [{ at: "device 8048" }, /6a80/],
  ] as const) {
    const before = await loans();
    const outcome = await kiosk.order({ contentId: title.id, lie });
    const where = `${JSON.stringify(lie)}: ${outcome.error ?? "a loan"}`;
    errors.push(outcome.error ?? "");
    assert.match(outcome.error ?? "", why, where);
    // The cartridge does not arm by an ACTIVATE of an earlier loan; by its own it does, since the center has committed the loan.
    if (lie.at === "device 8048") await oneLoan(outcome, before, where);
    else assert.equal([outcome.loan, outcome.armed, outcome.licenses], [undefined, undefined, []], where);
    await kiosk.order({});
  }
  const before = await loans();
  await oneLoan(await kiosk.order({ contentId: title.id }), before, "an honest kiosk afterwards");
});

/** What a kiosk that keeps all can try: every row of 32 bytes that it saw, and its own keys, on the content that it recorded. */
async function steals(seen: string[], loan: LoanBody, { sealed }: Lending, more: Uint8Array[]): Promise<Theft> {
  const form = sealed.find(({ contentId, suite: sealing }) => contentId === loan.contentId && sealing === loan.suite);
  assert.ok(form);
  const kept = readdirSync(join(service.folder, "recorder"), { recursive: true, encoding: "utf8" }).find((name) =>
    name.endsWith(form.sha256),
  );
  const texts = seen.join("\n");
  const envelope = [...texts.matchAll(/"envelope":"([0-9a-f]{96})"/g)].at(-1)?.[1] ?? "";
  const own = [...readFileSync(identity, "utf8").matchAll(/"([0-9a-f]{64})"/g)].map(([, key]) => unhex(key));
  const strings = [...texts.matchAll(/\b(?:[0-9a-f]{2}){32,}\b/g)].map(([text]) => unhex(text));
  assert.ok(own.length >= 2 && strings.length > 50);
  const certificate = (id: string): Uint8Array => unhex(`00000000${id}`);
  return steal(
    {
      certificates: new Map([
        ["card", certificate(cardId)],
        ["cartridge", certificate(cartridgeId)],
      ]),
    },
    { produced: form, sealed: new Uint8Array(readFileSync(join(service.folder, "recorder", kept ?? ""))) },
    unhex(loan.id),
    unhex(loan.terms),
    [...strings, ...own, unhex(`${Buffer.from(form.header).toString("hex")}${envelope}`), ...more],
  );
}

test("[A17] a content that the kiosk swaps gets no key; all that it saw, tried as keys, opens nothing; and no log, sentence or message of center, kiosk and boards tells a secret", async () => {
  await kiosk.order({});
  const before = (await kiosk.order({ contentId: cheaper.id })).seen.length;
  await kiosk.order({});
  const { loan, seen, done } = await kiosk.order({ contentId: title.id });
  assert.ok(loan);
  const all = await loans();

  // The last order: the center keeps a loan whose key it has sealed until it gives it up, and the card the license that opens nothing without it, since only this cartridge could
  // tell that nobody holds the key.
  await kiosk.order({});
  assert.is((await kiosk.order({ contentId: cheaper.id })).error, undefined);
  await kiosk.order({});
  const swapped = await kiosk.order({ contentId: title.id, lie: { at: "device 8042" } });
  assert.match(swapped.error ?? "", /6985/, "another content is recorded than the key is for");
  assert.equal([swapped.loan, swapped.armed], [undefined, undefined]);
  errors.push(swapped.error ?? "");
  await center.kill();
  const lent = await lending(service, all);
  const secrets = secretsOf(service, [
    [ROLE_CARD, cardId],
    [ROLE_CARD, othersId],
    [ROLE_CARTRIDGE, cartridgeId],
  ]);
  for (const keys of lent.loanKeys) for (const [name, key] of Object.entries(keys)) secrets.add(`${name} of a loan`, key as Uint8Array);
  for (const key of lent.titleKeys) secrets.add("title key", key);
  assert.ok(secrets.kinds.length >= 12 && errors.length > 10, secrets.kinds.join(", "));
  for (const told of [service.transcript, kiosk.errors, errors.join("\n"), done.join("\n"), seen.join("\n")])
    assert.equal(secrets.in(told), []);
  assert.match(service.transcript, /The center listens at/);

  const latest = seen.slice(before);
  const theft = await steals(latest, loan, lent, []);
  assert.ok(theft.tried > 1000, String(theft.tried));
  assert.not.ok(theft.opened);
  const [{ loanKey }] = lent.loanKeys.filter((_, index) => all[index].id === loan.id);
  assert.ok((await steals(latest, loan, lent, [loanKey])).opened, "with the one key that it did not see, it would");
});

test.run();
