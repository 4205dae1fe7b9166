import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { ProblemError, type ProblemName } from "../api/problems.js";
import { sqlState } from "../db/database.js";

export const PROBLEM_TYPE = "application/problem+json";

/** What the database refuses is the request's fault as long as it refuses by a constraint or for a text that it cannot hold. */
const BY_STATE: Record<string, [ProblemName, string]> = {
  "23503": ["not-found", "Something that the request names is not known; check the ids."],
  "23505": ["already-exists", "There is one already; look before adding."],
  "23514": ["conflict", "The present state does not allow this; look at it and decide anew."],
  "22021": ["text-not-storable", "A text holds a character that cannot be stored; leave it out."],
};

const BY_STATUS: Record<number, ProblemName> = {
  413: "too-large",
  415: "media-type-not-supported",
  429: "too-many-requests",
  404: "not-found",
};

/** Any error as the problem that it is for the caller; undefined when the center itself failed. */
export function problemOf(error: unknown): ProblemError | undefined {
  if (error instanceof ProblemError) return error;
  const known = BY_STATE[sqlState(error)] as [ProblemName, string] | undefined;
  if (known !== undefined) return new ProblemError(...known);
  const { statusCode, message } = error as Partial<FastifyError>;
  if (typeof statusCode !== "number" || statusCode < 400 || statusCode >= 500) return undefined;
  return new ProblemError(BY_STATUS[statusCode] ?? "malformed-request", message ?? "The request could not be read; check its form.");
}

export function sendProblem(reply: FastifyReply, problem: ProblemError): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type(PROBLEM_TYPE)
    .serializer((body: unknown) => JSON.stringify(body))
    .send(problem.body());
}

function handle(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error);
  if (problem !== undefined) return sendProblem(reply, problem);
  // The database's errors carry the statement's parameters, which belong in no log.
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  request.log.error({ route: request.routeOptions.url, sqlState: sqlState(error), message, stack }, "a request failed");
  return sendProblem(reply, new ProblemError("internal-error", "The center failed at this request and wrote nothing; repeat it later."));
}

export function installProblems(app: FastifyInstance): void {
  app.setErrorHandler(handle);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      reply,
      new ProblemError("not-found", `There is no ${request.method} at this address; see the description of the interface.`),
    ),
  );
}

/** Errors of Fastify itself, before a route is known: a path that cannot be decoded, for one. */
export function frameworkError(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  void sendProblem(reply, problemOf(error) ?? new ProblemError("malformed-request", "The request could not be read; check its form."));
}

/** What comes in is not HTTP, or stops halfway. */
export function clientError(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return;
  const status = error.code === "HPE_HEADER_OVERFLOW" ? 431 : error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : 400;
  const problem = new ProblemError("malformed-request", "The request is no HTTP that can be read to its end; send it again.");
  const body = JSON.stringify({ ...problem.body(), status });
  socket.end(
    `HTTP/1.1 ${String(status)} ${STATUS_CODES[status] ?? ""}\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${String(Buffer.byteLength(body))}\r\nconnection: close\r\n\r\n${body}`,
  );
}
