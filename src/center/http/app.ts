import { isUtf8 } from "node:buffer";
import { Readable } from "node:stream";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import { LogController, fastify, type FastifyBaseLogger, type FastifyInstance, type FastifyRequest } from "fastify";
import { PROBLEMS, ProblemError } from "../api/problems.js";
import type { Access } from "../api/route.js";
import { Gate, type Principal } from "./access.js";
import { buildSerializer, buildValidator } from "./compilers.js";
import { installPage } from "./page.js";
import type { Parts } from "./parts.js";
import { clientError, frameworkError, installProblems } from "./problem.js";
import { catalogRoutes } from "./routes/catalog.js";
import { customerRoutes } from "./routes/customers.js";
import { householdRoutes } from "./routes/household.js";
import { advertRoutes } from "./routes/adverts.js";
import { deliveryRoutes } from "./routes/deliveries.js";
import { healthRoutes } from "./routes/health.js";
import { orderReportRoutes } from "./routes/order-reports.js";
import { orderRoutes } from "./routes/orders.js";
import { operatorRoutes } from "./routes/operators.js";
import { rentalRoutes } from "./routes/rentals.js";
import { reportRoutes } from "./routes/reports.js";
import { returnRoutes } from "./routes/returns.js";

declare module "fastify" {
  interface FastifyRequest {
    principal: Principal;
    /** Body as it came; empty for one that is streamed. */
    rawBody: Buffer;
  }
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** Longest JSON body: the longest request has two certificates and some names. */
const BODY_LIMIT = 65536;

export interface AppOptions {
  logger: FastifyBaseLogger;
  /** Requests a minute from one address. */
  requestsPerMinute: number;
}

/** The HTTP side of the center: checks form, sender and rate, answers problems, tells of itself. */
export async function buildApp(parts: Parts, { logger, requestsPerMinute }: AppOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 0,
    connectionTimeout: 60_000,
    routerOptions: { maxParamLength: 300 },
    schemaController: { compilersFactory: { buildValidator: buildValidator(), buildSerializer: buildSerializer() } },
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
    frameworkErrors: frameworkError,
    clientErrorHandler: clientError,
  });
  installProblems(app);
  app.decorateRequest("rawBody");
  app.decorateRequest("principal");
  await app.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    errorResponseBuilder: (_request, context) =>
      new ProblemError("too-many-requests", `More than ${String(context.max)} requests came in a minute; wait ${context.after}.`),
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Leyden center",
        version: "1",
        description: "Loans, contents, devices, kiosks and money of a Leyden lending service.",
      },
      components: {
        securitySchemes: {
          staff: { type: "http", scheme: "bearer" },
          kiosk: {
            type: "apiKey",
            in: "header",
            name: "authorization",
            description: "Signature of the kiosk over the request: docs/http.md",
          },
          server: {
            type: "apiKey",
            in: "header",
            name: "authorization",
            description: "Signature of the license server over the request: docs/http.md",
          },
          terminal: {
            type: "apiKey",
            in: "header",
            name: "authorization",
            description: "Signature of the customer's terminal over the request: docs/http.md",
          },
        },
      },
    },
  });
  installPage(app);
  installBodies(app);
  installAccess(app, new Gate(parts.db, parts.clock));
  app.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  app.get<{ Params: { name: string } }>("/problems/:name", { schema: { hide: true } }, ({ params: { name } }) => {
    if (!Object.hasOwn(PROBLEMS, name))
      throw new ProblemError("not-found", "There is no problem of that name; see the description of the interface.");
    return { type: `/problems/${name}`, ...PROBLEMS[name as keyof typeof PROBLEMS] };
  });
  for (const routes of [
    healthRoutes,
    operatorRoutes,
    catalogRoutes,
    customerRoutes,
    rentalRoutes,
    returnRoutes,
    reportRoutes,
    householdRoutes,
  ])
    routes(app, parts);
  for (const routes of [orderRoutes, deliveryRoutes, advertRoutes, orderReportRoutes]) routes(app, parts);
  return app;
}

/** JSON bodies are kept as they came, for signature and idempotency; byte bodies are streamed to whoever takes them. */
function installBodies(app: FastifyInstance): void {
  const none = Buffer.alloc(0);
  const parse = app.getDefaultJsonParser("error", "error");
  app.addHook("onRequest", (request, _reply, done) => {
    request.rawBody = none;
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request: FastifyRequest, body: Buffer, done) => {
    request.rawBody = body;
    const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(request.headers["content-type"] ?? "")?.[1] ?? "utf-8";
    if (!/^utf-?8$/i.test(charset))
      done(new ProblemError("media-type-not-supported", `JSON comes in UTF-8 (RFC 8259), not in ${charset}; send it so.`));
    // Decoded leniently, bytes that are no character would be written down as other characters than were sent.
    else if (!isUtf8(body)) done(new ProblemError("malformed-request", "The body holds bytes that are no UTF-8; send JSON in UTF-8."));
    else void parse(request, body.toString("utf8"), done);
  });
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => {
    done(null, payload);
  });
  app.addContentTypeParser(/^image\/(png|jpeg|webp|gif)$/, (_request, payload, done) => {
    done(null, payload);
  });
  app.addHook("preValidation", (request, _reply, done) => {
    const streamed = request.routeOptions.schema?.body !== undefined && request.body instanceof Readable;
    done(streamed ? new ProblemError("media-type-not-supported", "This address takes JSON; send application/json.") : undefined);
  });
}

/** A text that PostgreSQL cannot hold: NUL, or half of a surrogate pair. */
const UNSTORABLE = /[\0\p{Surrogate}]/u;

function installAccess(app: FastifyInstance, gate: Gate): void {
  app.addHook("preValidation", async (request) => {
    const access = request.routeOptions.config.access;
    if (access !== undefined) request.principal = await gate.admit(request, access, request.rawBody);
  });
  // After validation: what is left has the shape of its schema, so that walking it ends.
  app.addHook("preHandler", (request, _reply, done) => {
    const parts = [request.params, request.query, ...(request.rawBody.length > 0 ? [request.body] : [])];
    done(
      parts.some(unstorable)
        ? new ProblemError("text-not-storable", "A text holds NUL or half of a surrogate pair; leave it out.")
        : undefined,
    );
  });
}

function unstorable(value: unknown): boolean {
  if (typeof value === "string") return UNSTORABLE.test(value);
  return typeof value === "object" && value !== null && Object.values(value).some(unstorable);
}
