import { randomBytes } from "node:crypto";
import { ProblemError, problemName, type Problem } from "./api/problems.js";
import { pathOf, type Input, type Output, type Route } from "./api/route.js";
import { authorize } from "./api/signature.js";

/** How a client proves who it is. */
export type Credential =
  | { kioskId: string; seed: Uint8Array }
  | { serverId: string; seed: Uint8Array }
  | { terminalId: string; seed: Uint8Array }
  | { token: string }
  | "nobody";

/** The center did not answer, or not with anything of its own: whether a command was done is not known until it is repeated. */
export class CenterAway extends Error {}

export interface ClientOptions {
  url: string;
  credential: Credential;
  /** Milliseconds for one attempt. */
  timeout?: number;
  /** Attempts at a command, all under one idempotency key. */
  attempts?: number;
  /** Seconds since 1970; the center's time corrects it. */
  now?: () => number;
}

const JSON_TYPE = "application/json";

/** Calls the center by the routes of `api/`: checked types, signed requests, repeated commands. */
export class CenterClient {
  private readonly url: string;
  /** Seconds by which the center's time is ahead of ours. */
  private ahead = 0;

  constructor(private readonly options: ClientOptions) {
    this.url = options.url.replace(/\/$/, "");
  }

  /**
   * Does one operation. A command is repeated under its key when the center does not answer, so that it is done once.
   *
   * @param key - idempotency key; give one that is stored beforehand where the command must survive a crash of this process
   * @throws ProblemError what the center refused; CenterAway when it is not known whether anything was done
   */
  async call<R extends Route>(route: R, input: Input<R>, key: string = randomBytes(16).toString("hex")): Promise<Output<R>> {
    const parts = input as { params?: object; query?: object; body?: unknown };
    const body = parts.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(parts.body));
    const headers =
      route.method === "GET" ? {} : { "idempotency-key": key, ...(parts.body === undefined ? {} : { "content-type": JSON_TYPE }) };
    return this.repeat(route.method, pathOf(route, parts), body, headers, (response) => response.json() as Promise<Output<R>>);
  }

  /** GET of bytes; answers 200 or 206. The time for an attempt ends with the head of the answer: bytes take as long as they take. */
  async bytes(path: string, headers: Record<string, string> = {}): Promise<Response> {
    return this.repeat("GET", path, Buffer.alloc(0), headers, (response) => Promise.resolve(response));
  }

  /** PUT of bytes, streamed; for staff, whose requests are not signed over the body. */
  async put(path: string, type: string, body: AsyncIterable<Uint8Array>): Promise<unknown> {
    const init = {
      method: "PUT",
      headers: { "content-type": type, ...this.authorization("PUT", path, Buffer.alloc(0), "") },
      body,
      duplex: "half",
    };
    const response = await fetch(this.url + path, init as unknown as RequestInit);
    if (!response.ok) throw await refusal(response);
    return response.json();
  }

  private async repeat<T>(
    method: string,
    path: string,
    body: Buffer,
    headers: Record<string, string>,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const attempts = this.options.attempts ?? 3;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.once(method, path, body, headers, read);
      } catch (error) {
        const again = error instanceof CenterAway || (error instanceof ProblemError && error.problem === "signature-stale");
        if (!again || attempt >= attempts) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(1000, 50 * 2 ** attempt)));
      }
    }
  }

  /** @param read - takes what is wanted of a good answer, within the time that the attempt has */
  private async once<T>(
    method: string,
    path: string,
    body: Buffer,
    headers: Record<string, string>,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    // Not AbortSignal.timeout, whose timer and listeners stay for its whole time, however soon the answer comes.
    const controller = new AbortController();
    const timer = setTimeout(() => {
      controller.abort();
    }, this.options.timeout ?? 10_000);
    let response: Response;
    try {
      response = await fetch(this.url + path, {
        method,
        headers: { ...headers, ...this.authorization(method, path, body, headers["idempotency-key"] ?? "") },
        ...(method === "GET" ? {} : { body: new Uint8Array(body) }),
        signal: controller.signal,
      });
      if (response.ok) return await read(response);
    } catch (error) {
      throw new CenterAway(`The center at ${this.url} did not answer; try again later.`, { cause: error });
    } finally {
      clearTimeout(timer);
    }
    const time = Number(response.headers.get("leyden-time"));
    if (time > 0) this.ahead = time - this.now();
    throw await refusal(response);
  }

  private now(): number {
    return this.options.now?.() ?? Math.floor(Date.now() / 1000);
  }

  private authorization(method: string, path: string, body: Uint8Array, idempotencyKey: string): { authorization?: string } {
    const { credential } = this.options;
    if (credential === "nobody") return {};
    if ("token" in credential) return { authorization: `Bearer ${credential.token}` };
    const nonce = randomBytes(16).toString("hex");
    const request = { method, path, body, time: this.now() + this.ahead, nonce, idempotencyKey };
    if ("serverId" in credential) return { authorization: authorize(credential.serverId, credential.seed, request, "server") };
    if ("terminalId" in credential) return { authorization: authorize(credential.terminalId, credential.seed, request, "terminal") };
    return { authorization: authorize(credential.kioskId, credential.seed, request) };
  }
}

/** The problem in a response; a 5xx or a stranger's answer says nothing about whether the command was done. */
async function refusal(response: Response): Promise<Error> {
  const text = await response.text().catch(() => "");
  const problem = parseProblem(text);
  const name = problem === undefined ? undefined : problemName(problem.type);
  if (problem === undefined || name === undefined || response.status >= 500)
    return new CenterAway(`The center answered ${String(response.status)}; try again later.`);
  return new ProblemError(name, problem.detail);
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"
      ? (value as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}
