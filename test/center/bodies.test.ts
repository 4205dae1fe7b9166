/** Bodies that are no body of their form, at every address that takes one: each is refused as a known problem, and nothing is written. */
import { readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { sql } from "kysely";
import * as assert from "uvu/assert";
import * as admin from "../../src/center/api/admin-routes.js";
import * as catalog from "../../src/center/api/catalog-routes.js";
import { registerTerminal } from "../../src/center/api/order-routes.js";
import { PROBLEMS } from "../../src/center/api/problems.js";
import { authorize, publicEd25519 } from "../../src/center/api/signature.js";
import { addLicenseServer } from "../../src/center/api/household-routes.js";
import { toHex } from "../../src/center/scope.js";
import { ROLE_LICENSE_SERVER } from "../../src/core/protocol/constants.js";
import fc from "../generate.js";
import { suite } from "../suite.js";
import { chainOf, deviceId, kioskSeed } from "./support/keys.js";
import { addContent, addCustomer, addOperator, startWorld } from "./support/world.js";

interface Schema {
  type?: string | string[];
  enum?: unknown[];
  pattern?: string;
  minLength?: number;
  minimum?: number;
  minItems?: number;
  properties?: Record<string, Schema>;
  items?: Schema;
}
interface Operation {
  parameters?: { name: string; in: string; schema: Schema }[];
  security?: Record<string, unknown>[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const test = suite("bodies");
const world = await startWorld();
test.after(() => world.end());
await addOperator(world, "ship");
const token = readFileSync(world.center.tokenFile, "utf8").trim();
const server = chainOf("ship server", ROLE_LICENSE_SERVER, true);
await world.staff.call(addLicenseServer, { body: { name: "server", chain: server, address: "http://127.0.0.1:9" } });
const terminalSeed = new Uint8Array(32).fill(7);
const { id: customerId } = await addCustomer(world, "tilda");
const terminal = { params: { customerId }, body: { name: "desk", publicKey: toHex(publicEd25519(terminalSeed)) } };
const { id: terminalId } = await world.staff.call(registerTerminal, terminal);

/** One value that fits, the same every time; strings without a pattern are words, so that they can be spoiled. */
function sample(schema: Schema): unknown {
  const type = Array.isArray(schema.type) ? schema.type[0] : (schema.type ?? "object");
  if (schema.enum !== undefined) return schema.enum[0];
  if (type === "string") return schema.pattern === undefined ? "word".padEnd(schema.minLength ?? 0, "s") : matching(schema.pattern);
  if (type === "integer") return Math.max(schema.minimum ?? 0, 0);
  if (type === "array") return Array.from({ length: Math.max(1, schema.minItems ?? 0) }, () => sample(schema.items ?? {}));
  if (type === "object") return Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, sample(inner)]));
  return type === "boolean" ? true : null;
}
const matching = (pattern: string): string => fc.sample(fc.stringMatching(new RegExp(pattern)), { numRuns: 1, seed: 1 })[0];

/** Every copy of a value in which one of its strings is replaced. */
function spoiled(value: unknown, by: string): unknown[] {
  if (typeof value === "string") return [by];
  if (Array.isArray(value))
    return value.flatMap((inner, at) =>
      spoiled(inner, by).map((other) => value.map((same, index) => (index === at ? other : same) as unknown)),
    );
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => spoiled(inner, by).map((other) => ({ ...value, [name]: other })));
}

const document = (await (await fetch(`${world.center.url}/openapi.json`)).json()) as { paths: Record<string, Record<string, Operation>> };
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, operation]) => operation.requestBody !== undefined)
    .map(([method, operation]) => ({ method: method.toUpperCase(), path: addressOf(path, operation), operation })),
);
function addressOf(path: string, { parameters = [] }: Operation): string {
  return parameters.reduce((so, { name, schema }) => so.replace(`{${name}}`, encodeURIComponent(String(sample(schema)))), path);
}

let numbers = 0;
/** Headers of a request by somebody who may. */
function headersOf({ security }: Operation, method: string, path: string, body: Uint8Array): Record<string, string> {
  const number = String(++numbers);
  const key = number.padStart(12, "0");
  const request = { method, path, body, time: world.clock.time, nonce: number.padStart(32, "0"), idempotencyKey: key };
  const allowed = (security ?? []).flatMap((scheme) => Object.keys(scheme));
  const authorization = allowed.includes("staff")
    ? `Bearer ${token}`
    : allowed.includes("kiosk")
      ? authorize(deviceId("ship kiosk"), kioskSeed("ship kiosk"), request)
      : allowed.includes("server")
        ? authorize(deviceId("ship server"), kioskSeed("ship server"), request, "server")
        : authorize(terminalId, terminalSeed, request, "terminal");
  return { authorization, "idempotency-key": key };
}

