/** `kill -9` of the center, in its own process, at every moment of every command of a contract, a rental and a return. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as returns from "../../src/center/api/return-routes.js";
import {
  activateLoan,
  completeContract,
  getLoan,
  makeContract,
  meetCard,
  prepareLoan,
  sealKey,
} from "../../src/center/api/rental-routes.js";
import type { Moment } from "../../src/center/http/parts.js";
import { startCenter } from "../../src/center/main.js";
import { suite } from "../suite.js";
import { program } from "../support/program.js";
import { contract, arm, giveBack } from "./support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, kioskClient, startWorld } from "./support/world.js";

const test = suite("kill of the center");
const script = await program(fileURLToPath(new URL("support/child-center.ts", import.meta.url)), ["typebox", "kysely"]);
const seconds = (): number => Math.floor(Date.now() / 1000);

const commands = [
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
];
/** Before the transaction of a command ends, and after it before the answer goes out; before it begins is the same for all. */
const places: (readonly [Moment, string])[] = [
  ["received", prepareLoan.url],
  ...commands.flatMap(({ url }) => [["worked", url] as const, ["committed", url] as const]),
];

/** A center that is started again whenever it dies, the next time to die at the next place. */
class Mortal {
  deaths = 0;
  private child: ChildProcess | undefined;
  private over = false;
  constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  async live(): Promise<void> {
    const place = places.at(this.deaths) ?? ["never", "nowhere"];
    // A center that lives for one command has no use for code that is optimized in the background.
    const child = spawn(process.execPath, ["--liftoff-only", script, this.folder, String(this.port), ...place], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.child = child;
    child.once("exit", (_code, signal) => {
      if (this.over) return;
      assert.is(signal, "SIGKILL");
      this.deaths++;
      void this.live();
    });
    await once(child.stdout, "data");
  }

  async end(): Promise<void> {
    this.over = true;
    if (this.child?.exitCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

test("[C1][C3] at every step: the loan, its charge, its points and its payment are there exactly once", async () => {
  const world = await startWorld();
  world.clock.time = seconds();
  const { id: operatorId } = await addOperator(world, "van");
  const contentId = await addContent(world, "a tune", 1);
  await addOffer(world, operatorId, contentId, { custody: 3, tariffId: await addTariff(world, operatorId) });
  const { card } = await addCustomer(world, "reader");
  const cartridge = await addCartridge(world, "slow cartridge");
  const { port } = new URL(world.center.url);
  await world.center.stop();
  const mortal = new Mortal(world.folder, Number(port));
  await mortal.live();
  const kiosk = kioskClient(`http://127.0.0.1:${port}`, "van kiosk", seconds, 1000);
  try {
    const body = { cartridgeId: cartridge.id, cardId: card.id, contentId };
    const loan = await kiosk.call(prepareLoan, { body });
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
    assert.is(mortal.deaths, places.length);
  } finally {
    await mortal.end();
  }
  world.center = await startCenter(world.options);
  const counts = await sql<Record<string, number>>`select
    (select count(*) from loans) as loans, (select count(*) from licenses) as licenses,
    (select count(*) from charges where amount > 0) as charges, (select count(*) from payments) as payments,
    (select count(*) from ratings) as ratings, (select count(*) from reservations) as reservations,
    (select count(*) from point_entries) as points, (select coalesce(sum(amount), 0)::bigint from ledger_entries) as sum,
    (select copies_out + copies_held from contents) as copies`.execute(world.center.db);
  const expected = { loans: 1, licenses: 1, charges: 1, payments: 1, ratings: 1, reservations: 1, points: 2, sum: 0, copies: 1 };
  assert.equal(counts.rows[0], expected);
  await world.end();
});

test.run();
