import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import { Agent as HttpAgent, request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { Readable } from "node:stream";

/** Networks that nobody on the Internet is in (RFC 6890 and its updates): private, loopback, link-local, multicast, reserved. */
const CLOSED = [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/4 240.0.0.0/4",
  "::/128 ::1/128 64:ff9b::/96 fc00::/7 fe80::/10 ff00::/8",
]
  .join(" ")
  .split(" ");
const CLOSED_NAMES = /(^|\.)(localhost|local|internal|lan|home\.arpa)\.?$/;

/** An answer is never longer than this. */
const ANSWER = 1 << 20;

/** All addresses of a name. */
export type Resolver = (name: string) => Promise<LookupAddress[]>;
const systemResolver: Resolver = (name) => lookup(name, { all: true });

/** An address is not one to send anything to, or nobody there answers as expected; the sentence says which. */
export class OutgoingError extends Error {}

export interface Outgo {
  method: string;
  headers?: Record<string, string | number>;
  body?: Uint8Array | Readable;
  /** Milliseconds without any progress. */
  timeout?: number;
  /** Answers with the status alone, whatever comes after it. */
  drop?: boolean;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Requests to addresses that somebody else named: http and https to the Internet only, whatever a name resolves to at that moment. */
export class Outgoing {
  private readonly closed = new BlockList();
  private readonly allowed = new BlockList();
  private readonly names = new Set<string>();
  private readonly agents = { keepAlive: true, maxSockets: 256, maxFreeSockets: 32 };
  private readonly http = new HttpAgent(this.agents);
  private readonly https = new HttpsAgent(this.agents);

  /**
   * @param allow - names, addresses and networks (`10.0.0.0/8`) that are allowed although they are not of the Internet; for tests and closed sites
   * @param resolve - this machine's own unless given
   */
  constructor(
    allow: string[] = [],
    private readonly resolve: Resolver = systemResolver,
  ) {
    for (const network of CLOSED) add(this.closed, network);
    for (const entry of allow) if (!add(this.allowed, entry)) this.names.add(entry.toLowerCase());
  }

  /** Why nothing is sent to an address; null when something may be. A name is looked up only when something is sent. */
  refusal(address: string): string | null {
    let url: URL;
    try {
      url = new URL(address);
    } catch {
      return `${address} is not an address; expected http://host or https://host.`;
    }
    if (url.protocol !== "http:" && url.protocol !== "https:") return `${address} is neither http nor https.`;
    if (url.username !== "" || url.password !== "") return `${address} names a user; leave the user out.`;
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (!address.toLowerCase().includes(host)) return `${address} writes its host in an unusual way; expected ${host}.`;
    if (this.names.has(host)) return null;
    if (isIP(host) > 0) return this.open(host) ? null : `${address} leads into a local network.`;
    return CLOSED_NAMES.test(host) || !host.includes(".") ? `${address} leads into a local network.` : null;
  }

  /** As `refusal`, with the name looked up where there is one. A name that is not known now may be later; it is looked up anew when something is sent. */
  async refusalByName(address: string): Promise<string | null> {
    const refusal = this.refusal(address);
    if (refusal !== null) return refusal;
    const host = new URL(address).hostname;
    if (isIP(host.replace(/^\[(.*)\]$/, "$1")) > 0 || this.names.has(host)) return null;
    try {
      return (await this.resolve(host)).some((found) => this.open(found.address)) ? null : `${address} leads into a local network.`;
    } catch {
      return null;
    }
  }

  /** @throws OutgoingError when nothing may be sent there, or nobody answers */
  send(address: string, { method, headers = {}, body, timeout = 10_000, drop = false }: Outgo): Promise<Answer> {
    const refusal = this.refusal(address);
    if (refusal !== null) return Promise.reject(new OutgoingError(refusal));
    const secure = address.startsWith("https:");
    const whole = body instanceof Uint8Array;
    const options: RequestOptions = {
      method,
      agent: secure ? this.https : this.http,
      headers: { ...headers, ...(whole && { "content-length": body.length }) },
      lookup: this.lookup,
      timeout,
    };
    return new Promise((succeed, fail) => {
      const request = (secure ? httpsRequest : httpRequest)(address, options, (response) => {
        if (drop) {
          succeed({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.alloc(0) });
          response.on("error", () => undefined);
          request.destroy();
          return;
        }
        const parts: Buffer[] = [];
        let length = 0;
        response.on("data", (part: Buffer) => {
          length += part.length;
          if (length > ANSWER) request.destroy(new Error("the answer is too long"));
          else parts.push(part);
        });
        response.on("error", failed);
        response.on("end", () => {
          succeed({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) });
        });
      });
      const failed = (error: Error): void => {
        if (body !== undefined && !whole) body.destroy();
        fail(error instanceof OutgoingError ? error : new OutgoingError(`${address} does not answer: ${reason(error)}.`));
      };
      request.on("error", failed);
      request.on("timeout", () => request.destroy(new Error(`nothing came for ${String(timeout / 1000)} s`)));
      if (body === undefined || whole) request.end(body);
      else {
        body.on("error", (error) => request.destroy(error));
        body.pipe(request);
      }
    });
  }

  close(): void {
    this.http.destroy();
    this.https.destroy();
  }

  private open(address: string): boolean {
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    return this.allowed.check(address, family) || !this.closed.check(address, family);
  }

  /** Looks a name up for the one connection that is made now, so that no later answer leads elsewhere. */
  private readonly lookup: LookupFunction = (name, options, done) => {
    this.resolve(name).then(
      (found) => {
        const wanted =
          typeof options.family === "number" && options.family !== 0 ? found.filter(({ family }) => family === options.family) : found;
        const usable = this.names.has(name.toLowerCase()) ? wanted : wanted.filter(({ address }) => this.open(address));
        if (usable.length === 0) done(new OutgoingError(`${name} leads into a local network.`), "", 0);
        else if (options.all === true) done(null, usable);
        else done(null, usable[0].address, usable[0].family);
      },
      (error: unknown) => {
        done(error as Error, "", 0);
      },
    );
  };
}

/** Adds an address or a network to a list; false when it is neither. */
function add(list: BlockList, entry: string): boolean {
  const [address, bits, ...rest] = entry.replace(/^\[(.*)\]$/, "$1").split("/");
  const family = isIP(address);
  if (family === 0 || rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
  list.addSubnet(address, bits === undefined ? (family === 6 ? 128 : 32) : Number(bits), family === 6 ? "ipv6" : "ipv4");
  return true;
}

function reason(error: Error & { code?: string }): string {
  if (error.code === "ECONNREFUSED") return "the connection was refused";
  if (error.code === "ENOTFOUND") return "the name is not known";
  if (error.code === "ECONNRESET" || error.code === "EPIPE") return "the connection was cut";
  return error.message.replace(/\.$/, "");
}
