import { createHash } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { ProblemError } from "../api/problems.js";
import type { Access } from "../api/route.js";
import { SCHEMES, TOLERANCE, parseAuthorization, signedText, verifyEd25519, type Authorization, type Signer } from "../api/signature.js";
import type { Clock } from "../clock.js";
import type { Database } from "../db/database.js";
import { readCertificate } from "../device-authority.js";
import { fromHex } from "../scope.js";

/** Who has proven to be behind a request. */
export type Principal =
  | { kind: "kiosk"; id: string; operatorId: string }
  | { kind: "server"; id: string; operatorId?: undefined }
  /** A machine that a customer orders from. */
  | { kind: "terminal"; id: string; customerId: string; operatorId?: undefined }
  /** Without an operator: staff of the center, who may do anything for any operator. */
  | { kind: "staff"; id: string; operatorId: string | null }
  | { kind: "nobody" };

type Sender = "kiosk" | "server" | "terminal";

/** Whose signatures each access takes. */
const SIGNERS: Record<Access, readonly Sender[]> = {
  kiosk: ["kiosk"],
  server: ["server"],
  staff: [],
  any: ["kiosk", "server"],
  terminal: ["terminal"],
  customer: ["terminal"],
  open: [],
};
const NAMES: Record<Sender, string> = { kiosk: "Kiosks", server: "License servers", terminal: "Customer terminals" };

export function actorOf(principal: Principal): string {
  return principal.kind === "nobody" ? "nobody" : `${principal.kind} ${principal.id}`;
}

/**
 * Tells who sent a request. Nonces are remembered in memory for as long as their signatures count; after a start signatures from before it are refused,
 * as their nonces are not known.
 */
export class Gate {
  private readonly nonces = new Map<string, number>();
  private readonly started: number;

  constructor(
    private readonly db: Database,
    private readonly clock: Clock,
  ) {
    this.started = clock.now();
  }

  /** @throws ProblemError when the request is not of somebody with this access */
  async admit(request: FastifyRequest, access: Access, body: Uint8Array): Promise<Principal> {
    if (access === "open") return { kind: "nobody" };
    const header = request.headers.authorization ?? "";
    const signer = (["kiosk", "server", "terminal"] as const).find((one) => header.startsWith(SCHEMES[one]));
    if (signer !== undefined) {
      if (!SIGNERS[access].includes(signer)) throw new ProblemError("not-allowed", `${NAMES[signer]} may not do this; ask the staff.`);
      return this[signer](request, header, body);
    }
    if (access === "kiosk" || access === "server" || access === "terminal")
      throw new ProblemError("not-authenticated", `This needs a ${access}'s signature in the Authorization header; sign the request.`);
    return this.staff(header);
  }

  private async kiosk(request: FastifyRequest, header: string, body: Uint8Array): Promise<Principal> {
    const parts = this.fresh(header, "kiosk");
    const now = this.clock.now();
    const kiosk = await this.db.selectFrom("kiosks").selectAll().where("id", "=", parts.id).executeTakeFirst();
    if (kiosk === undefined) throw new ProblemError("not-authenticated", `No kiosk has the id ${parts.id}; enroll it first.`);
    checkSignature(request, parts, body, kiosk.public_key);
    if (kiosk.revoked_at !== null)
      throw new ProblemError("certificate-refused", "The kiosk's certificate is revoked; enroll the kiosk anew.");
    if (now < kiosk.not_before || now > kiosk.not_after)
      throw new ProblemError("certificate-refused", "The kiosk's certificate is not valid at this time; renew it.");
    this.spend(`${parts.id} ${parts.nonce}`, now);
    return { kind: "kiosk", id: kiosk.id, operatorId: kiosk.operator_id };
  }

  private async server(request: FastifyRequest, header: string, body: Uint8Array): Promise<Principal> {
    const parts = this.fresh(header, "server");
    const server = await this.db.selectFrom("license_servers").selectAll().where("id", "=", parts.id).executeTakeFirst();
    if (server === undefined) throw new ProblemError("not-authenticated", `No license server has the id ${parts.id}; register it first.`);
    checkSignature(request, parts, body, server.public_key);
    if (server.revoked_at !== null) throw new ProblemError("certificate-refused", "The license server is revoked; enroll it anew.");
    const now = this.clock.now();
    const { notBefore, notAfter } = readCertificate(fromHex(server.chain));
    if (now < notBefore || now > notAfter)
      throw new ProblemError("certificate-refused", "The license server's certificate is not valid at this time; renew it.");
    this.spend(`${parts.id} ${parts.nonce}`, now);
    return { kind: "server", id: server.id };
  }

