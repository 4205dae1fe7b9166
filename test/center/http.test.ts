import { readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import { createContent } from "../../src/center/api/catalog-routes.js";
import { authorize, signedText } from "../../src/center/api/signature.js";
import { startCenter } from "../../src/center/main.js";
import { suite } from "../suite.js";
import { deviceId, kioskSeed } from "./support/keys.js";
import { addContent, addCustomer, addOperator, startWorld } from "./support/world.js";

const test = suite("HTTP interface of the center");
const world = await startWorld();
test.after(() => world.end());
const operator = await addOperator(world, "school");
const token = readFileSync(world.center.tokenFile, "utf8").trim();

interface Answer {
  status: number;
  type: string;
  body: Record<string, unknown>;
  headers: Headers;
}

let keys = 0;
const nextKey = (): string => `test-key-${String(++keys).padStart(4, "0")}`;

async function send(method: string, path: string, body?: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(world.center.url + path, { method, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) });
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  return {
    status: response.status,
    type,
    body: type.includes("json") ? (JSON.parse(text) as Record<string, unknown>) : { text },
    headers: response.headers,
  };
}

const asStaff = (headers: Record<string, string> = {}): Record<string, string> => ({
  authorization: `Bearer ${token}`,
  "content-type": "application/json",
  "idempotency-key": nextKey(),
  ...headers,
});

function problem(answer: Answer, name: string, hint = ""): void {
  assert.is(answer.body.type, `/problems/${name}`, `${hint} ${JSON.stringify(answer.body)}`);
  assert.match(answer.type, "application/problem+json");
  assert.is(answer.body.status, answer.status);
}

const rows = async (): Promise<number> => {
  const counted = await sql<{
    n: number;
  }>`select ((select count(*) from operators) + (select count(*) from customers) + (select count(*) from kiosks)
    + (select count(*) from devices) + (select count(*) from loans) + (select count(*) from audit) + (select count(*) from idempotency)) as n`.execute(
    world.center.db,
  );
  return counted.rows[0].n;
};

test("bad bodies are refused with a stable problem, and nothing is written", async () => {
  const before = await rows();
  const customer = (name: string): string => `{"name":${name}}`;
  const cases: [string, string | Uint8Array, Record<string, string>][] = [
    ["malformed-request", '{"name":', {}],
    ["malformed-request", "", {}],
    ["malformed-request", "null", {}],
    ["malformed-request", '{"name":"a","nam":"b"}', {}],
    ["malformed-request", '{"__proto__":{"name":"a"},"name":"a"}', {}],
    ["malformed-request", customer("12"), {}],
    ["malformed-request", customer('""'), {}],
    ["malformed-request", customer(JSON.stringify("x".repeat(201))), {}],
    ["malformed-request", "[".repeat(30000), {}],
    ["malformed-request", `{"name":${"[".repeat(20000)}${"]".repeat(20000)}}`, {}],
    ["text-not-storable", customer('"half \\ud800 pair"'), {}],
    ["text-not-storable", customer('"nul \\u0000"'), {}],
    ["too-large", customer(JSON.stringify("x".repeat(70000))), {}],
    ["media-type-not-supported", customer('"a"'), { "content-type": "text/plain" }],
    ["media-type-not-supported", "name=a", { "content-type": "application/x-www-form-urlencoded" }],
    ["malformed-request", customer('"a"'), { "idempotency-key": "x" }],
    ["media-type-not-supported", customer('"a"'), { "content-type": "application/octet-stream" }],
    ["not-authenticated", customer('"a"'), { authorization: "Bearer 00" }],
    ["not-authenticated", customer('"a"'), { authorization: `Bearer ${"0".repeat(64)}` }],
    ["not-authenticated", customer('"a"'), { authorization: "" }],
  ];
  for (const [name, body, headers] of cases)
    problem(await send("POST", "/v1/customers", body, asStaff(headers)), name, Buffer.from(body).toString().slice(0, 60));
  for (const amount of ["-1", "1e300", "0.5", '"1"', "9007199254740993"]) {
    const tariff = `{"name":"t","base":${amount},"periodPrice":0,"periodSeconds":1,"cap":null,"graceSeconds":0,"lostPrice":0}`;
    problem(await send("POST", `/v1/operators/${operator.id}/tariffs`, tariff, asStaff()), "malformed-request", amount);
    const refund = `{"amount":${amount},"method":"cash","reference":"r"}`;
    problem(await send("POST", `/v1/loans/${"0".repeat(32)}/refunds`, refund, asStaff()), "malformed-request", amount);
  }
  for (const path of ["/v1/loans/%00", "/v1/loans/%ZZ", "/v1/loans/'%20or%201=1", "/v1/nothing", "/v1/customers/%ED%A0%80"]) {
    const answer = await send("GET", path, undefined, asStaff());
    assert.ok(answer.status === 400 || answer.status === 404, path);
    assert.match(answer.type, "application/problem+json");
  }
  for (const path of [`/v1/loans/${"0".repeat(32)}`, `/v1/devices/${"0".repeat(16)}`, `/v1/customers/${"0".repeat(32)}`])
    problem(await send("GET", path, undefined, asStaff()), "not-found");
  assert.is(await rows(), before);
});

