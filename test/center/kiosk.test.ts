import { readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { enrollDevice, getCustomer, listLoans } from "../../src/center/api/admin-routes.js";
import { setCopies } from "../../src/center/api/catalog-routes.js";
import { ProblemError } from "../../src/center/api/problems.js";
import { readRecommendations } from "../../src/center/api/recommendations.js";
import type { LoanBody } from "../../src/center/api/schema.js";
import * as rental from "../../src/center/api/rental-routes.js";
import { ROLE_READER } from "../../src/core/protocol/constants.js";
import { TERMS_READER } from "../../src/core/protocol/terms.js";
import { KioskDirectory, askPeers, servePeers } from "../../src/kiosk/peers.js";
import { LoanRecords } from "../../src/kiosk/records.js";
import { NotPossible } from "../../src/kiosk/not-possible.js";
import { choosingPage, period } from "../../src/kiosk/pages.js";
import { serveRentalScreen, serveReturnScreen } from "../../src/kiosk/screen.js";
import { suite } from "../suite.js";
import { chainOf, deviceId, kioskSeed } from "./support/keys.js";
import { DAY, Slots, away, contents, endAfter, folder, fresh, operator, renting, returning, visit, world } from "./support/kiosks.js";
import { contract, rent as rentSteps, unhex } from "./support/steps.js";
import { addContent, addKiosk, addOffer, kioskClient } from "./support/world.js";

const test = suite("kiosks");
endAfter(test);

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

  test(`[C2] custody ${custody}: also when only the cartridge is brought`, async () => {
    const { slots, cartridge, card } = await visit();
    await renting(slots).rent(contents[index]);
    slots.insertedCard = null;
    world.clock.advance(DAY);
    const counter = returning(slots);
    const view = await counter.takeBack();
    assert.equal([view.loan?.state, view.loan?.due, cartridge.key, cartridge.state], ["RETURNED", 150, null, "EMPTY"]);
    assert.is((await counter.pay(view.id))?.state, "CLOSED");
    // The card comes later: what it still holds is destroyed, and nothing is charged for that.
    [slots.inserted, slots.insertedCard] = [null, card];
    await returning(slots)
      .takeBack()
      .then(
        () => assert.unreachable(),
        (error: unknown) => assert.instance(error, NotPossible),
      );
    assert.equal(card.licenses, []);
    const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: view.id } });
    assert.equal([after.state, after.charged], ["CLOSED", 150]);
  });
}