  private async terminal(request: FastifyRequest, header: string, body: Uint8Array): Promise<Principal> {
    const parts = this.fresh(header, "terminal");
    const terminal = await this.db.selectFrom("customer_terminals").selectAll().where("id", "=", parts.id).executeTakeFirst();
    if (terminal === undefined)
      throw new ProblemError("not-authenticated", `No customer terminal has the id ${parts.id}; have it registered first.`);
    checkSignature(request, parts, body, terminal.public_key);
    if (terminal.revoked_at !== null)
      throw new ProblemError("certificate-refused", "The customer terminal is registered no longer; have it registered anew.");
    this.spend(`${parts.id} ${parts.nonce}`, this.clock.now());
    return { kind: "terminal", id: terminal.id, customerId: terminal.customer_id };
  }

  /** The parts of a header whose time counts. */
  private fresh(header: string, signer: Signer): Authorization {
    const parts = parseAuthorization(header, signer);
    if (parts === undefined)
      throw new ProblemError(
        "not-authenticated",
        `The Authorization header is not of the form of ${SCHEMES[signer]}; see the description of the interface.`,
      );
    const now = this.clock.now();
    if (Math.abs(now - parts.time) > TOLERANCE || parts.time < this.started)
      throw new ProblemError(
        "signature-stale",
        `The center's time is ${String(now)}, the signature's ${String(parts.time)}; sign again with the center's.`,
        {
          "leyden-time": String(now),
        },
      );
    return parts;
  }

  private spend(nonce: string, now: number): void {
    if (this.nonces.has(nonce))
      throw new ProblemError("signature-repeated", "A request with this nonce came before; draw a new nonce for each.");
    // Entries stand in the order of their coming: those whose signatures count no more are at the front.
    for (const [old, at] of this.nonces) {
      if (at >= now - 2 * TOLERANCE) break;
      this.nonces.delete(old);
    }
    this.nonces.set(nonce, now);
  }

  private async staff(header: string): Promise<Principal> {
    const token = /^Bearer ([0-9a-f]{64})$/.exec(header)?.[1];
    if (token === undefined)
      throw new ProblemError("not-authenticated", "This needs a staff token in the Authorization header; send Bearer and the token.");
    const row = await this.db
      .selectFrom("staff")
      .select(["id", "operator_id"])
      .where("token_hash", "=", hashToken(token))
      .where("disabled_at", "is", null)
      .executeTakeFirst();
    if (row === undefined) throw new ProblemError("not-authenticated", "The token is not of anybody's; ask for a new one.");
    return { kind: "staff", id: row.id, operatorId: row.operator_id };
  }
}

function checkSignature(request: FastifyRequest, parts: Authorization, body: Uint8Array, publicKey: string): void {
  const idempotencyKey = request.headers["idempotency-key"];
  const text = signedText({
    method: request.method,
    path: request.raw.url ?? "",
    body,
    time: parts.time,
    nonce: parts.nonce,
    idempotencyKey: typeof idempotencyKey === "string" ? idempotencyKey : "",
  });
  if (!verifyEd25519(fromHex(publicKey), text, parts.signature))
    throw new ProblemError(
      "not-authenticated",
      "The signature is not the sender's over this request; sign method, path, body, time, nonce and key.",
    );
}

/** Tokens are 32 random bytes: a plain hash is as good as any. */
export function hashToken(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}

/** @throws ProblemError unless the staff is the center's or this operator's */
export function forOperator(principal: Principal, operatorId: string): void {
  if (principal.kind === "nobody" || (principal.operatorId !== null && principal.operatorId !== operatorId))
    throw new ProblemError("not-allowed", "This is another operator's; ask its staff or the center's.");
}

/** @throws ProblemError unless the staff is the center's */
export function forCenter(principal: Principal): void {
  if (principal.kind !== "staff" || principal.operatorId !== null)
    throw new ProblemError("not-allowed", "Only staff of the center may do this; ask them.");
}
