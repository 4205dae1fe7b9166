import { join } from "node:path";
import * as assert from "uvu/assert";
import { ProblemError } from "../../src/center/api/problems.js";
import * as rental from "../../src/center/api/rental-routes.js";
import { CashDrawer, SimulatedTerminal } from "../../src/kiosk/payment.js";
import { suite } from "../suite.js";
import { DAY, contents, endAfter, folder, fresh, operator, renting, returning, visit, world } from "./support/kiosks.js";
import { addContent, addKiosk, addOffer } from "./support/world.js";

const test = suite("kiosks at fault");
endAfter(test);

test("[C1] the cartridge is pulled out at every command: both content and key become usable, or neither", async () => {
  for (const command of ["receipt", "prepare", "record", "chunk", "loadKey", "activate"]) {
    for (const moment of ["before", "after"] as const) {
      const { slots, cartridge } = await visit();
      cartridge[moment] = (name) => {
        if (name === command) throw new Error("The cartridge is gone.");
      };
      const kiosk = renting(slots, { folder: join(folder, fresh("pulled")) });
      const done = await kiosk.rent(contents[0]).then(
        () => true,
        () => false,
      );
      cartridge[moment] = () => undefined;
      await kiosk.recover();
      const loan = cartridge.loanId === "" ? null : await operator.kiosk.call(rental.getLoan, { params: { loanId: cartridge.loanId } });
      assert.is(cartridge.playable(), loan?.state === "ACTIVE", `${moment} ${command}`);
      if (done) assert.is(loan?.state, "ACTIVE");
    }
  }
});

test("[C3] a payment declined, unanswered, or answered twice or late is booked exactly once or is a debt", async () => {
  const outcomes: [Parameters<SimulatedTerminal["behave"]>, string, number][] = [
    [["approve"], "CLOSED", 1],
    [["approve twice"], "CLOSED", 1],
    [["decline"], "UNPAID", 0],
    [["silent"], "UNPAID", 0],
    [["approve silently"], "CLOSED", 1],
    [["approve late"], "UNPAID", 1],
  ];
  for (const [behaviors, state, taken] of outcomes) {
    const { slots } = await visit();
    const terminal = new SimulatedTerminal(behaviors);
    const loan = await renting(slots).rent(contents[0]);
    world.clock.advance(DAY);
    const counter = returning(slots, { payment: terminal });
    const { id } = await counter.takeBack();
    assert.is((await counter.pay(id))?.state, state, behaviors[0]);
    assert.is(terminal.taken.size, taken, behaviors[0]);
    // A device that answers again later: what it took is booked then.
    terminal.behave("approve");
    await counter.flush();
    const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
    assert.equal([after.state, after.paid], taken === 1 ? ["CLOSED", 150] : ["UNPAID", 0], behaviors[0]);
    assert.is(counter.entries.size, 0, behaviors[0]);
  }
});

test("[C3] what a return kiosk sends in the background leaves a payment under way alone, and what a customer presses twice happens once", async () => {
  const { slots } = await visit();
  const loan = await renting(slots).rent(contents[0]);
  world.clock.advance(DAY);
  const terminal = new SimulatedTerminal();
  let approve: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    const begin = terminal.begin.bind(terminal);
    terminal.begin = (reference, amount, currency, answer) => {
      approve = () => {
        begin(reference, amount, currency, answer);
      };
      resolve();
    };
  });
  const counter = returning(slots, { payment: terminal, paymentTimeout: 30_000 });
  const { id } = await counter.takeBack();
  const paid = counter.pay(id);
  await asked;
  const sent = counter.flush();
  const again = counter.pay(id).catch((error: unknown) => (error as Error).message);
  await new Promise((resolve) => setTimeout(resolve, 200));
  approve();
  assert.is((await paid)?.state, "CLOSED");
  await sent;
  assert.is(await again, "This return is finished; begin a new one.");
  const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
  assert.equal([after.state, after.paid, terminal.taken.size], ["CLOSED", 150, 1]);
});

test("a cash drawer keeps exactly what was due, and gives back change and what was put in for nothing", async () => {
  const back: number[] = [];
  const outcomes: string[] = [];
  const drawer = new CashDrawer((amount) => back.push(amount));
  drawer.begin("one", 150, "EUR", (outcome) => outcomes.push(outcome));
  drawer.insert("one", 100);
  drawer.insert("one", 100);
  drawer.begin("two", 150, "EUR", (outcome) => outcomes.push(outcome));
  drawer.insert("two", 70);
  assert.is(await drawer.query("two"), "unknown");
  assert.is(await drawer.cancel("two"), "declined");
  drawer.insert("two", 20);
  assert.equal([outcomes, back, drawer.content], [["approved"], [50, 70, 20], 150]);
  await drawer.refund("one");
  await drawer.refund("one");
  assert.equal([back.slice(3), drawer.content], [[150], 0]);
});

test("ten kiosks rent the last copy: one wins", async () => {
  const scarce = await addContent(world, fresh("rare tune"), 1);
  await addOffer(world, operator.id, scarce);
  const visits = await Promise.all(Array.from({ length: 10 }, visit));
  const kiosks = await Promise.all(visits.map((_, index) => addKiosk(world, operator.id, `kiosk number ${String(index)}`)));
  const outcomes = await Promise.all(
    visits.map(({ slots }, index) =>
      renting(slots, { client: kiosks[index], folder: join(folder, fresh("many")) })
        .rent(scarce)
        .then(
          () => "won",
          (error: unknown) => (error instanceof ProblemError ? error.problem : String(error)),
        ),
    ),
  );
  assert.equal(outcomes.sort(), [...Array<string>(9).fill("no-copy-left"), "won"]);
  assert.is(visits.filter(({ cartridge }) => cartridge.playable()).length, 1);
});

test("two kiosks return the same cartridge at once: one return, one charge", async () => {
  const { slots } = await visit();
  const loan = await renting(slots).rent(contents[0]);
  world.clock.advance(DAY);
  const terminals = [new SimulatedTerminal(), new SimulatedTerminal()];
  const counters = terminals.map((payment) => returning(slots, { payment }));
  const views = await Promise.all(counters.map((counter) => counter.takeBack()));
  assert.equal(
    views.map((view) => view.loan?.due),
    [150, 150],
  );
  await Promise.all(counters.map((counter, index) => counter.pay(views[index].id)));
  assert.is(terminals[0].taken.size + terminals[1].taken.size, 1, "money taken twice is given back once");
  const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
  assert.equal([after.state, after.charged, after.paid], ["CLOSED", 150, 150]);
});

test.run();
