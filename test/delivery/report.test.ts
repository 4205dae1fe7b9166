/** Who ordered what: by class, as a table and as CSV; and what stays when a person is erased. */
import { sql } from "kysely";
import * as assert from "uvu/assert";
import { createCustomer } from "../../src/center/api/admin-routes.js";
import { eraseCustomer, orderReport, orderSums } from "../../src/center/api/advert-routes.js";
import { cancelOrder, registerTerminal } from "../../src/center/api/order-routes.js";
import { publicEd25519 } from "../../src/center/api/signature.js";
import { addContent, addOffer, addOperator } from "../center/support/world.js";
import { deviceId } from "../center/support/keys.js";
import { suite } from "../suite.js";
import { Deliveries } from "./support/deliveries.js";

const test = suite("order report");
const DAY = 86_400;

/** Every row of every table, as text. */
async function everything({ world }: Deliveries): Promise<string> {
  const { db } = world.center;
  const tables = await sql<{
    name: string;
  }>`select table_name as name from information_schema.tables where table_schema = 'public'`.execute(db);
  const texts = await Promise.all(
    tables.rows.map(async ({ name }) => {
      const { rows } = await sql<{ row: string }>`select t::text as row from ${sql.table(name)} t`.execute(db);
      return rows.map(({ row }) => `${name}: ${row}`).join("\n");
    }),
  );
  return texts.join("\n");
}

test("[B6] orders are classified by title, type, period, operator and region, told as a table and as CSV; erasing a customer leaves the sums and no person", async () => {
  const all = await Deliveries.start(new Uint8Array(100));
  const { world, contentId: tune } = all;
  const { staff, clock } = world;
  try {
    const museum = (await addOperator(world, "museum")).id;
    const song = await addContent(world, '=cmd "song"');
    for (const operatorId of [all.operatorId, museum]) await addOffer(world, operatorId, song);
    const begun = clock.now();
    const order = async (contentId: string, operatorId: string, days: number, region?: string): Promise<string> => {
      clock.advance(10);
      const now = clock.now();
      const at = now + 3600;
      const times = { periodStart: now, periodEnd: now + days * DAY, contentAt: at, keyAt: at };
      return (await all.place({ contentId, operatorId, ...times, ...(region !== undefined && { region }) })).id;
    };
    const ada = [
      await order(tune, all.operatorId, 1, "coast"),
      await order(song, all.operatorId, 7, "coast"),
      await order(song, museum, 40, "hills"),
    ];
    const adaId = all.customerId;
    const adaTerminal = all.credential.terminalId;
    // Another customer, whose orders stay as they are.
    const seed = new Uint8Array(32).fill(10);
    const { id: bobId } = await staff.call(createCustomer, { body: { name: "Bob" } });
    const body = { name: "desk", publicKey: Buffer.from(publicEd25519(seed)).toString("hex") };
    all.credential = { terminalId: (await staff.call(registerTerminal, { params: { customerId: bobId }, body })).id, seed };
    const { customer } = all;
    all.connect();
    const bob = await order(tune, all.operatorId, 30);

    const lines = await staff.call(orderReport, { query: {} });
    assert.equal(
      lines.map(({ orderId, customer: who, title, type, period, operator, region }) => [
        orderId,
        who,
        title,
        type,
        period,
        operator,
        region,
      ]),
      [
        [bob, "Bob", "tune", "audio/pcm", "up to a month", "library", "not named"],
        [ada[2], "Ada", '=cmd "song"', "audio/pcm", "longer", "museum", "hills"],
        [ada[1], "Ada", '=cmd "song"', "audio/pcm", "up to a week", "library", "coast"],
        [ada[0], "Ada", "tune", "audio/pcm", "up to a day", "library", "coast"],
      ],
    );
    assert.equal(
      (await staff.call(orderReport, { query: { from: String(begun + 20), to: String(begun + 40) } })).map(({ orderId }) => orderId),
      [ada[2], ada[1]],
      "from the one instant on and before the other",
    );
    assert.equal(
      (await staff.call(orderReport, { query: { before: ada[1] } })).map(({ orderId }) => orderId),
      [ada[0]],
    );
    const csv = await (await staff.bytes("/v1/reports/orders/csv")).text();
    assert.is(csv.split("\r\n").length, 6, "a line of names, four orders, and the end of the last line");
    assert.ok(csv.includes(`"Ada","'=cmd ""song""","audio/pcm","longer","museum","hills"`), "no cell is computed, and quotes are doubled");
    const sums = async (by: "title" | "type" | "period" | "operator" | "region"): Promise<unknown[]> =>
      (await staff.call(orderSums, { query: { by } })).map(({ value, orders, customers }) => [value, orders, customers]);
    assert.equal(await sums("operator"), [
      ["library", 3, 2],
      ["museum", 1, 1],
    ]);
    assert.equal(await sums("type"), [["audio/pcm", 4, 2]]);
    assert.is((await sums("period")).length, 4);
    const sumsCsv = await (await staff.bytes("/v1/reports/orders/sums/csv?by=region")).text();
    assert.is(sumsCsv, '"value","orders","customers"\r\n"coast","2","1"\r\n"hills","1","1"\r\n"not named","1","1"\r\n');

    const erase = (customerId: string) => staff.call(eraseCustomer, { params: { customerId }, body: {} });
    await erase(adaId).then(
      () => assert.unreachable("erased while an order is open"),
      (error: unknown) => assert.match((error as Error).message, /is not over; cancel it/),
    );
    for (const orderId of ada) await customer.call(cancelOrder, { params: { orderId }, body: {} });
    assert.ok((await everything(all)).includes("Ada"));
    await erase(adaId);
    await erase(adaId);
    assert.equal(
      (await staff.call(orderReport, { query: {} })).map(({ customerId, customer: who, region }) => [customerId, who, region]),
      [
        [bobId, "Bob", "not named"],
        [null, null, "hills"],
        [null, null, "coast"],
        [null, null, "coast"],
      ],
    );
    assert.equal(await sums("operator"), [
      ["library", 3, 1],
      ["museum", 1, 0],
    ]);
    const left = (await everything(all)).split("\n");
    assert.equal(
      left.filter((row) => row.includes("Ada")),
      [],
    );
    const links = [adaId, adaTerminal, deviceId("kitchen"), all.address];
    for (const orderId of ada)
      assert.equal(
        left.filter((row) => row.includes(orderId) && links.some((link) => row.includes(link))),
        [],
        "no order leads to the person, or to where it went",
      );
    assert.is((await all.show(bob)).state, "OPEN");
    await customer.call(cancelOrder, { params: { orderId: bob }, body: {} }).then(
      () => assert.unreachable("the machine of an erased customer still speaks"),
      (error: unknown) => assert.match((error as Error).message, /terminal|sign/i),
    );
  } finally {
    await all.end();
  }
});

test.run();
