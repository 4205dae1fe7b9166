/** Requests generated from the OpenAPI document, in form and out of form, from every kind of caller: never a 5xx, and every refusal is a known problem. */
import { readFileSync } from "node:fs";
import fc from "../generate.js";
import * as assert from "uvu/assert";
import { PROBLEMS } from "../../src/center/api/problems.js";
import { registerTerminal } from "../../src/center/api/order-routes.js";
import { authorize, publicEd25519 } from "../../src/center/api/signature.js";
import { toHex } from "../../src/center/scope.js";
import { suite } from "../suite.js";
import { deviceId, kioskSeed } from "./support/keys.js";
import { rent } from "./support/steps.js";
import { addCartridge, addContent, addCustomer, addOffer, addOperator, addTariff, startWorld } from "./support/world.js";

interface Schema {
  type?: string | string[];
  enum?: string[];
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
}
interface Parameter {
  name: string;
  in: "path" | "query" | "header";
  required?: boolean;
  schema: Schema;
}
interface Operation {
  parameters?: Parameter[];
  security?: Record<string, unknown>[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const test = suite("requests from the OpenAPI document");
const world = await startWorld();
test.after(() => world.end());
const operator = await addOperator(world, "ship");
const token = readFileSync(world.center.tokenFile, "utf8").trim();
const document = (await (await fetch(`${world.center.url}/openapi.json`)).json()) as { paths: Record<string, Record<string, Operation>> };

/** Ids that exist, so that requests get past "not found". */
const known: string[] = [operator.id, operator.kioskId];

/** The machine that a customer orders from. */
const terminalSeed = new Uint8Array(32).fill(7);
let terminalId = "";

async function populate(): Promise<void> {
  const contentId = await addContent(world, "a tune", 3);
  await addOffer(world, operator.id, contentId, { tariffId: await addTariff(world, operator.id) });
  for (const name of ["anna", "ben"]) {
    const { id, card } = await addCustomer(world, name);
    const cartridge = await addCartridge(world, `${name} cartridge`);
    known.push((await rent(operator.kiosk, cartridge, contentId, card)).id, id, card.id, cartridge.id);
  }
  const { id: customerId } = await addCustomer(world, "tilda");
  const terminal = { params: { customerId }, body: { name: "desk", publicKey: toHex(publicEd25519(terminalSeed)) } };
  terminalId = (await world.staff.call(registerTerminal, terminal)).id;
  const idle = await addCartridge(world, "idle cartridge");
  known.push(contentId, idle.id);
}

const nasty = fc.constantFrom(
  "",
  "\0",
  "\ud800",
  "a\udfffb",
  "'; drop table loans; --",
  "../../etc/passwd",
  "%00",
  "🎵",
  "x".repeat(70000),
);

/** Values that fit the schema, now and then ones that do not. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(fc.constantFrom(null, -1, 1e308, 0.5, [], {}, true), nasty);
  return fc.oneof({ weight: 20, arbitrary: fitting(schema) }, { weight: 1, arbitrary: wrong });
}

function fitting(schema: Schema): fc.Arbitrary<unknown> {
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? "object"];
  return fc.oneof(...types.map((type) => typed(type, schema)));
}

function typed(type: string, schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (type === "null") return fc.constant(null);
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 1_000_000 });
  if (type === "array") return fc.array(fitting(schema.items ?? {}), { maxLength: 3 });
  if (type === "object") return record(schema);
  if (type !== "string") throw new Error(`The document has type ${type}, which this test does not generate.`);
  if (schema.pattern === undefined) return fc.oneof(fc.string({ minLength: schema.minLength ?? 0, maxLength: 40, unit: "binary" }), nasty);
  const pattern = new RegExp(schema.pattern);
  const existing = known.filter((id) => pattern.test(id));
  const any = fc.stringMatching(pattern);
  return existing.length > 0 ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...existing) }, any) : any;
}

function record(schema: Schema): fc.Arbitrary<unknown> {
  const properties = Object.entries(schema.properties ?? {}).map(([name, inner]) => [name, valueOf(inner)] as const);
  return fc.record(Object.fromEntries(properties), { requiredKeys: schema.required ?? [] });
}

type Caller = "staff" | "kiosk" | "terminal" | "nobody";

/** Mostly somebody who may. */
function callerOf(operation: Operation): fc.Arbitrary<Caller> {
  const allowed = (operation.security ?? []).flatMap((scheme) => Object.keys(scheme)) as Caller[];
  const anybody = fc.constantFrom<Caller>("staff", "kiosk", "terminal", "nobody");
  return allowed.length === 0
    ? anybody
    : fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...allowed) }, { weight: 1, arbitrary: anybody });
}