test("[C2] contracts that were cut off, and cartridges that came back without their card, leave no license on it: the loan that runs is found", async () => {
  const { slots, cartridge, card } = await visit();
  const cut = renting(slots, {
    folder: join(folder, fresh("cut")),
    step: (name) => {
      if (name === "fetch") throw new Error("the power is gone");
    },
  });
  for (let time = 0; time < 5; time++) {
    await cut.rent(contents[2]).catch(() => undefined);
    assert.ok(card.licenses.length <= 1, "a card has four places");
  }
  const first = await renting(slots).rent(contents[2]);
  slots.insertedCard = null;
  await returning(slots).takeBack();
  assert.is(card.licenses.length, 1, "its card stayed at home");
  // Nor does one that another kiosk left behind hide the loan that runs.
  const abandoned = await operator.kiosk.call(rental.prepareLoan, {
    body: { cartridgeId: cartridge.id, cardId: card.id, contentId: contents[1] },
  });
  await contract(operator.kiosk, abandoned, card);
  await operator.kiosk.call(rental.cancelLoan, { params: { loanId: abandoned.id }, body: {} });
  const held = card.licenses.slice();
  const second = await rentSteps(operator.kiosk, cartridge, contents[1], card);
  assert.equal(
    card.licenses.map(({ loanId }) => loanId),
    [...held.map(({ loanId }) => loanId), second.id],
  );
  assert.is(held[0].loanId, first.id);
  slots.inserted = null;
  slots.insertedCard = card;
  const view = await returning(slots).takeBack();
  assert.equal([view.loan?.id, view.loan?.state], [second.id, "RETURNED"], "the card alone ends the loan that runs, and no other");
  assert.equal(card.licenses, []);
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

test("[C9] where the kiosk that made the loan does not answer either, the loan ends all the same, and what is due is told later", async () => {
  const { slots, cartridge } = await visit();
  const loan = await renting(slots).rent(contents[0]);
  const directory = new KioskDirectory(join(folder, fresh("directory")), operator.kiosk);
  await addKiosk(world, operator.id, "library kiosk", "http://127.0.0.1:9");
  assert.ok(await directory.refresh());
  world.clock.advance(3 * DAY);
  const asking = (named: { loanId: string; kioskId?: string }) =>
    askPeers({ directory, kioskId: deviceId("library kiosk"), seed: kioskSeed("library kiosk"), now: world.clock.now }, named);
  const own = join(folder, fresh("alone"));
  const counter = returning(slots, { folder: own, client: away, askPeers: asking });
  const view = await counter.takeBack();
  assert.equal([view.loan, view.estimate, cartridge.key, cartridge.playable()], [undefined, undefined, null, false]);
  assert.is(await counter.pay(view.id), undefined);
  const online = returning(slots, { folder: own });
  await online.flush();
  const after = await operator.kiosk.call(rental.getLoan, { params: { loanId: loan.id } });
  assert.equal([after.state, after.charged, after.paid, online.entries.size], ["UNPAID", 250, 0, 0]);
});

test("[C9] a rental kiosk keeps records of its loans for a month after their deadline, and on the disk alone", () => {
  const own = join(folder, fresh("records"));
  const records = new LoanRecords(own);
  const [early, late] = [1, 2].map((number) => ({ id: String(number).repeat(32), deadlineAt: number * DAY }) as LoanBody);
  for (const loan of [early, late]) records.put(loan);
  writeFileSync(join(own, `${early.id}.json.part`), "{");
  records.prune(31 * DAY);
  assert.equal([records.get(early.id), records.get(late.id)], [early, late]);
  records.prune(31 * DAY + 1);
  assert.equal(readdirSync(own), [`${late.id}.json`]);
  assert.equal([new LoanRecords(own).get(late.id), records.get("../x"), records.get(early.id)], [late, undefined, undefined]);
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

test("[C5][C3] a person rents at one screen and returns, rates, reserves and pays at the other", async () => {
  const { slots, customerId, cartridge } = await visit();
  const rentScreen = await serveRentalScreen(renting(slots), 0);
  const counter = returning(slots);
  const returnScreen = await serveReturnScreen(counter, 0);
  const post = async (url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<[number, string]> => {
    const response = await fetch(url, { method: "POST", body: new URLSearchParams(fields), headers });
    return [response.status, await response.text()];
  };
  const listed = async (): Promise<string[]> => {
    const html = await (await fetch(rentScreen.url)).text();
    assert.match(html, "first tune");
    return [...html.matchAll(/data-content="([0-9a-f]{32})"/g)].map(([, id]) => id);
  };
  assert.ok((await listed()).includes(contents[1]));
  const foreign = await post(`${rentScreen.url}/rent`, { content: contents[1] }, { origin: "http://elsewhere.example" });
  assert.is(foreign[0], 404);
  const [status, enjoy] = await post(`${rentScreen.url}/rent`, { content: contents[1] });
  assert.is(status, 200);
  assert.match(enjoy, "second tune");
  assert.match((await post(`${rentScreen.url}/rent`, { content: contents[1] }))[1], "return it first");
  world.clock.advance(DAY);
  const [, back] = await post(`${returnScreen.url}/return`, {});
  assert.match(back, "1.50 EUR is due");
  const id = /name="id" value="([0-9a-f]{32})"/.exec(back)?.[1] ?? "";
  const wish = /name="content" value="([0-9a-f]{32})"/.exec(back)?.[1] ?? "";
  assert.is((await post(`${returnScreen.url}/rate`, { id, stars: "9" }))[0], 409);
  const [, rated] = await post(`${returnScreen.url}/rate`, { id, stars: "4" });
  assert.match(rated, "★★★★☆");
  assert.match(rated, "You have 1 point.");
  assert.not.match(rated, 'action="/rate"');
  const [, reserved] = await post(`${returnScreen.url}/reserve`, { id, content: wish });
  assert.match(reserved, "<strong>Reserved</strong>");
  assert.match(reserved, "You have 2 points.");
  assert.match((await post(`${returnScreen.url}/pay`, { id }))[1], "complete");
  const customer = await operator.kiosk.call(getCustomer, { params: { customerId } });
  assert.equal([customer.points, customer.reservations.map(({ contentId }) => contentId)], [2, [wish]]);
  const recommended = readRecommendations(cartridge.notes);
  const order = (await listed()).filter((content) => recommended.includes(content));
  assert.equal(
    order,
    recommended.filter((content) => order.includes(content)),
  );
  assert.is((await listed())[0], order[0]);
  rentScreen.server.close();
  returnScreen.server.close();
});

test("[A16][C5] where the card brings several readers the customer chooses which one shall play, or any", async () => {
  const chains = ["hall reader", "garden reader"].map((name) => chainOf(fresh(name), ROLE_READER, false));
  for (const chain of chains) await world.staff.call(enrollDevice, { body: { chain, generation: 1 } });
  const ids = chains.map((chain) => chain.slice(8, 24));
  for (const [chosen, named] of [
    ["1", ids[1]],
    ["any", "0".repeat(16)],
  ]) {
    const { slots, card, customerId } = await visit();
    card.certificates = chains.map((chain) => unhex(chain.slice(0, 256)));
    const kiosk = renting(slots);
    const { server, url } = await serveRentalScreen(kiosk, 0);
    const rent = async (fields: Record<string, string>): Promise<string> =>
      (await fetch(`${url}/rent`, { method: "POST", body: new URLSearchParams(fields) })).text();
    await kiosk.choices();
    const asked = await rent({ content: contents[0] });
    assert.match(asked, "Which reader shall play it?");
    for (const id of ids) assert.ok(asked.replaceAll(" ", "").includes(id));
    assert.match(await rent({ content: contents[0], reader: "x" }), "no such reader");
    assert.match(await rent({ content: contents[0], reader: "7" }), "no such reader");
    assert.match(await rent({ content: contents[0], reader: chosen }), "is on your cartridge");
    const [held] = await world.staff.call(listLoans, { query: { customerId } });
    assert.is(held.terms.slice(2 * TERMS_READER, 2 * TERMS_READER + 16), named);
    server.close();
  }
});

test("the screen says a tariff's period in units that say it exactly", () => {
  const said = [1, 2, 60, 90, 150, 3600, 5400, 86_400, 129_600, 604_800].map(period);
  assert.equal(said, ["second", "2 seconds", "minute", "90 seconds", "150 seconds", "hour", "90 minutes", "day", "36 hours", "7 days"]);
});

test("what a title says is text, on the screen too", () => {
  const [offer] = renting(new Slots())
    .catalog.choices([])
    .map((choice) => choice.offer);
  const html = choosingPage(
    [{ offer: { ...offer, content: { ...offer.content, title: "<script>alert(1)</script>" } }, recommended: null }],
    "EUR",
    { centerAnswers: true, cartridge: true },
  );
  assert.not.match(html, "<script>");
  assert.match(html, "&lt;script&gt;");
});

test.run();
