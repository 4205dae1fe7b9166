/**
 * `kill -9` of the center, in its own process, at every moment of every command of a contract, a rental and a return: that by the cartridge's receipt and that by the card, paid
 * and unpaid. After each start staff looks whether the books hold every loan, charge and point once or not at all, and know of the key that a cartridge holds.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import * as returns from "../../src/center/api/return-routes.js";
import {
  activateLoan,
  cancelLoan,
  completeContract,
  getLoan,
  introduce,
  makeContract,
  meetCard,
  prepareLoan,
  sealKey,
} from "../../src/center/api/rental-routes.js";
import { CenterClient } from "../../src/center/client.js";
import { ROLE_KIOSK } from "../../src/core/protocol/constants.js";
import type { Moment } from "../../src/center/http/parts.js";
import { startCenter } from "../../src/center/main.js";
import { suite } from "../suite.js";
import { SHORT_LIVED } from "../support/translated.js";
import { program } from "../support/program.js";
import { chainOf } from "./support/keys.js";
import { contract, arm, giveBack, hex, unhex } from "./support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, kioskClient, startWorld } from "./support/world.js";

const test = suite("kill of the center");
const script = await program(fileURLToPath(new URL("support/child-center.ts", import.meta.url)));
const seconds = (): number => Math.floor(Date.now() / 1000);

const commands = [
  introduce,
  prepareLoan,
  meetCard,
  makeContract,
  completeContract,
  sealKey,
  activateLoan,
  returns.takeReceipt,
  returns.rateLoan,
  returns.reserveContent,
  returns.payLoan,
  returns.orderRevocation,
  returns.takeRevocation,
  returns.markUnpaid,
  cancelLoan,
];
/** Before the transaction of a command ends, and after it before the answer goes out; before it begins is the same for all. */
const places: (readonly [Moment, string])[] = [
  ["received", introduce.url],
  ...commands.flatMap(({ url }) => [["worked", url] as const, ["committed", url] as const]),
];

/** A center that is started again whenever it dies, the next time to die at the next place. */
class Mortal {
  deaths = 0;
  private child: ChildProcess | undefined;
  private over = false;
  /** What was seen in the books that must not be there. */
  readonly wrong: string[] = [];
  private readonly looks: Promise<unknown>[] = [];
  constructor(
    private readonly folder: string,
    private readonly port: number,
    private readonly look: () => Promise<string[]>,
  ) {}

