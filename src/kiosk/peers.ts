import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { randomBytes } from "node:crypto";
import { listKiosks } from "../center/api/admin-routes.js";
import type { Output } from "../center/api/route.js";
import type { LoanBody } from "../center/api/schema.js";
import { TOLERANCE, authorize, parseAuthorization, signedText, verifyEd25519 } from "../center/api/signature.js";
import { CenterAway, type CenterClient } from "../center/client.js";
import { Spool } from "./spool.js";

type Kiosk = Output<typeof listKiosks>[number];

/** Offset of the public key in a certificate, which comes first in a chain. */
const PUBLIC_KEY = 32;
const RECORD = /^\/v1\/records\/([0-9a-f]{32})$/;

/** The other kiosks, as the center knew them when it was last asked. */
export class KioskDirectory {
  private readonly spool: Spool<Kiosk[]>;

  constructor(
    folder: string,
    private readonly client: CenterClient,
  ) {
    this.spool = new Spool(folder);
  }

  /** Answers false when the center is away and the list is the last one known. */
  async refresh(): Promise<boolean> {
    try {
      this.spool.put("kiosks", await this.client.call(listKiosks, {}));
      return true;
    } catch (error) {
      if (error instanceof CenterAway) return false;
      throw error;
    }
  }

  list(): Kiosk[] {
    return (this.spool.get("kiosks") ?? []).filter((kiosk) => kiosk.revokedAt === null);
  }

  find(id: string): Kiosk | undefined {
    return this.list().find((kiosk) => kiosk.id === id);
  }
}

export interface PeerOptions {
  directory: KioskDirectory;
  /** Loans made here. */
  records: { get(loanId: string): LoanBody | undefined };
  now: () => number;
}

/** Serves the records of loans made at this kiosk to other kiosks, which sign their requests as they do for the center. */
export function servePeers(options: PeerOptions, port: number, host = "127.0.0.1"): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const [status, body] = answer(options, request);
    reply(response, status, body);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const address = server.address();
      const at = typeof address === "object" && address !== null ? address.port : port;
      resolve({ server, url: `http://${host}:${String(at)}` });
    });
  });
}

function reply(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function answer({ directory, records, now }: PeerOptions, request: IncomingMessage): [number, unknown] {
  const path = request.url ?? "";
  const loanId = RECORD.exec(path)?.[1];
  if (request.method !== "GET" || loanId === undefined) return [404, { detail: "A kiosk tells of loan records only." }];
  const parts = parseAuthorization(request.headers.authorization ?? "");
  const peer = parts === undefined ? undefined : directory.find(parts.id);
  if (parts === undefined || peer === undefined || Math.abs(now() - parts.time) > TOLERANCE || peer.notAfter < now())
    return [401, { detail: "This needs the signature of a kiosk of the same center." }];
  const text = signedText({ method: "GET", path, body: new Uint8Array(0), time: parts.time, nonce: parts.nonce, idempotencyKey: "" });
  const publicKey = Buffer.from(peer.chain, "hex").subarray(PUBLIC_KEY, PUBLIC_KEY + 32);
  if (!verifyEd25519(publicKey, text, parts.signature)) return [401, { detail: "The signature is not the kiosk's." }];
  const record = records.get(loanId);
  return record === undefined ? [404, { detail: "This loan was not made here." }] : [200, record];
}

/**
 * Asks the kiosk that made a loan for its record, or all kiosks where it is not known who made it.
 *
 * @returns null when none that answers has it
 */
export async function askPeers(
  options: { directory: KioskDirectory; kioskId: string; seed: Uint8Array; now: () => number; timeout?: number },
  loan: { loanId: string; kioskId?: string },
): Promise<LoanBody | null> {
  const peers = options.directory
    .list()
    .filter(({ id, address }) => address !== null && (loan.kioskId === undefined || id === loan.kioskId));
  const path = `/v1/records/${loan.loanId}`;
  const answers = peers.map(async ({ address }) => {
    const nonce = randomBytes(16).toString("hex");
    const signed = { method: "GET", path, body: new Uint8Array(0), time: options.now(), nonce, idempotencyKey: "" };
    const response = await fetch(`${address ?? ""}${path}`, {
      headers: { authorization: authorize(options.kioskId, options.seed, signed) },
      signal: AbortSignal.timeout(options.timeout ?? 3000),
    });
    if (!response.ok) throw new Error("This kiosk does not have the record.");
    return (await response.json()) as LoanBody;
  });
  return Promise.any(answers).catch(() => null);
}
