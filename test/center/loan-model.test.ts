/**
 * A model of the loan beside the service: random commands from several customers and cartridges, each perhaps sent twice, in parallel, or cut off
 * before its answer; after each the service and the model agree, and the books balance.
 */
import fc from "../generate.js";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as rental from "../../src/center/api/rental-routes.js";
import * as returns from "../../src/center/api/return-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import { baseCharge, timeCharge } from "../../src/center/api/tariff.js";
import type { LoanState } from "../../src/center/db/tables.js";
import { suite } from "../suite.js";
import type { ModelCartridge } from "./support/devices.js";
import { databases } from "./support/databases.js";
import { arm, hex, unhex } from "./support/steps.js";
import {
  TARIFF,
  addCartridge,
  addContent,
  addCustomer,
  addOffer,
  addOperator,
  addTariff,
  startWorld,
  type World,
} from "./support/world.js";

const DAY = 86400;
const DURATION = 10 * DAY;

type Command =
  | { name: "rent"; cut: number }
  | { name: "return" }
  | { name: "report"; times: number }
  | { name: "pay"; times: number }
  | { name: "unpaid" }
  | { name: "rate"; stars: number }
  | { name: "dry" }
  | { name: "wait"; seconds: number }
  | { name: "restart" };

/** Where a rental is cut off: after PREPARE, after the key is sealed, after ACTIVE is committed, or not at all. */
const cuts = fc.integer({ min: 0, max: 6 });
const commands: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ name: fc.constant("rent" as const), cut: cuts }),
  fc.record({ name: fc.constant("rent" as const), cut: fc.constant(6) }),
  fc.constant({ name: "return" as const }),
  fc.record({ name: fc.constant("report" as const), times: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ name: fc.constant("pay" as const), times: fc.integer({ min: 1, max: 3 }) }),
  fc.constant({ name: "unpaid" as const }),
  fc.record({ name: fc.constant("rate" as const), stars: fc.integer({ min: 1, max: 5 }) }),
  fc.constant({ name: "dry" as const }),
  fc.record({ name: fc.constant("wait" as const), seconds: fc.constantFrom(30, 130, 1000, 5 * 3600, 3 * DAY, 15 * DAY) }),
);

/** What one cartridge's latest loan should be, told by the commands alone. */
interface ModelLoan {
  id: string;
  state: LoanState;
  activatedAt: number;
  charged: number;
  paid: number;
  rated: boolean;
}

class Model {
  loan: ModelLoan | null = null;
  receipt: Uint8Array | null = null;

  /** What the clock alone does to the loan, when the center sweeps. */
  sweep(now: number): void {
    const loan = this.loan;
    if (loan === null) return;
    if (loan.state === "ACTIVE" && now > loan.activatedAt + DURATION + TARIFF.graceSeconds) {
      loan.state = "LOST";
      loan.charged += TARIFF.lostPrice;
    }
    if ((loan.state === "PREPARED" || loan.state === "PENDING") && now > loan.activatedAt + 900) loan.state = "NEVER_ACTIVATED";
  }

  /** What a receipt does, that says whether the key was ever armed and for how many seconds it is charged. */
  report(armed: boolean, seconds: number): void {
    const loan = this.loan;
    if (loan === null) return;
    if (loan.state === "PENDING") loan.state = "NEVER_ACTIVATED";
    if (loan.state !== "ACTIVE" && loan.state !== "LOST") return;
    loan.charged = armed ? baseCharge(TARIFF) + timeCharge(TARIFF, seconds) : 0;
    loan.state = !armed ? "NEVER_ACTIVATED" : loan.paid >= loan.charged ? "CLOSED" : "RETURNED";
  }
}

/** Service and model side by side, driven by the same commands. */
class Driver {
  readonly model = new Model();
  private payments = 0;

  constructor(
    readonly world: World,
    readonly kiosk: Awaited<ReturnType<typeof addOperator>>["kiosk"],
    readonly cartridge: ModelCartridge,
    readonly customerId: string,
    readonly contentId: string,
  ) {}

  private get now(): number {
    return this.world.clock.time;
  }

  async run(command: Command): Promise<void> {
    const { loan } = this.model;
    if (command.name === "rent") await this.rent(command.cut);
    else if (command.name === "wait") this.world.clock.advance(command.seconds);
    else if (command.name === "dry") this.cartridge.runDry();
    else if (command.name === "return") this.model.receipt = (await this.cartridge.erase()) ?? this.model.receipt;
    else if (command.name === "report") await this.report(command.times);
    else if (loan !== null && command.name === "pay") await this.pay(loan, command.times);
    else if (loan !== null && command.name === "unpaid") await this.unpaid(loan);
    else if (loan !== null && command.name === "rate") await this.rate(loan, command.stars);
    await this.world.center.sweep();
    this.model.sweep(this.now);
    await this.compare();
  }

  private async rent(cut: number): Promise<void> {
    const { kiosk, cartridge, model } = this;
    const before = await cartridge.receipt();
    if (before !== null) {
      model.receipt = before;
      await this.report(1);
    }
    const busy = model.loan !== null && ["PENDING", "ACTIVE"].includes(model.loan.state);
    const body = { cartridgeId: cartridge.id, customerId: this.customerId, contentId: this.contentId };
    const loan = await kiosk.call(rental.prepareLoan, { body }).catch(refusal);
    if (busy) return assert.is(loan, "cartridge-busy");
    if (typeof loan === "string") throw new Error(`A rental was refused: ${loan}.`);
    model.loan = { id: loan.id, state: "PREPARED", activatedAt: this.now, charged: 0, paid: 0, rated: false };
    if (cut >= 1) await this.load(loan, cut);
  }