test("SQL in a name is a name", async () => {
  const name = "Robert'); drop table loans; --";
  const { id } = await addOperator(world, name);
  const operators = await world.staff.call(admin.listOperators, {});
  assert.is(operators.find((entry) => entry.id === id)?.name, name);
});

test("a body that stops halfway writes nothing and harms nobody", async () => {
  const before = await rows();
  const { port } = new URL(world.center.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      const head = Object.entries({ host: "x", "content-length": "1000", ...asStaff() }).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`POST /v1/customers HTTP/1.1\r\n${head.join("")}\r\n{"name":"ha`, () => {
        socket.destroy();
        resolve();
      });
    });
  });
  const answer = await new Promise<string>((resolve) => {
    let text = "";
    const socket = connect(Number(port), "127.0.0.1", () => socket.write("GARBAGE\r\n\r\n"));
    socket.on("data", (data) => (text += data.toString()));
    socket.on("close", () => {
      resolve(text);
    });
  });
  assert.match(answer, "400 Bad Request");
  assert.match(answer, "/problems/malformed-request");
  assert.is(await rows(), before);
  assert.is((await send("GET", "/health/ready")).status, 200);
});

test("a content that stops halfway leaves neither a row nor a file", async () => {
  const { id } = await world.staff.call(createContent, {
    body: { title: "half", type: "audio/pcm", description: "", producer: "somebody", copies: null },
  });
  const files = (): string[] => readdirSync(join(world.folder, "contents"), { recursive: true, encoding: "utf8" }).sort();
  const before = files();
  const { port } = new URL(world.center.url);
  const head = { host: "x", "content-length": "1000", authorization: `Bearer ${token}`, "content-type": "application/octet-stream" };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), "127.0.0.1", () => {
      socket.write(`PUT /v1/contents/${id}/sealed/1/1 HTTP/1.1\r\n${lines.join("")}\r\nhalf of`, () => {
        setTimeout(() => {
          socket.destroy();
          resolve();
        }, 100);
      });
    });
  });
  for (const end = Date.now() + 10_000; files().length !== before.length && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(files(), before);
  const sealed = await world.center.db.selectFrom("sealed_contents").select("content_id").where("content_id", "=", id).execute();
  assert.equal(sealed, []);
  const put = await send("PUT", `/v1/contents/${id}/sealed/1/1`, "the whole", asStaff({ "content-type": "application/octet-stream" }));
  assert.is(put.status, 200, "and is no hindrance to the next try");
});

test("a kiosk's signature covers method, path, body, time, nonce and key, and counts once", async () => {
  const path = "/v1/offers";
  const seed = kioskSeed("school kiosk");
  const id = deviceId("school kiosk");
  const sign = (changes: Partial<Parameters<typeof signedText>[0]> = {}, by = seed): string =>
    authorize(id, by, {
      method: "GET",
      path,
      body: new Uint8Array(0),
      time: world.clock.time,
      nonce: nextKey().replace(/\D/g, "").padStart(32, "0"),
      idempotencyKey: "",
      ...changes,
    });
  const get = (authorization: string): Promise<Answer> => send("GET", path, undefined, { authorization });
  const good = sign();
  assert.is((await get(good)).status, 200);
  problem(await get(good), "signature-repeated");
  for (const changes of [{ method: "POST" }, { path: "/v1/kiosks" }, { body: Uint8Array.of(1) }, { idempotencyKey: "12345678" }])
    problem(await get(sign(changes)), "not-authenticated", Object.keys(changes)[0]);
  problem(await get(sign({}, kioskSeed("other"))), "not-authenticated");
  problem(await get(sign().replace(/time=\d+/, `time=${String(world.clock.time + 1)}`)), "not-authenticated");
  problem(await get(sign().replace(/nonce=./, "nonce=f")), "not-authenticated");
  problem(await get("Leyden-Kiosk kiosk=00"), "not-authenticated");
  const stale = await get(sign({ time: world.clock.time - 301 }));
  problem(stale, "signature-stale");
  assert.is(stale.headers.get("leyden-time"), String(world.clock.time));
  const nonce = "ab".repeat(16);
  const early = sign({ nonce });
  assert.is((await get(early)).status, 200);
  world.clock.advance(1);
  await world.restart();
  world.clock.advance(2);
  problem(await get(early), "signature-stale", "after a restart nonces from before it are not known, and no longer accepted");
});