let nonces = 0;
function authorization(caller: Caller, method: string, path: string, body: string, key: string): Record<string, string> {
  if (caller === "nobody") return {};
  if (caller === "staff") return { authorization: `Bearer ${token}` };
  const nonce = (++nonces).toString(16).padStart(32, "0");
  const request = { method, path, body: Buffer.from(body), time: world.clock.time, nonce, idempotencyKey: key };
  if (caller === "terminal") return { authorization: authorize(terminalId, terminalSeed, request, "terminal") };
  return { authorization: authorize(deviceId("ship kiosk"), kioskSeed("ship kiosk"), request) };
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);

test("no generated request makes the center fail", async () => {
  await populate();
  const statuses = new Map<number, number>();
  for (const { path, method, operation } of operations) {
    const parameters = operation.parameters ?? [];
    const content = Object.entries(operation.requestBody?.content ?? {}).at(0);
    const requests = fc.record({
      parameters: fc.tuple(...parameters.map((parameter) => valueOf(parameter.schema))),
      body: content === undefined ? fc.constant(undefined) : valueOf(content[1].schema),
      caller: callerOf(operation),
      key: fc.integer({ min: 1, max: 2 ** 31 }),
    });
    await fc.assert(
      fc.asyncProperty(requests, async ({ parameters: values, body, caller, key }) => {
        const query = new URLSearchParams();
        let target = path;
        parameters.forEach((parameter, index) => {
          const value = Buffer.from(String(values[index])).toString();
          if (parameter.in === "path") target = target.replace(`{${parameter.name}}`, encodeURIComponent(value.slice(0, 500)));
          else if (parameter.in === "query" && value !== "") query.set(parameter.name, value.slice(0, 500));
        });
        const full = query.size > 0 ? `${target}?${query.toString()}` : target;
        const text = body === undefined ? "" : JSON.stringify(body);
        const idempotencyKey = `key-${String(key)}`.padEnd(12, "0");
        const response = await fetch(world.center.url + full, {
          method,
          headers: {
            ...(method === "GET" || method === "HEAD" ? {} : { "idempotency-key": idempotencyKey, "content-type": "application/json" }),
            ...authorization(caller, method, full, text, method === "GET" || method === "HEAD" ? "" : idempotencyKey),
          },
          ...(method === "GET" || method === "HEAD" ? {} : { body: text }),
        });
        statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
        const answer = await response.text();
        assert.ok(response.status < 500, `${method} ${full} ${text.slice(0, 300)}: ${answer}`);
        if (response.status < 400 || method === "HEAD") return;
        const { type, status } = JSON.parse(answer) as { type: string; status: number };
        assert.ok(Object.hasOwn(PROBLEMS, type.replace("/problems/", "")), `${method} ${full}: ${answer}`);
        assert.is(status, response.status);
      }),
      { numRuns: Number(process.env.LEYDEN_RUNS ?? "15") },
    );
  }
  assert.ok((statuses.get(200) ?? 0) > 2 * operations.length, `many get through: ${JSON.stringify([...statuses])}`);
  assert.ok(
    (statuses.get(409) ?? 0) > operations.length / 16,
    `many are refused for the state of things: ${JSON.stringify([...statuses])}`,
  );
  assert.ok((statuses.get(400) ?? 0) > operations.length / 4, "many are out of form");
});

test.run();
