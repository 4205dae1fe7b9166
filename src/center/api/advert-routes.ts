import { Type } from "typebox";
import { Areas, Clicks, MediaType } from "./delivery-messages.js";
import { RegistrationBody } from "./household-routes.js";
import { route } from "./route.js";
import { DeviceId, Hash, Id, Name, closed, nullable, oneOf } from "./schema.js";

const tag = "Adverts";

export const createAdvert = route({
  method: "POST",
  url: "/v1/operators/:operatorId/adverts",
  access: "staff",
  tag,
  summary: "Add an operator's advert, for one content or for all; then send its picture",
  params: Type.Object({ operatorId: Id }),
  body: closed({ name: Name, contentId: Type.Optional(Id), areas: Areas }),
  response: Type.Object({ id: DeviceId }),
});

export const withdrawAdvert = route({
  method: "POST",
  url: "/v1/adverts/:advertId/withdrawal",
  access: "staff",
  tag,
  summary: "Show an advert no more",
  params: Type.Object({ advertId: DeviceId }),
  body: closed({}),
  response: Type.Object({ id: DeviceId }),
});

export const AdvertView = Type.Object({
  id: DeviceId,
  name: Type.String(),
  contentId: nullable(Id),
  mediaType: MediaType,
  length: Type.Integer(),
  sha256: Hash,
  areas: Areas,
});

export const listAdverts = route({
  method: "GET",
  url: "/v1/operators/:operatorId/adverts",
  access: "any",
  tag,
  summary: "An operator's adverts that have a picture; a kiosk records them with the content",
  params: Type.Object({ operatorId: Id }),
  query: Type.Object({ contentId: Type.Optional(Id) }),
  response: Type.Array(AdvertView),
});

export const loanAdverts = route({
  method: "GET",
  url: "/v1/loans/:loanId/adverts",
  access: "kiosk",
  tag,
  summary: "The operator's adverts for a cartridge, authentic under the loan's key; empty when there are none or no room",
  params: Type.Object({ loanId: Id }),
  query: Type.Object({ room: Type.String({ pattern: "^[0-9]{1,10}$", description: "Bytes that there are behind the content" }) }),
  response: Type.Unknown(),
});

export const AdvertParams = Type.Object({ advertId: DeviceId });

const ClientParams = Type.Object({ deviceId: DeviceId });

export const setLocalAdverts = route({
  method: "POST",
  url: "/v1/clients/:deviceId/local-adverts",
  access: "staff",
  tag,
  summary: "Permit that adverts lead a client into the local network, or forbid it again; for tests and closed sites",
  params: ClientParams,
  body: closed({ allowed: Type.Boolean() }),
  response: Type.Object({ id: DeviceId, allowed: Type.Boolean() }),
});

export const newestRegistration = route({
  method: "GET",
  url: "/v1/clients/:deviceId/registration/newest",
  access: "open",
  tag,
  summary: "What a client takes to have the newest permissions in force, sealed for it; null when it has them",
  params: ClientParams,
  query: Type.Object({
    after: Type.String({ pattern: "^[0-9]{1,10}$", description: "Serial of the registration that the client has; 0 for none" }),
  }),
  response: nullable(Type.Object({ serial: Type.Integer(), ...RegistrationBody })),
});

export const reportClicks = route({
  method: "POST",
  url: "/v1/advert-clicks",
  access: "kiosk",
  tag,
  summary: "Report the clicks that a reader without a network left on a cartridge",
  body: closed({ clicks: Clicks }),
  response: Type.Object({ reported: Type.Integer() }),
});

export const keptClicks = route({
  method: "GET",
  url: "/v1/advert-clicks",
  access: "staff",
  tag,
  summary: "Clicks that readers and clients without a network kept, as they came at a return or at the end of a period",
  response: Type.Array(Type.Object({ advertId: DeviceId, count: Type.Integer() })),
});

const Item = oneOf(["title", "type", "period", "operator", "region"]);
const Span = {
  from: Type.Optional(Type.String({ pattern: "^[0-9]{1,10}$" })),
  to: Type.Optional(Type.String({ pattern: "^[0-9]{1,10}$" })),
};
export const ReportQuery = Type.Object({ ...Span, before: Type.Optional(Id) });
export const SumsQuery = Type.Object({ ...Span, by: Item });

export const OrderLine = Type.Object({
  orderId: Id,
  orderedAt: Type.Integer(),
  customerId: nullable(Id),
  customer: nullable(Type.String({ description: "Null for an erased one" })),
  title: Type.String(),
  type: Type.String(),
  period: Type.String(),
  operator: Type.String(),
  region: Type.String(),
});

export const orderReport = route({
  method: "GET",
  url: "/v1/reports/orders",
  access: "staff",
  tag: "Reports",
  summary: "Who ordered what, with the classes of each order",
  query: ReportQuery,
  response: Type.Array(OrderLine),
});

export const SumLine = Type.Object({
  value: Type.String(),
  orders: Type.Integer(),
  customers: Type.Integer({ description: "That are known still" }),
});

export const orderSums = route({
  method: "GET",
  url: "/v1/reports/orders/sums",
  access: "staff",
  tag: "Reports",
  summary: "Orders counted by title, type, period, operator or region",
  query: SumsQuery,
  response: Type.Array(SumLine),
});

export const eraseCustomer = route({
  method: "POST",
  url: "/v1/customers/:customerId/erasure",
  access: "staff",
  tag: "Customers",
  summary: "Erase a customer: the sums of the orders stay, and no person",
  params: Type.Object({ customerId: Id }),
  body: closed({}),
  response: Type.Object({ id: Id }),
});