/** The problem by which a body is refused; it is a known one, and no failure of the center. */
async function refusal({ method, path, operation }: (typeof operations)[number], body: Uint8Array, type: string | null): Promise<string> {
  const headers = { ...headersOf(operation, method, path, body), ...(type !== null && { "content-type": type }) };
  const response = await fetch(world.center.url + path, { method, headers, body });
  const text = await response.text();
  const where = `${method} ${path} ${String(type)} ${Buffer.from(body).toString("utf8", 0, 80)}: ${text}`;
  assert.ok(response.status >= 400 && response.status < 500, where);
  assert.match(response.headers.get("content-type") ?? "", "application/problem+json", where);
  const problem = (JSON.parse(text) as { type: string }).type.replace("/problems/", "");
  assert.ok(Object.hasOwn(PROBLEMS, problem), where);
  return problem;
}

const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** Rows in all tables together, and files. */
async function written(): Promise<number> {
  const { db } = world.center;
  const { rows: tables } = await sql<{ name: string }>`select quote_ident(table_name) as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE'`.execute(db);
  const counts = tables.map(({ name }) => `(select count(*) from ${name})`).join(" + ");
  const { rows } = await sql.raw<{ n: number }>(`select (${counts})::bigint as n`).execute(db);
  return ["contents", "pictures"].reduce(
    (sum, name) => sum + readdirSync(join(world.folder, name), { recursive: true }).length,
    Number(rows[0].n),
  );
}

async function nothingWritten(run: () => Promise<void>): Promise<void> {
  const before = await written();
  await run();
  assert.is(await written(), before);
}

const EACH: [what: string, problem: string, body: (valid: string) => Uint8Array, type?: string | null][] = [
  ["no body", "malformed-request", () => utf8("")],
  ["half of a body", "malformed-request", (valid) => utf8(valid.slice(0, valid.length / 2))],
  ["more than a body", "malformed-request", (valid) => utf8(`${valid}{}`)],
  ["null", "malformed-request", () => utf8("null")],
  ["a list", "malformed-request", () => utf8("[]")],
  [
    "bytes that are no UTF-8",
    "malformed-request",
    (valid) => Buffer.concat([utf8(valid.slice(0, -1)), utf8(',"x":"'), Uint8Array.of(0xff), utf8('"}')]),
  ],
  ["UTF-16", "media-type-not-supported", (valid) => Buffer.from(valid, "utf16le"), "application/json; charset=utf-16"],
  ["Latin-1", "media-type-not-supported", (valid) => Buffer.from(valid, "latin1"), 'application/json; charset="ISO-8859-1"'],
  ["a body that is too long", "too-large", (valid) => utf8(valid.padEnd(65_537))],
  ...[
    null,
    "text/plain",
    "text/json",
    "application/jsonx",
    "application/xml",
    "application/octet-stream",
    "image/png",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "x",
    "application/json, text/plain",
  ].map((type): (typeof EACH)[number] => [`content type ${String(type)}`, "media-type-not-supported", utf8, type]),
];

test("at every address that takes JSON: cut, too long, in another form, charset or content type", () =>
  nothingWritten(async () => {
    assert.ok(operations.length > 30);
    for (const one of operations) {
      const valid = JSON.stringify(sample(Object.values(one.operation.requestBody?.content ?? {})[0].schema));
      for (const [what, problem, body, type = "application/json"] of EACH)
        assert.is(await refusal(one, body(valid), type), problem, `${one.method} ${one.path}: ${what}`);
    }
  }));

test("at every address that takes JSON: half of a surrogate pair or NUL in any text, as an escape or as bytes", () =>
  nothingWritten(async () => {
    let texts = 0;
    for (const one of operations) {
      const valid = sample(Object.values(one.operation.requestBody?.content ?? {})[0].schema);
      for (const nasty of ["half \ud800 pair", "\udfff", "nul \0"])
        for (const body of spoiled(valid, nasty)) {
          texts++;
          const problem = await refusal(one, utf8(JSON.stringify(body)), "application/json");
          assert.ok(["text-not-storable", "malformed-request"].includes(problem), `${one.path} ${JSON.stringify(body)}: ${problem}`);
        }
      for (const body of spoiled(valid, "@@@@")) {
        const [before, after] = JSON.stringify(body).split("@@@@");
        const bytes = Buffer.concat([utf8(before), Uint8Array.of(0xed, 0xa0, 0x80), utf8(after)]);
        assert.is(await refusal(one, bytes, "application/json"), "malformed-request", one.path);
      }
    }
    assert.ok(texts > 100, String(texts));
  }));

/** Sends the beginning of a request and goes. */
function halfway(head: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(world.center.url).port), "127.0.0.1", () => {
      socket.write(`${head}\r\n\r\n${body}`, () => socket.end());
    });
    // The center may answer the half with a problem, or close.
    socket.once("error", reject).once("close", () => resolve());
    socket.resume();
  });
}