  private async load(loan: LoanBody, cut: number): Promise<void> {
    const { kiosk, cartridge, model } = this;
    const params = { loanId: loan.id };
    if (cut >= 6) {
      await arm(kiosk, loan, cartridge);
    } else {
      const { challenge, counter } = await cartridge.prepare().catch(() => ({ challenge: new Uint8Array(16), counter: 0 }));
      const sealed = await kiosk.call(rental.sealKey, { params, body: { challenge: hex(challenge), counter } });
      if (cut >= 2) {
        const proof = await cartridge.loadKey(unhex(sealed.keyLoad), unhex(sealed.envelope));
        const body = { challenge: hex(challenge), proof: hex(proof) };
        if (cut >= 3) await Promise.all(Array.from({ length: cut - 2 }, () => kiosk.call(rental.activateLoan, { params, body })));
      }
    }
    const active = cut >= 3;
    Object.assign(model.loan ?? {}, { state: active ? "ACTIVE" : "PENDING", charged: active ? baseCharge(TARIFF) : 0 });
  }

  private async report(times: number): Promise<void> {
    const { receipt, loan } = this.model;
    if (receipt === null) return;
    const body = { receipt: hex(receipt) };
    const answers = await Promise.all(Array.from({ length: times }, () => this.kiosk.call(returns.takeReceipt, { body })));
    await this.cartridge.acknowledge(unhex(answers[0].acknowledgment)).catch(() => undefined);
    if (answers[0].loan.id !== loan?.id) return;
    const view = new DataView(receipt.buffer);
    const armed = receipt[1] !== 6 && view.getUint32(40) !== 0;
    const told = receipt[2] === 0 ? view.getUint32(36) : view.getUint32(32) + 3600;
    this.model.report(armed, Math.min(told, DURATION, this.now - loan.activatedAt));
  }

  private async pay(loan: ModelLoan, times: number): Promise<void> {
    const due = loan.charged - loan.paid;
    const payable = ["RETURNED", "UNPAID", "LOST"].includes(loan.state) && due > 0;
    const body = { amount: Math.max(1, due), method: "cash" as const, reference: `pay-${String(this.payments++)}` };
    const call = (): Promise<LoanBody | string> => this.kiosk.call(returns.payLoan, { params: { loanId: loan.id }, body }).catch(refusal);
    const answers = await Promise.all(Array.from({ length: times }, call));
    if (!payable)
      return assert.ok(
        answers.every((answer) => answer === "loan-state" || answer === "amount-not-due"),
        JSON.stringify(answers),
      );
    loan.paid += due;
    if (loan.state !== "LOST") loan.state = "CLOSED";
  }

  private async unpaid(loan: ModelLoan): Promise<void> {
    const answer = await this.kiosk.call(returns.markUnpaid, { params: { loanId: loan.id }, body: { reason: "declined" } }).catch(refusal);
    if (loan.state === "RETURNED") loan.state = "UNPAID";
    else assert.is(typeof answer === "string", !["UNPAID", "CLOSED"].includes(loan.state));
  }

  private async rate(loan: ModelLoan, stars: number): Promise<void> {
    const answer = await this.kiosk.call(returns.rateLoan, { params: { loanId: loan.id }, body: { stars } }).catch(refusal);
    if (typeof answer !== "string") loan.rated = true;
    else assert.ok(loan.rated || !["RETURNED", "UNPAID", "CLOSED"].includes(loan.state), answer);
  }

  private async compare(): Promise<void> {
    const { loan } = this.model;
    if (loan === null) return;
    const { state, charged, paid } = await this.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
    assert.equal({ state, charged, paid }, { state: loan.state, charged: loan.charged, paid: loan.paid });
    if (this.cartridge.playable())
      assert.ok(["ACTIVE", "LOST"].includes(state), "a playable cartridge has a loan that the center knows of");
  }
}

function refusal(error: unknown): string {
  if (error instanceof ProblemError) return error.problem;
  throw error;
}

for (const { name, url, reason } of databases()) {
  const test = suite(`loan against its model, ${name}`);
  let world: World | undefined;
  const able = test.when(url !== null, reason);

  able("random commands, repeated and in parallel, leave the service as the model says", async () => {
    world = await startWorld({ databaseUrl: url ?? undefined });
    await play(world);
  });

  test.after(() => world?.end());
  test.run();
}

async function play(world: World): Promise<void> {
  const { id: operatorId, kiosk } = await addOperator(world, "library");
  const contentId = await addContent(world, "a tune");
  await addOffer(world, operatorId, contentId, { durationSeconds: DURATION, tariffId: await addTariff(world, operatorId) });
  const { id: customerId } = await addCustomer(world, "reader");
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(commands, { minLength: 4, maxLength: 14 }), async (sequence) => {
      const cartridge = await addCartridge(world, `cartridge ${String(run++)}`);
      const driver = new Driver(world, kiosk, cartridge, customerId, contentId);
      for (const command of sequence) await driver.run(command);
    }),
    { numRuns: Number(process.env.LEYDEN_RUNS ?? "12") },
  );
  const books = await sql<{ total: number; points: number; ratings: number }>`select
      (select coalesce(sum(amount), 0)::bigint from ledger_entries) as total,
      (select count(*) from point_entries) as points, (select count(*) from ratings) as ratings`.execute(world.center.db);
  assert.is(books.rows[0].total, 0);
  assert.is(books.rows[0].points, books.rows[0].ratings);
}
