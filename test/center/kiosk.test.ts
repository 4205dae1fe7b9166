import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { getCustomer } from "../../src/center/api/admin-routes.js";
import { setCopies } from "../../src/center/api/catalog-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import * as rental from "../../src/center/api/rental-routes.js";
import type { CenterClient } from "../../src/center/client.js";
import type { KioskCard, KioskCartridge, KioskDevices } from "../../src/kiosk/devices.js";
import { CashDrawer, SimulatedTerminal } from "../../src/kiosk/payment.js";
import { KioskDirectory, askPeers, servePeers } from "../../src/kiosk/peers.js";
import { NotPossible, RentalKiosk } from "../../src/kiosk/rental-kiosk.js";
import { ReturnKiosk } from "../../src/kiosk/return-kiosk.js";
import { suite } from "../suite.js";
import type { ModelCard, ModelCartridge } from "./support/devices.js";
import { deviceId, kioskSeed } from "./support/keys.js";
import {
  addCartridge,
  addContent,
  addCustomer,
  addKiosk,
  addOffer,
  addOperator,
  addTariff,
  kioskClient,
  startWorld,
} from "./support/world.js";

const test = suite("kiosks");
const DAY = 86400;
const world = await startWorld();
const folder = mkdtempSync(join(tmpdir(), "leyden-kiosk-"));
test.after(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

const operator = await addOperator(world, "library");
const contents = [await addContent(world, "first tune"), await addContent(world, "second tune"), await addContent(world, "third tune")];
const tariffId = await addTariff(world, operator.id);
for (const [index, contentId] of contents.entries()) await addOffer(world, operator.id, contentId, { custody: index + 1, tariffId });

let numbers = 0;
const fresh = (name: string): string => `${name} ${String(++numbers)}`;

/** Slots that a test fills and empties. */
class Slots implements KioskDevices {
  inserted: KioskCartridge | null = null;
  insertedCard: KioskCard | null = null;

  cartridge(): Promise<KioskCartridge | null> {
    return Promise.resolve(this.inserted);
  }

  card(): Promise<KioskCard | null> {
    return Promise.resolve(this.insertedCard);
  }
}

/** The process is killed: everything in memory is gone, what was durable stays. */
class Killed extends Error {}

interface Visit {
  slots: Slots;
  cartridge: ModelCartridge;
  card: ModelCard;
  customerId: string;
}

async function visit(): Promise<Visit> {
  const cartridge = await addCartridge(world, fresh("cartridge"));
  const { id, card } = await addCustomer(world, fresh("customer"));
  const slots = new Slots();
  slots.inserted = cartridge;
  slots.insertedCard = card;
  return { slots, cartridge, card, customerId: id };
}

function renting(slots: Slots, options: { client?: CenterClient; folder?: string; step?: (name: string) => void } = {}): RentalKiosk {
  return new RentalKiosk({
    folder: options.folder ?? join(folder, "rent"),
    client: options.client ?? operator.kiosk,
    devices: slots,
    step: options.step,
  });
}

interface ReturnOptions {
  client?: CenterClient;
  folder?: string;
  payment?: SimulatedTerminal;
  cap?: number;
  askPeers?: ConstructorParameters<typeof ReturnKiosk>[0]["askPeers"];
  step?: (name: string) => void;
}

function returning(slots: Slots, options: ReturnOptions = {}): ReturnKiosk {
  return new ReturnKiosk({
    folder: join(folder, fresh("return")),
    client: operator.kiosk,
    devices: slots,
    payment: new SimulatedTerminal(),
    askPeers: () => Promise.resolve(null),
    paymentTimeout: 20,
    now: world.clock.now,
    ...options,
  });
}

/** A center that nobody reaches. */
const away = kioskClient("http://127.0.0.1:9", "library kiosk", world.clock.now);

for (const [index, custody] of ["cartridge", "card", "split"].entries()) {
  test(`[C2] custody ${custody}: rented here, returned there, paid, rated, reserved, recommended at the next rental`, async () => {
    const { slots, cartridge, card, customerId } = await visit();
    const kiosk = renting(slots);
    const loan = await kiosk.rent(contents[index]);
    assert.is(loan.state, "ACTIVE");
    assert.is(cartridge.state, "ARMED");
    assert.is(Buffer.concat(cartridge.recorded).length, 48 + 2000 + 5 * 16);
    world.clock.advance(2 * DAY);
    const counter = returning(slots);
    const view = await counter.takeBack();
    assert.equal([view.loan?.state, view.loan?.due], ["RETURNED", 200]);
    assert.is(cartridge.key, null);
    assert.equal(card.licenses, [], "the license is gone from the card too");
    assert.is(await counter.rate(view.id, 5), 1);
    assert.is(await counter.reserve(view.id, contents[(index + 1) % 3]), 2);
    assert.is((await counter.pay(view.id))?.state, "CLOSED");
    assert.is(counter.entries.size, 0);
    const { points, debts } = await operator.kiosk.call(getCustomer, { params: { customerId } });
    assert.equal({ points, debts }, { points: 2, debts: [] });
    const { choices } = await kiosk.choices();
    assert.ok(choices.length >= 3);
    assert.is(choices[0].recommended, 1);
    assert.is.not(choices[0].offer.content.id, contents[index], "what was had before is not recommended");
  });

  test(`[C2] custody ${custody}: also when only the card is brought`, async () => {
    const { slots, cartridge, card } = await visit();
    await renting(slots).rent(contents[index]);
    slots.inserted = null;
    world.clock.advance(DAY);
    const counter = returning(slots);
    const view = await counter.takeBack();
    assert.equal([view.loan?.state, view.loan?.due, card.licenses.length], ["RETURNED", 150, 0]);
    assert.is((await counter.pay(view.id))?.state, "CLOSED");
    // The cartridge comes later: its receipt changes nothing and frees it.
    slots.inserted = cartridge;
    const later = await returning(slots).takeBack();
    assert.equal([later.loan?.state, later.loan?.charged], ["CLOSED", 150]);
    assert.is(cartridge.state, "EMPTY");
  });
}

test("[C1] a rental kiosk killed at any step, and a cartridge pulled out at any command: on restart the loan is there once or not at all", async () => {
  const steps = ["begin", "prepare", "contract", "license", "fetch", "record", "key", "load", "activate", "arm", "armed"];
  for (const stop of steps) {
    for (const later of [5, 1000]) {
      const { slots, cartridge, customerId } = await visit();
      const own = join(folder, fresh("killed"));
      let dead = false;
      const step = (name: string): void => {
        dead ||= name === stop;
        if (dead) throw new Killed(name);
      };
      await renting(slots, { folder: own, step })
        .rent(contents[2])
        .then(
          () => assert.unreachable(`not killed at ${stop}`),
          (error: unknown) => assert.instance(error, Killed),
        );
      world.clock.advance(later);
      await renting(slots, { folder: own }).recover();
      await world.center.sweep();
      const open = await world.center.db.selectFrom("loans").selectAll().where("customer_id", "=", customerId).execute();
      const charges = await world.center.db
        .selectFrom("charges")
        .selectAll()
        .where("loan_id", "in", [...open.map(({ id }) => id), ""])
        .execute();
      const reversed = await world.center.db
        .selectFrom("reversals")
        .selectAll()
        .where("loan_id", "in", [...open.map(({ id }) => id), ""])
        .execute();
      assert.ok(open.length <= 1, stop);
      const active = open.some(({ state }) => state === "ACTIVE");
      assert.is(cartridge.playable(), active, `killed at ${stop}: the cartridge plays exactly what the center knows of`);
      assert.is(charges.length - reversed.length, active ? 1 : 0, `killed at ${stop}: charged exactly for what can be played`);
      if (cartridge.state === "ERASED") assert.ok(open[0].state === "NEVER_ACTIVATED" || later > 120, stop);
    }
  }
});

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

test("[C3] a return kiosk killed at every step: one return, one charge, one payment", async () => {
  for (const stop of ["erase", "erased", "report", "reported", "recommended", "pay", "paid", "book"]) {
    const { slots, cartridge } = await visit();
    const terminal = new SimulatedTerminal();
    const loan = await renting(slots).rent(contents[2]);
    world.clock.advance(DAY);
    const own = join(folder, fresh("counter"));
    let dead = false;
    const step = (name: string): void => {
      dead ||= name === stop;
      if (dead) throw new Killed(name);
    };
    const killed = returning(slots, { folder: own, payment: terminal, step });
    await killed
      .takeBack()
      .then(({ id }) => killed.pay(id))
      .then(
        () => assert.unreachable(`not killed at ${stop}`),
        (error: unknown) => assert.instance(error, Killed),
      );
    const counter = returning(slots, { folder: own, payment: terminal });
    await counter.flush();
    if (cartridge.state === "ARMED" || cartridge.state === "ERASED") await counter.takeBack();
    for (const [id] of counter.entries.list()) await counter.pay(id);
    const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
    assert.is(after.charged, 150, stop);
    assert.is(
      after.paid,
      [...terminal.taken.values()].reduce((sum, amount) => sum + amount, 0),
      `${stop}: what was taken is booked`,
    );
    assert.ok(terminal.taken.size <= 1, stop);
    assert.ok(["CLOSED", "UNPAID"].includes(after.state), stop);
    assert.is(counter.entries.size, 0, stop);
  }
});

test("[C9] with the center away the return kiosk gets the record from the kiosk that made the loan, and settles later", async () => {
  const { slots, cartridge } = await visit();
  const rented = renting(slots);
  const loan = await rented.rent(contents[0]);
  const directory = new KioskDirectory(join(folder, "directory"), operator.kiosk);
  const { server, url } = await servePeers({ directory, records: rented.records, now: world.clock.now }, 0);
  await addKiosk(world, operator.id, "library kiosk", url);
  await addKiosk(world, operator.id, "other kiosk");
  assert.ok(await directory.refresh());
  world.clock.advance(3 * DAY);
  const asking = (name: string) => (named: { loanId: string; kioskId?: string }) =>
    askPeers({ directory, kioskId: deviceId(name), seed: kioskSeed(name), now: world.clock.now }, named);
  assert.is(await asking("stranger")({ loanId: loan.id }), null, "a kiosk that the center does not know learns nothing");
  const own = join(folder, fresh("offline"));
  const counter = returning(slots, { folder: own, client: away, askPeers: asking("other kiosk") });
  const view = await counter.takeBack();
  assert.equal(view.estimate, { amount: 250, currency: "EUR", title: "first tune" });
  assert.is(cartridge.key, null);
  await counter.rate(view.id, 4);
  await counter.reserve(view.id, contents[1]);
  assert.is(await counter.pay(view.id), undefined, "without the center nothing is paid: a debt");
  server.close();
  const online = returning(slots, { folder: own, client: await addKiosk(world, operator.id, "other kiosk") });
  await online.flush();
  await online.flush();
  const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
  assert.equal([after.state, after.charged], ["UNPAID", 250]);
  assert.is(online.entries.size, 0);
  const { points } = await operator.kiosk.call(getCustomer, { params: { customerId: loan.customerId } });
  assert.is(points, 2);
});

test("returns with the center away stop at the cap, and then nothing is destroyed", async () => {
  const own = join(folder, fresh("cap"));
  for (let number = 0; number <= 2; number++) {
    const { slots, cartridge } = await visit();
    await renting(slots).rent(contents[0]);
    const counter = returning(slots, { folder: own, client: away, cap: 2 });
    if (number < 2) await counter.takeBack();
    else {
      await counter.takeBack().then(
        () => assert.unreachable(),
        (error: unknown) => assert.instance(error, NotPossible),
      );
      assert.ok(cartridge.playable());
    }
  }
});

test("[C6][A10] a sealed content is fetched once, goes on where it broke off, and is refused when altered", async () => {
  const big = await addContent(world, "long tune", null, 300_000);
  await addOffer(world, operator.id, big);
  let requests = 0;
  const ranges: (string | undefined)[] = [];
  let altered = true;
  /** Stands between kiosk and center, breaks off every second transfer, and at first alters a byte. */
  const proxy = createServer((request, response) => {
    const target = `${world.center.url}${request.url ?? ""}`;
    const headers = { authorization: request.headers.authorization ?? "", ...(request.headers.range && { range: request.headers.range }) };
    void fetch(target, { headers }).then(async (answer) => {
      const bytes = Buffer.from(await answer.arrayBuffer());
      response.writeHead(answer.status, { "content-length": bytes.length });
      if (!(request.url ?? "").includes("/sealed/")) return response.end(bytes);
      ranges.push(request.headers.range);
      if (altered) bytes[bytes.length - 1] ^= 1;
      if (requests++ % 2 === 1) return response.end(bytes);
      response.write(bytes.subarray(0, 100_000), () => response.destroy());
      return response;
    });
  });
  const port = await new Promise<number>((resolve) => {
    proxy.listen(0, "127.0.0.1", () => {
      const address = proxy.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
  const { slots } = await visit();
  const client = kioskClient(`http://127.0.0.1:${String(port)}`, "library kiosk", world.clock.now);
  const kiosk = renting(slots, { folder: join(folder, fresh("fetch")), client });
  await kiosk.catalog.refresh();
  const form = kiosk.catalog.form(big, 1, 1);
  assert.ok(form);
  await kiosk.contents.fetch(form).then(
    () => assert.unreachable(),
    (error: unknown) => assert.match(String(error), "hash"),
  );
  assert.not.ok(kiosk.contents.has(form));
  altered = false;
  await kiosk.contents.fetch(form);
  assert.ok(kiosk.contents.has(form));
  assert.ok(
    ranges.some((range) => range !== undefined && !range.startsWith("bytes=0-")),
    "the transfer went on where it stopped",
  );
  const before = requests;
  await kiosk.contents.fetch(form);
  assert.is(requests, before, "what is here is not fetched again");
  proxy.close();
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

test("[C7] a reservation holds a copy for whoever waited longest", async () => {
  const scarce = await addContent(world, fresh("rare tune"), 1);
  await addOffer(world, operator.id, scarce);
  const [first, second, third] = [await visit(), await visit(), await visit()];
  await renting(first.slots).rent(scarce);
  await renting(second.slots).rent(contents[0]);
  const counter = returning(second.slots);
  const { id } = await counter.takeBack();
  assert.is(await counter.reserve(id, scarce), 1);
  await returning(first.slots).takeBack();
  const refused = await renting(third.slots)
    .rent(scarce)
    .catch((error: unknown) => (error instanceof ProblemError ? error.problem : "other"));
  assert.is(refused, "no-copy-left", "the free copy waits for the second customer");
  assert.is((await renting(second.slots).rent(scarce)).state, "ACTIVE");
  const content = await world.staff.call(setCopies, { params: { contentId: scarce }, body: { copies: 2 } });
  assert.is(content.available, 1);
});

test("[C10] without a tariff a return closes at once, and recommends all the same", async () => {
  const free = await addContent(world, fresh("free tune"));
  await addOffer(world, operator.id, free);
  const { slots, cartridge } = await visit();
  await renting(slots).rent(free);
  const { loan, recommendations } = await returning(slots).takeBack();
  assert.equal([loan?.state, loan?.due], ["CLOSED", 0]);
  assert.ok(recommendations.length > 0);
  assert.ok(cartridge.notes.some((note) => note[1] > 0));
});

test("[C5] the choosing screen is built from the cartridge's recommendations with the center away too", async () => {
  const { slots } = await visit();
  const own = join(folder, "rent");
  const kiosk = renting(slots, { folder: own });
  await kiosk.rent(contents[0]);
  await returning(slots).takeBack();
  const { choices: online } = await kiosk.choices();
  const offline = await renting(slots, { folder: own, client: away }).choices();
  assert.is(offline.centerAnswers, false);
  assert.equal(
    offline.choices.map(({ offer, recommended }) => [offer.content.id, recommended]),
    online.map(({ offer, recommended }) => [offer.content.id, recommended]),
  );
});

test.run();
