/** What center and kiosks keep in memory does not grow with the number of loans. */
import { kept } from "./support/kept.js";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { SimulatedTerminal } from "../../src/kiosk/payment.js";
import { suite } from "../suite.js";
import { DAY, contents, endAfter, folder, renting, returning, visit, world } from "./support/kiosks.js";

const test = suite("memory");
endAfter(test);

test("nine loans leave no more behind than three, in the center, in a rental kiosk and in a return kiosk", async () => {
  // Connections that stay open come and go by the machine's time.
  world.center.app.server.maxRequestsPerSocket = 1;
  const { slots } = await visit();
  const rental = renting(slots, { folder: join(folder, "kept rental") });
  const terminal = new SimulatedTerminal();
  const returns = returning(slots, { folder: join(folder, "kept return"), payment: terminal });
  const loans = async (count: number): Promise<void> => {
    for (let number = 0; number < count; number++) {
      await rental.choices();
      await rental.rent(contents[2]);
      await rental.recover();
      world.clock.advance(DAY);
      const { id } = await returns.takeBack();
      await returns.rate(id, 3 + (number % 3));
      await returns.reserve(id, contents[0]);
      await returns.pay(id);
      await returns.flush();
      await world.center.sweep();
      // What a terminal has taken is its own to remember.
      terminal.taken.clear();
    }
    // Nonces count for ten minutes, meetings for two.
    world.clock.advance(DAY);
    await rental.choices();
  };
  // Code and statements that are made once are made by the first.
  await loans(3);
  const three = await kept();
  await loans(6);
  let nine = await kept();
  // A connection may still be closing.
  for (let again = 0; again < 20 && nine.objects - three.objects >= 12; again++) nine = await kept();
  assert.ok(nine.entries - three.entries < 6, `${String(nine.entries - three.entries)} entries of maps more after six more loans`);
  assert.ok(nine.objects - three.objects < 12, `${String(nine.objects - three.objects)} objects more after six more loans`);
  assert.is(nine.listeners, three.listeners);
});

test.run();
