import rateLimit from "@fastify/rate-limit";
import { fastify, type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { Type, type Static, type TSchema } from "typebox";
import * as api from "../api/household-routes.js";
import { ProblemError, type ProblemName } from "../api/problems.js";
import { DeviceId, Id, Suite, bytes, closed } from "../api/schema.js";
import { CenterAway, type CenterClient } from "../client.js";
import { signCopyCertificate } from "../keys/client-authority.js";
import { clientError, frameworkError, problemOf, sendProblem } from "../http/problem.js";

export interface LicenseServerOptions {
  /** Of the center, with this server's signature. */
  client: CenterClient;
  /** Ed25519 seed, 32 bytes, with which this server signs copy certificates. */
  seed: Uint8Array;
  logger: FastifyBaseLogger;
  requestsPerMinute: number;
}

const Request = { clientId: DeviceId, contentId: Id, nonce: bytes(16, "Nonce"), proof: bytes(16, "Proof") };
const REFUSALS: Record<string, [ProblemName, string]> = {
  "source-not-legal": [
    "source-not-legal",
    "The client that would give the license away is not registered here, was removed or is revoked.",
  ],
  "license-not-held": ["license-not-held", "The client that would give the license away does not hold it."],
  "other-owner": ["other-owner", "The destination is not a client of the same customer."],
};

/** @throws ProblemError for any outcome of an inquiry but "granted" */
function refuse(outcome: string): void {
  if (Object.hasOwn(REFUSALS, outcome)) throw new ProblemError(...REFUSALS[outcome]);
}

/**
 * A license server: what clients' terminals ask. It decides nothing by itself: every request carries its client's own proof, the center makes the inquiry and writes
 * the tables, and this server alone signs the copy certificates of the clients registered with it.
 */
export async function buildLicenseServer(options: LicenseServerOptions): Promise<FastifyInstance> {
  const { client, seed } = options;
  const app = fastify({
    loggerInstance: options.logger,
    bodyLimit: 4096,
    requestTimeout: 30_000,
    frameworkErrors: frameworkError,
    clientErrorHandler: clientError,
  });
  await app.register(rateLimit, { max: options.requestsPerMinute, timeWindow: 60_000 });
  app.setErrorHandler((error, request, reply) => {
    const away = error instanceof CenterAway ? new ProblemError("not-ready", "The center does not answer; try again later.") : undefined;
    const problem = away ?? problemOf(error);
    if (problem === undefined) request.log.error({ err: error }, "a request failed");
    return sendProblem(reply, problem ?? new ProblemError("internal-error", "The license server failed at this request; repeat it later."));
  });
  const post = <P extends TSchema, B extends TSchema>(
    url: string,
    params: P,
    body: B,
    run: (params: Static<P>, body: Static<B>) => Promise<object>,
  ): void => {
    app.post(url, { schema: { params, body } }, (request) => run(request.params as Static<P>, request.body as Static<B>));
  };
  app.get("/health", async () => {
    await client.call(api.listLicenseServers, {});
    return { status: "ready" };
  });
  app.get("/v1/clients/:clientId/registration", { schema: { params: Type.Object({ clientId: DeviceId }) } }, (request) =>
    client.call(api.getRegistration, { params: request.params as { clientId: string } }),
  );
  post("/v1/contents", Type.Object({}), closed({ ...Request, suite: Type.Optional(Suite) }), (_params, body) =>
    client.call(api.supplyContent, { body }, `content-${body.nonce}`),
  );
  contentBytes(app, client);
  post("/v1/licenses", Type.Object({}), closed(Request), (_params, body) => client.call(api.issueLicense, { body }));
  post(
    "/v1/licenses/:licenseId/completion",
    Type.Object({ licenseId: Id }),
    closed({ clientId: DeviceId, proof: bytes(16, "Proof") }),
    (params, body) => client.call(api.completeLicense, { params, body }),
  );
  post("/v1/moves", Type.Object({}), api.beginMove.body, async (_params, body) => {
    const { outcome, useId, order } = await client.call(api.beginMove, { body });
    refuse(outcome);
    return { useId, order };
  });
  post("/v1/moves/:useId/redirection", Type.Object({ useId: Id }), api.redirectMove.body, async (params, body) => {
    const { outcome, useId } = await client.call(api.redirectMove, { params, body });
    refuse(outcome);
    return { useId };
  });
  post("/v1/moves/:useId/removal", Type.Object({ useId: Id }), api.sourceRemoved.body, async (params, body) => {
    const { certificate } = await client.call(api.sourceRemoved, { params, body });
    const signed = signCopyCertificate(seed, new Uint8Array(Buffer.from(certificate, "hex")));
    return client.call(api.certifyMove, { params, body: { certificate: Buffer.from(signed).toString("hex") } });
  });
  post("/v1/moves/:useId/completion", Type.Object({ useId: Id }), api.completeMove.body, (params, body) =>
    client.call(api.completeMove, { params, body }),
  );
  return app;
}

/** Sealed bytes pass through as they come; a range too. */
function contentBytes(app: FastifyInstance, client: CenterClient): void {
  const params = Type.Object({
    contentId: Id,
    version: Type.String({ pattern: "^[1-9][0-9]{0,4}$" }),
    suite: Type.String({ pattern: "^[12]$" }),
  });
  app.get("/v1/contents/:contentId/:version/:suite", { schema: { params } }, async (request, reply) => {
    const { contentId, version, suite } = request.params as Static<typeof params>;
    const { range } = request.headers;
    const response = await client.bytes(`/v1/contents/${contentId}/sealed/${version}/${suite}`, range === undefined ? {} : { range });
    for (const name of ["content-length", "content-range", "etag", "accept-ranges"]) {
      const value = response.headers.get(name);
      if (value !== null) reply.header(name, value);
    }
    return reply.status(response.status).type("application/octet-stream").send(response.body);
  });
}