test("staff of an operator sees and does its own, and a disabled token nothing", async () => {
  const other = await addOperator(world, "other school", "CHF");
  const created = await world.staff.call(admin.createStaff, { body: { name: "clerk", operatorId: operator.id } });
  const as = { authorization: `Bearer ${created.token}` };
  const tariff = JSON.stringify({ name: "t", base: 1, periodPrice: 1, periodSeconds: 1, cap: null, graceSeconds: 0, lostPrice: 0 });
  assert.is((await send("POST", `/v1/operators/${operator.id}/tariffs`, tariff, asStaff(as))).status, 200);
  problem(await send("POST", `/v1/operators/${other.id}/tariffs`, tariff, asStaff(as)), "not-allowed");
  problem(await send("GET", `/v1/operators/${other.id}/accounts`, undefined, asStaff(as)), "not-allowed");
  problem(await send("GET", "/v1/audit", undefined, asStaff(as)), "not-allowed");
  problem(await send("POST", "/v1/operators", '{"name":"x","currency":"EUR"}', asStaff(as)), "not-allowed");
  const stored = await world.center.db.selectFrom("staff").selectAll().where("id", "=", created.id).executeTakeFirstOrThrow();
  assert.not.ok(JSON.stringify(stored).includes(created.token), "tokens are kept as hashes");
  await world.staff.call(admin.disableStaff, { params: { staffId: created.id }, body: {} });
  problem(await send("GET", "/v1/operators", undefined, asStaff(as)), "not-authenticated");
});

test("a command repeated under its key, also in parallel, is done once; another under the same key is refused", async () => {
  const before = (await world.staff.call(admin.listOperators, {})).length;
  const headers = asStaff();
  const body = '{"name":"once","currency":"EUR"}';
  const answers = await Promise.all(Array.from({ length: 8 }, () => send("POST", "/v1/operators", body, headers)));
  assert.is(new Set(answers.map((answer) => answer.body.id)).size, 1);
  assert.is((await world.staff.call(admin.listOperators, {})).length, before + 1);
  problem(await send("POST", "/v1/operators", '{"name":"twice","currency":"EUR"}', headers), "idempotency-key-reused");
});

test("audit log, ledger, charges and points only grow, and a transaction that does not balance is refused", async () => {
  const { db } = world.center;
  const refused = async (statement: string): Promise<void> => {
    await sql
      .raw(statement)
      .execute(db)
      .then(
        () => assert.unreachable(statement),
        (error: unknown) => assert.match(String(error), /only ever added|entries/),
      );
  };
  for (const statement of [
    "update audit set actor = 'x'",
    "delete from audit",
    "truncate audit",
    "truncate ledger_entries",
    "truncate charges cascade",
  ])
    await refused(statement);
  const { id } = await db
    .insertInto("accounts")
    .values({ operator_id: operator.id, kind: "cash", party: "", currency: "EUR" })
    .returning("id")
    .executeTakeFirstOrThrow();
  const { id: abroad } = await db
    .insertInto("accounts")
    .values({ operator_id: operator.id, kind: "card", party: "", currency: "CHF" })
    .returning("id")
    .executeTakeFirstOrThrow();
  await refused("insert into ledger_transactions (reference, at) values ('empty', 0)");
  for (const entries of [`(${String(id)}, 5), (${String(id)}, -4)`, `(${String(id)}, 5), (${String(abroad)}, -5)`])
    await refused(
      `with t as (insert into ledger_transactions (reference, at) values ('lopsided', 0) returning id)
       insert into ledger_entries (transaction_id, account_id, amount) select t.id, e.* from t, (values ${entries}) e`,
    );
  await sql`with t as (insert into ledger_transactions (reference, at) values ('even', 0) returning id)
    insert into ledger_entries (transaction_id, account_id, amount) select t.id, e.* from t, (values (${sql.lit(id)}, 5), (${sql.lit(id)}, -5)) e`.execute(
    db,
  );
  await refused("update ledger_entries set amount = 6 where amount = 5");
  await refused("delete from ledger_entries");
});

