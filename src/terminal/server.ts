import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { pino } from "pino";
import { Type, type Static } from "typebox";
import { AdvertBody, ChallengeBody, PICTURE_LIMIT, openManifest, signedByCenter, type Manifest } from "../center/api/delivery-messages.js";
import { DeviceId, Id, bytes, closed } from "../center/api/schema.js";
import type { Terminal } from "./terminal.js";

/** What takes deliveries: a terminal with its client. */
export type Receiver = Pick<Terminal, "id" | "orders" | "identify" | "loadKey">;

export interface TerminalServerOptions {
  terminal: Receiver;
  /** Key that the center signs with, 32 bytes. */
  centerKey: Uint8Array;
  /** 0 for a free one. */
  port: number;
  host?: string;
  /** Largest content that is taken, bytes. */
  limit?: number;
  logger?: FastifyBaseLogger;
  progress?: (orderId: string, received: number, length: number) => void;
  /** Told of every content that is here whole and checked. */
  contentCame?: (orderId: string) => void;
  /** Told of every key that the client has taken. */
  keyCame?: (orderId: string) => void;
}

const OrderParams = Type.Object({ orderId: Id });
const AdvertParams = Type.Object({ orderId: Id, advertId: DeviceId });
const RANGE = /^bytes (\d{1,10})-(\d{1,10})\/(\d{1,10})$/;

declare module "fastify" {
  interface FastifyRequest {
    rawBody: Buffer;
  }
}

/**
 * The terminal's own address, where content, keys and adverts are delivered. Keys and adverts it takes from the center, by its signature; contents from anybody
 * who brings the center's manifest for this terminal, and no byte else.
 */
export async function startTerminalServer(options: TerminalServerOptions): Promise<{ url: string; stop(): Promise<void> }> {
  const { port, host = "127.0.0.1" } = options;
  const app = fastify({
    loggerInstance: options.logger ?? (pino({ level: "warn" }) as FastifyBaseLogger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 2 * PICTURE_LIMIT,
    requestTimeout: 0,
    connectionTimeout: 60_000,
    forceCloseConnections: true,
  });
  parsers(app);
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 409).send({ detail: error.message }),
  );
  app.get("/health/live", () => ({ status: "live" }));
  keyRoutes(app, options);
  contentRoutes(app, options);
  const url = await app.listen({ port, host });
  return {
    url,
    stop: async () => {
      await app.close();
    },
  };
}

function parsers(app: FastifyInstance): void {
  app.decorateRequest("rawBody");
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request: FastifyRequest, body: Buffer, done) => {
    request.rawBody = body;
    void parse(request, body.toString("utf8"), done);
  });
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => {
    done(null, payload);
  });
  app.addContentTypeParser(/^image\/(png|jpeg|webp|gif)$/, { parseAs: "buffer", bodyLimit: PICTURE_LIMIT }, (_request, body, done) => {
    done(null, body);
  });
}

function keyRoutes(app: FastifyInstance, { terminal, centerKey, keyCame }: TerminalServerOptions): void {
  const byCenter = (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    const body = (request.rawBody as Buffer | undefined) ?? Buffer.alloc(0);
    if (signedByCenter(centerKey, request.method, request.raw.url ?? "", request.headers.authorization ?? "", body)) done();
    else void reply.code(401).send({ detail: "This needs the signature of the terminal's own center." });
  };
  const KeyRequest = closed({ key: bytes(88, "Period key, sealed for the client") });
  const AdvertRequest = closed({ advert: AdvertBody, picture: Type.String({ maxLength: Math.ceil(PICTURE_LIMIT / 3) * 4 }) });
  app.post("/v1/terminal", { schema: { body: ChallengeBody }, preValidation: byCenter }, (request) =>
    terminal.identify((request.body as Static<typeof ChallengeBody>).challenge),
  );
  app.get("/v1/orders/:orderId/key", { schema: { params: OrderParams } }, (request) => ({
    proof: terminal.orders.proof((request.params as Static<typeof OrderParams>).orderId) ?? null,
  }));
  app.post("/v1/orders/:orderId/key", { schema: { params: OrderParams, body: KeyRequest }, preValidation: byCenter }, async (request) => {
    const { key } = request.body as Static<typeof KeyRequest>;
    const { orderId } = request.params as Static<typeof OrderParams>;
    const proof = await terminal.loadKey(orderId, key);
    keyCame?.(orderId);
    return { proof };
  });
  app.post("/v1/orders/:orderId/adverts", { schema: { params: OrderParams, body: AdvertRequest }, preValidation: byCenter }, (request) => {
    const { advert, picture } = request.body as Static<typeof AdvertRequest>;
    terminal.orders.keepAdvert((request.params as Static<typeof OrderParams>).orderId, advert, Buffer.from(picture, "base64"));
    return { id: advert.id };
  });
}

