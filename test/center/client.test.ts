/** The center's client, at a server that answers badly. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import * as assert from "uvu/assert";
import { createOperator } from "../../src/center/api/admin-routes.js";
import { CenterAway, CenterClient } from "../../src/center/client.js";
import { suite } from "../suite.js";

const test = suite("client of the center");
let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined;
const server = createServer((request, response) => {
  answer(request, response);
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as { port: number };
const url = `http://127.0.0.1:${String(port)}`;
test.after(() => {
  server.close();
  server.closeAllConnections();
});

const create = (client: CenterClient): Promise<unknown> => client.call(createOperator, { body: { name: "van", currency: "EUR" } });
const ANSWER = `{"id":"${"ab".repeat(16)}"}`;
const whole = (response: ServerResponse): void => {
  response.writeHead(200, { "content-type": "application/json" }).end(ANSWER);
};

test("an answer that breaks off is asked for again under the same key", async () => {
  const keys: unknown[] = [];
  answer = (request, response) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length > 2) whole(response);
    else response.writeHead(200, { "content-length": ANSWER.length }).write(ANSWER.slice(0, 9), () => response.destroy());
  };
  assert.equal(await create(new CenterClient({ url, credential: "nobody" })), JSON.parse(ANSWER));
  assert.equal([keys.length, new Set(keys).size], [3, 1]);
});

test("an answer that is no JSON, or that stalls, says nothing about whether the command was done", async () => {
  for (const bad of ["<html>", ANSWER.slice(0, 9)]) {
    answer = (_request, response) => {
      response.writeHead(200, bad.startsWith("<") ? {} : { "content-length": ANSWER.length });
      if (bad.startsWith("<")) response.end(bad);
      else response.write(bad);
    };
    await create(new CenterClient({ url, credential: "nobody", timeout: 100, attempts: 2 })).then(
      () => assert.unreachable(bad),
      (error: unknown) => assert.instance(error, CenterAway),
    );
  }
});

test("bytes may take longer than the time for an attempt, once they begin to come", async () => {
  answer = (_request, response) => {
    response.writeHead(200).write("one ");
    setTimeout(() => response.end("two"), 300);
  };
  const response = await new CenterClient({ url, credential: "nobody", timeout: 100, attempts: 1 }).bytes("/");
  assert.is(await response.text(), "one two");
});

test.run();
