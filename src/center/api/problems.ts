/**
 * Every problem that the center answers with (RFC 9457), by name. The `type` of a problem is "/problems/" and its name; it is stable, and the page at
 * that address says what is here.
 */
export const PROBLEMS = {
  "malformed-request": { status: 400, title: "The request does not have the form that the interface describes." },
  "text-not-storable": { status: 400, title: "A text holds a NUL character or half of a surrogate pair." },
  "not-authenticated": { status: 401, title: "The request carries no valid signature or token." },
  "signature-stale": { status: 401, title: "The time of the signature is too far from the center's." },
  "signature-repeated": { status: 401, title: "The nonce of the signature was used before." },
  "certificate-refused": { status: 403, title: "The certificate is expired, revoked, foreign or not for this role." },
  "not-allowed": { status: 403, title: "Whoever signed the request may not do this." },
  "not-found": { status: 404, title: "Nothing is known under that name." },
  conflict: { status: 409, title: "The present state does not allow this." },
  "loan-state": { status: 409, title: "The loan is in a state that does not allow this." },
  "cartridge-busy": { status: 409, title: "The cartridge has a loan that is not over." },
  "no-copy-left": { status: 409, title: "Every copy of this content is lent or held for a reservation." },
  "device-refused": { status: 409, title: "What the device sealed or proved does not check." },
  "meeting-over": { status: 409, title: "The center waits for no such answer of this card: they begin their meeting anew." },
  "client-not-registered": { status: 409, title: "The client is not registered, or was removed." },
  "client-revoked": { status: 403, title: "The client is revoked in the key tree." },
  "other-license-server": { status: 409, title: "The client is registered with another license server." },
  "content-not-supplied": { status: 409, title: "The client has not got the content that it wants a license for." },
  "source-not-legal": { status: 409, title: "The client that would give the license away is not registered, was removed or is revoked." },
  "license-not-held": { status: 409, title: "The client that would give the license away does not hold it." },
  "other-owner": { status: 409, title: "The destination is not a client of the same customer." },
  "period-refused": { status: 409, title: "The period, or a time of delivery, cannot be kept." },
  "order-state": { status: 409, title: "The order is in a state that does not allow this." },
  "address-refused": { status: 422, title: "The address is not one that the center or a reader may be sent to." },
  "already-exists": { status: 409, title: "There is one already." },
  "currency-not-accepted": { status: 409, title: "The kiosk's operator keeps its books in another currency than the loan's." },
  "amount-not-due": { status: 409, title: "More was paid than is due." },
  "too-large": { status: 413, title: "The body is larger than this address takes." },
  "media-type-not-supported": { status: 415, title: "This address takes another content type." },
  "range-not-satisfiable": { status: 416, title: "The range lies outside of the content." },
  "digest-mismatch": { status: 422, title: "What arrived does not have the hash that was announced." },
  "idempotency-key-reused": { status: 422, title: "The idempotency key was used for another command." },
  "too-many-requests": { status: 429, title: "Too many requests; wait as long as Retry-After says." },
  "internal-error": { status: 500, title: "The center failed; nothing was written." },
  "not-ready": { status: 503, title: "Something that the center depends on does not answer." },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemName = keyof typeof PROBLEMS;

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
}

/** A refusal with its problem; `detail` says what was expected, what came, and what to do. Thrown inside of a transaction it leaves nothing written. */
export class ProblemError extends Error {
  readonly status: number;

  constructor(
    readonly problem: ProblemName,
    detail: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(detail);
    this.status = PROBLEMS[problem].status;
  }

  body(): Problem {
    return { type: `/problems/${this.problem}`, title: PROBLEMS[this.problem].title, status: this.status, detail: this.message };
  }
}

/** Name of a problem from its `type`; undefined for a stranger's. */
export function problemName(type: string): ProblemName | undefined {
  const name = type.replace(/^\/problems\//, "");
  return Object.hasOwn(PROBLEMS, name) ? (name as ProblemName) : undefined;
}