test("at every address that takes JSON: a body that stops halfway, with its length told or in chunks", () =>
  nothingWritten(async () => {
    for (const { method, path, operation } of operations) {
      const valid = JSON.stringify(sample(Object.values(operation.requestBody?.content ?? {})[0].schema));
      const half = valid.slice(0, valid.length / 2);
      const headers = headersOf(operation, method, path, utf8(valid));
      for (const length of [`content-length: ${String(valid.length)}`, "transfer-encoding: chunked"]) {
        const lines = Object.entries({ ...headers, host: "x", "content-type": "application/json" }).map(
          ([name, value]) => `${name}: ${value}`,
        );
        const chunk = length.startsWith("t") ? `${half.length.toString(16)}\r\n${half}\r\n` : half;
        await halfway([`${method} ${path} HTTP/1.1`, ...lines, length].join("\r\n"), chunk);
      }
    }
    assert.is((await fetch(`${world.center.url}/health/ready`)).status, 200);
  }));

test("at every address that takes bytes: JSON, a picture of no known kind, no content type, or nothing at all", () =>
  nothingWrittenBut(async (contentId) => {
    const sealed = `/v1/contents/${contentId}/sealed/1/1`;
    const cases: [path: string, type: string | null, body: string, problem: string][] = [
      [sealed, "application/json", "{}", "media-type-not-supported"],
      [sealed, "application/json", "", "malformed-request"],
      [sealed, "text/plain", "x", "media-type-not-supported"],
      [sealed, null, "x", "media-type-not-supported"],
      [`${sealed}?sha256=${"0".repeat(64)}`, "application/octet-stream", "x", "digest-mismatch"],
      [`/v1/contents/${"0".repeat(32)}/sealed/1/1`, "application/octet-stream", "x", "not-found"],
      [sealed, "application/octet-stream", "", "malformed-request"],
      [`/v1/contents/${contentId}/pictures/1`, "image/svg+xml", "<svg/>", "media-type-not-supported"],
      [`/v1/contents/${contentId}/pictures/1`, "application/octet-stream", "x", "media-type-not-supported"],
      [`/v1/contents/${contentId}/pictures/1`, "image/png", "", "malformed-request"],
      [`/v1/contents/${contentId}/pictures/1`, "image/png", "x".repeat((4 << 20) + 1), "too-large"],
    ];
    for (const [path, type, body, problem] of cases) {
      const operation = { security: [{ staff: [] }] };
      assert.is(
        await refusal({ method: "PUT", path, operation }, utf8(body), type),
        problem,
        `${path} ${String(type)} ${body.slice(0, 9)}`,
      );
    }
  }));

async function nothingWrittenBut(run: (contentId: string) => Promise<void>): Promise<void> {
  const body = { title: "empty", type: "audio/pcm", description: "", producer: "somebody", copies: null };
  const { id } = await world.staff.call(catalog.createContent, { body });
  await nothingWritten(() => run(id));
}

test("a body with its charset named is taken as it is", async () => {
  for (const type of ["application/json; charset=utf-8", 'Application/JSON;Charset="UTF-8"', "application/json;charset=utf8"]) {
    const body = JSON.stringify({ name: `Ägäis ${type}`, currency: "EUR" });
    const headers = { authorization: `Bearer ${token}`, "idempotency-key": `charset-${String(++numbers)}`, "content-type": type };
    const response = await fetch(`${world.center.url}/v1/operators`, { method: "POST", headers, body });
    assert.is(response.status, 200, type);
    assert.ok((await world.staff.call(admin.listOperators, {})).some(({ name }) => name === `Ägäis ${type}`));
  }
});

test("SQL in any name is a name, and in a path or query it is no id", async () => {
  const { db } = world.center;
  const name = `Robert'); drop table loans; -- " \\ $1 %s`;
  const operator = await addOperator(world, name);
  const contentId = await addContent(world, name);
  const { id: customer } = await world.staff.call(admin.createCustomer, { body: { name } });
  await world.staff.call(admin.createStaff, { body: { name, operatorId: operator.id } });
  const tariff = { name, base: 1, periodPrice: 0, periodSeconds: 1, cap: null, graceSeconds: 0, lostPrice: 0 };
  await world.staff.call(admin.createTariff, { params: { operatorId: operator.id }, body: tariff });
  for (const [table, column, id] of [
    ["operators", "name", operator.id],
    ["contents", "title", contentId],
    ["customers", "name", customer],
    ["kiosks", "name", operator.kioskId],
  ] as const) {
    const { rows } = await sql<{ text: string }>`select ${sql.ref(column)} as text from ${sql.table(table)} where id = ${id}`.execute(db);
    assert.ok(rows[0].text.startsWith(name), table);
  }
  for (const table of ["staff", "tariffs"] as const)
    assert.ok(
      (await db.selectFrom(table).select("name").execute()).some((row) => row.name === name),
      table,
    );
  for (const path of [
    "/v1/loans/1'%20or%20'1'%3D'1",
    "/v1/loans?customerId=x'%20or%20true%20--",
    "/v1/audit?after=1%20union%20select%201",
  ]) {
    const response = await fetch(world.center.url + path, { headers: { authorization: `Bearer ${token}` } });
    assert.is(response.status, 400, path);
  }
});

test.run();