test("a sealed content comes whole or in ranges, with its hash as tag", async () => {
  const contentId = await addContent(world, "ranges");
  const path = `/v1/contents/${contentId}/sealed/1/1`;
  const get = async (headers: Record<string, string> = {}): Promise<{ status: number; bytes: Buffer; headers: Headers }> => {
    const response = await fetch(world.center.url + path, { headers: { authorization: `Bearer ${token}`, ...headers } });
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
  };
  const whole = await get();
  const length = whole.bytes.length;
  const tag = whole.headers.get("etag") ?? "";
  assert.equal([whole.status, length], [200, 2000 + 5 * 16]);
  for (const [range, start, end] of [
    ["bytes=0-0", 0, 1],
    ["bytes=100-", 100, length],
    ["bytes=-7", length - 7, length],
    ["bytes=5-99999", 5, length],
  ] as const) {
    const part = await get({ range, "if-range": tag });
    assert.is(part.status, 206);
    assert.is(part.headers.get("content-range"), `bytes ${String(start)}-${String(end - 1)}/${String(length)}`);
    assert.equal(part.bytes, whole.bytes.subarray(start, end));
  }
  assert.is((await get({ range: `bytes=${String(length)}-` })).status, 416);
  assert.is((await get({ range: "bytes=-0" })).status, 416);
  assert.is((await get({ range: "bytes=9-2" })).status, 200);
  assert.is((await get({ range: "bytes=1-2", "if-range": '"other"' })).status, 200);
});

test("a content that arrives altered or twice is refused", async () => {
  const contentId = await addContent(world, "intake");
  const put = (path: string, body: string): Promise<Answer> =>
    send("PUT", path, body, asStaff({ "content-type": "application/octet-stream" }));
  problem(await put(`/v1/contents/${contentId}/sealed/2/1?sha256=${"0".repeat(64)}`, "bytes"), "digest-mismatch");
  problem(await put(`/v1/contents/${contentId}/sealed/1/1`, "bytes"), "already-exists");
  problem(await put(`/v1/contents/${"0".repeat(32)}/sealed/1/1`, "bytes"), "not-found");
  problem(await put(`/v1/contents/${contentId}/sealed/70000/1`, "bytes"), "conflict");
  problem(await put(`/v1/contents/${contentId}/pictures/1`, "bytes"), "media-type-not-supported");
  const picture = await send("PUT", `/v1/contents/${contentId}/pictures/1`, "PNG", asStaff({ "content-type": "image/png" }));
  assert.is(picture.status, 200);
  assert.is((await send("GET", `/v1/contents/${contentId}/pictures/1`, undefined, asStaff())).type, "image/png");
});

test("the interface describes itself, readably and without other sites", async () => {
  const document = (await send("GET", "/openapi.json")).body as { openapi: string; paths: Record<string, unknown> };
  assert.is(document.openapi, "3.1.0");
  assert.ok(Object.keys(document.paths).length > 40);
  const page = await send("GET", "/docs/");
  assert.is(page.status, 200);
  const html = String(page.body.text);
  for (const [, link] of html.matchAll(/(?:src|href)="([^"]+)"/g)) {
    assert.not.match(link, /^(https?:)?\/\//);
    const part = await fetch(new URL(link, `${world.center.url}/docs/`));
    assert.equal([part.status, (await part.text()) !== ""], [200, true], link);
  }
  assert.is((await send("GET", "/problems/no-copy-left")).body.status, 409);
});

test("health says what it depends on", async () => {
  const other = await startWorld();
  const ready = async (): Promise<number> => (await fetch(`${other.center.url}/health/ready`)).status;
  assert.is(await ready(), 200);
  await other.center.db.destroy();
  assert.is(await ready(), 503);
  assert.is((await fetch(`${other.center.url}/health/live`)).status, 200);
  await other.end().catch(() => undefined);
});

test("too many requests from one address are refused for a while", async () => {
  const other = await startWorld({ requestsPerMinute: 5 });
  const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`${other.center.url}/health/live`)));
  const refused = answers.filter((answer) => answer.status === 429);
  assert.is(refused.length, 3);
  assert.ok(Number(refused[0].headers.get("retry-after")) > 0);
  assert.match(await refused[0].text(), "/problems/too-many-requests");
  await other.end();
});

test("a center stops although somebody does not take the answer; after a start on the same folder everything is still there", async () => {
  const { id } = await addCustomer(world, "lasting");
  await fetch(`${world.center.url}/docs/static/swagger-ui-bundle.js`);
  const begun = performance.now();
  await world.center.stop();
  assert.ok(performance.now() - begun < 20_000);
  world.center = await startCenter(world.options);
  const found = await world.center.db.selectFrom("customers").select("id").where("id", "=", id).executeTakeFirst();
  assert.is(found?.id, id);
});

test.run();
