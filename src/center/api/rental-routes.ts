import { Type, type Static } from "typebox";
import { route } from "./route.js";
import {
  ContentBody,
  DeviceId,
  Id,
  Instant,
  LoanBody,
  OfferBody,
  RecommendationBody,
  Seconds,
  Suite,
  TariffBody,
  bytes,
  closed,
  nullable,
} from "./schema.js";

const tag = "Rental";
const LoanParams = Type.Object({ loanId: Id });

/** By which the reader of a loan gets to know its card and its cartridge. */
const Introduction = Type.Object({
  readerId: DeviceId,
  cardTicket: bytes(118, "Ticket for the card"),
  cartridgeTicket: bytes(118, "Ticket for the cartridge"),
  mailbox: bytes(236, "The reader's two tickets, for the cartridge's mailbox"),
});
type Introduction = Static<typeof Introduction>;

export const introduce = route({
  method: "POST",
  url: "/v1/introductions",
  access: "kiosk",
  tag,
  summary:
    "Introduce the kiosk and a card or cartridge to each other, so that they authenticate by hashes alone: one sealed ticket for each",
  body: closed({ firstId: DeviceId, secondId: DeviceId }),
  response: Type.Object({
    firstTicket: bytes(118, "Ticket for the first device"),
    secondTicket: bytes(118, "Ticket for the second device"),
    firstChain: bytes(256, "Chain of the first device"),
    secondChain: bytes(256, "Chain of the second device"),
  }),
});

export const prepareLoan = route({
  method: "POST",
  url: "/v1/loans",
  access: "kiosk",
  tag,
  summary: "Agree on a loan: customer, devices, content, terms",
  body: closed({
    cartridgeId: DeviceId,
    cardId: Type.Optional(DeviceId),
    customerId: Type.Optional(Id),
    contentId: Id,
    readerCertificate: Type.Optional(bytes(128, "Certificate of the one reader that shall play, as the card handed it over")),
    suite: Type.Optional(Suite),
  }),
  response: LoanBody,
});

/** Command and response APDUs of at most 640 bytes. */
const Apdu = Type.String({ pattern: "^([0-9a-f]{2}){2,640}$", description: "APDU, hex" });

export const meetCard = route({
  method: "POST",
  url: "/v1/loans/:loanId/meeting",
  access: "kiosk",
  tag,
  summary:
    "Carry the center's own conversation with the card, in which the two authenticate each other: begin, then hand in answer after answer",
  params: LoanParams,
  body: closed({
    number: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 100, description: "Of the command that was answered; without, a meeting begins" }),
    ),
    answer: Type.Optional(Apdu),
  }),
  response: Type.Object({
    number: Type.Integer({ description: "Of the command; 0 when the meeting is over" }),
    command: nullable(Apdu),
    readers: Type.Array(DeviceId, { description: "Readers whose certificates the card handed over" }),
    introduction: Type.Unsafe<Introduction | null>({ ...Introduction, type: ["object", "null"] }),
  }),
});

export const makeContract = route({
  method: "POST",
  url: "/v1/loans/:loanId/contract",
  access: "kiosk",
  tag,
  summary: "Hand in what the card sealed as its contract; the answer is the license, sealed for the card",
  params: LoanParams,
  body: closed({ contract: bytes(120, "Sealed contract") }),
  response: Type.Object({ license: bytes(172, "License sealed for the card") }),
});

export const completeContract = route({
  method: "POST",
  url: "/v1/loans/:loanId/completion",
  access: "kiosk",
  tag,
  summary: "Report that the card holds the license",
  params: LoanParams,
  body: closed({ proof: bytes(16, "The card's proof") }),
  response: LoanBody,
});

export const sealKey = route({
  method: "POST",
  url: "/v1/loans/:loanId/key",
  access: "kiosk",
  tag,
  summary: "Get key and envelope, sealed for the cartridge over its challenge",
  params: LoanParams,
  body: closed({ challenge: bytes(16, "The cartridge's challenge"), counter: Seconds }),
  response: Type.Object({ keyLoad: bytes(132, "Key load sealed for the cartridge"), envelope: bytes(48, "Loan envelope") }),
});

export const activateLoan = route({
  method: "POST",
  url: "/v1/loans/:loanId/activation",
  access: "kiosk",
  tag,
  summary: "Make the loan active, charge base included; the answer arms the cartridge",
  params: LoanParams,
  body: closed({
    challenge: bytes(16, "The challenge that the key was loaded over"),
    proof: bytes(16, "The cartridge's proof that it holds the key"),
  }),
  response: Type.Object({ loan: LoanBody, activation: bytes(40, "ACTIVATE sealed for the cartridge") }),
});

export const cancelLoan = route({
  method: "POST",
  url: "/v1/loans/:loanId/cancellation",
  access: "kiosk",
  tag,
  summary: "Give up a loan for which no key was sealed yet",
  params: LoanParams,
  body: closed({}),
  response: LoanBody,
});

export const getLoan = route({
  method: "GET",
  url: "/v1/loans/:loanId",
  access: "any",
  tag,
  summary: "Look at a loan",
  params: LoanParams,
  response: LoanBody,
});

export const listOffers = route({
  method: "GET",
  url: "/v1/offers",
  access: "kiosk",
  tag,
  summary: "What this kiosk's operator lends, with prices; a kiosk keeps it for when the center is away",
  query: Type.Object({ after: Type.Optional(Id) }),
  response: Type.Object({
    offers: Type.Array(Type.Object({ content: ContentBody, offer: OfferBody, tariff: nullable(TariffBody) })),
    currency: Type.String(),
    time: Instant,
  }),
});

export const recommendations = route({
  method: "GET",
  url: "/v1/recommendations/:cardId",
  access: "kiosk",
  tag,
  summary: "Recommendations for the card's customer",
  params: Type.Object({ cardId: DeviceId }),
  response: Type.Object({ recommendations: Type.Array(RecommendationBody) }),
});
