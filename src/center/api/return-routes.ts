import { Type } from "typebox";
import { route } from "./route.js";
import { Amount, Id, Instant, LoanBody, RecommendationBody, bytes, closed, nullable, oneOf } from "./schema.js";

const tag = "Return";
const LoanParams = Type.Object({ loanId: Id });

export const takeReceipt = route({
  method: "POST",
  url: "/v1/receipts",
  access: "kiosk",
  tag,
  summary: "Hand in an erasure receipt: it ends the loan and makes the charge; however late and however often",
  body: closed({ receipt: bytes(60, "Erasure receipt") }),
  response: Type.Object({
    loan: LoanBody,
    acknowledgment: bytes(16, "By which the cartridge forgets the loan"),
    recommendations: Type.Array(RecommendationBody),
    time: Instant,
  }),
});

export const orderRevocation = route({
  method: "POST",
  url: "/v1/loans/:loanId/revocation",
  access: "kiosk",
  tag,
  summary: "Get the order by which the card destroys the loan's license",
  params: LoanParams,
  body: closed({}),
  response: Type.Object({ revocation: bytes(48, "Revocation sealed for the card") }),
});

export const takeRevocation = route({
  method: "POST",
  url: "/v1/loans/:loanId/revocation/proof",
  access: "kiosk",
  tag,
  summary: "Report that the license is gone from the card: it ends the loan, also when the cartridge is not brought",
  params: LoanParams,
  body: closed({ proof: bytes(16, "The card's proof") }),
  response: Type.Object({ loan: LoanBody, recommendations: Type.Array(RecommendationBody) }),
});

export const payLoan = route({
  method: "POST",
  url: "/v1/loans/:loanId/payments",
  access: "any",
  tag,
  summary: "Book a payment; the return completes when nothing is due any more",
  params: LoanParams,
  body: closed({
    amount: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
    method: oneOf(["cash", "card"]),
    reference: Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$", description: "Names this payment once and for all" }),
  }),
  response: LoanBody,
});

export const refundLoan = route({
  method: "POST",
  url: "/v1/loans/:loanId/refunds",
  access: "staff",
  tag,
  summary: "Pay back what the customer is owed after a reversal",
  params: LoanParams,
  body: closed({
    amount: Type.Integer({ minimum: 1, maximum: 1_000_000_000 }),
    method: oneOf(["cash", "card"]),
    reference: Type.String({ pattern: "^[A-Za-z0-9._-]{1,64}$" }),
  }),
  response: LoanBody,
});

export const markUnpaid = route({
  method: "POST",
  url: "/v1/loans/:loanId/unpaid",
  access: "kiosk",
  tag,
  summary: "Report that the payment was declined or did not happen: returned, unpaid",
  params: LoanParams,
  body: closed({ reason: oneOf(["declined", "timeout", "offline", "left"]) }),
  response: LoanBody,
});

export const rateLoan = route({
  method: "POST",
  url: "/v1/loans/:loanId/rating",
  access: "kiosk",
  tag,
  summary: "Rate the content that comes back; a point, once per loan",
  params: LoanParams,
  body: closed({ stars: Type.Integer({ minimum: 1, maximum: 5 }) }),
  response: Type.Object({ points: Amount }),
});

export const reserveContent = route({
  method: "POST",
  url: "/v1/reservations",
  access: "kiosk",
  tag,
  summary: "Reserve a content at a return; a point, once per loan",
  body: closed({ loanId: Id, contentId: Id }),
  response: Type.Object({
    id: Id,
    state: oneOf(["WAITING", "HELD", "FULFILLED", "CANCELLED", "EXPIRED"]),
    heldUntil: nullable(Instant),
    points: Amount,
  }),
});

export const cancelReservation = route({
  method: "POST",
  url: "/v1/reservations/:reservationId/cancellation",
  access: "any",
  tag,
  summary: "Give a reservation up; its copy goes to whoever waits longest",
  params: Type.Object({ reservationId: Id }),
  body: closed({}),
  response: Type.Object({ id: Id }),
});
