import type { FastifyReply, FastifyRequest } from "fastify";
import { ProblemError } from "../api/problems.js";
import type { FileStore } from "../catalog/files.js";

/** One range of bytes (RFC 9110, 14.1.2); undefined when the header asks for none that this answers, and then all is sent. */
export function parseRange(header: string | undefined, length: number): { start: number; end: number } | "unsatisfiable" | undefined {
  const parts = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? "");
  if (parts === null || (parts[1] === "" && parts[2] === "")) return undefined;
  if (parts[1] === "") {
    const suffix = Number(parts[2]);
    return suffix === 0 ? "unsatisfiable" : { start: Math.max(0, length - suffix), end: length - 1 };
  }
  const start = Number(parts[1]);
  const end = parts[2] === "" ? length - 1 : Math.min(Number(parts[2]), length - 1);
  if (parts[2] !== "" && Number(parts[2]) < start) return undefined;
  return start < length ? { start, end } : "unsatisfiable";
}

/** Sends a stored file, or the range that was asked for while the file is still the same one. */
export function sendRange(
  request: FastifyRequest,
  reply: FastifyReply,
  files: FileStore,
  sha256: string,
  length: number,
  type: string,
): FastifyReply {
  const tag = `"${sha256}"`;
  const same = request.headers["if-range"] === undefined || request.headers["if-range"] === tag;
  const range = same ? parseRange(request.headers.range, length) : undefined;
  if (range === "unsatisfiable")
    throw new ProblemError("range-not-satisfiable", `The content has ${String(length)} bytes; ask for less.`, {
      "content-range": `bytes */${String(length)}`,
    });
  const { start, end } = range ?? { start: 0, end: length - 1 };
  reply.headers({ "accept-ranges": "bytes", etag: tag, "content-length": end - start + 1 }).type(type);
  if (range !== undefined) reply.code(206).header("content-range", `bytes ${String(start)}-${String(end)}/${String(length)}`);
  return reply.send(files.read(sha256, start, end));
}
