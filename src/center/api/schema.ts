import { Type, type Static, type TProperties, type TSchema } from "typebox";

const hex = (bytes: number, description: string) =>
  Type.String({ pattern: `^[0-9a-f]{${String(2 * bytes)}}$`, description: `${description}, hex` });

/** A request's members: others than these are refused, so that a misspelt one is noticed. */
export const closed = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });

/** Longest amount: sums of a million of them still are exact. */
const AMOUNT_MAX = 1_000_000_000;

export const DeviceId = hex(8, "Id of a device or kiosk");
export const Id = hex(16, "Identifier");
export const Hash = hex(32, "SHA-256");
export const Chain = hex(256, "Certificate and its issuer's");
export const bytes = hex;
export const Name = Type.String({ minLength: 1, maxLength: 200 });
export const Text = Type.String({ maxLength: 4000 });
export const Currency = Type.String({ pattern: "^[A-Z]{3}$", description: "ISO 4217" });
export const Amount = Type.Integer({ minimum: 0, maximum: AMOUNT_MAX, description: "Minor units" });
export const Sum = Type.Integer({ description: "Minor units" });
export const Instant = Type.Integer({ description: "Seconds since 1970" });
export const Seconds = Type.Integer({ minimum: 0, maximum: 4294967295 });
export const Custody = Type.Integer({ minimum: 1, maximum: 3, description: "Who keeps the loan key: 1 cartridge, 2 card, 3 split" });
export const Suite = Type.Integer({ minimum: 1, maximum: 2, description: "Stream suite" });

/** The type or null, as one schema with two types: a union would be tried branch by branch. */
export const nullable = <T extends TSchema & { type: string }>(type: T) =>
  Type.Unsafe<Static<T> | null>({ ...type, type: [type.type, "null"] });

/** One of some words. */
export const oneOf = <const T extends readonly string[]>(words: T, description?: string) =>
  Type.Unsafe<T[number]>({ type: "string", enum: words, ...(description === undefined ? {} : { description }) });

export const ProblemBody = Type.Object(
  { type: Type.String(), title: Type.String(), status: Type.Integer(), detail: Type.String() },
  { description: "Problem details, RFC 9457" },
);

export const States = oneOf(["PREPARED", "PENDING", "ACTIVE", "RETURNED", "UNPAID", "CLOSED", "LOST", "NEVER_ACTIVATED"]);

export const TariffBody = Type.Object({
  base: Amount,
  periodPrice: Amount,
  periodSeconds: Type.Integer({ minimum: 1, maximum: 31_536_000 }),
  cap: nullable(Amount),
  graceSeconds: Seconds,
  lostPrice: Amount,
});

/** A loan as everybody who may see it sees it; also what kiosks hand to each other while the center is away. */
export const LoanBody = Type.Object({
  id: Id,
  state: States,
  operatorId: Id,
  currency: Currency,
  kioskId: DeviceId,
  customerId: Id,
  contentId: Id,
  title: Type.String(),
  version: Type.Integer(),
  suite: Suite,
  cartridgeId: DeviceId,
  cardId: nullable(DeviceId),
  custody: Custody,
  terms: bytes(48, "Terms"),
  tariff: nullable(TariffBody),
  preparedAt: Instant,
  activatedAt: nullable(Instant),
  deadlineAt: nullable(Instant),
  endedAt: nullable(Instant),
  returnedAt: nullable(Instant),
  closedAt: nullable(Instant),
  charged: Sum,
  paid: Sum,
  due: Sum,
});
export type LoanBody = Static<typeof LoanBody>;

export const ContentBody = Type.Object({
  id: Id,
  title: Type.String(),
  type: Type.String(),
  description: Type.String(),
  producer: Type.String(),
  copies: nullable(Type.Integer()),
  available: nullable(Type.Integer({ description: "Copies that nobody has or waits for; null without a limit" })),
  pictures: Type.Array(Type.Object({ number: Type.Integer(), mediaType: Type.String(), length: Type.Integer(), sha256: Hash })),
  sealed: Type.Array(
    Type.Object({
      version: Type.Integer(),
      suite: Suite,
      header: bytes(48, "Stream header"),
      length: Type.Integer(),
      sha256: Hash,
      sampleRate: Type.Integer(),
    }),
  ),
});
export type ContentBody = Static<typeof ContentBody>;

export const OfferBody = Type.Object({
  contentId: Id,
  tariffId: nullable(Id),
  custody: Custody,
  durationSeconds: Type.Integer({ minimum: 60, maximum: 31_536_000 }),
  plays: Type.Integer({ minimum: 0, maximum: 65535, description: "0 for any number" }),
  windowSeconds: Seconds,
  totalSeconds: Seconds,
  readers: Type.Integer({ minimum: 0, maximum: 4, description: "Readers that may play; 0 for any number" }),
});

export const RecommendationBody = Type.Object({
  contentId: Id,
  title: Type.String(),
  score: Type.Number(),
  reason: Type.String({ description: "Why, in one sentence" }),
});
export type RecommendationBody = Static<typeof RecommendationBody>;
