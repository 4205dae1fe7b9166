import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from "fastify";
import { pino } from "pino";
import { Type, type Static } from "typebox";
import { openManifest, signedByCenter } from "../center/api/delivery-messages.js";
import { Id, bytes, closed } from "../center/api/schema.js";
import { adoptNatives } from "../core/adopt.js";
import { nodeNatives } from "../host/natives-node.js";
import { Outgoing, type Resolver } from "../host/outgoing.js";
import { StoreContents } from "./contents.js";
import { Sender } from "./sender.js";

export interface StoreOptions {
  folder: string;
  /** What the center answered when it took the store in: 32 bytes each. */
  key: Uint8Array;
  centerKey: Uint8Array;
  /** 0 for a free one. */
  port: number;
  host?: string;
  allowLocal?: string[];
  /** Looks up names of terminals; this machine's own unless given. */
  resolve?: Resolver;
  logger?: FastifyBaseLogger;
  progress?: (orderId: string, sent: number, length: number) => void;
}

export interface Store {
  readonly url: string;
  readonly contents: StoreContents;
  stop(): Promise<void>;
}

/** Milliseconds that an instruction waits for the end of the delivery, so that small contents need no second question. */
const PATIENCE = 1000;
const Version = Type.Integer({ minimum: 1, maximum: 65535 });
const SealingParams = Type.Object({ contentId: Id });
const SealingRequest = closed({ version: Version, titleKey: bytes(48, "Title key, sealed for the store") });
const InstructionRequest = closed({
  orderId: Id,
  contentId: Id,
  version: Version,
  address: Type.String({ pattern: "^https?://[!-~]{1,200}$" }),
  manifest: Type.String({ maxLength: 32768 }),
});

/** The content store server: keeps contents; seals and delivers them when the center says so, and for nobody else. */
export async function startStore(options: StoreOptions): Promise<Store> {
  const { folder, key, centerKey, port, host = "127.0.0.1" } = options;
  adoptNatives(nodeNatives);
  const contents = new StoreContents(folder, key);
  const outgoing = new Outgoing(options.allowLocal, options.resolve);
  const sender = new Sender(contents, outgoing, options.progress);
  const app = fastify({
    loggerInstance: options.logger ?? (pino() as FastifyBaseLogger),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 65536,
    forceCloseConnections: true,
  });
  instructed(app, centerKey);
  app.get("/health/live", () => ({ status: "live" }));
  app.post("/v1/contents/:contentId/sealing", { schema: { params: SealingParams, body: SealingRequest } }, async (request, reply) => {
    const { contentId } = request.params as Static<typeof SealingParams>;
    const { version, titleKey } = request.body as Static<typeof SealingRequest>;
    const form = contents.form(contentId, version, Buffer.from(titleKey, "hex"));
    return form === "sealing" ? reply.code(202).send({ state: "sealing" }) : form;
  });
  app.post("/v1/instructions", { schema: { body: InstructionRequest } }, async (request, reply) => {
    const instruction = request.body as Static<typeof InstructionRequest>;
    const manifest = openManifest(centerKey, instruction.manifest);
    if (manifest?.orderId !== instruction.orderId || manifest.contentId !== instruction.contentId)
      return reply.code(403).send({ detail: "The manifest is not the center's for this order; ask the center again." });
    return reply.send(await sender.instruct(instruction, manifest, PATIENCE));
  });
  const url = await app.listen({ port, host });
  return {
    url,
    contents,
    stop: async () => {
      await app.close();
      outgoing.close();
    },
  };
}

declare module "fastify" {
  interface FastifyRequest {
    rawBody: Buffer;
  }
}

/** Everything below /v1 is the center's alone, by its signature; refusals are sentences. */
function instructed(app: FastifyInstance, centerKey: Uint8Array): void {
  app.decorateRequest("rawBody");
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request: FastifyRequest, body: Buffer, done) => {
    request.rawBody = body;
    void parse(request, body.toString("utf8"), done);
  });
  app.addHook("preValidation", (request, reply, done) => {
    const path = request.raw.url ?? "";
    const body = (request.rawBody as Buffer | undefined) ?? Buffer.alloc(0);
    if (!path.startsWith("/v1/") || signedByCenter(centerKey, request.method, path, request.headers.authorization ?? "", body)) done();
    else void reply.code(401).send({ detail: "This needs the signature of the store's own center." });
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, _request, reply) =>
    reply.code(error.statusCode ?? 409).send({ detail: error.message }),
  );
}