function contentRoutes(app: FastifyInstance, options: TerminalServerOptions): void {
  const { terminal, centerKey, limit = 0xffffffff, progress } = options;
  const { orders } = terminal;
  /** Does `work`, and tells when the content is whole by it. */
  const taking = async (orderId: string, work: () => Promise<void>): Promise<void> => {
    const before = orders.whole(orderId);
    await work();
    if (!before && orders.whole(orderId)) options.contentCame?.(orderId);
  };
  const ManifestRequest = closed({ manifest: Type.String({ maxLength: 32768 }) });
  const state = (manifest: Manifest): { received: number; adverts: string[] } => {
    const here = orders.adverts(manifest.orderId).map(({ id }) => id);
    return {
      received: orders.received(manifest.orderId),
      adverts: manifest.adverts.map(({ id }) => id).filter((id) => !here.includes(id)),
    };
  };
  const known = (request: FastifyRequest): Manifest => {
    const { orderId } = request.params as Static<typeof OrderParams>;
    const manifest = orders.manifest(orderId);
    if (manifest === undefined)
      throw Object.assign(new Error(`No delivery of order ${orderId} has begun; send its manifest first.`), { statusCode: 404 });
    return manifest;
  };
  app.post("/v1/orders/:orderId/content", { schema: { params: OrderParams, body: ManifestRequest } }, async (request, reply) => {
    const manifest = openManifest(centerKey, (request.body as Static<typeof ManifestRequest>).manifest);
    const { orderId } = request.params as Static<typeof OrderParams>;
    if (manifest?.orderId !== orderId) return reply.code(403).send({ detail: "The manifest is not the center's for this order." });
    if (manifest.terminalId !== terminal.id)
      return reply.code(403).send({ detail: `The content is for the terminal ${manifest.terminalId}; this one is ${terminal.id}.` });
    if (manifest.length > limit)
      return reply
        .code(413)
        .send({ detail: `The terminal takes contents of up to ${String(limit)} bytes; this one has ${String(manifest.length)}.` });
    await taking(orderId, () => orders.begin(manifest));
    return reply.send(state(manifest));
  });
  app.get("/v1/orders/:orderId/content", { schema: { params: OrderParams } }, (request) => state(known(request)));
  app.put("/v1/orders/:orderId/content", { schema: { params: OrderParams }, bodyLimit: Number.MAX_SAFE_INTEGER }, async (request) => {
    const manifest = known(request);
    const range = RANGE.exec(request.headers["content-range"] ?? "");
    const body = request.body;
    if (
      range === null ||
      Number(range[3]) !== manifest.length ||
      typeof body !== "object" ||
      body === null ||
      !(Symbol.asyncIterator in body)
    )
      throw new Error(`The content comes as bytes with a Content-Range up to its ${String(manifest.length)} bytes.`);
    await taking(manifest.orderId, () =>
      orders.receive(manifest, Number(range[1]), body as AsyncIterable<Uint8Array>, (received, length) =>
        progress?.(manifest.orderId, received, length),
      ),
    );
    return state(manifest);
  });
  app.put("/v1/orders/:orderId/adverts/:advertId", { schema: { params: AdvertParams } }, (request) => {
    const manifest = known(request);
    const { advertId } = request.params as Static<typeof AdvertParams>;
    const advert = manifest.adverts.find(({ id }) => id === advertId);
    if (advert === undefined || !(request.body instanceof Uint8Array)) throw new Error(`The order's content has no advert ${advertId}.`);
    orders.keepAdvert(manifest.orderId, advert, request.body);
    return state(manifest);
  });
}