  async live(): Promise<void> {
    const place = places.at(this.deaths) ?? ["never", "nowhere"];
    const child = spawn(process.execPath, [SHORT_LIVED, script, this.folder, String(this.port), ...place], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    child.once("exit", (_code, signal) => {
      if (this.over) return;
      assert.is(signal, "SIGKILL");
      const [moment, url] = place;
      this.deaths++;
      const looked = this.live()
        .then(() => this.look())
        .then((seen) => this.wrong.push(...seen.map((sentence) => `after a death when ${url} was ${moment}: ${sentence}`)));
      // Whoever waits for it hears of a failure; until then it is not unhandled.
      looked.catch(() => undefined);
      this.looks.push(looked);
    });
    await once(child.stdout, "data");
  }

  /** All that was begun to be looked at has been seen. */
  async looked(): Promise<void> {
    await Promise.all(this.looks);
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.looks);
    this.over = true;
    if (this.child?.exitCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

test("[C1][C3] at every step: the loan, its charge, its points and its payment are there exactly once", async () => {
  const world = await startWorld();
  world.clock.time = seconds();
  const operator = await addOperator(world, "van");
  const chains = { chain: chainOf("van kiosk", ROLE_KIOSK, true), deviceChain: chainOf("van kiosk", ROLE_KIOSK, false) };
  await world.staff.call(admin.enrollKiosk, { body: { operatorId: operator.id, name: "van kiosk", ...chains, generation: 1 } });
  const contentId = await addContent(world, "a tune", 1);
  await addOffer(world, operator.id, contentId, { custody: 3, tariffId: await addTariff(world, operator.id, { periodPrice: 0 }) });
  const { id: customerId, card } = await addCustomer(world, "reader");
  const cartridges = [await addCartridge(world, "slow cartridge"), await addCartridge(world, "lost cartridge")];
  const { port } = new URL(world.center.url);
  const token = readFileSync(world.center.tokenFile, "utf8").trim();
  await world.center.stop();
  const url = `http://127.0.0.1:${port}`;
  const staff = new CenterClient({ url, credential: { token }, attempts: 100 });
  let looks = 0;
  const mortal = new Mortal(world.folder, Number(port), async () => {
    looks++;
    const wrong: string[] = [];
    for (const cartridge of cartridges) {
      const { key, loanId } = cartridge;
      if (key === null) continue;
      const { state } = await staff.call(getLoan, { params: { loanId } }).catch(() => ({ state: "unknown" }));
      // One that stays at home when its card comes back keeps its share; what was destroyed meanwhile is of no concern.
      const known = ["PENDING", "ACTIVE", ...(cartridge.name === "lost cartridge" ? ["RETURNED", "UNPAID"] : [])];
      if (cartridge.key !== null && !known.includes(state)) wrong.push(`a cartridge holds the key of a loan that is ${state}`);
    }
    const loans = await staff.call(admin.listLoans, { query: { customerId } });
    for (const cartridge of cartridges) {
      const made = loans.filter(
        ({ cartridgeId, state }) => cartridgeId === cartridge.id && ["PREPARED", "PENDING", "ACTIVE"].includes(state),
      );
      if (made.length > 1) wrong.push(`${String(made.length)} loans of one cartridge that run`);
    }
    if (loans.length > 3) wrong.push(`${String(loans.length)} loans where three are made`);
    for (const { id, state, charged, paid } of loans) {
      const begun = ["PREPARED", "PENDING", "NEVER_ACTIVATED"].includes(state);
      if (charged !== (begun ? 0 : 100)) wrong.push(`loan ${id} is ${state} and charged ${String(charged)}`);
      if (paid !== (state === "CLOSED" ? charged : 0)) wrong.push(`loan ${id} is ${state} and paid ${String(paid)}`);
    }
    const { points, reservations } = await staff.call(admin.getCustomer, { params: { customerId } });
    if (points > 2 || reservations.length > 1) wrong.push(`${String(points)} points for ${String(reservations.length)} reservations`);
    return wrong;
  });
  await mortal.live();
  const kiosk = kioskClient(url, "van kiosk", seconds, 1000);
  try {
    const [cartridge, left] = cartridges;
    await kiosk.call(introduce, { body: { firstId: operator.kioskId, secondId: cartridge.id } });
    const loan = await kiosk.call(prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
    await contract(kiosk, loan, card);
    await arm(kiosk, loan, cartridge);
    assert.ok(cartridge.playable());
    const { due } = await giveBack(kiosk, cartridge);
    assert.is(due, 100);
    const params = { loanId: loan.id };
    await kiosk.call(returns.rateLoan, { params, body: { stars: 4 } });
    const { points, state } = await kiosk.call(returns.reserveContent, { body: { loanId: loan.id, contentId } });
    assert.equal([points, state], [2, "HELD"], "the copy that came back is held");
    await kiosk.call(returns.payLoan, { params, body: { amount: due, method: "cash", reference: "till-1" } });
    const after = await kiosk.call(getLoan, { params });
    assert.equal([after.state, after.charged, after.paid], ["CLOSED", 100, 100]);
    // The copy that was held, on another cartridge, which stays at home: the card alone comes back, and nobody pays.
    const second = await kiosk.call(prepareLoan, { body: { cartridgeId: left.id, cardId: card.id, contentId } });
    await contract(kiosk, second, card);
    await arm(kiosk, second, left);
    const other = { loanId: second.id };
    const { revocation } = await kiosk.call(returns.orderRevocation, { params: other, body: {} });
    const proof = hex(await card.revoke(unhex(revocation)));
    assert.is((await kiosk.call(returns.takeRevocation, { params: other, body: { proof } })).loan.state, "RETURNED");
    assert.is((await kiosk.call(returns.markUnpaid, { params: other, body: { reason: "left" } })).state, "UNPAID");
    await left.erase();
    const third = await kiosk.call(prepareLoan, { body: { cartridgeId: cartridge.id, cardId: card.id, contentId } });
    assert.is((await kiosk.call(cancelLoan, { params: { loanId: third.id }, body: {} })).state, "NEVER_ACTIVATED");
    await mortal.looked();
    assert.equal([mortal.deaths, mortal.wrong], [places.length, []]);
  } finally {
    await mortal.end();
  }
  assert.ok(looks > places.length / 2, "most centers live long enough to be looked at");
  world.center = await startCenter(world.options);
  const counts = await sql<Record<string, number>>`select
    (select count(*) from loans where state <> 'NEVER_ACTIVATED') as loans, (select count(*) from loans) as begun,
    (select count(*) from licenses) as licenses, (select count(*) from licenses where revoked_at is not null) as revoked,
    (select count(*) from charges where amount > 0) as charges, (select count(*) from payments) as payments,
    (select count(*) from ratings) as ratings, (select count(*) from reservations) as reservations,
    (select count(*) from point_entries) as points, (select coalesce(sum(amount), 0)::bigint from ledger_entries) as sum,
    (select copies_out + copies_held from contents) as copies,
    (select ticket_serial from devices where id = ${cartridges[0].id}) as tickets`.execute(world.center.db);
  assert.equal(counts.rows[0], {
    loans: 2,
    begun: 3,
    licenses: 2,
    revoked: 1,
    charges: 2,
    payments: 1,
    ratings: 1,
    reservations: 1,
    points: 2,
    sum: 0,
    copies: 0,
    tickets: 1,
  });
  await world.end();
});

test.run();
