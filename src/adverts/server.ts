import { appendFileSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { LogController, fastify, type FastifyBaseLogger } from "fastify";
import { pino } from "pino";

export interface AdvertServerOptions {
  folder: string;
  /** 0 for a free one. */
  port: number;
  host?: string;
  logger?: FastifyBaseLogger;
}

/** Clicks on one advert. */
export interface Clicks {
  count: number;
  /** Clicks by customer, of those who agreed to be known. */
  customers: Record<string, number>;
}

const NAME = /^[a-z0-9-]{1,64}$/;
const CUSTOMER = /^[0-9a-f]{32}$/;

/**
 * The advert server: `GET /a/<name>` counts a click and shows the page `<name>.html` of the folder, or a short one; `GET /clicks` tells the counts. Each click is
 * a line in the file `clicks`, written before it is answered. Nothing else about whoever clicks is kept.
 */
export async function startAdvertServer({ folder, port, host = "127.0.0.1", logger }: AdvertServerOptions): Promise<{
  url: string;
  clicks(): Map<string, Clicks>;
  stop(): Promise<void>;
}> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, "clicks");
  const clicks = readClicks(path);
  // A line that a crash cut short must not swallow the next one.
  if (existsSync(path) && !readFileSync(path, "utf8").endsWith("\n") && readFileSync(path).length > 0) appendFileSync(path, "\n");
  const file = openSync(path, "a", 0o600);
  const app = fastify({
    loggerInstance: logger ?? (pino({ level: "warn" }) as FastifyBaseLogger),
    logController: new LogController({ disableRequestLogging: true }),
    forceCloseConnections: true,
  });
  app.get<{ Params: { name: string }; Querystring: { customer?: unknown } }>("/a/:name", (request, reply) => {
    const { name } = request.params;
    const { customer } = request.query;
    if (!NAME.test(name)) return reply.code(404).send({ detail: "There is no advert of that name." });
    const by = typeof customer === "string" && CUSTOMER.test(customer) ? ` ${customer}` : "";
    writeSync(file, `${name}${by}\n`);
    fsyncSync(file);
    count(clicks, name, by.trim());
    const page = join(folder, `${name}.html`);
    return reply
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-store")
      .send(
        existsSync(page) ? readFileSync(page) : `<!doctype html><title>${name}</title><p>Thank you for your interest in ${name}.</p>\n`,
      );
  });
  app.get("/clicks", () => Object.fromEntries(clicks));
  app.get("/health/live", () => ({ status: "live" }));
  const url = await app.listen({ port, host });
  return {
    url,
    clicks: () => clicks,
    stop: async () => {
      await app.close();
      closeSync(file);
    },
  };
}

function readClicks(path: string): Map<string, Clicks> {
  const clicks = new Map<string, Clicks>();
  if (!existsSync(path)) return clicks;
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const [name, customer = ""] = line.split(" ");
    if (NAME.test(name)) count(clicks, name, CUSTOMER.test(customer) ? customer : "");
  }
  return clicks;
}

function count(clicks: Map<string, Clicks>, name: string, customer: string): void {
  const before = clicks.get(name) ?? { count: 0, customers: {} };
  before.count++;
  if (customer !== "") before.customers[customer] = (before.customers[customer] ?? 0) + 1;
  clicks.set(name, before);
}
