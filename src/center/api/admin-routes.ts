import { Type } from "typebox";
import { route } from "./route.js";
import {
  Amount,
  Chain,
  Currency,
  DeviceId,
  Id,
  Instant,
  LoanBody,
  Name,
  OfferBody,
  Seconds,
  States,
  Sum,
  TariffBody,
  bytes,
  closed,
  nullable,
} from "./schema.js";

const access = "staff" as const;
const Created = Type.Object({ id: Id });
const Page = { after: Type.Optional(Id) };

export const createOperator = route({
  method: "POST",
  url: "/v1/operators",
  access,
  tag: "Operators",
  summary: "Take in an operator, with the currency of its books",
  body: closed({ name: Name, currency: Currency }),
  response: Created,
});

export const listOperators = route({
  method: "GET",
  url: "/v1/operators",
  access,
  tag: "Operators",
  summary: "List operators",
  response: Type.Array(Type.Object({ id: Id, name: Type.String(), currency: Currency })),
});

export const createStaff = route({
  method: "POST",
  url: "/v1/staff",
  access,
  tag: "Operators",
  summary: "Give a member of staff a token; it is shown this once and kept as a hash",
  body: closed({ name: Name, operatorId: Type.Optional(Id) }),
  response: Type.Object({ id: Id, token: bytes(32, "Token") }),
});

export const disableStaff = route({
  method: "POST",
  url: "/v1/staff/:staffId/disabling",
  access,
  tag: "Operators",
  summary: "Make a token worthless",
  params: Type.Object({ staffId: Id }),
  body: closed({}),
  response: Created,
});

export const enrollKiosk = route({
  method: "POST",
  url: "/v1/kiosks",
  access,
  tag: "Operators",
  summary: "Enroll a kiosk by the certificate of its signing key; again for a renewed certificate",
  body: closed({
    operatorId: Id,
    name: Name,
    chain: Chain,
    deviceChain: Type.Optional(
      bytes(256, "Certificate of the key with which it meets devices, and its issuer's: then the center introduces it to them"),
    ),
    generation: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 4294967295, description: "Generation of its device key; goes with deviceChain" }),
    ),
    address: Type.Optional(Type.String({ pattern: "^https?://[!-~]{1,200}$", description: "Where other kiosks reach it" })),
  }),
  response: Type.Object({ id: DeviceId }),
});

export const listKiosks = route({
  method: "GET",
  url: "/v1/kiosks",
  access: "any",
  tag: "Operators",
  summary: "List kiosks, with the address at which other kiosks reach them",
  response: Type.Array(
    Type.Object({
      id: DeviceId,
      operatorId: Id,
      name: Type.String(),
      address: nullable(Type.String()),
      chain: Chain,
      notAfter: Instant,
      revokedAt: nullable(Instant),
    }),
  ),
});

export const revokeKiosk = route({
  method: "POST",
  url: "/v1/kiosks/:kioskId/revocation",
  access,
  tag: "Operators",
  summary: "Accept nothing more from a kiosk",
  params: Type.Object({ kioskId: DeviceId }),
  body: closed({}),
  response: Type.Object({ id: DeviceId }),
});

export const createTariff = route({
  method: "POST",
  url: "/v1/operators/:operatorId/tariffs",
  access,
  tag: "Operators",
  summary: "Add a tariff; tariffs never change, so that every loan keeps the prices that it began with",
  params: Type.Object({ operatorId: Id }),
  body: closed({ name: Name, ...TariffBody.properties }),
  response: Created,
});

export const setOffer = route({
  method: "PUT",
  url: "/v1/operators/:operatorId/offers",
  access,
  tag: "Operators",
  summary: "Lend a content on these terms; tariff null lends it without charge",
  params: Type.Object({ operatorId: Id }),
  body: closed(OfferBody.properties),
  response: OfferBody,
});

export const createCustomer = route({
  method: "POST",
  url: "/v1/customers",
  access,
  tag: "Customers",
  summary: "Register a customer",
  body: closed({ name: Name }),
  response: Created,
});

export const getCustomer = route({
  method: "GET",
  url: "/v1/customers/:customerId",
  access: "any",
  tag: "Customers",
  summary: "A customer's points, debts and reservations",
  params: Type.Object({ customerId: Id }),
  response: Type.Object({
    id: Id,
    points: Amount,
    debts: Type.Array(Type.Object({ loanId: Id, due: Sum, currency: Currency })),
    reservations: Type.Array(Type.Object({ id: Id, contentId: Id, state: Type.String(), heldUntil: nullable(Instant) })),
  }),
});

export const enrollDevice = route({
  method: "POST",
  url: "/v1/devices",
  access,
  tag: "Devices",
  summary: "Enroll a device by its certificate chain; a card with its customer; again for a renewed certificate",
  body: closed({ chain: Chain, generation: Type.Integer({ minimum: 1, maximum: 4294967295 }), customerId: Type.Optional(Id) }),
  response: Type.Object({ id: DeviceId }),
});

export const getDevice = route({
  method: "GET",
  url: "/v1/devices/:deviceId",
  access: "any",
  tag: "Devices",
  summary: "Look at a device",
  params: Type.Object({ deviceId: DeviceId }),
  response: Type.Object({
    id: DeviceId,
    role: Type.Integer(),
    chain: Chain,
    notAfter: Instant,
    customerId: nullable(Id),
    revokedAt: nullable(Instant),
    openLoanId: nullable(Id),
  }),
});

export const revokeDevice = route({
  method: "POST",
  url: "/v1/devices/:deviceId/revocation",
  access,
  tag: "Devices",
  summary: "Seal nothing more for a device",
  params: Type.Object({ deviceId: DeviceId }),
  body: closed({}),
  response: Type.Object({ id: DeviceId }),
});

export const listLoans = route({
  method: "GET",
  url: "/v1/loans",
  access,
  tag: "Reports",
  summary: "List loans by id, a hundred at a time",
  query: Type.Object({ ...Page, state: Type.Optional(States), customerId: Type.Optional(Id) }),
  response: Type.Array(LoanBody),
});

export const listAccounts = route({
  method: "GET",
  url: "/v1/operators/:operatorId/accounts",
  access,
  tag: "Reports",
  summary: "Balances of an operator's accounts; debits are positive",
  params: Type.Object({ operatorId: Id }),
  response: Type.Array(Type.Object({ kind: Type.String(), party: Type.String(), currency: Currency, balance: Sum })),
});

export const listAudit = route({
  method: "GET",
  url: "/v1/audit",
  access,
  tag: "Reports",
  summary: "The audit log from a number on, a hundred entries at a time",
  query: Type.Object({ after: Type.Optional(Type.String({ pattern: "^[0-9]{1,15}$" })) }),
  response: Type.Array(
    Type.Object({ id: Seconds, at: Instant, actor: Type.String(), action: Type.String(), subject: Type.String(), detail: Type.String() }),
  ),
});
