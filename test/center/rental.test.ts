import * as assert from "uvu/assert";
import { suite } from "../suite.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, startWorld } from "./support/world.js";
import { rent, giveBack } from "./support/steps.js";
import * as returns from "../../src/center/api/return-routes.js";

const test = suite("rental and return at the center");
const world = await startWorld();
test.after(() => world.end());

test("a loan of every custody is made, ended and paid", async () => {
  const operator = await addOperator(world, "museum");
  const tariffId = await addTariff(world, operator.id);
  for (const custody of [1, 2, 3]) {
    const contentId = await addContent(world, `tour ${String(custody)}`);
    await addOffer(world, operator.id, contentId, { custody, tariffId });
    const { card } = await addCustomer(world, `visitor ${String(custody)}`);
    const cartridge = await addCartridge(world, `cartridge ${String(custody)}`);
    const loan = await rent(operator.kiosk, cartridge, contentId, card);
    assert.is(loan.state, "ACTIVE");
    assert.is(cartridge.state, "ARMED");
    assert.equal([loan.charged, loan.paid, loan.due], [100, 0, 100]);
    world.clock.advance(86400 + 5);
    const returned = await giveBack(operator.kiosk, cartridge);
    assert.is(returned.state, "RETURNED");
    assert.is(returned.due, 200);
    assert.is(cartridge.state, "EMPTY");
    const closed = await operator.kiosk.call(returns.payLoan, {
      params: { loanId: loan.id },
      body: { amount: 200, method: "cash", reference: `till-${String(custody)}` },
    });
    assert.equal([closed.state, closed.due], ["CLOSED", 0]);
  }
});

test.run();
