/**
 * The other machines of `bench delivery`, each a process of its own.
 *
 *   terminal FOLDER CENTER_KEY     a destination terminal with a model client; prints its address
 *   serve FILE                     a plain HTTP server of one file; prints its address
 *   fetch URL FILE                 a plain HTTP download to a file
 */
import { createReadStream, createWriteStream, statSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { pipeline } from "node:stream/promises";
import { pino } from "pino";
import { startTerminalServer } from "../src/terminal/server.js";
import { ModelTerminal } from "../test/delivery/support/model-client.js";

const [what, first, second] = process.argv.slice(2);
if (what === "terminal") {
  const terminal = new ModelTerminal("bench terminal", first);
  const logger = pino({ level: "silent" }) as never;
  const centerKey = Buffer.from(second, "hex");
  const contents = new Map<string, number>();
  const contentCame = (orderId: string): void => {
    contents.set(orderId, (contents.get(orderId) ?? 0) + 1);
  };
  const { url } = await startTerminalServer({ terminal, centerKey, port: 0, logger, contentCame });
  console.log(url);
  process.stdin.on("data", () => {
    const most = (counts: Map<string, number>): number => [...counts.values()].reduce((a, b) => Math.max(a, b), 0);
    console.log(
      JSON.stringify({ keys: terminal.keys.size, mostKeys: most(terminal.keys), contents: contents.size, mostContents: most(contents) }),
    );
  });
} else if (what === "serve") {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-length": statSync(first).size });
    pipeline(createReadStream(first, { highWaterMark: 1 << 20 }), response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1", () => {
    console.log(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  });
} else if (what === "fetch") {
  const begun = performance.now();
  get(first, (response) => {
    void pipeline(response, createWriteStream(second, { flush: true })).then(() => {
      console.log(String((performance.now() - begun) / 1000));
    });
  });
} else process.exitCode = 2;
