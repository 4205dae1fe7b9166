import { Type, type Static } from "typebox";
import { Clicks } from "./delivery-messages.js";
import { route } from "./route.js";
import { DeviceId, Hash, Id, Instant, Name, bytes, closed, nullable, oneOf } from "./schema.js";

const tag = "Orders";

/** Where a destination terminal or a store is reached. */
export const Address = Type.String({ pattern: "^[!-~]{1,200}$", description: "http or https; paths of requests are added to it" });
export const Region = Type.String({ minLength: 1, maxLength: 60, description: "Region that the order counts for" });
const Time = Type.Integer({ minimum: 0, maximum: 4294967295, description: "Seconds since 1970" });

export const OrderStates = oneOf(["OPEN", "DELIVERED", "ENDED", "FAILED", "CANCELLED"]);

export const DeliveryBody = Type.Object({
  kind: oneOf(["content", "key", "advert"]),
  state: oneOf(["waiting", "trying", "delivered", "given up"]),
  dueAt: Instant,
  nextAt: nullable(Type.Integer({ description: "When it is tried next" })),
  giveUpAt: Instant,
  attempts: Type.Integer(),
  progress: Type.Integer({ description: "Bytes that have arrived" }),
  deliveredAt: nullable(Instant),
  error: nullable(Type.String({ description: "Why the last try failed" })),
});

export const OrderBody = Type.Object({
  id: Id,
  state: OrderStates,
  operatorId: Id,
  contentId: Id,
  title: Type.String(),
  terminalId: nullable(DeviceId),
  address: nullable(Type.String()),
  periodStart: Instant,
  periodEnd: Instant,
  length: nullable(Type.Integer({ description: "Bytes of the sealed content, once the store has sealed it" })),
  endedAt: nullable(Type.Integer({ description: "When the terminal destroyed the key, by its receipt" })),
  deliveries: Type.Array(DeliveryBody),
});
export type OrderBody = Static<typeof OrderBody>;

export const OrderRequest = closed({
  contentId: Id,
  operatorId: Id,
  storeId: Type.Optional(DeviceId),
  terminalId: DeviceId,
  address: Address,
  periodStart: Time,
  periodEnd: Time,
  contentAt: Type.Optional(Time),
  keyAt: Type.Optional(Time),
  region: Type.Optional(Region),
  shareIdentity: Type.Optional(Type.Boolean({ description: "The customer agrees that clicks on adverts carry the customer's id" })),
});
export type OrderRequest = Static<typeof OrderRequest>;

export const placeOrder = route({
  method: "POST",
  url: "/v1/orders",
  access: "terminal",
  tag,
  summary: "Order a content for a period, to any terminal: name when its delivery begins, when its key is delivered, or both",
  body: OrderRequest,
  response: OrderBody,
});

const OrderParams = Type.Object({ orderId: Id });

export const getOrder = route({
  method: "GET",
  url: "/v1/orders/:orderId",
  access: "customer",
  tag,
  summary: "Look at an order and how its deliveries stand",
  params: OrderParams,
  response: OrderBody,
});

export const listOrders = route({
  method: "GET",
  url: "/v1/orders",
  access: "customer",
  tag,
  summary: "List orders, the customer's own or all that the staff may see, the latest first",
  query: Type.Object({ before: Type.Optional(Id) }),
  response: Type.Array(OrderBody),
});

export const cancelOrder = route({
  method: "POST",
  url: "/v1/orders/:orderId/cancellation",
  access: "customer",
  tag,
  summary: "Cancel what has not been delivered; a key that has been stays until the end of its period",
  params: OrderParams,
  body: closed({}),
  response: OrderBody,
});

export const listItems = route({
  method: "GET",
  url: "/v1/items",
  access: "customer",
  tag,
  summary: "What can be ordered, and of which operator",
  query: Type.Object({ after: Type.Optional(Id) }),
  response: Type.Array(
    Type.Object({
      contentId: Id,
      title: Type.String(),
      type: Type.String(),
      operators: Type.Array(Type.Object({ id: Id, name: Type.String() })),
    }),
  ),
});

export const createStore = route({
  method: "POST",
  url: "/v1/stores",
  access: "staff",
  tag,
  summary: "Take in a content store; the answer is all that the store must know, its secret is shown this once",
  body: closed({ name: Name, address: Address }),
  response: Type.Object({ id: DeviceId, key: bytes(32, "Secret of the store"), centerKey: bytes(32, "Key that the center signs with") }),
});

export const revokeStore = route({
  method: "POST",
  url: "/v1/stores/:storeId/revocation",
  access: "staff",
  tag,
  summary: "Give a store no more instructions",
  params: Type.Object({ storeId: DeviceId }),
  body: closed({}),
  response: Type.Object({ id: DeviceId }),
});

export const registerTerminal = route({
  method: "POST",
  url: "/v1/customers/:customerId/terminals",
  access: "staff",
  tag,
  summary: "Register the machine that a customer orders from, by the Ed25519 key that it signs with",
  params: Type.Object({ customerId: Id }),
  body: closed({ name: Name, publicKey: bytes(32, "Ed25519 public key") }),
  response: Type.Object({ id: DeviceId }),
});

export const revokeTerminal = route({
  method: "POST",
  url: "/v1/customer-terminals/:terminalId/revocation",
  access: "staff",
  tag,
  summary: "Take no more orders from a machine",
  params: Type.Object({ terminalId: DeviceId }),
  body: closed({}),
  response: Type.Object({ id: DeviceId }),
});

export const centerKey = route({
  method: "GET",
  url: "/v1/center-key",
  access: "open",
  tag,
  summary: "The Ed25519 key that the center signs its deliveries and instructions with",
  response: Type.Object({ publicKey: Hash }),
});

export const stateTime = route({
  method: "POST",
  url: "/v1/clients/:deviceId/time",
  access: "open",
  tag,
  summary: "State the time over a client's nonce",
  params: Type.Object({ deviceId: DeviceId }),
  body: closed({ nonce: bytes(16, "The client's nonce") }),
  response: Type.Object({ statement: bytes(20, "Time and proof, for this client and nonce only") }),
});

export const takePeriodReceipt = route({
  method: "POST",
  url: "/v1/clients/:deviceId/receipts",
  access: "open",
  tag,
  summary: "Hand in a client's receipt that the key of a period is destroyed, with the clicks on adverts that it kept",
  params: Type.Object({ deviceId: DeviceId }),
  body: closed({
    receipt: bytes(52, "The client's receipt"),
    clicks: Clicks,
  }),
  response: Type.Object({ settlement: bytes(16, "For the client, which then forgets the period") }),
});
